"""Stream FIFOs: a small one in LUT RAM, a pair of registers, and a deep one in a block RAM."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Shape, Signal, Value
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.params import bits_for


class StreamFIFO(Component):
    """First-in, first-out queue between two streams.

    A word written in cycle c can be read in cycle c + 1; one word in and one out every cycle. Neither side
    sees the other combinationally, so a chain of FIFOs has no combinational path along its handshakes.

    Parameters
    ----------
    shape
        Payload of both streams.
    depth
        Words held; at least 2 for one word a cycle.
    through
        True: a word that finds the queue empty stands at `o` in the same cycle, and is never held if it is
        taken there. Then `o` depends on `i`; `i.ready` still comes from registers.
    """

    def __init__(self, shape: Any, depth: int, *, through: bool = False) -> None:
        self.shape = shape
        self.depth = depth
        self.through = through
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fifo = fifo = SyncFIFO(width=Shape.cast(self.shape).width, depth=self.depth)
        m.d.comb += [
            fifo.w_data.eq(Value.cast(self.i.payload)),
            fifo.w_en.eq(self.i.valid),
            self.i.ready.eq(fifo.w_rdy),
            Value.cast(self.o.payload).eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
        ]
        if self.through:
            with m.If(~fifo.r_rdy):
                m.d.comb += [
                    self.o.payload.eq(self.i.payload),
                    self.o.valid.eq(self.i.valid),
                    fifo.w_en.eq(self.i.valid & ~self.o.ready),
                ]
        return m


class Pair(Component):
    """A `StreamFIFO` of two words in flip-flops, which cost fewer LUTs than so small a LUT RAM.

    Parameters
    ----------
    bits
        Bits of a word.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits
        super().__init__({"i": In(stream.Signature(bits)), "o": Out(stream.Signature(bits))})
        # Which are in use; which is the next to take a word, and which to give one.
        self.held, self.came, self.went = Signal(2, name="held"), Signal(name="came"), Signal(name="went")
        self.words = [Signal(bits, name=f"word{i}", reset_less=True) for i in range(2)]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held, came, went, words = self.held, self.came, self.went, self.words
        m.d.comb += [
            self.i.ready.eq(~held.all()),
            self.o.valid.eq(held.any()),
            self.o.payload.eq(Mux(went, words[1], words[0])),
        ]
        for i, word in enumerate(words):
            with m.If(~held[i]):  # whatever stands there: whether it is a word is known late
                m.d.sync += word.eq(self.i.payload)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [held.bit_select(went, 1).eq(0), went.eq(~went)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [held.bit_select(came, 1).eq(1), came.eq(~came)]
        return m


class DeepFIFO(Component):
    """First-in, first-out queue between two streams, in a memory whose reads take a cycle.

    A word written in cycle c can be read in cycle c + 2; one word in and one out every cycle. Neither side
    sees the other combinationally.

    Parameters
    ----------
    shape
        Payload of both streams.
    depth
        Words held; rounded up to a power of two.

    Members
    -------
    empty
        No word is held; unlike ``~o.valid`` at once after a word came in.
    """

    def __init__(self, shape: Any, depth: int) -> None:
        self.shape = shape
        self.depth = 1 << bits_for(depth)
        super().__init__(
            {"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)), "empty": Out(1)}
        )
        # Words that came and went, modulo twice the depth: so a full queue differs from an empty one.
        self.came, self.went = (Signal(bits_for(self.depth) + 1, name=name) for name in ("came", "went"))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        memory: Memory = Memory(shape=Shape.cast(self.shape).width, depth=self.depth, init=[])
        m.submodules.memory = memory
        write, read = memory.write_port(), memory.read_port()
        came, went, next_went = self.came, self.went, Signal.like(self.went)
        m.d.comb += [
            write.addr.eq(came),
            write.data.eq(Value.cast(self.i.payload)),
            write.en.eq(self.i.valid & self.i.ready),
            self.i.ready.eq(came != went ^ self.depth),
            next_went.eq(went + (self.o.valid & self.o.ready)),
            read.addr.eq(next_went),
            read.en.eq(1),
            Value.cast(self.o.payload).eq(read.data),
            self.empty.eq(came == went),
        ]
        m.d.sync += [
            came.eq(came + write.en),
            went.eq(next_went),
            self.o.valid.eq(next_went != came),
        ]
        return m
