"""Performance counters of a processing element (`yoso_hw.registers.Counter`)."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from yoso_hw.params import bits_for
from yoso_hw.registers import REGISTER_BITS, Counter

#: Bits of a tally, which must not come round between two visits: a round of the counters, an event a cycle.
TALLY_BITS = len(Counter).bit_length()


class Counters(wiring.Component):
    """Counts events, one a cycle each, modulo 2**32.

    Thirteen wide counters would take a third of the PE's logic. So a tally of a few bits runs for each event
    and is never cleared, and one counter a cycle, in turn, is visited: read from a memory, and written back a
    cycle later with what its tally grew since the last visit. The memory keeps the tally of that visit beside
    the count. Counters have no reset: what they hold before a host writes them is undefined.

    Members
    -------
    events
        Bit i counts in `Counter` i. None while a host reads or writes.
    address
        The counter that a host reads or writes.
    read, rdata
        In the third cycle of `read` and later, `rdata` is the counter with every event up to then.
    write, wdata
        Set the counter at `address`. At most every other cycle, and not with `read`.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "events": In(len(Counter)),
                "address": In(bits_for(len(Counter))),
                "read": In(1),
                "rdata": Out(REGISTER_BITS),
                "write": In(1),
                "wdata": In(REGISTER_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        entry = data.StructLayout({"count": REGISTER_BITS, "tally": TALLY_BITS})
        # LUT RAM on an FPGA, as a block RAM's word would come too late for the adder; flip-flops on an ASIC.
        attributes = {"ram_style": "distributed"}
        m.submodules.memory = memory = Memory(shape=entry, depth=len(Counter), init=[], attrs=attributes)
        write, read = memory.write_port(), memory.read_port(domain="comb")
        tallies = [Signal(TALLY_BITS, name=f"tally_{counter.name.lower()}") for counter in Counter]
        for tally, event in zip(tallies, self.events, strict=True):
            m.d.sync += tally.eq(tally + event)

        # First cycle of a visit: which counter, its word, and its tally.
        host = self.read | self.write
        turn = Signal(bits_for(len(Counter)))
        visited, visiting, writing = Signal.like(turn), Signal(), Signal()
        old, tally = Signal(entry), Signal(TALLY_BITS)
        wdata = Signal(REGISTER_BITS)  # 0 but for a write, which adds it to a count of 0: no multiplexer
        with m.If(~host):
            m.d.sync += turn.eq(Mux(turn == len(Counter) - 1, 0, turn + 1))
        m.d.comb += read.addr.eq(Mux(host, self.address, turn))
        # A counter that was written just now has no need of its turn.
        written = writing & (visited == turn)
        m.d.sync += [
            visited.eq(read.addr),
            visiting.eq(self.write | ~(host | written)),
            writing.eq(self.write),
            tally.eq(Array(tallies)[read.addr]),
            old.eq(read.data),
            wdata.eq(0),
        ]
        with m.If(self.write):
            m.d.sync += [old.count.eq(0), wdata.eq(self.wdata)]

        # Second cycle: its word goes back.
        growth = Mux(writing, wdata[:TALLY_BITS], (tally - old.tally)[:TALLY_BITS])
        m.d.comb += [
            self.rdata.eq(old.count + Cat(growth, wdata[TALLY_BITS:])),
            write.en.eq(visiting),
            write.addr.eq(visited),
            write.data.count.eq(self.rdata),
            write.data.tally.eq(tally),
        ]
        return m
