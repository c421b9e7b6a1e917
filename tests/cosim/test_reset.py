"""Whole chips whose state is random at power-up, and that are reset in mid-course, in Verilator."""

import pytest
from support import chip_cases
from yoso_sim import observed
from yoso_sim.build import RTL, UNSET_RTL, build
from yoso_sim.simulate import simulate

#: A chip of every kind of memory and of both kinds of network, with how many cycles lie between resets.
CHIPS = {"1 x 1": 1, "2 x 1, banked": 11, "3 x 2, unicast, bus": 37, "2 x 1, family": 23}


def run(chip, form, bench, folder, seed=1, stride=1):
    """Runs a bench; returns what left the chip, line by line."""
    params = chip_cases.CHIPS[chip]
    seen = folder / f"{form.name}-{seed}.txt"
    environment = {
        "YOSO_CHIP": params.to_json(),
        "YOSO_RESET_STRIDE": str(stride),
        observed.VARIABLE: str(seen),
    }
    simulate(build(params, form=form), bench, folder / f"{form.name}-{seed}", environment, seed=seed)
    return seen.read_bytes().splitlines()


@pytest.mark.parametrize("chip", CHIPS)
def test_a_reset_in_any_cycle_is_recovered_from(chip, tmp_path):
    run(chip, RTL, "cosim.bench_reset", tmp_path, stride=CHIPS[chip])


@pytest.mark.parametrize("chip", ["2 x 1, banked", pytest.param("2 x 1, family", marks=pytest.mark.long)])
def test_nothing_depends_on_the_state_at_power_up(chip, tmp_path):
    """Flip-flops and memories hold random bits when `rst` comes: every flit is the same in the same cycle."""
    expected = run(chip, RTL, "cosim.bench_chip", tmp_path)
    assert len(expected) > 1000
    for seed in (1, 2):
        assert run(chip, UNSET_RTL, "cosim.bench_chip", tmp_path, seed) == expected, f"seed {seed}"
