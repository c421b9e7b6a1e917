"""Router interface: sorts what the router delivers, merges what the processing element sends."""

from __future__ import annotations

from amaranth.hdl import Module, Mux
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.core.ops import spike_layout
from yoso_hw.fifo import StreamFIFO
from yoso_hw.flit import flit_stream, pack, unpack
from yoso_hw.packet import Kind, Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import CHUNK_BITS
from yoso_hw.stage import Stage
from yoso_hw.unicast import Unicast


class RouterInterface(Component):
    """Between the router's local port and the core and memories.

    What comes in is taken by a register and sorted from there, at the pace of a link. Spikes of the PE's own
    layer go to a FIFO of ``spike_fifo`` flits; a rectangle may enclose PEs of other layers, which drop the
    spike uncounted. SEEK, WRITE and READ go to the memory interface. Answers go before spikes on the way out,
    through a register. Without multicast, a flit for a rectangle is sent as one flit a node.

    Latency: 2 cycles in, to the core, or 1 on a chip with convolution; 1 to the memory interface; 1 out.

    Members
    -------
    x, y
        Coordinates of the node.
    from_router, to_router
        The router's local port.
    tag, enabled
        Layer of the PE; it has one.
    spike
        Spikes for the core.
    packet, reply
        Packets for the memory interface, and its answers.
    send
        Flits from the core.
    idle
        No flit is held.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        self.packets = Packets(params)
        flits = flit_stream(self.packets)
        super().__init__(
            {
                "x": In(params.x_bits),
                "y": In(params.y_bits),
                "from_router": In(flits),
                "to_router": Out(flits),
                "tag": In(params.tag_bits),
                "enabled": In(1),
                "spike": Out(stream.Signature(spike_layout(params))),
                "packet": Out(flits),
                "reply": In(stream.Signature(CHUNK_BITS)),
                "send": In(flits),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # With convolution a spike's tables are read at once, so it does not wait a cycle in an empty FIFO.
        m.submodules.spikes = spikes = StreamFIFO(
            spike_layout(self.params), self.params.spike_fifo, through=self.params.side > 0
        )
        wiring.connect(m, spikes.o, wiring.flipped(self.spike))

        # In. Flits come late in a cycle, through the router's arbiter, so a register takes them first. A bus
        # must know who is ready before it chooses; so with one, both registers say so early.
        through = self.params.link_cycles == 1
        m.submodules.into = into = Stage(self.packets.flit_bits, through)
        wiring.connect(m, wiring.flipped(self.from_router), into.i)
        spike = unpack(self.packets, "SPIKE", into.o.payload)
        m.d.comb += [
            # Whatever the flit is: kind and tag would come late to the router. What nobody wants is dropped.
            into.o.ready.eq(spikes.i.ready & self.packet.ready),
            *(spikes.i.payload[name].eq(spike[name]) for name, _ in spike_layout(self.params)),
            self.packet.payload.eq(into.o.payload),
        ]
        with m.Switch(spike.kind):
            with m.Case(Kind.SPIKE):
                with m.If(self.enabled & (spike.tag == self.tag)):
                    m.d.comb += spikes.i.valid.eq(into.o.valid & self.packet.ready)
            with m.Case(Kind.SEEK, Kind.WRITE, Kind.READ):
                m.d.comb += self.packet.valid.eq(into.o.valid & spikes.i.ready)

        # Out.
        m.submodules.out = out = Stage(self.packets.flit_bits, through)
        reply = pack(self.packets, "REPLY", x=self.x, y=self.y, data=self.reply.payload)
        m.d.comb += [
            out.i.valid.eq(self.reply.valid | self.send.valid),
            out.i.payload.eq(Mux(self.reply.valid, reply, self.send.payload)),
            self.reply.ready.eq(out.i.ready),
            self.send.ready.eq(out.i.ready & ~self.reply.valid),
        ]
        if self.params.multicast:
            wiring.connect(m, out.o, wiring.flipped(self.to_router))
        else:
            m.submodules.unicast = unicast = Unicast(self.params)
            wiring.connect(m, out.o, unicast.i)
            wiring.connect(m, unicast.o, wiring.flipped(self.to_router))
        held = into.o.valid | spikes.o.valid | out.o.valid
        m.d.comb += self.idle.eq(~(held | self.reply.valid | self.send.valid))
        return m
