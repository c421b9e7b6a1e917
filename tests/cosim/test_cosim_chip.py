"""Whole chips in Verilator under cocotb, small ones of every kind, against the golden model."""

import pytest
from support import chip_cases
from yoso_hw.params import ChipParams
from yoso_sim.build import build
from yoso_sim.simulate import SimulationError, simulate

VECTORS = chip_cases.vector_chips()
CHIPS = {**chip_cases.CHIPS, **VECTORS}

#: Of the vectors' chips one a number of lanes. Of the others, which differ in widths alone, `make long` has
#: the benches and `test_chip_vectors` the vectors.
FIRST = {params.lanes: name for name, params in reversed(VECTORS.items())}.values()
SIZES = [name for name in VECTORS if name not in FIRST]


@pytest.mark.parametrize(
    "chip", [pytest.param(name, marks=[pytest.mark.long] * (name in SIZES)) for name in CHIPS]
)
def test_the_chip_passes_every_bench(chip, tmp_path):
    params = CHIPS[chip]
    simulate(build(params), "cosim.bench_chip", tmp_path, {"YOSO_CHIP": params.to_json()})


def test_a_simulator_that_dies_is_one_clear_error(tmp_path):
    params: ChipParams = CHIPS["1 x 1"]
    with pytest.raises(SimulationError, match=r"(?s)died.*simulation\.log"):
        simulate(build(params), "cosim.bench_death", tmp_path, {}, test="dies")


def test_a_failing_bench_is_named_with_its_reason(tmp_path):
    params: ChipParams = CHIPS["1 x 1"]
    with pytest.raises(SimulationError, match=r"(?s)test fails failed: .*forty-two"):
        simulate(build(params), "cosim.bench_death", tmp_path, {}, test="fails")


def test_a_chip_that_stops_answering_is_an_error_not_a_hang(tmp_path):
    params: ChipParams = CHIPS["1 x 1"]
    environment = {"YOSO_CHIP": params.to_json()}
    simulate(build(params), "cosim.bench_death", tmp_path, environment, test="notices_silence")
