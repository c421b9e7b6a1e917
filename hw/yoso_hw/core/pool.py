"""Pool: of each group of 2 x 2 neurons, the one that fires first is heard, and only that once."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.core.ops import fire_layout
from yoso_hw.params import ChipParams


class Pool(Component):
    """Lets a group's earliest fire pass, between store and the fire queue.

    A sweep in pool order brings the four members of a group one after another (`yoso_hw.core.walk`). After
    the fourth those lanes pass in which a member fires in this step and none had fired before: the group's
    earliest spike, ties once. Neurons that may fire more than once are never marked, so of them a group fires
    in every step in which a member does. Members keep their own potentials and marks in the memories, and
    nothing is kept here from one step to the next.

    Without pooling, each word passes as it is. Latency: 1 cycle.

    Members
    -------
    start
        A sweep begins: the next word is a group's first.
    pools
        The PE pools.
    valid, fire, marked
        A word of a sweep, its lanes that fire now, and those that had fired before.
    passed_valid, passed
        Lanes that pass, under the word of the group's fourth member.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(
            {
                "start": In(1),
                "pools": In(1),
                "valid": In(1),
                "fire": In(fire_layout(params)),
                "marked": In(params.lanes),
                "passed_valid": Out(1),
                "passed": Out(fire_layout(params)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes = self.params.lanes
        # Whether a neuron fires is known late in a cycle, so a register takes it first.
        valid, marked = Signal(), Signal(lanes)
        fire: Any = Signal(fire_layout(self.params))
        m.d.sync += [valid.eq(self.valid), fire.eq(self.fire), marked.eq(self.marked)]

        # Of the members before this one.
        member, new, old = Signal(2), Signal(lanes), Signal(lanes)
        any_new, any_old = new | fire.lanes, old | marked
        fourth = member.all()
        m.d.comb += [
            self.passed.word.eq(fire.word),
            self.passed.lanes.eq(fire.lanes),
            self.passed_valid.eq(valid & self.passed.lanes.any()),
        ]
        with m.If(self.pools):
            m.d.comb += self.passed.lanes.eq((any_new & ~any_old) & fourth.replicate(lanes))
        with m.If(valid):
            m.d.sync += [member.eq(member + 1), new.eq(any_new), old.eq(any_old)]
        with m.If(self.start | (valid & fourth)):
            m.d.sync += [new.eq(0), old.eq(0)]
        with m.If(self.start):
            m.d.sync += member.eq(0)
        return m
