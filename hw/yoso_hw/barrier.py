"""Step barrier: a balanced tree that tells when a step is over everywhere, and begins the next one."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component


def leaf_layout() -> data.StructLayout:
    """What a node says: no work is left in its step (bit p: a step of parity p); its error bit."""
    return data.StructLayout({"idle": 2, "error": 1})


def tick_layout() -> data.StructLayout:
    """What the root says, for one cycle: a step begins; it is step 0; it is the report."""
    return data.StructLayout({"tick": 1, "first": 1, "report": 1})


class Barrier(Component):
    """Two-sided: no PE sweeps step t + 1 before every spike of step t is integrated everywhere.

    Up: a leaf is idle in the step of its parity. The leaves' registered bits are ANDed over a row of the
    mesh, registered, ANDed over the rows and registered. All paths have the same number of registers, so
    the root sees every node as it was in one and the same cycle; a flit is in some FIFO in every cycle,
    hence if all nodes were idle in that cycle none was on its way. Nothing but a tick ends that state.
    The host port is a leaf like the others. The parity keeps the root from taking the end of one step for
    the end of the next.

    Down: the root's tick is registered once a row and once a node, and comes to all nodes in the same cycle.
    Safety does not rest on that: a spike that meets a PE before its tick waits for it.

    Latency: 3 cycles from a node's idleness to `idle` (its own leaf register included), 2 cycles from `tick`
    to the nodes.

    Members
    -------
    leaves
        One a node, node (x, y) at y * cols + x; registered by the node.
    host
        The host port's leaf; registered here.
    idle, error
        All leaves are idle, by parity; some leaf has an error.
    tick
        Begin a step.
    ticks
        The same, a node each.
    """

    def __init__(self, cols: int, rows: int) -> None:
        self.cols, self.rows = cols, rows
        nodes = cols * rows
        super().__init__(
            {
                "leaves": In(data.ArrayLayout(leaf_layout(), nodes)),
                "host": In(leaf_layout()),
                "idle": Out(2),
                "error": Out(1),
                "tick": In(tick_layout()),
                "ticks": Out(data.ArrayLayout(tick_layout(), nodes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Two registers for the host too: a node's leaf register, and its row's.
        host: list[Any] = [Signal(leaf_layout(), name=f"host{i}") for i in range(2)]
        m.d.sync += [host[0].eq(self.host), host[1].eq(host[0])]
        up: list[Any] = [Signal(leaf_layout(), name=f"up{y}") for y in range(self.rows)]
        down = [Signal(tick_layout(), name=f"down{y}") for y in range(self.rows)]
        for y in range(self.rows):
            row = [self.leaves[y * self.cols + x] for x in range(self.cols)]
            m.d.sync += [
                up[y].idle.eq(Cat(Cat(leaf.idle[p] for leaf in row).all() for p in range(2))),
                up[y].error.eq(Cat(leaf.error for leaf in row).any()),
                down[y].eq(self.tick),
            ]
            m.d.sync += [self.ticks[y * self.cols + x].eq(down[y]) for x in range(self.cols)]
        m.d.sync += [
            self.idle.eq(Cat(Cat(leaf.idle[p] for leaf in [*up, host[1]]).all() for p in range(2))),
            self.error.eq(Cat(leaf.error for leaf in [*up, host[1]]).any()),
        ]
        return m
