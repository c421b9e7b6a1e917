"""A change that is meant to change no hardware changes none: cells by type and wiring, beside a record."""

import json
import random

import cells
import pytest
from yoso_hw import flit, router_interface
from yoso_hw.core import compute
from yoso_hw.node import Node
from yoso_hw.params import ChipParams

RECORD = json.loads(cells.RECORD.read_text())
NODE = RECORD["chips"][""]["node"]
by_part = pytest.mark.parametrize("part", cells.PARTS)


@by_part
@pytest.mark.parametrize("chip", cells.CHIPS, ids=lambda chip: chip or "default")
def test_a_chip_has_the_cells_of_the_record(chip, part):
    assert RECORD["yosys"] == cells.version(), "another yosys counts differently: install the recorded one"
    found = cells.measure(cells.PARTS[part](ChipParams.with_settings(chip.split())))
    differ = cells.differences(RECORD["chips"][chip][part], found)
    assert not differ, "\n".join([f"{part} of chip {chip!r} is other hardware than the record's:", *differ])


def test_the_record_is_of_these_chips_and_no_others():
    assert {chip: list(parts) for chip, parts in RECORD["chips"].items()} == {
        chip: list(cells.PARTS) for chip in cells.CHIPS
    }


def test_a_register_more_or_less_is_told_by_its_type(monkeypatch):
    monkeypatch.setattr(compute, "HISTORY", 2)
    differ = cells.differences(NODE, cells.measure(Node(ChipParams())))
    flip_flops = [line for line in differ if "DFF" in line]
    assert flip_flops and all(" recorded, " in line for line in differ)


def test_two_wires_that_change_places_are_told_though_the_cells_are_the_same(monkeypatch):
    def swapped(packets, name, **fields):
        if name == "REPLY":
            fields["x"], fields["y"] = fields["y"], fields["x"]
        return flit.pack(packets, name, **fields)

    monkeypatch.setattr(router_interface, "pack", swapped)
    found = cells.measure(Node(ChipParams()))
    assert cells.differences(NODE, found) == ["the same cells, but wired in another way"]


def test_a_type_that_differs_is_named_with_both_counts():
    before = {"cells": {"$_AND_": 3, "$_OR_": 1, "$_NOT_": 2}, "wiring": "a"}
    now = {"cells": {"$_AND_": 4, "$_XOR_": 1, "$_NOT_": 2}, "wiring": "b"}
    assert cells.differences(before, now) == [
        "$_AND_: 3 recorded, 4 now",
        "$_OR_: 1 recorded, 0 now",
        "$_XOR_: 0 recorded, 1 now",
    ]


ADDER = (
    ("$_XOR_", "ab", "p"),
    ("$_XOR_", "pc", "s"),
    ("$_AND_", "ab", "g"),
    ("$_AND_", "pc", "h"),
    ("$_OR_", "gh", "o"),
)


def netlist(rename, order, gates=ADDER):
    """A full adder as yosys would tell it, with its nets renamed and its cells in some order."""
    block_ports = {name: {"bits": [rename[name]]} for name in "abcso"}
    listed = [
        (kind, {"connections": {pin: [rename[net]] for pin, net in zip("ABY", [*ins, out], strict=True)}})
        for kind, ins, out in (gates[i] for i in order)
    ]
    return block_ports, listed


def test_the_digest_of_the_wiring_is_blind_to_names_order_and_symmetric_pins():
    nets = "abcpsgho"
    plain = cells.wiring_digest(*netlist(dict(zip(nets, range(2, 10), strict=True)), range(5)))
    for seed in range(10):
        rng = random.Random(seed)
        rename = dict(zip(nets, rng.sample(range(2, 100), 8), strict=True))
        block_ports, listed = netlist(rename, rng.sample(range(5), 5))
        pins = listed[0][1]["connections"]
        pins["A"], pins["B"] = pins["B"], pins["A"]
        assert cells.wiring_digest(block_ports, listed) == plain
    block_ports, listed = netlist({net: net for net in nets}, range(5))
    listed[-1][1]["connections"]["A"] = ["p"]
    assert cells.wiring_digest(block_ports, listed) != plain


def test_the_digest_of_the_wiring_is_blind_to_how_a_tree_of_like_gates_is_built():
    nets = {net: net for net in "abcspo"}
    digests = {
        cells.wiring_digest(*netlist(nets, (0, 1, 2), gates))
        for gates in (
            [("$_OR_", "ab", "p"), ("$_OR_", "pc", "s"), ("$_AND_", "sa", "o")],
            [("$_OR_", "cb", "p"), ("$_OR_", "ap", "s"), ("$_AND_", "as", "o")],
        )
    }
    assert len(digests) == 1
