"""Convolutions on whole chips against the golden model: every corner case by its name, then all in a row.

Spikes, inner fires of pooled layers, decisions, counters, and A, V and fired bits that are read back: a case
compares them all.
"""

import dataclasses

import pytest
from support.corner_cases import STEPS, corner_cases
from yoso_hw.params import ChipParams
from yoso_sim.build import build
from yoso_sim.study import census
from yoso_sim.study.cases import Case, Run
from yoso_sim.study.session import Session

_CHIP = {"neurons": 64, "weights": 512, "steps": STEPS, "layers": 6, "classes": 64, "side": 20}
CHIPS = {
    "3 x 3, four lanes": ChipParams(**_CHIP, cols=3, rows=3, lanes=4),
    "4 x 2, two lanes, banked, unicast, family": ChipParams(
        **_CHIP, cols=4, rows=2, lanes=2, banked=True, multicast=False, neuron="all"
    ),
    "2 x 5, one lane, bus": ChipParams(**_CHIP, cols=2, rows=5, lanes=1, router="bus", spike_fifo=2),
}


def cases(chip: str) -> dict[str, Run]:
    return corner_cases(CHIPS[chip])


ALL = [(chip, name) for chip in CHIPS for name in cases(chip)]


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    opened = {}
    for number, (chip, params) in enumerate(CHIPS.items()):
        opened[chip] = Session(build(params), tmp_path_factory.mktemp(f"chip{number}"))
        opened[chip].__enter__()
    yield opened
    for session in opened.values():
        session.__exit__(None, None, None)


@pytest.mark.parametrize(("chip", "name"), ALL)
def test_a_corner_case_agrees_in_every_spike_counter_and_state(sessions, chip, name):
    assert sessions[chip].run(Case(CHIPS[chip], (cases(chip)[name],), 0, 0, 1)) == []


@pytest.mark.parametrize("chip", CHIPS)
def test_all_follow_each_other_under_a_host_that_stalls(sessions, chip):
    runs = tuple(dataclasses.replace(own, images=own.images[:1]) for own in cases(chip).values())
    assert sessions[chip].run(Case(CHIPS[chip], runs, 128, 200, 7)) == []


@pytest.mark.parametrize("chip", CHIPS)
def test_the_corner_cases_are_what_they_are_called(chip):
    seen: census.Counts = {}
    for own in cases(chip).values():
        census.count(Case(CHIPS[chip], (own,), 0, 0, 1), seen)
    for what in ("layer", "stride", "padding", "members of a group in one step", "PEs of a convolution"):
        missing = [one for one in census.BINS[what] if not seen[what].get(one)]
        assert not missing, f"{what}: {missing} of {seen[what]}"
    assert seen["kernel"]["the whole map"] and seen["positions of a PE"]["one"]
    assert seen["spikes of a neuron"]["1"] > 30
