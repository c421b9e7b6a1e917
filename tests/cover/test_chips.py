"""Up to which value of each chip parameter every bench goes, and which values no bench ever has."""

from __future__ import annotations

import dataclasses
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from support.extremes import LARGEST, SMALLEST
from yoso_hw.params import NEURONS, ROUTERS, ChipParams

from cover.chips import chips

DEFAULT = ChipParams()

#: What every bench is to reach: the default chip with the whole family of neurons.
GOAL = dataclasses.replace(DEFAULT, neuron="all")

PARAMETERS = [field.name for field in dataclasses.fields(ChipParams)]
GAPS = tomllib.loads(Path(__file__).with_name("chips.toml").read_text())["gap"]

#: Above so many values of a parameter, one of each width in bits is enough: nothing else of it is in the RTL.
FEW = 32


def reaches(chip: ChipParams, name: str) -> bool:
    """Whether a parameter has the value to be reached, or one beyond."""
    value, goal = getattr(chip, name), getattr(GOAL, name)
    return value >= goal if type(goal) is int else value == goal


def short(found: dict[str, frozenset[ChipParams]]) -> dict[str, set[str]]:
    """Of each bench, the parameters in which all its chips fall short of the goal."""
    missing = {
        bench: {name for name in PARAMETERS if not any(reaches(chip, name) for chip in of)}
        for bench, of in found.items()
    }
    return {bench: names for bench, names in missing.items() if names}


def allowed(name: str, value: Any) -> bool:
    for chip in (DEFAULT, SMALLEST, dataclasses.replace(LARGEST, weight_bits=2, acc_bits=2)):
        for bits in ({}, {"weight_bits": 2, "acc_bits": 2, "pot_bits": 32}):
            try:
                dataclasses.replace(chip, **{**bits, name: value})
            except ValueError:
                continue
            return True
    return False


def to_have(name: str) -> list[tuple[Any, ...]]:
    """Values of a parameter, of each group of which one is to be had."""
    default = getattr(DEFAULT, name)
    if type(default) is bool:
        return [(False,), (True,)]
    if type(default) is str:
        return [(kind,) for kind in {"router": ROUTERS, "neuron": NEURONS}[name]]
    if not allowed(name, FEW + 1):
        return [(value,) for value in range(1, FEW + 1) if allowed(name, value)]
    widths = [range((1 << bits >> 1) + 1, (1 << bits) + 1) for bits in range(21)]
    return [(width[0], width[-1]) for width in widths if allowed(name, width[-1])]


def missed(found: dict[str, frozenset[ChipParams]]) -> dict[str, list[tuple[Any, ...]]]:
    """The values of each parameter that no chip has."""
    every = set().union(*found.values())
    had = {name: {getattr(chip, name) for chip in every} for name in PARAMETERS}
    gone = {
        name: [
            group
            for group in to_have(name)
            if not any(value == group[0] or group[0] < value <= group[-1] for value in had[name])
        ]
        for name in PARAMETERS
    }
    return {name: groups for name, groups in gone.items() if groups}


@pytest.mark.long
def test_every_bench_goes_up_to_the_default_chip_with_the_family_or_says_why_not():
    each = [(bench, name) for gap in GAPS for bench in gap["benches"] for name in gap["parameters"]]
    assert len(each) == len(set(each)), "a gap is named twice"
    told: dict[str, set[str]] = defaultdict(set)
    for bench, name in each:
        told[bench].add(name)
    assert all(gap["reason"].strip() for gap in GAPS)
    assert short(chips()) == told, "new gaps, or gaps of chips.toml that are closed"


@pytest.mark.long
def test_no_value_of_a_parameter_is_had_by_no_bench():
    assert missed(chips()) == {}


@pytest.mark.long
def test_benches_soak_and_proofs_are_all_heard():
    found = chips()
    assert {"soak", "proof sender", "hw/test_sender.py", "cosim/test_default_chip.py"} <= set(found)
    assert DEFAULT in found["cosim/test_default_chip.py"] and LARGEST in found["hw/test_sender.py"]


def test_a_bench_is_told_in_what_it_falls_short_of_the_goal():
    bus = dataclasses.replace(GOAL, router="bus", banked=True, layers=7)
    assert short({"a": frozenset([GOAL]), "b": frozenset([bus])}) == {"b": {"router", "banked", "layers"}}
    assert short({"a": frozenset([DEFAULT])}) == {"a": {"neuron"}}
    assert short({"b": frozenset([bus, dataclasses.replace(LARGEST, neuron="all")])}) == {}


def test_the_values_to_be_had_are_each_of_a_few_and_the_widths_of_many():
    assert to_have("lanes") == [(1,), (2,), (4,), (8,)]
    assert to_have("pot_bits") == [(bits,) for bits in range(2, 33)]
    assert to_have("layers") == [(2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, 64)]
    assert [last for _, last in to_have("steps")] == [1 << bits for bits in range(1, 11)]
    assert to_have("neurons")[-1] == (2049, 4096) and to_have("weights")[-1] == (524289, 1 << 20)


def test_a_value_that_no_bench_has_is_told():
    gone = missed({"bench": frozenset([DEFAULT])})
    assert gone["lanes"] == [(1,), (2,), (8,)] and gone["multicast"] == [(False,)]
    assert (129, 256) not in gone["neurons"] and (257, 512) in gone["neurons"]
