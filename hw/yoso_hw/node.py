"""Node: a processing element with its router and its leaf of the step barrier."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.barrier import leaf_layout
from yoso_hw.component import Component
from yoso_hw.core.ops import fire_layout
from yoso_hw.flit import flit_stream
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.pe import ProcessingElement
from yoso_hw.router import Port, Router

#: Ports of a router that lead to a neighbour.
LINKS = (Port.EAST, Port.WEST, Port.NORTH, Port.SOUTH)


def node_signature(params: ChipParams) -> wiring.Signature:
    """The ports of a `Node`, whether it is elaborated in place or instantiated as a Verilog module."""
    packets = Packets(params)
    ports: dict = {
        "x": In(params.x_bits),
        "y": In(params.y_bits),
        "tick": In(1),
        "first": In(1),
        "report": In(1),
        "leaf": Out(leaf_layout()),
        "trace": Out(1),
        "trace_flit": Out(packets.flit_bits),
    }
    if params.side:
        ports |= {"inner_valid": Out(1), "inner": Out(fire_layout(params).size)}
    for link in LINKS:
        ports[f"in_{link.name.lower()}"] = In(flit_stream(packets))
        ports[f"out_{link.name.lower()}"] = Out(flit_stream(packets))
    return wiring.Signature(ports)


class Node(Component):
    """What the mesh repeats.

    Members
    -------
    x, y, tick, first, report, trace, trace_flit, inner_valid, inner
        As in `ProcessingElement`.
    in_<link>, out_<link>
        As in `Router`, without the local port.
    leaf
        The node's word to the barrier; registered.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(node_signature(params))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.router = router = Router(self.params)
        m.submodules.pe = pe = ProcessingElement(self.params)
        for link in LINKS:
            wiring.connect(m, wiring.flipped(getattr(self, f"in_{link.name.lower()}")), router.input(link))
            wiring.connect(m, router.output(link), wiring.flipped(getattr(self, f"out_{link.name.lower()}")))
        wiring.connect(m, router.out_local, pe.from_router)
        wiring.connect(m, pe.to_router, router.in_local)
        m.d.comb += [
            router.x.eq(self.x),
            router.y.eq(self.y),
            pe.x.eq(self.x),
            pe.y.eq(self.y),
            pe.tick.eq(self.tick),
            pe.first.eq(self.first),
            pe.report.eq(self.report),
            self.trace.eq(pe.trace),
            self.trace_flit.eq(pe.trace_flit),
        ]
        if self.params.side:
            m.d.comb += [self.inner_valid.eq(pe.inner_valid), self.inner.eq(pe.inner)]
        idle = pe.idle & router.empty & ~self.tick
        m.d.sync += [
            self.leaf.idle[0].eq(idle & ~pe.parity),
            self.leaf.idle[1].eq(idle & pe.parity),
            self.leaf.error.eq(pe.error),
        ]
        return m
