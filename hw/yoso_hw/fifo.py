"""Stream FIFO."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Shape, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out


class StreamFIFO(wiring.Component):
    """First-in, first-out queue between two streams.

    A word written in cycle c can be read in cycle c + 1; one word in and one out every cycle. Neither side
    sees the other combinationally, so a chain of FIFOs has no combinational path along its handshakes.

    Parameters
    ----------
    shape
        Payload of both streams.
    depth
        Words held; at least 2 for one word a cycle.
    """

    def __init__(self, shape: Any, depth: int) -> None:
        self.shape = shape
        self.depth = depth
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
        return m
