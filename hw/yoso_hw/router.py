"""Five-port X-Y router with unicast and multicast."""

from __future__ import annotations

from enum import IntEnum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.fifo import StreamFIFO
from yoso_hw.flit import flit_stream, unpack
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams


class Port(IntEnum):
    """Ports of a router. x grows to the east, y to the north."""

    LOCAL = 0
    EAST = 1
    WEST = 2
    NORTH = 3
    SOUTH = 4


#: Inputs that X-Y routing can send to each output: a flit that moves along y never turns back to x. The one
#: exception, north to west, is the way out of node (0, 0) to the host, a channel that nothing follows.
INPUTS_OF = {
    Port.LOCAL: (Port.LOCAL, Port.EAST, Port.WEST, Port.NORTH, Port.SOUTH),
    Port.EAST: (Port.LOCAL, Port.WEST),
    Port.WEST: (Port.LOCAL, Port.EAST, Port.NORTH),
    Port.NORTH: (Port.LOCAL, Port.EAST, Port.WEST, Port.SOUTH),
    Port.SOUTH: (Port.LOCAL, Port.EAST, Port.WEST, Port.NORTH),
}


class RoundRobin(wiring.Component):
    """Grants one of `count` requests; the one served last comes last next time. Combinational grant.

    A grant that is not taken stays, so an output's flit does not change while it waits.

    Members
    -------
    requests
        One bit a requester.
    grant
        One-hot, or 0 if nobody requests.
    taken
        The grant was used in this cycle: turn the priority.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__({"requests": In(count), "grant": Out(count), "taken": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # The requesters above the one served last, or from the one that was granted and not taken upwards: in
        # ascending order they come before all others. So who comes before whom is known before anyone asks.
        above = Signal(self.count)

        def before(j: int, i: int) -> Value:
            return above[j] | ~above[i] if j < i else above[j] & ~above[i]

        for i in range(self.count):
            others = [self.requests[j] & before(j, i) for j in range(self.count) if j != i]
            m.d.comb += self.grant[i].eq(self.requests[i] & ~Cat(others).any())
        with m.If(self.grant.any()):
            below = Cat(self.grant[i + 1 :].any() for i in range(self.count))
            m.d.sync += above.eq(~(below | Mux(self.taken, self.grant, 0)))
        return m


class Router(wiring.Component):
    """Moves one flit a cycle through each port, one cycle a hop when nothing is in the way.

    Each input has a FIFO of ``link_fifo`` flits, each kept with the outputs that want it, which are found as
    it comes in. The flit at the FIFO's head is wanted by one or more outputs (a branch of the X-Y multicast
    tree each); every output takes it when the output is free, a done bit a branch remembers which have, and
    the flit leaves the FIFO with its last branch.

    X-Y order makes the channel graph acyclic, and a local port must always drain: then no flit can wait for
    ever (docs/architecture.md gives the argument).

    Members
    -------
    x, y
        Coordinates of the node; constant.
    in_<port>, out_<port>
        Streams of flits: to and from the neighbours and the processing element.
    empty
        No flit is held.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        self.packets = Packets(params)
        ports: dict = {"x": In(params.x_bits), "y": In(params.y_bits), "empty": Out(1)}
        for port in Port:
            ports[f"in_{port.name.lower()}"] = In(flit_stream(self.packets))
            ports[f"out_{port.name.lower()}"] = Out(flit_stream(self.packets))
        super().__init__(ports)

    def input(self, port: Port):
        return getattr(self, f"in_{port.name.lower()}")

    def output(self, port: Port):
        return getattr(self, f"out_{port.name.lower()}")

    def route(self, port: Port, flit: Value) -> dict[Port, Value]:
        """Outputs that want a flit which came in at `port`.

        What comes from a neighbour was sent here because the far end of its rectangle is not behind it, and
        what moves along y is in the right column: that need not be looked at again.
        """
        fields = unpack(self.packets, "READ", flit)
        to_host = fields.kind[2]
        x0, y0 = fields.x0, fields.y0
        x1, y1 = (fields.x1, fields.y1) if self.params.multicast else (x0, y0)
        ahead = {
            Port.EAST: x1 != self.x if port is Port.WEST else x1 > self.x,
            Port.WEST: x0 != self.x if port is Port.EAST else x0 < self.x,
            Port.NORTH: y1 != self.y if port is Port.SOUTH else y1 > self.y,
            Port.SOUTH: y0 != self.y if port is Port.NORTH else y0 < self.y,
        }
        along_x = port not in (Port.NORTH, Port.SOUTH)
        column = ((port is Port.EAST) | (x0 <= self.x)) & ((port is Port.WEST) | (self.x <= x1))
        row = ((port is Port.NORTH) | (y0 <= self.y)) & ((port is Port.SOUTH) | (self.y <= y1))
        turn = ~to_host & (column if along_x else Const(1))
        wants = {
            Port.LOCAL: turn & row,
            Port.NORTH: turn & ahead[Port.NORTH],
            Port.SOUTH: Mux(to_host, (self.x == 0) & (self.y != 0), turn & ahead[Port.SOUTH]),
            Port.EAST: ~to_host & ahead[Port.EAST],
            Port.WEST: Mux(to_host, (self.x != 0) | (self.y == 0), along_x & ahead[Port.WEST]),
        }
        return {out: want for out, want in wants.items() if port in INPUTS_OF[out]}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        heads, wanted, takes = {}, {}, {}
        for port in Port:
            name = port.name.lower()
            into = self.input(port)
            route = self.route(port, into.payload)
            width = self.packets.flit_bits + len(route)
            fifo = m.submodules[f"fifo_{name}"] = StreamFIFO(width, self.params.link_fifo)
            m.d.comb += [
                fifo.i.payload.eq(Cat(into.payload, *route.values())),
                fifo.i.valid.eq(into.valid),
                into.ready.eq(fifo.i.ready),
            ]
            heads[port] = fifo.o
            for out, want in zip(route, fifo.o.payload[self.packets.flit_bits :], strict=True):
                done = Signal(name=f"done_{name}_{out.name.lower()}")
                wanted[port, out] = Signal(name=f"wanted_{name}_{out.name.lower()}")
                takes[port, out] = Signal(name=f"take_{name}_{out.name.lower()}")
                m.d.comb += wanted[port, out].eq(fifo.o.valid & want & ~done)
                with m.If(fifo.o.ready):
                    m.d.sync += done.eq(0)
                with m.Elif(takes[port, out]):
                    m.d.sync += done.eq(1)
            branches = [out for out in Port if (port, out) in wanted]
            # Ready when every branch is served, in this cycle or before.
            m.d.comb += fifo.o.ready.eq(
                fifo.o.valid & ~Cat(wanted[port, out] & ~takes[port, out] for out in branches).any()
            )
        for out in Port:
            sources = INPUTS_OF[out]
            arbiter = m.submodules[f"arbiter_{out.name.lower()}"] = RoundRobin(len(sources))
            stream = self.output(out)
            m.d.comb += [
                arbiter.requests.eq(Cat(wanted[port, out] for port in sources)),
                arbiter.taken.eq(stream.ready),
                stream.valid.eq(arbiter.requests.any()),
            ]
            merged = Const(0, self.packets.flit_bits)
            for i, port in enumerate(sources):
                m.d.comb += takes[port, out].eq(arbiter.grant[i] & stream.ready)
                flit = heads[port].payload[: self.packets.flit_bits]
                merged = merged | Mux(arbiter.grant[i], flit, 0)
            m.d.comb += stream.payload.eq(merged)
        m.d.comb += self.empty.eq(~Cat(head.valid for head in heads.values()).any())
        return m
