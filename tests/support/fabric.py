"""A mesh of routers without PEs, every local port open to the bench; and what must come out of it."""

from __future__ import annotations

import itertools

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from yoso_hw.flit import flit_stream
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.router import Router

from support.bench import Bench


class Fabric(wiring.Component):
    """Routers and links alone; `in_<x>_<y>` and `out_<x>_<y>` are local ports, `exit` leads to the host."""

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        flits = flit_stream(Packets(params))
        ports: dict = {"exit": Out(flits)}
        for x, y in nodes(params):
            ports[f"in_{x}_{y}"] = In(flits)
            ports[f"out_{x}_{y}"] = Out(flits)
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        routers = {}
        for x, y in nodes(self.params):
            m.submodules[f"router_{x}_{y}"] = router = routers[x, y] = Router(self.params)
            m.d.comb += [router.x.eq(x), router.y.eq(y)]
            wiring.connect(m, wiring.flipped(getattr(self, f"in_{x}_{y}")), router.in_local)
            wiring.connect(m, router.out_local, wiring.flipped(getattr(self, f"out_{x}_{y}")))
        for (x, y), router in routers.items():
            if (x + 1, y) in routers:
                wiring.connect(m, router.out_east, routers[x + 1, y].in_west)
                wiring.connect(m, routers[x + 1, y].out_west, router.in_east)
            if (x, y + 1) in routers:
                wiring.connect(m, router.out_north, routers[x, y + 1].in_south)
                wiring.connect(m, routers[x, y + 1].out_south, router.in_north)
        wiring.connect(m, routers[0, 0].out_west, wiring.flipped(self.exit))
        return m


def nodes(params: ChipParams) -> list[tuple[int, int]]:
    return [(x, y) for y in range(params.rows) for x in range(params.cols)]


def rectangles(params: ChipParams) -> list[tuple[int, int, int, int]]:
    """Every (x0, x1, y0, y1) of the mesh."""
    spans = [
        [(low, high) for low in range(size) for high in range(low, size)]
        for size in (params.cols, params.rows)
    ]
    return [(*x, *y) for x, y in itertools.product(*spans)]


def inside(rectangle: tuple[int, int, int, int], node: tuple[int, int]) -> bool:
    x0, x1, y0, y1 = rectangle
    return x0 <= node[0] <= x1 and y0 <= node[1] <= y1


class Traffic:
    """A fabric under a load of spikes; each spike's row is its number, so that every copy can be told.

    Parameters
    ----------
    spikes
        (source node, rectangle) of each, injected in this order at each source.
    stall
        Probability that an injector offers, or a local port takes, nothing in a cycle.
    """

    def __init__(self, params: ChipParams, spikes: list, *, stall: float = 0.0, seed: int = 0) -> None:
        self.params, self.spikes = params, spikes
        self.packets = Packets(params)
        self.bench = bench = Bench(Fabric(params), seed=seed)
        self.sources, self.sinks = {}, {}
        for x, y in nodes(params):
            self.sources[x, y] = bench.source(getattr(bench.dut, f"in_{x}_{y}"), stall=stall)
            self.sinks[x, y] = bench.sink(getattr(bench.dut, f"out_{x}_{y}"), stall=stall)
        self.exit = bench.sink(bench.dut.exit)
        for number, (source, (x0, x1, y0, y1)) in enumerate(spikes):
            fields = {"tag": 1, "parity": 0, "row": number, **({"r": 0, "q": 0} if params.side else {})}
            flit = self.packets.pack("SPIKE", x0=x0, x1=x1, y0=y0, y1=y1, **fields)
            self.sources[source].put(flit)

    def expected(self) -> dict:
        """Numbers of the spikes that each node must get, sorted."""
        return {
            node: [n for n, (_, rectangle) in enumerate(self.spikes) if inside(rectangle, node)]
            for node in nodes(self.params)
        }

    def arrived(self, *, extra: int = 30, limit: int = 20_000) -> dict:
        """Numbers of the spikes that each node got, in order of arrival; waits for all, then for more."""
        due = sum(map(len, self.expected().values()))
        self.bench.run(lambda: sum(len(sink.taken) for sink in self.sinks.values()) >= due, limit)
        self.bench.step(extra)
        return {
            node: [self.packets.unpack(flit)["row"] for flit in sink.taken]
            for node, sink in self.sinks.items()
        }
