"""Fabric: the mesh's routers and links without its processing elements, for a bench of the network alone."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from yoso_hw.component import Component
from yoso_hw.flit import flit_stream
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.ports import ports

#: Verilog module of a router; the fabric instantiates it, so that it is compiled once.
ROUTER_MODULE = "yoso_router"


class Fabric(Component):
    """A grid of routers, wired as `yoso_hw.mesh.Mesh` wires its nodes.

    Parameters
    ----------
    router
        Ports of a router.

    Members
    -------
    inject, exit
        Flits from and to the host, at the west port of node (0, 0).
    in_<x>_<y>, out_<x>_<y>
        The local port of each router.
    empty
        No router holds a flit.
    """

    def __init__(self, params: ChipParams, router: wiring.Signature) -> None:
        self.params = params
        self.router = router
        flits = flit_stream(Packets(params))
        self.places = [(x, y) for y in range(params.rows) for x in range(params.cols)]
        locals = {f"in_{x}_{y}": In(flits) for x, y in self.places}
        locals |= {f"out_{x}_{y}": Out(flits) for x, y in self.places}
        super().__init__({"inject": In(flits), "exit": Out(flits), "empty": Out(1), **locals})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        routers = {}
        for x, y in self.places:
            routers[x, y] = router = self.router.create(path=(f"router_{x}_{y}",))
            m.submodules[f"router_{x}_{y}"] = Instance(
                ROUTER_MODULE,
                i_clk=ClockSignal(),
                i_rst=ResetSignal(),
                **{
                    f"{'i' if flow is In else 'o'}_{name}": value
                    for name, (value, flow) in ports(router).items()
                },
            )
            m.d.comb += [router.x.eq(x), router.y.eq(y)]
            join(m, getattr(self, f"in_{x}_{y}"), router.in_local)
            join(m, router.out_local, getattr(self, f"out_{x}_{y}"))
        for (x, y), router in routers.items():
            if (east := routers.get((x + 1, y))) is not None:
                join(m, router.out_east, east.in_west)
                join(m, east.out_west, router.in_east)
            if (north := routers.get((x, y + 1))) is not None:
                join(m, router.out_north, north.in_south)
                join(m, north.out_south, router.in_north)
        join(m, self.inject, routers[0, 0].in_west)
        join(m, routers[0, 0].out_west, self.exit)
        m.d.comb += self.empty.eq(Cat(router.empty for router in routers.values()).all())
        return m


def join(m: Module, out: Any, into: Any) -> None:
    """Connect two streams by hand: an instance's ports are signals without a direction."""
    m.d.comb += [into.payload.eq(out.payload), into.valid.eq(out.valid), out.ready.eq(into.ready)]
