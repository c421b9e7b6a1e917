"""A register between two streams of flits."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component


class Stage(Component):
    """Holds one flit, for a cycle at least.

    Parameters
    ----------
    bits
        Bits of a flit.
    through
        True: takes a flit in the cycle in which it gives one, so one a cycle, and `i.ready` depends on
        `o.ready`. False: one every other cycle at most, and `i.ready` comes from a register.
    """

    def __init__(self, bits: int, through: bool) -> None:
        self.bits = bits
        self.through = through
        super().__init__({"i": In(stream.Signature(bits)), "o": Out(stream.Signature(bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held, flit = Signal(), Signal(self.bits, reset_less=True)
        m.d.comb += [
            self.i.ready.eq(~held | (self.o.ready if self.through else 0)),
            self.o.valid.eq(held),
            self.o.payload.eq(flit),
        ]
        with m.If(self.i.ready):
            m.d.sync += [held.eq(self.i.valid), flit.eq(self.i.payload)]
        if not self.through:  # else it takes whenever it gives
            with m.Elif(self.o.ready):
                m.d.sync += held.eq(0)
        return m
