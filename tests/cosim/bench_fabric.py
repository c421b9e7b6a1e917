"""cocotb bench of the mesh's routers without processing elements."""

from __future__ import annotations

from collections import Counter, defaultdict

import cocotb
from support.blocks import bench_params
from support.routes import HOST, Node, Traffic, nodes_of
from support.streams import StreamBench


class Fabric(StreamBench):
    """All local ports and the host's, what was sent to each, and what each must get."""

    def __init__(self, dut, seed: int = 1) -> None:
        self.params = bench_params()
        self.nodes = nodes_of((0, self.params.cols - 1, 0, self.params.rows - 1))
        super().__init__(
            dut,
            ["inject", *(f"in_{x}_{y}" for x, y in self.nodes)],
            ["exit", *(f"out_{x}_{y}" for x, y in self.nodes)],
            seed,
        )
        self.traffic = Traffic(self.params, self.rng)

    async def reset(self) -> None:
        await super().reset()
        self.expected: dict[str, dict[Node, list[int]]] = {name: defaultdict(list) for name in self.sinks}

    def put(self, source: Node, rectangle) -> None:
        """Queue a flit at `source` (or `HOST`) to a rectangle, or to the host if None."""
        flit = self.traffic.flit(rectangle)
        self.sources["inject" if source == HOST else "in_{}_{}".format(*source)].queue.append(flit)
        for out in (
            ["exit"] if rectangle is None else ["out_{}_{}".format(*node) for node in nodes_of(rectangle)]
        ):
            self.expected[out][source].append(flit)

    async def drain(self, limit: int = 5000) -> None:
        await self.settle(lambda: self.dut.empty.value, "all routers are empty", limit)

    def check(self) -> None:
        """Every node got every flit for it once, and those of each source in order."""
        for name, sink in self.sinks.items():
            origin = {flit: source for source, flits in self.expected[name].items() for flit in flits}
            strays = [flit for flit in sink.flits if flit not in origin]
            assert not strays, f"{name} got {strays[0]:#x}, which is not for it"
            twice = [flit for flit, times in Counter(sink.flits).items() if times > 1]
            assert not twice, f"{name} got {twice[0]:#x} twice"
            missing = set(origin) - set(sink.flits)
            assert not missing, f"{name} never got {len(missing)} flits"
            by_source = defaultdict(list)
            for flit in sink.flits:
                by_source[origin[flit]].append(flit)
            assert by_source == self.expected[name], f"{name}: flits of one source changed their order"


@cocotb.test()
async def everyone_gets_every_flit_of_random_traffic_once_whatever_stalls(dut):
    fabric = Fabric(dut)
    for sources, sinks in ((0.0, 0.0), (0.5, 0.5), (0.0, 0.8), (0.9, 0.2)):
        await fabric.reset()
        fabric.stall(sources, sinks)
        for _ in range(60):
            for node in fabric.nodes:
                kind = fabric.rng.random()
                fabric.put(node, None if kind < 0.3 else fabric.traffic.rectangle(single=kind < 0.6))
            fabric.put(HOST, fabric.traffic.rectangle(single=False))
        await fabric.drain()
        fabric.check()


@cocotb.test()
async def broadcasts_from_all_nodes_at_once_outlast_a_host_that_stalls_long(dut):
    """While the host is closed, flits to it fill the ways; nothing is lost, and all move on after."""
    fabric = Fabric(dut)
    everywhere = fabric.traffic.everywhere()
    for seed in range(2):
        await fabric.reset()
        fabric.rng.seed(seed)
        fabric.sinks["exit"].stall = 1
        for _ in range(6):
            for node in fabric.nodes:
                fabric.put(node, everywhere)
                fabric.put(node, None)
            fabric.put(HOST, everywhere)
        await fabric.cycles(600)
        assert not fabric.offered and not fabric.sinks["exit"].taken
        fabric.sinks["exit"].stall = 0.5
        await fabric.drain()
        fabric.check()


@cocotb.test()
async def broadcasts_drain_while_the_host_stays_closed(dut):
    """Without host-bound flits the host is not in the way of anything."""
    fabric = Fabric(dut)
    await fabric.reset()
    fabric.sinks["exit"].stall = 1
    for _ in range(5):
        for node in (*fabric.nodes, HOST):
            fabric.put(node, fabric.traffic.everywhere())
    await fabric.drain()
    fabric.check()


@cocotb.test()
async def a_broadcast_takes_one_cycle_a_hop(dut):
    fabric = Fabric(dut)
    for source in ((0, 0), (fabric.params.cols - 1, fabric.params.rows - 1), (1, 1)):
        await fabric.reset()
        fabric.put(source, fabric.traffic.everywhere())
        await fabric.drain()
        fabric.check()
        (began, _) = fabric.sources["in_{}_{}".format(*source)].sent[0]
        for x, y in fabric.nodes:
            hops = abs(x - source[0]) + abs(y - source[1])
            assert fabric.sinks[f"out_{x}_{y}"].taken[0][0] - began == hops + 1
