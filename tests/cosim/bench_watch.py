"""cocotb bench: what `yoso_sim.watch` writes down of an image is what the chip counts and Python sees."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge
from support import chip_cases
from support.reference import random_events
from yoso_hw.params import ChipParams
from yoso_sim.compare import compare
from yoso_sim.host import Host
from yoso_sim.link import Link
from yoso_sim.watch import RECORD, Flits, Part, Steps, Watch
from yoso_sw.network import golden

PARAMS = ChipParams.from_json(os.environ["YOSO_CHIP"])

#: Where a link of a node leads, and the port there.
LINKS = {"east": (1, 0, "west"), "west": (-1, 0, "east"), "north": (0, 1, "south"), "south": (0, -1, "north")}

#: Signals that Python looks at, by module: the watch counts by none of them but the tick.
LOOKED_AT = {
    "yoso_sim": ("clk", "tick"),
    "yoso_node": ("leaf", *(f"in_{link}_{end}" for link in LINKS for end in ("valid", "ready"))),
    "yoso_node.pe.memories": ("core__v_write", "core__w_read"),
}

#: Cycles from a step's tick to the nodes'.
DOWN = 2


def reach() -> tuple[str, ...]:
    """Lines of Verilator's control file that show Python the signals."""
    return tuple(
        f'public_flat_rd -module "{module}" -var "{name}"'
        for module, names in LOOKED_AT.items()
        for name in names
    )


class Look:
    """Signals of every node, cycle by cycle."""

    def __init__(self, dut: Any) -> None:
        self.clk, self.root = dut.clk, dut.tick
        places = [(x, y) for y in range(PARAMS.rows) for x in range(PARAMS.cols)]
        nodes = [getattr(dut.chip.mesh, f"node_{x}_{y}") for x, y in places]
        self.signals = {
            "leaf": [node.leaf for node in nodes],
            "sweep": [node.pe.memories.core__v_write for node in nodes],
            "spikes": [node.pe.memories.core__w_read for node in nodes],
        }
        for link in LINKS:
            for end in ("valid", "ready"):
                self.signals[f"{link} {end}"] = [getattr(node, f"in_{link}_{end}") for node in nodes]
        self.ticks: list[int] = []
        self.seen: dict[str, list[list[int]]] = {name: [] for name in self.signals}

    async def run(self) -> None:
        """Look in every cycle, until cancelled."""
        while True:
            await RisingEdge(self.clk)
            await ReadOnly()
            self.ticks.append(int(self.root.value))
            for name, signals in self.signals.items():
                self.seen[name].append([int(signal.value) for signal in signals])

    def steps(self, cycles: int) -> list[tuple[int, int]]:
        """First cycle of each step of the one image, and the one after its last."""
        begins = np.flatnonzero(self.ticks).tolist()
        return list(zip(begins, [*begins[1:], begins[0] + cycles], strict=True))

    def sums(self, name: str, begin: int, end: int) -> np.ndarray:
        """In how many cycles each node's signal was high, (rows, cols)."""
        return np.array(self.seen[name][begin:end]).sum(0).reshape(PARAMS.rows, PARAMS.cols)

    def entered(self, port: str, begin: int, end: int) -> np.ndarray:
        """Flits that came in at a port of each node, (rows, cols)."""
        both = np.array(self.seen[f"{port} valid"]) & np.array(self.seen[f"{port} ready"])
        return both[begin:end].sum(0).reshape(PARAMS.rows, PARAMS.cols)

    def idle(self, begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """By the leaves, each node's cycles with nothing to do: all, and those before and after its work."""
        # The leaf is a register, so it speaks of the cycle before. It is not idle in the node's own tick.
        idle = (np.array(self.seen["leaf"])[begin + 1 : end + 1] & 3) > 0
        idle[DOWN] = True
        outer = [DOWN + 1 + int(np.argmin([*own[DOWN + 1 :][::-1], False])) for own in idle.T]
        shape = PARAMS.rows, PARAMS.cols
        return idle.sum(0).reshape(shape), np.array(outer).reshape(shape)


def check(steps: Steps, look: Look, cycles: int) -> None:
    """The record says what Python saw, step by step."""
    places = look.steps(cycles)
    assert steps.cycles.tolist() == [end - begin for begin, end in places]
    for i, (begin, end) in enumerate(places):
        parts, flits = steps.parts[i], steps.flits[i]
        # Written and read in the same step, if not in the same cycle as in the adders.
        assert (parts[..., Part.SWEEP] == look.sums("sweep", begin, end)).all(), f"sweep, step {i}"
        assert (parts[..., Part.SPIKES] == look.sums("spikes", begin, end)).all(), f"spikes, step {i}"
        idle, outer = look.idle(begin, end)
        # The host's first spike may be in node (0, 0) before the tick is.
        slack = np.zeros_like(idle)
        slack[0, 0] = 1
        rest = parts[..., Part.WAITING] + parts[..., Part.BARRIER]
        assert (abs(rest - idle) <= slack).all(), f"idle, step {i}"
        assert (abs(parts[..., Part.BARRIER] - outer) <= slack).all(), f"barrier, step {i}"
        for link, (dx, dy, port) in LINKS.items():
            entered = look.entered(port, begin, end)
            for y, x in np.ndindex(PARAMS.rows, PARAMS.cols):
                if 0 <= x + dx < PARAMS.cols and 0 <= y + dy < PARAMS.rows:
                    assert flits[y, x, Flits[link.upper()]] == entered[y + dy, x + dx], f"{link}, step {i}"
        assert flits[0, 0, Flits.HOST] == look.entered("west", begin, end)[0, 0], f"host, step {i}"
        assert flits[..., Flits.HOST].sum() == flits[0, 0, Flits.HOST]


@cocotb.test()
async def the_watch_writes_what_the_chip_counts_and_what_python_sees(dut):
    link = Link(dut, patience=20_000)
    await link.reset()
    host, looks = Host(link, PARAMS), os.environ["YOSO_LOOKS"] == "1"
    seen = np.zeros(len(Part), np.int64)
    for number in range(4):
        network, image = chip_cases.random_network(random.Random(number), PARAMS)
        inputs = random_events(np.random.default_rng(number), 3, network)
        early = bool(number % 2)
        reference = golden.run(network, inputs, params=PARAMS, early_exit=early)
        await host.load(image)
        await host.clear_counters()
        watch = Watch(PARAMS)
        link.stall(*((100, 100) if number == 3 else (0, 0)))
        for i in range(3):
            look = Look(dut) if looks else None
            task = cocotb.start_soon(look.run()) if look else None
            outcome = await host.classify(image, inputs[i], early)
            if task:
                task.cancel()
            assert not (notes := compare(image, outcome, reference, i).notes), notes
            watch.look(outcome.cycles)
            if look:
                check(Steps.read(Path(RECORD), PARAMS.cols, PARAMS.rows), look, outcome.cycles)
        link.stall(0, 0)
        assert not (notes := watch.differences(await host.counters())), (number, notes)
        seen += watch.parts.sum((0, 1))
    always = [Part.SWEEP, Part.SPIKES, Part.PASSING, Part.WAITING, Part.BARRIER]
    assert (seen[always] > 0).all() and (seen[Part.STALLED] > 0) == PARAMS.banked, seen
