"""Performance counters of a processing element (`yoso_hw.registers.Counter`)."""

from __future__ import annotations

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.params import bits_for
from yoso_hw.registers import REGISTER_BITS, Counter


class Counters(wiring.Component):
    """Counts events, one a cycle each, modulo 2**32.

    Members
    -------
    events
        Bit i counts in `Counter` i.
    address, rdata
        The counter at `address`; combinational.
    write, wdata
        Set the counter at `address` (an event in the same cycle is lost).
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "events": In(len(Counter)),
                "address": In(bits_for(len(Counter))),
                "rdata": Out(REGISTER_BITS),
                "write": In(1),
                "wdata": In(REGISTER_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        counts = [Signal(REGISTER_BITS, name=counter.name.lower()) for counter in Counter]
        for counter, count in zip(Counter, counts, strict=True):
            with m.If(self.events[counter]):
                m.d.sync += count.eq(count + 1)
            with m.If(self.write & (self.address == counter)):
                m.d.sync += count.eq(self.wdata)
        m.d.comb += self.rdata.eq(Array(counts)[self.address])
        return m
