"""What a chip is made of, beside the committed record cells.json; ``python tests/hw/cells.py`` rewrites it.

A change that is meant to change no hardware leaves the record as it is (`test_cells.py`). One that is meant
to change some rewrites it, in a commit that says why.

yosys flattens a block, simplifies it and maps it to its own one-bit gates and flip-flops, without ABC. So the
names and order of signals, modules and fields change nothing; an expression written another way may. Memories
stay whole and are told by their size. Beside the cells by type stands a digest of how they are wired, blind
to order and to all names but those of the block's ports: the same cells and the same digest are the same
hardware. Other versions of yosys count differently, hence the version in the record and the exact one in
pyproject.toml.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib.wiring import Component
from yoso_hw.chip import Chip
from yoso_hw.node import Node
from yoso_hw.params import ChipParams
from yoso_hw.ports import ports

RECORD = Path(__file__).with_suffix(".json")

#: The chips of the record, by the settings that make them.
CHIPS = ("", "lanes=1 multicast=false", "router=bus banked=true")

#: A chip is its nodes, all the same, and what lies beside them, in which a node is a black box.
PARTS = {"node": Node, "beside the nodes": lambda params: Chip(params, black_boxes=True)}

SCRIPT = """
read_rtlil {folder}/block.il
hierarchy -top block
proc
flatten
opt_clean -purge
memory_collect
techmap
opt -fast -full
opt_clean -purge
write_json {folder}/block.json
"""

#: Gates whose inputs may change places, and of which trees are made.
SYMMETRIC = ("$_AND_", "$_OR_", "$_XOR_")

#: A net is known by what lies within so many cells of it.
ROUNDS = 12


def version() -> str:
    """The yosys that counts."""
    return f"pyosys {importlib.metadata.version('pyosys')}"


def measure(component: Component) -> dict:
    """Cells by type, and the digest of their wiring."""
    from pyosys import libyosys  # not at the top: it prints to the process's output as it likes

    named = {name: (value, None) for name, (value, _) in ports(component).items()}
    with tempfile.TemporaryDirectory(prefix="cells-") as folder:
        text = rtlil.convert(component, name="block", ports=named, emit_src=False)
        (Path(folder) / "block.il").write_text(text)
        (Path(folder) / "block.ys").write_text(SCRIPT.format(folder=folder))
        libyosys.run_pass(f"tee -q script {folder}/block.ys", libyosys.Design())
        module = json.loads((Path(folder) / "block.json").read_text())["modules"]["block"]
    cells = [(type_of(cell), cell) for cell in module["cells"].values()]
    return {
        "cells": dict(sorted(Counter(kind for kind, _ in cells).items())),
        "wiring": wiring_digest(module["ports"], cells),
    }


def type_of(cell: dict) -> str:
    """The cell's type; of a memory its size too."""
    if cell["type"] != "$mem_v2":
        return cell["type"]
    size, width = (int(cell["parameters"][name], 2) for name in ("SIZE", "WIDTH"))
    return f"memory of {size} x {width} bits"


def wiring_digest(block_ports: dict, cells: list[tuple[str, dict]]) -> str:
    """A digest that two netlists share if they differ in names and order alone (Weisfeiler and Leman's)."""
    cells = without_trees(cells, {net for port in block_ports.values() for net in port["bits"]})
    label: dict[int | str, str] = defaultdict(str)  # of each net, by what drives it and what it drives
    for name, port in sorted(block_ports.items()):
        for i, net in enumerate(port["bits"]):
            label[net] += f"{name}[{i}]"
    for constant in "01x":
        label[constant] = constant
    for _ in range(ROUNDS):
        seen: dict[int | str, list[str]] = defaultdict(list)
        for kind, cell in cells:
            pins = list(pins_of(kind, cell))
            # A pin sees the whole cell; pins that may change places see it alike.
            whole = _hash(kind, *sorted(f"{pin}={label[net]}" for pin, net in pins))
            for pin, net in pins:
                seen[net].append(_hash(pin, whole))
        label = defaultdict(str, {net: _hash(label[net], *sorted(told)) for net, told in seen.items()})
    return _hash(*sorted(label.values()))


def without_trees(cells: list[tuple[str, dict]], outside: set) -> list[tuple[str, dict]]:
    """The netlist with each tree of like gates as one gate of many inputs: yosys builds trees as it likes."""
    drivers = {cell["connections"]["Y"][0]: (kind, cell) for kind, cell in cells if kind in SYMMETRIC}
    pins = Counter(net for _, cell in cells for nets in cell["connections"].values() for net in nets)

    def leaves(kind: str, net: int | str) -> list[int | str]:
        inner = drivers.get(net)
        if inner is None or inner[0] != kind or pins[net] != 2 or net in outside:  # its driver's, and this
            return [net]
        inside.add(net)
        return inputs(*inner)

    def inputs(kind: str, cell: dict) -> list[int | str]:
        return [leaf for pin in "AB" for leaf in leaves(kind, cell["connections"][pin][0])]

    inside: set[int | str] = set()
    trees = {
        net: (kind, {"connections": {"A": inputs(kind, cell), "Y": [net]}})
        for net, (kind, cell) in drivers.items()
    }
    return [(kind, cell) for kind, cell in cells if kind not in SYMMETRIC] + [
        tree for net, tree in trees.items() if net not in inside
    ]


def pins_of(kind: str, cell: dict) -> Iterator[tuple[str, int | str]]:
    """Each pin, bit by bit, with its net."""
    for name, nets in cell["connections"].items():
        for i, net in enumerate(nets):
            yield (name if kind in SYMMETRIC else f"{name}[{i}]"), net


def _hash(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()


def differences(recorded: dict, found: dict) -> list[str]:
    """What differs between a part's record and what was measured, a line a type of cell; empty if nothing."""
    before, now = recorded["cells"], found["cells"]
    lines = [
        f"{kind}: {before.get(kind, 0)} recorded, {now.get(kind, 0)} now"
        for kind in sorted({*before, *now})
        if before.get(kind) != now.get(kind)
    ]
    if not lines and recorded["wiring"] != found["wiring"]:
        lines = ["the same cells, but wired in another way"]
    return lines


def main() -> None:
    """Rewrite the record."""
    chips = {
        chip: {part: measure(make(ChipParams.with_settings(chip.split()))) for part, make in PARTS.items()}
        for chip in CHIPS
    }
    record = {
        "about": "Cells by type. Written by `python tests/hw/cells.py`, where it is told what they say.",
        "yosys": version(),
        "chips": chips,
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
