"""Switching counts of a netlist and their energy (`yoso_synth.toggles`, `power`), by hand."""

import json
from pathlib import Path

import pytest
from support.mini_liberty import CELLS
from yoso_synth import liberty
from yoso_synth.design import load
from yoso_synth.pdk import PROCESSES
from yoso_synth.power import PowerModel, tree_energy
from yoso_synth.toggles import Command, Toggles, truth_table
from yoso_synth.tools import SynthError

PROCESS = PROCESSES["sg13g2"].__class__(
    **{**vars(PROCESSES["sg13g2"]), "driver": "BUF", "gate": ("GATE", "EN", "CLK", "GCLK")}
)


def toggle_node(tmp_path: Path, read: int = 40) -> Toggles:
    """A node with the ports that the bench needs: a flip-flop that turns in every cycle in which `tick` is 0.

    Q -> inverter -> D would turn always; the leaf says idle, and no link moves. Q is net 40, which the
    inverter reads unless told otherwise.
    """
    ports = {"clk": [2], "rst": [3], "tick": [4], "first": [5], "report": [6], "x": [7], "y": [8]}
    outputs: dict[str, list] = {"leaf": ["1", "0", "0"]}
    number = 10
    for link in Toggles.LINKS:
        ports |= {f"in_{link}_data": [number, number + 1], f"in_{link}_valid": [number + 2]}
        ports |= {f"out_{link}_ready": [number + 3]}
        outputs |= {f"in_{link}_ready": ["1"], f"out_{link}_data": ["0", "0"], f"out_{link}_valid": ["0"]}
        number += 4
    cells = {
        "flop": {"type": "DFF", "connections": {"CLK": [2], "D": [41], "Q": [40]}},
        "inverter": {"type": "INV", "connections": {"A": [read], "Y": [41]}},
    }
    top = {
        "ports": {
            **{name: {"direction": "input", "bits": bits} for name, bits in ports.items()},
            **{name: {"direction": "output", "bits": bits} for name, bits in outputs.items()},
        },
        "cells": cells,
    }
    (tmp_path / "node.json").write_text(json.dumps({"modules": {"node": top}}))
    (tmp_path / "mini.lib").write_text(CELLS)
    library = liberty.read(tmp_path / "mini.lib")
    return Toggles(load(tmp_path / "node.json", "node", library, []), PROCESS)


def test_a_pin_that_nothing_drives_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SynthError, match="nothing drives pin A of node/inverter"):
        toggle_node(tmp_path, read=39)


def test_functions_become_truth_tables() -> None:
    assert truth_table("!(A*B)", ("A", "B")) == 0b0111
    assert truth_table("(A^B)+C", ("A", "B", "C")) == 0b11110110
    assert truth_table("!A", ("A",)) == 0b01
    with pytest.raises(SynthError, match="not known"):
        truth_table("A' B", ("A", "B"))


def test_every_net_is_counted_and_energy_follows_from_the_tables(tmp_path: Path) -> None:
    toggles = toggle_node(tmp_path)
    windows, flits = toggles.run([Command("mark"), Command("cycles", 100), Command("mark")])
    assert flits == []
    (window,) = windows
    (flop,) = toggles.design.flops
    q, d = toggles.index[flop.nets["Q"][0]], toggles.index[flop.nets["D"][0]]
    assert (window.cycles, window.clocks.tolist()) == (100, [100])
    assert (window.rises[q], window.falls[q], window.rises[d], window.falls[d]) == (50, 50, 50, 50)
    found = PowerModel(toggles, PROCESS).energy(window)
    # Both nets load 0.01 pF of a pin and 0.01 pF of wire at 2 V: half C V^2 is 0.04 pJ.
    # Flip-flop: 0.7 a rise, 0.9 a fall; inverter 0.5 and 0.3.
    assert found.by["node", "logic"] == pytest.approx(50 * (0.7 + 0.9 + 0.5 + 0.3) + 200 * 0.04)
    # Clock: 0.25 + 0.15 in the cell, C V^2 of its pin of 0.02 pF, and of a wire of 0.01 pF.
    assert found.by["node", "clock"] == pytest.approx(100 * (0.4 + 0.08 + 0.04))


def test_a_clock_with_many_sinks_gets_buffers(tmp_path: Path) -> None:
    toggles = toggle_node(tmp_path)
    design, buffer = toggles.design, toggles.design.library.cells["BUF"]
    assert tree_energy(buffer, design, 1) == pytest.approx(4 * 0.01)
    # A sixteenth of a wire for 16 sinks (0.16 pF); a buffer, its pin of 0.01 pF and a wire, shared by 15.
    assert tree_energy(buffer, design, 17) == pytest.approx(0.04 + (0.04 + 0.04) / 15)
