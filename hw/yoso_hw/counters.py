"""Performance counters of a processing element (`yoso_hw.registers.Counter`)."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from yoso_hw.component import Component
from yoso_hw.interfaces import access_signature, events_layout
from yoso_hw.params import bits_for
from yoso_hw.registers import REGISTER_BITS, Counter

#: Bits of a tally, which must not come round between two visits: a round of the counters, an event a cycle.
TALLY_BITS = len(Counter).bit_length()


class Counters(Component):
    """Counts events, one a cycle each, modulo 2**32.

    Thirteen wide counters would take a third of the PE's logic. So a tally of a few bits runs for each event
    and is never cleared, and one counter a cycle, in turn, is visited: read from a memory, and written back a
    cycle later with what its tally grew since the last visit. The memory keeps the tally of that visit beside
    the count. Counters have no reset: what they hold before a host writes them is undefined.

    Members
    -------
    events
        What counts in this cycle. None while a host reads or writes.
    access
        The counters. In the third cycle of `read` and later, `rdata` is the counter with every event up to
        then. A write at most every other cycle, and not with `read`.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "events": In(events_layout(Counter)),
                "access": In(access_signature(len(Counter))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        access = self.access
        entry = data.StructLayout({"count": REGISTER_BITS, "tally": TALLY_BITS})
        # LUT RAM on an FPGA, as a block RAM's word would come too late for the adder; flip-flops on an ASIC.
        attributes = {"ram_style": "distributed"}
        memory: Memory = Memory(shape=entry, depth=len(Counter), init=[], attrs=attributes)
        m.submodules.memory = memory
        write, read = memory.write_port(), memory.read_port(domain="comb")
        tallies = [Signal(TALLY_BITS, name=f"tally_{counter.name.lower()}") for counter in Counter]
        for tally, event in zip(tallies, Value.cast(self.events), strict=True):
            m.d.sync += tally.eq(tally + event)

        # First cycle of a visit: which counter, its word, and its tally.
        host = access.read | access.write
        turn = Signal(bits_for(len(Counter)))
        visited, visiting, writing = Signal.like(turn), Signal(), Signal()
        old: Any = Signal(entry)
        tally = Signal(TALLY_BITS)
        wdata = Signal(REGISTER_BITS)  # 0 but for a write, which adds it to a count of 0: no multiplexer
        with m.If(~host):
            m.d.sync += turn.eq(Mux(turn == len(Counter) - 1, 0, turn + 1))
        m.d.comb += read.addr.eq(Mux(host, access.address, turn))
        # A counter that was written just now has no need of its turn.
        written = writing & (visited == turn)
        m.d.sync += [
            visited.eq(read.addr),
            visiting.eq(access.write | ~(host | written)),
            writing.eq(access.write),
            tally.eq(Array(tallies)[read.addr]),
            old.eq(read.data),
            wdata.eq(0),
        ]
        with m.If(access.write):
            m.d.sync += [old.count.eq(0), wdata.eq(access.wdata)]

        # Second cycle: its word goes back.
        growth = Mux(writing, wdata[:TALLY_BITS], (tally - old.tally)[:TALLY_BITS])
        m.d.comb += [
            access.rdata.eq(old.count + Cat(growth, wdata[TALLY_BITS:])),
            write.en.eq(visiting),
            write.addr.eq(visited),
            write.data.count.eq(access.rdata),
            write.data.tally.eq(tally),
        ]
        return m
