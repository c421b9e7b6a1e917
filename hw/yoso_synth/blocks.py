"""Blocks of the RTL as a chip has them: the instances of any class, by the name of its file."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from amaranth.hdl import Fragment
from amaranth.lib.wiring import Component
from yoso_hw import component
from yoso_hw.board.board import Board
from yoso_hw.chip import Chip
from yoso_hw.node import Node
from yoso_hw.params import ChipParams

from yoso_synth.tools import SynthError

#: What other chips have: said where a block is in none of these.
VARIANTS = ("neuron=all", "side=35", "router=bus", "multicast=false", "banked=true")

#: What has the chip in it: too large for the device, and a matter of `yoso bitstream`.
WHOLE = ("chip", "mesh", "board", "top")

#: Cycles a bit of the serial line of the board that the blocks of one are taken from.
DIVISOR = 217


def instances(params: ChipParams) -> dict[str, dict[str, Component]]:
    """The first instance of each class that a chip, or what is around it on a board, has.

    A chip's nodes are alike, so one of them is looked into.

    Returns
    -------
    By the name of its file, without the suffix, and then by the name of its class: ``["fifo"]["Pair"]``.
    """
    found: dict[str, dict[str, Component]] = {}
    for top in (Node(params), Chip(params, black_boxes=True), Board(params, DIVISOR)):
        for one in _below(top):
            kind = type(one)
            found.setdefault(Path(inspect.getfile(kind)).stem, {}).setdefault(kind.__name__, one)
    return {name: own for name, own in found.items() if name not in WHOLE}


def _below(top: Component) -> Iterator[Component]:
    """A component and all in it, from the top."""
    todo = [Fragment.get(top, None)]
    while todo:
        fragment = todo.pop(0)
        for origin in fragment.origins or ():
            if isinstance(origin, component.Component):
                yield origin
        todo += [inner for inner, *_ in fragment.subfragments]


def find(block: str, params: ChipParams) -> dict[str, Component]:
    """The instances of a block in a chip, by the names of their classes.

    Raises
    ------
    SynthError
        If the chip has none; the message lists the blocks that it has.
    """
    if block in WHOLE:
        raise SynthError(f"block {block!r} has the whole chip in it: yoso bitstream synthesises one")
    found = instances(params)
    if block not in found:
        raise SynthError(
            f"this chip has no block {block!r}, but {', '.join(sorted(found))}; others have more: "
            f"--set {', --set '.join(VARIANTS)}"
        )
    return found[block]
