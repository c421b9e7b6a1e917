"""A chain through the ports of a block that has more of them than a device has pins."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from yoso_hw.component import Component
from yoso_hw.ports import ports


class PortChain(Component):
    """Feeds a block's inputs from a shift register, and folds its outputs into another.

    Every path of the block begins and ends in a register, so its clock is that of the block between
    registers.

    Members
    -------
    i, o
        Ends of the chain.
    """

    def __init__(self, block: wiring.Component) -> None:
        super().__init__({"i": In(1), "o": Out(1)})
        self.block = block
        sides = {flow: [v for v, way in ports(block).values() if way is flow] for flow in (In, Out)}
        self.inputs, self.outputs = Cat(*sides[In]), Cat(*sides[Out])

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = self.block
        before = Signal(len(self.inputs), reset_less=True)
        seen = Signal(len(self.outputs), reset_less=True)
        after = Signal(len(self.outputs), reset_less=True)
        m.d.comb += [self.inputs.eq(before), self.o.eq(after[-1])]
        m.d.sync += [
            before.eq(Cat(self.i, before[:-1])),
            seen.eq(self.outputs),
            after.eq(seen ^ (after << 1)),
        ]
        return m
