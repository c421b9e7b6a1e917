"""Netlists as graphs and static timing (`hw/yoso_synth/design.py`, `timing.py`), summed up by hand."""

import json
from pathlib import Path

import pytest
from support.mini_liberty import CELLS, MACRO
from yoso_synth import liberty
from yoso_synth.design import load, parts
from yoso_synth.timing import Timing


def netlist(tmp_path: Path, cells: dict, ports: dict, modules: dict | None = None) -> Path:
    """A netlist as yosys writes it; cells by name: type and pins."""
    top = {
        "ports": {name: {"direction": way, "bits": bits} for name, (way, bits) in ports.items()},
        "cells": {name: {"type": kind, "connections": pins} for name, (kind, pins) in cells.items()},
    }
    path = tmp_path / "netlist.json"
    path.write_text(json.dumps({"modules": {"top": top, **(modules or {})}}))
    return path


@pytest.fixture
def library(tmp_path: Path) -> liberty.Library:
    path = tmp_path / "mini.lib"
    path.write_text(CELLS)
    return liberty.read(path)


@pytest.fixture
def ram(tmp_path: Path) -> liberty.Cell:
    path = tmp_path / "ram.lib"
    path.write_text(MACRO)
    return liberty.read(path).cells["RAM16x8"]


def test_a_path_is_clock_to_output_and_gates_at_their_loads_and_setup(
    tmp_path: Path, library: liberty.Library
) -> None:
    # Flip-flop -> inverter -> flip-flop: the inverter drives a pin of 0.01 and a wire of 0.01 pF.
    cells = {
        "a": ("DFF", {"CLK": [2], "D": [5], "Q": [3]}),
        "i": ("INV", {"A": [3], "Y": [4]}),
        "b": ("DFF", {"CLK": [2], "D": [4], "Q": [5]}),
    }
    design = load(netlist(tmp_path, cells, {"clk": ("input", [2])}), "top", library, [])
    path = Timing(design).worst()["logic", "logic"]
    assert path.delay == pytest.approx(0.6 + (0.1 + 2 * 0.02) + 0.2)
    assert path.cells == ("DFF", "INV")
    assert design.area == 22


def test_paths_are_told_apart_by_what_they_begin_and_end_at(
    tmp_path: Path, library: liberty.Library, ram: liberty.Cell
) -> None:
    cells = {
        "m": ("RAM16x8", {"CLK": [2], "EN": [3], "DOUT": [10, 11]}),
        "b": ("BUF", {"A": [11], "Y": [12]}),
        "f": ("DFF", {"CLK": [2], "D": [12], "Q": [13]}),
        "o": ("BUF", {"A": [13], "Y": [14]}),
        "i": ("BUF", {"A": [20], "Y": [3]}),
    }
    ports = {"clk": ("input", [2]), "in_east_valid": ("input", [20]), "out_east_valid": ("output", [14])}
    design = load(netlist(tmp_path, cells, ports), "top", library, [ram])
    worst = Timing(design).worst()
    assert worst["macro", "logic"].delay == pytest.approx(3.5 + 0.1 + 0.2)
    assert worst["logic", "link"].delay == pytest.approx(0.6 + 0.1)
    assert ("logic", "logic") not in worst and ("link", "logic") not in worst


def test_a_hierarchy_is_flattened_and_its_area_is_counted_by_module(
    tmp_path: Path, library: liberty.Library
) -> None:
    inner = {
        "ports": {"a": {"direction": "input", "bits": [2]}, "y": {"direction": "output", "bits": [4]}},
        "cells": {
            "i": {"type": "INV", "connections": {"A": [2], "Y": [3]}},
            "j": {"type": "INV", "connections": {"A": [3], "Y": [4]}},
        },
    }
    cells = {
        "one": ("inner", {"a": [2], "y": [3]}),
        "two": ("inner", {"a": [3], "y": [4]}),
        "f": ("DFF", {"CLK": [5], "D": [4], "Q": [2]}),
    }
    path = netlist(tmp_path, cells, {"clk": ("input", [5])}, {"inner": inner})
    design = load(path, "top", library, [])
    assert len(design.instances) == 5
    assert Timing(design).worst()["logic", "logic"].cells == ("DFF", "INV", "INV", "INV", "INV")
    assert parts(design)["inner"] == {"logic": 8, "macros": 0, "cells": 4, "flops": 0}
    assert parts(design)["top"] == {"logic": 10, "macros": 0, "cells": 1, "flops": 1}


def test_two_ports_that_are_one_net_inside_and_a_port_that_is_a_constant_are_that_in_the_whole(
    tmp_path: Path, library: liberty.Library
) -> None:
    ports = {"a": ("input", [2]), "y": ("output", [3]), "z": ("output", [3]), "one": ("output", ["1"])}
    inner = {
        "ports": {name: {"direction": way, "bits": bits} for name, (way, bits) in ports.items()},
        "cells": {"i": {"type": "INV", "connections": {"A": [2], "Y": [3]}}},
    }
    cells = {
        "inner": ("inner", {"a": [2], "y": [3], "z": [4], "one": [5]}),  # f3 and f4 read y and z, one net
        **{f"f{n}": ("DFF", {"CLK": [6], "D": [n], "Q": [10 + n]}) for n in (3, 4, 5)},
    }
    top = {"clk": ("input", [6]), "a": ("input", [2]), "z": ("output", [4])}
    path = netlist(tmp_path, cells, top, {"inner": inner})
    design = load(path, "top", library, [])
    flops = {instance.name: instance.nets["D"] for instance in design.flops}
    (inverter,) = design.order
    assert flops["top/f3"] == flops["top/f4"] == inverter.nets["Y"] == design.ports["z"][1]
    assert flops["top/f5"] == ["1"]


def test_a_net_that_feeds_many_flip_flops_gets_a_tree_of_buffers(
    tmp_path: Path, library: liberty.Library
) -> None:
    flops = {f"f{n}": ("DFF", {"CLK": [2], "D": [4], "Q": [100 + n]}) for n in range(101)}
    cells = {"i": ("INV", {"A": [100], "Y": [4]}), **flops}
    path = netlist(tmp_path, cells, {"clk": ("input", [2])})
    design = load(path, "top", library, [], "BUF")
    # 11 buffers of at most 10 flip-flops each, and 2 of those; the inverter drives 2.
    assert sum(instance.cell.name == "BUF" for instance in design.instances) == 13
    clock = design.ports["clk"][1][0]
    assert sorted({count for net, count in design.fanout.items() if net != clock}) == [1, 2, 10]
    assert Timing(design).worst()["logic", "logic"].cells == ("DFF", "INV", "BUF", "BUF")


def test_a_combinational_loop_is_refused(tmp_path: Path, library: liberty.Library) -> None:
    cells = {"i": ("INV", {"A": [2], "Y": [3]}), "j": ("INV", {"A": [3], "Y": [2]})}
    with pytest.raises(ValueError, match="loop"):
        load(netlist(tmp_path, cells, {}), "top", library, [])
