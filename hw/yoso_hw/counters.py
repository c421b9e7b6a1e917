"""Performance counters of a processing element (`yoso_hw.registers.Counter`)."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.params import bits_for
from yoso_hw.registers import REGISTER_BITS, Counter
from yoso_hw.sram import RegisterFile

#: Events that a counter can have waiting: one a cycle for a round of the counters, and for two rounds when
#: every other cycle belongs to a write.
PENDING_BITS = (2 * len(Counter)).bit_length()


class Counters(wiring.Component):
    """Counts events, one a cycle each, modulo 2**32.

    Thirteen wide counters would take a third of the PE's logic. So events gather in small counters, and one
    of these a cycle, in turn, is added to its wide one in a register file.

    Latency: an event shows in `rdata` after at most ``len(Counter)`` cycles without a write.

    Members
    -------
    events
        Bit i counts in `Counter` i.
    address, rdata
        The counter at `address`; combinational.
    write, wdata
        Set the counter at `address`; an event in the same cycle counts on top. At most every other cycle.
    settled
        Every event of the cycles before shows in `rdata`.
    hold
        No counter changes while it is read; at most a few events may come meanwhile.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "events": In(len(Counter)),
                "address": In(bits_for(len(Counter))),
                "rdata": Out(REGISTER_BITS),
                "write": In(1),
                "wdata": In(REGISTER_BITS),
                "settled": Out(1),
                "hold": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.wide = wide = RegisterFile(REGISTER_BITS, len(Counter))
        pending = Array(Signal(PENDING_BITS, name=f"pending_{counter.name.lower()}") for counter in Counter)
        turn = Signal(bits_for(len(Counter)))
        served = Signal.like(turn)
        m.d.comb += [
            wide.a_addr.eq(turn),
            wide.b_addr.eq(self.address),
            self.rdata.eq(wide.b_data),
            served.eq(Mux(self.write, self.address, turn)),
            wide.write.eq(self.write | ~self.hold),
            wide.w_addr.eq(served),
            wide.w_data.eq(Mux(self.write, self.wdata, wide.a_data + pending[turn])),
        ]
        with m.If(~self.write & ~self.hold):
            m.d.sync += turn.eq(Mux(turn == len(Counter) - 1, 0, turn + 1))
        m.d.comb += self.settled.eq(~Cat(waiting.any() for waiting in pending).any())
        for i, waiting in enumerate(pending):
            m.d.sync += waiting.eq(Mux(wide.write & (served == i), 0, waiting) + self.events[i])
        return m
