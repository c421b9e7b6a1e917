"""How often each output has spiked in an image."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.params import ChipParams, bits_for


class SpikeCounts(Component):
    """Counts the spikes of every output, without a pause between two images.

    A count lies in a memory beside the number of the image that it is of; of any other image it is 0. Numbers
    come round, so a walker takes every cycle in which nothing else reads, and makes old counts those of this
    image. An image has more than one such cycle, and there are as many numbers as counts: when a number comes
    round, the walker has been everywhere. After reset it first clears the memory.

    Latency: `count` comes the cycle after `spike` or `ask`.

    Members
    -------
    begin
        An image begins; not with `spike` or `ask`.
    spike, index
        That output spikes, once a step at most.
    ask
        Read the count of output `index`; not with `spike`, nor in the cycle after one.
    count
        Of a spike, with it; of a question, until the next `spike` or `ask`.
    ready
        The memory has been cleared. Before, an image must not begin.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(
            {
                "begin": In(1),
                "spike": In(1),
                "index": In(params.class_bits),
                "ask": In(1),
                "count": Out(bits_for(params.steps + 1)),
                "ready": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        image = Signal(self.params.class_bits)
        with m.If(self.begin):
            m.d.sync += image.eq(image + 1)
        entry = data.StructLayout({"count": len(self.count), "image": len(image)})
        memory: Memory = Memory(shape=entry, depth=1 << self.params.class_bits, init=[])
        m.submodules.memory = memory
        write, read = memory.write_port(), memory.read_port()

        # A read, and in the next cycle the word that comes of it.
        walker = Signal(self.params.class_bits)
        taken = self.spike | self.ask
        address, counting, walking, asked = Signal.like(walker), Signal(), Signal(), Signal()
        held = Signal.like(self.count)
        # Where a count is written in this cycle, the walker would read the old one.
        walks = ~taken & ~self.begin & ~(write.en & (write.addr == walker))
        m.d.comb += [read.addr.eq(Mux(taken, self.index, walker)), read.en.eq(1)]
        m.d.sync += [
            address.eq(read.addr),
            counting.eq(self.spike),
            asked.eq(self.ask),
            walking.eq(walks),
        ]
        with m.If(walks):
            m.d.sync += walker.eq(walker + 1)
        with m.If(walking & address.all()):
            m.d.sync += self.ready.eq(1)
        found: Any = read.data
        current = found.image == image
        m.d.comb += [
            self.count.eq(Mux(counting | asked, Mux(current, found.count, 0) + counting, held)),
            write.addr.eq(address),
            write.data.image.eq(image),
            write.data.count.eq(Mux(counting, self.count, 0)),
            write.en.eq(counting | (walking & (~current | ~self.ready))),
        ]
        m.d.sync += held.eq(self.count)
        return m
