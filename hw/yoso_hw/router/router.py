"""Five-port X-Y router with unicast and multicast."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Value
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.flit import flit_stream, unpack
from yoso_hw.packet import HOST_BIT, Packets
from yoso_hw.params import ChipParams
from yoso_hw.router.bus import bus
from yoso_hw.router.crossbar import crossbar
from yoso_hw.router.ports import INPUTS_OF, Port

#: What lies between a router's inputs and outputs, by the chip's parameter ``router``.
SWITCHES = {"crossbar": crossbar, "bus": bus}


class Router(Component):
    """Takes flits at five ports, and sends each on to the outputs that lead to its rectangle.

    A flit is wanted by one or more outputs (a branch of the X-Y multicast tree each) and stays until the last
    of them has taken it; a branch that is blocked holds up no other. X-Y order makes the channel graph
    acyclic, and a local port must always drain: then no flit can wait for ever (docs/architecture.md gives
    the argument). What lies between inputs and outputs is the chip's parameter ``router``:

    ========  ===========================================================  ================================
    crossbar  a flit a cycle through each port                             ``link_fifo`` flits an input
    bus       a flit a cycle in all, one every other cycle through a port  one flit an input; half the logic
    ========  ===========================================================  ================================

    Latency: one cycle when nothing is in the way.

    Members
    -------
    x, y
        Coordinates of the node; constant.
    in_<port>, out_<port>
        Streams of flits: to and from the neighbours and the processing element. An output's ready must not
        wait for its valid: a bus offers a flit only to who is ready.
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
        to_host = fields.kind[HOST_BIT]
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
        return SWITCHES[self.params.router](self)
