"""cocotb bench of one router at several places of the mesh."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import cocotb
from support.blocks import bench_params
from support.routes import HOST, Traffic, crossing, nodes_of, path, path_to_host
from support.streams import StreamBench

PORTS = ("local", "east", "west", "north", "south")

#: Corners, edges and the inside of the 4 x 3 mesh.
PLACES = ((0, 0), (3, 0), (0, 2), (3, 2), (0, 1), (2, 0), (1, 1), (2, 1))

#: (chance that an input holds back, chance that an output is not ready)
STALLS = ((0.0, 0.0), (0.5, 0.5), (0.0, 0.8), (0.8, 0.0))


class Router(StreamBench):
    """A router, and what it was given and must give."""

    def __init__(self, dut, seed: int = 1) -> None:
        super().__init__(dut, [f"in_{p}" for p in PORTS], [f"out_{p}" for p in PORTS], seed)
        self.params = bench_params()
        self.expected: dict[str, dict[str, list[int]]] = {}

    async def place(self, x: int, y: int) -> None:
        self.here = (x, y)
        self.dut.x.value, self.dut.y.value = x, y
        await self.reset()
        self.traffic = Traffic(self.params, self.rng)
        self.expected = {out: defaultdict(list) for out in PORTS}

    def neighbours(self) -> set[str]:
        """Ports that lead somewhere; the host is the west neighbour of node (0, 0)."""
        x, y = self.here
        there = {
            "local": True,
            "east": x + 1 < self.params.cols,
            "west": x > 0 or self.here == (0, 0),
            "north": y + 1 < self.params.rows,
            "south": y > 0,
        }
        return {port for port, leads in there.items() if leads}

    def offer(self) -> None:
        """Queue one random flit that X-Y routing brings through this router."""
        while True:
            kind = self.rng.random()
            source = (self.rng.randrange(self.params.cols), self.rng.randrange(self.params.rows))
            if self.here == (0, 0) and self.rng.random() < 0.2:
                source = HOST
            if kind < 0.25 and source != HOST:
                rectangle, paths = None, [path_to_host(source)]
            else:
                rectangle = self.traffic.rectangle(single=kind < 0.6)
                paths = [path(source, node) for node in nodes_of(rectangle)]
            passes = crossing(paths, source, self.here)
            if passes is not None:
                self.put(passes[0], passes[1], self.traffic.flit(rectangle))
                return

    def put(self, enters: str, leaves: set[str], flit: int) -> None:
        self.sources[f"in_{enters}"].queue.append(flit)
        for out in leaves:
            self.expected[out][enters].append(flit)

    async def drain(self, limit: int = 5000) -> None:
        await self.settle(lambda: self.dut.empty.value, "the router is empty", limit)

    def check(self) -> None:
        """Every flit left where it must, once, and in order among those of its input."""
        for out in PORTS:
            taken = self.sinks[f"out_{out}"].flits
            inputs = {flit: i for i, flits in self.expected[out].items() for flit in flits}
            by_input = defaultdict(list)
            for flit in taken:
                assert flit in inputs, f"router {self.here}: {flit:#x} left by {out}"
                by_input[inputs[flit]].append(flit)
            assert by_input == self.expected[out], (
                f"router {self.here}: flits lost, doubled or swapped at {out}"
            )


@cocotb.test()
async def every_flit_leaves_once_by_the_ports_of_its_tree_in_order_whatever_stalls(dut):
    router = Router(dut)
    for place in PLACES:
        for sources, sinks in STALLS:
            await router.place(*place)
            router.stall(sources, sinks)
            for _ in range(300):
                router.offer()
            await router.drain()
            router.check()
            # Every input that X-Y routing uses here was used.
            used = {name[3:] for name, source in router.sources.items() if source.sent}
            assert used == router.neighbours(), f"router {place}: inputs {used} were used"


@cocotb.test()
async def an_output_that_is_closed_holds_back_no_other(dut):
    router = Router(dut)
    for closed in PORTS:
        await router.place(1, 1)
        router.sinks[f"out_{closed}"].stall = 1
        x, y = {"local": (1, 1), "east": (3, 1), "west": (0, 1), "north": (1, 2), "south": (1, 0)}[closed]
        lane = "east" if closed == "west" else "west"  # an input that can lead there
        router.put(lane, {closed}, router.traffic.flit((x, x, y, y)))
        others = {
            "local": ((1, 1, 1, 1), "south"),
            "north": ((1, 1, 2, 2), "local"),
            "south": ((1, 1, 0, 0), "local"),
        }
        for out, (rectangle, enters) in others.items():
            if out != closed:
                for _ in range(5):
                    router.put(enters, {out}, router.traffic.flit(rectangle))
        await router.until(lambda: router.offered, "the others are through", 100)
        await router.cycles(20)
        for out in others:
            assert len(router.sinks[f"out_{out}"].taken) == (0 if out == closed else 5)
        assert not dut.empty.value
        router.sinks[f"out_{closed}"].stall = 0
        await router.drain()
        router.check()


@cocotb.test()
async def flits_keep_the_pace_of_the_links_when_nothing_is_in_the_way(dut):
    router = Router(dut)
    count = 40
    # Straight through on all five ports at once; then a multicast that leaves by four ports.
    straight = {
        "local": ("local", (1, 1, 1, 1)),
        "west": ("east", (3, 3, 1, 1)),
        "east": ("west", (0, 0, 1, 1)),
        "north": ("south", (1, 1, 0, 0)),
        "south": ("north", (1, 1, 2, 2)),
    }
    for flows in (
        {enters: ({leaves}, rectangle) for enters, (leaves, rectangle) in straight.items()},
        {"west": ({"local", "east", "north", "south"}, (1, 3, 0, 2))},
    ):
        await router.place(1, 1)
        for enters, (leaves, rectangle) in flows.items():
            for _ in range(count):
                router.put(enters, leaves, router.traffic.flit(rectangle))
        await router.drain()
        router.check()
        went: set[int] = set()
        # With a crossbar each port moves a flit a cycle. With a bus one port alone moves one every other
        # cycle, all together one a cycle; an input's first flit finds nobody before it.
        crossbar = router.params.link_cycles == 1
        pace = 1 if crossbar else max(2, len(flows))
        turn = 1 if crossbar else len(flows)
        for enters, (leaves, _) in flows.items():
            sent = [cycle for cycle, _ in router.sources[f"in_{enters}"].sent]
            gaps = {after - before for before, after in pairwise(sent[1:])}
            assert gaps == {pace}, f"{enters} was held back"
            for out in leaves:
                taken = [cycle for cycle, _ in router.sinks[f"out_{out}"].taken]
                late = {there - here for here, there in zip(sent, taken, strict=True)}
                assert 1 <= min(late) and max(late) <= turn, f"{enters} to {out} waits for more than its turn"
                went |= set(taken)
        assert len(went) == count * (1 if crossbar else len(flows)), "a bus moved two flits in a cycle"


@cocotb.test()
async def no_input_starves(dut):
    """Every input asks for the same output without pause: each is served once in any round."""
    router = Router(dut)
    x, y = 1, 1
    contended = {
        "local": (x, x, y, y),
        "north": (x, x, 2, 2),
        "south": (x, x, 0, 0),
        "east": (3, 3, y, y),
        "west": (0, 0, y, y),
    }
    inputs = {
        "local": PORTS,
        "north": ("local", "east", "west", "south"),
        "south": ("local", "east", "west", "north"),
        "east": ("local", "west"),
        "west": ("local", "east"),
    }
    for out, rectangle in contended.items():
        for stall in (0.0, 0.6):
            await router.place(x, y)
            router.stall(0, stall)
            for enters in inputs[out]:
                for _ in range(20):
                    router.put(enters, {out}, router.traffic.flit(rectangle))
            await router.drain()
            router.check()
            origin = {flit: i for i, flits in router.expected[out].items() for flit in flits}
            order = [origin[flit] for flit in router.sinks[f"out_{out}"].flits]
            fair = len(inputs[out])
            # The first flits may leave before the last input has one.
            for start in range(fair, 15 * fair):
                window = order[start : start + fair]
                assert set(window) == set(inputs[out]), f"at {out}, stalls {stall}: {window}"


@cocotb.test()
async def a_branch_that_is_served_waits_for_the_others_and_is_not_served_again(dut):
    """A multicast into four outputs of which one at a time is closed."""
    router = Router(dut)
    outs = ("local", "east", "north", "south")
    for closed in outs:
        await router.place(1, 1)
        router.sinks[f"out_{closed}"].stall = 1
        for _ in range(2):
            router.put("west", set(outs), router.traffic.flit((1, 3, 0, 2)))
        await router.cycles(20)
        got = {out: len(router.sinks[f"out_{out}"].taken) for out in outs}
        assert got == {out: int(out != closed) for out in outs}
        router.sinks[f"out_{closed}"].stall = 0
        await router.drain()
        router.check()
