"""Wrong traffic into whole chips in Verilator: dropped, reported, forgotten on request, never a hang."""

import pytest
from support import chip_cases
from yoso_sim.build import build
from yoso_sim.simulate import simulate

CHIPS = {
    "3 x 2, unicast, bus": chip_cases.CHIPS["3 x 2, unicast, bus"],
    "3 x 2": next(params for params in chip_cases.vector_chips().values() if params.cols == 3),
}


@pytest.mark.parametrize("chip", CHIPS)
def test_the_chip_withstands_wrong_traffic(chip, tmp_path):
    params = CHIPS[chip]
    simulate(build(params), "cosim.bench_hostile", tmp_path, {"YOSO_CHIP": params.to_json()})
