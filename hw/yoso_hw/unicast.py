"""Unicast baseline: one flit a node of the destination rectangle, injected by the sender."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.flit import flit_stream, rectangle_layout
from yoso_hw.packet import HOST_BIT, KIND_BITS, Packets
from yoso_hw.params import ChipParams


class Unicast(Component):
    """Takes a flit for a rectangle, gives one flit for each of its nodes, row by row.

    A flit to the host passes unchanged. Combinational between `i` and `o`; one flit out a cycle; `i` is
    taken with the last of its copies.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        self.packets = Packets(params)
        super().__init__({"i": In(flit_stream(self.packets)), "o": Out(flit_stream(self.packets))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout = rectangle_layout(self.params)
        whole = data.View(layout, self.i.payload[KIND_BITS : KIND_BITS + layout.size])
        rest = self.i.payload[KIND_BITS + layout.size :]
        to_host = self.i.payload[HOST_BIT]

        started = Signal()
        x, y = Signal.like(whole.x0, name="x"), Signal.like(whole.y0, name="y")
        now_x, now_y = Mux(started, x, whole.x0), Mux(started, y, whole.y0)
        last_x = now_x == whole.x1
        last = to_host | (last_x & (now_y == whole.y1))
        node: Value = Cat(now_x, now_x, now_y, now_y)
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.o.payload.eq(Mux(to_host, self.i.payload, Cat(self.i.payload[:KIND_BITS], node, rest))),
            self.i.ready.eq(self.o.ready & last),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [
                started.eq(~last),
                x.eq(Mux(last_x, whole.x0, now_x + 1)),
                y.eq(Mux(last_x, now_y + 1, now_y)),
            ]
        return m
