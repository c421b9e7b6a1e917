"""Valid/ready streams under cocotb: sources that offer flits, sinks that take them, both with random stalls.

One task, the test's own, moves all streams of a block: it wakes once a cycle, because waking Python is what
a bench costs. Values read just after a rising edge are those that held before it, so a wake-up sees exactly
what the block saw at the edge, and what it writes holds for the cycle that begins.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from yoso_sim import observed


class Source:
    """Drives a stream into the block. A flit once offered stays, unchanged, until it is taken.

    Attributes
    ----------
    stall
        Chance that the next flit is held back in a cycle; 0: one flit a cycle if the block takes it.
    queue
        Flits still to be taken, in order.
    sent
        (cycle, flit) of every flit that was taken.
    """

    def __init__(self, dut: Any, name: str, rng: random.Random) -> None:
        self.name = name
        self.stall = 0.0
        self.queue: deque[int] = deque()
        self.sent: list[tuple[int, int]] = []
        self._rng = rng
        self._offering = False
        self._valid, self._ready = getattr(dut, f"{name}_valid"), getattr(dut, f"{name}_ready")
        self._data = getattr(dut, f"{name}_data")

    def reset(self) -> None:
        self.stall, self._offering = 0.0, False
        self.queue.clear()
        self.sent.clear()
        self._valid.value = 0

    def cycle(self, now: int) -> None:
        offered = self._offering
        if offered and self._ready.value:
            self.sent.append((now, self.queue.popleft()))
            self._offering = False
        if not self._offering and self.queue and (self.stall == 0 or self._rng.random() >= self.stall):
            self._data.value = self.queue[0]
            self._offering = True
        if self._offering != offered:
            self._valid.value = self._offering


class Sink:
    """Takes a stream out of the block.

    A router may change what it offers while it is not taken (another input wins), so nothing is looked at
    but flits that move.

    Attributes
    ----------
    stall
        Chance that the sink is not ready in a cycle; 1: closed.
    taken
        (cycle, flit) of every flit, in order.
    blocked
        Cycles in which a flit was offered and not taken.
    """

    def __init__(self, dut: Any, name: str, rng: random.Random) -> None:
        self.name = name
        self.stall = 0.0
        self.taken: list[tuple[int, int]] = []
        self.blocked = 0
        self._rng = rng
        self._open = False
        self._valid, self._ready = getattr(dut, f"{name}_valid"), getattr(dut, f"{name}_ready")
        self._data = getattr(dut, f"{name}_data")

    @property
    def flits(self) -> list[int]:
        """What was taken, without the cycles."""
        return [flit for _, flit in self.taken]

    def reset(self) -> None:
        self.stall, self.blocked, self._open = 0.0, 0, False
        self.taken.clear()
        self._ready.value = 0

    def cycle(self, now: int) -> None:
        was_open = self._open
        if self._valid.value:
            if was_open:
                flit = self._data.value.to_unsigned()
                self.taken.append((now, flit))
                observed.keep(b"%s %d %x\n" % (self.name.encode(), now, flit))
            else:
                self.blocked += 1
        self._open = self.stall == 0 or self._rng.random() >= self.stall
        if self._open != was_open:
            self._ready.value = self._open


class StreamBench:
    """A block with its clock, reset and streams.

    Parameters
    ----------
    dut
        cocotb's handle of the block.
    sources, sinks
        Names of the streams into and out of the block, as `yoso_hw.ports` names them.
    seed
        Of `rng`, from which every stall is drawn, and whatever else a test wants random.
    """

    def __init__(self, dut: Any, sources: Iterable[str], sinks: Iterable[str], seed: int = 1) -> None:
        self.dut = dut
        self.rng = random.Random(seed)
        self.sources = {name: Source(dut, name, self.rng) for name in sources}
        self.sinks = {name: Sink(dut, name, self.rng) for name in sinks}
        self.now = 0
        self._edge = RisingEdge(dut.clk)
        Clock(dut.clk, 2, "ns").start()

    async def reset(self) -> None:
        """Forget all flits and reset the block; memories keep what they hold."""
        for source in self.sources.values():
            source.reset()
        for sink in self.sinks.values():
            sink.reset()
        self.dut.rst.value = 1
        for _ in range(3):
            await self._edge
        self.dut.rst.value = 0
        await self.cycles(2)

    def stall(self, sources: float, sinks: float) -> None:
        """Set the chance of a stall of all sources, and of all sinks."""
        for source in self.sources.values():
            source.stall = sources
        for sink in self.sinks.values():
            sink.stall = sinks

    @property
    def offered(self) -> bool:
        """Every flit given to the sources was taken."""
        return not any(source.queue for source in self.sources.values())

    async def cycle(self) -> None:
        """One clock cycle of all streams."""
        await self._edge
        self.now += 1
        for source in self.sources.values():
            source.cycle(self.now)
        for sink in self.sinks.values():
            sink.cycle(self.now)

    async def cycles(self, count: int) -> None:
        for _ in range(count):
            await self.cycle()

    async def until(self, condition: Callable[[], Any], what: str, limit: int = 5000) -> None:
        """Go on until `condition`, looked at once a cycle; fails after `limit` cycles, saying `what`."""
        end = self.now + limit
        while not condition():
            if self.now >= end:
                left = {name: len(source.queue) for name, source in self.sources.items() if source.queue}
                raise AssertionError(f"{limit} cycles and still not: {what}; flits not taken: {left}")
            await self.cycle()

    async def settle(self, quiet: Callable[[], Any], what: str, limit: int = 5000) -> None:
        """Go on until every flit given to the sources was taken and, after that, the block is `quiet`."""
        await self.until(lambda: self.offered, "every flit is taken", limit)
        await self.cycle()  # the last one was taken at the edge that has just been: now the block shows it
        await self.until(quiet, what, limit)
