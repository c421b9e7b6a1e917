"""A bench for one component in Amaranth's simulator: streams with stalls, recorded signals, cycle by cycle.

A cycle has three parts: sources and sinks set their side of each stream, everything settles and is recorded,
the clock ticks. Tests read and set other members between cycles.
"""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from amaranth.hdl import ResetInserter, Signal, ValueCastable
from amaranth.lib import data
from amaranth.sim import Simulator


def plain(value: Any) -> Any:
    """A simulator's value as int, dict (structures) or list (arrays)."""
    if isinstance(value, data.Const):
        layout = value.shape()
        if isinstance(layout, data.ArrayLayout):
            return [plain(value[i]) for i in range(layout.length)]
        return {name: plain(value[name]) for name, _ in layout}
    return value if isinstance(value, int) else int(value.value)


class Source:
    """Offers queued payloads on a stream, in order; holds what it offers until it is taken.

    With a `pace`, it offers the next one that many cycles after one was taken, at the earliest.
    """

    def __init__(self, bench: Bench, stream: Any, stall: float, pace: int = 1) -> None:
        self.bench, self.stream, self.stall, self.pace = bench, stream, stall, pace
        self.queue: deque = deque()
        self.sent: list[int] = []  # the cycle in which each payload was taken
        self._offering = False

    def put(self, *payloads: Any) -> None:
        self.queue.extend(payloads)

    def flush(self) -> None:
        """Offer nothing any more."""
        self.queue.clear()
        self._offering = False
        self.bench.set(self.stream.valid, 0)

    def before(self) -> None:
        if self.sent and self.bench.cycle - self.sent[-1] < self.pace:
            return
        if not self._offering and self.queue and self.bench.random.random() >= self.stall:
            self._offering = True
            self.bench.set(self.stream.payload, self.queue[0])
            self.bench.set(self.stream.valid, 1)

    def at_edge(self) -> None:
        self._taken = self._offering and self.bench.get(self.stream.ready)

    def after(self) -> None:
        if self._taken:
            self.queue.popleft()
            self.sent.append(self.bench.cycle)
            self._offering = False
            # Offer the next one without a detour over valid = 0 where nothing stalls.
            if not self.queue or self.stall or self.pace > 1:
                self.bench.set(self.stream.valid, 0)


class Sink:
    """Takes payloads from a stream; ``stall = 1`` never takes one."""

    def __init__(self, bench: Bench, stream: Any, stall: float) -> None:
        self.bench, self.stream, self.stall = bench, stream, stall
        self.taken: list = []
        self.cycles: list[int] = []  # the cycle in which each payload was taken
        self._ready = False

    def before(self) -> None:
        ready = self.bench.random.random() >= self.stall
        if ready != self._ready:
            self._ready = ready
            self.bench.set(self.stream.ready, ready)

    def at_edge(self) -> None:
        if self._ready and self.bench.get(self.stream.valid):
            self.taken.append(self.bench.get(self.stream.payload))
            self.cycles.append(self.bench.cycle)

    def after(self) -> None:
        pass


class Bench:
    """Simulates `dut`.

    Parameters
    ----------
    seed
        Of the stalls of all streams.
    resettable
        Give the design a reset, `bench.reset`.
    """

    def __init__(self, dut: Any, *, seed: int = 0, resettable: bool = False) -> None:
        self.dut, self.cycle, self.random = dut, 0, random.Random(seed)
        self._ends: list[Source | Sink] = []
        self._records: list[tuple[Any, list]] = []
        self._hooks: list[Callable[[], Iterable[tuple[Any, Any]] | None]] = []
        self.reset = Signal()
        self._sim = Simulator(ResetInserter(self.reset)(dut) if resettable else dut)
        self._sim.add_clock(1e-6, if_exists=True)
        self._sim.add_testbench(self._hold)
        self._tick()

    async def _hold(self, ctx: Any) -> None:
        self._ctx = ctx
        await ctx.delay(1e6)

    # ---- signals -------------------------------------------------------------------------------------

    def get(self, value: Any) -> Any:
        return plain(self._ctx.get(value))

    def set(self, target: Any, value: Any) -> None:
        if isinstance(target, ValueCastable) and isinstance(value, int):
            target = target.as_value()
        self._ctx.set(target, value)

    def drive(self, interface: Any = None, /, **members: Any) -> None:
        """Set members by name: of the component, or of `interface`, one of its members."""
        for name, value in members.items():
            self.set(getattr(self.dut if interface is None else interface, name), value)

    def record(self, value: Any) -> list:
        """A list that gets the value of every cycle from now on, as it is before the clock ticks."""
        samples: list = []
        self._records.append((value, samples))
        return samples

    def each_cycle(self, hook: Callable[[], Iterable[tuple[Any, Any]] | None]) -> None:
        """Call `hook` in every cycle before the clock ticks, once everything has settled.

        It may return signals with the values that they take after the tick: how a memory answers.
        """
        self._hooks.append(hook)

    def source(self, stream: Any, *payloads: Any, stall: float = 0.0, pace: int = 1) -> Source:
        source = Source(self, stream, stall, pace)
        source.put(*payloads)
        self._ends.append(source)
        return source

    def sink(self, stream: Any, *, stall: float = 0.0) -> Sink:
        sink = Sink(self, stream, stall)
        self._ends.append(sink)
        return sink

    # ---- time ----------------------------------------------------------------------------------------

    def step(self, cycles: int = 1) -> None:
        for _ in range(cycles):
            for end in self._ends:
                end.before()
            for end in self._ends:
                end.at_edge()
            for value, samples in self._records:
                samples.append(self.get(value))
            answers = [answer for hook in self._hooks for answer in hook() or ()]
            self._tick()
            for target, value in answers:
                self.set(target, value)
            for end in self._ends:
                end.after()
            self.cycle += 1

    def _tick(self) -> None:
        """To just after the next rising edge: an advance settles what is due, then moves on in time."""
        self._sim.advance()
        self._sim.advance()

    def run(self, until: Callable[[], bool], limit: int = 2000) -> None:
        """Step until `until()` holds; `limit` cycles without that are a failure."""
        end = self.cycle + limit
        while not until():
            assert self.cycle < end, f"not there after {limit} cycles"
            self.step()

    def pulse(self, interface: Any = None, /, **members: Any) -> None:
        """Set members, as `drive` does, for one cycle, then to 0."""
        self.drive(interface, **members)
        self.step()
        self.drive(interface, **dict.fromkeys(members, 0))


def held(sink: Sink, cycles: int = 40) -> Any:
    """The payload that a stream offers for `cycles` while nobody takes it; then it is taken.

    Fails unless it is offered all the time and never changes.
    """
    bench, sink.stall = sink.bench, 1.0
    bench.run(lambda: bench.get(sink.stream.valid))
    seen = []
    for _ in range(cycles):
        bench.step()
        seen.append((bench.get(sink.stream.valid), bench.get(sink.stream.payload)))
    assert all(each == (1, seen[0][1]) for each in seen), f"what waits did not stay as it was: {seen}"
    sink.stall = 0.0
    bench.step()
    sink.stall = 1.0
    assert sink.taken[-1] == seen[0][1]
    return sink.taken[-1]


def evaluate(dut: Any, cases: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outputs of a combinational component for each case of inputs."""
    bench = Bench(dut)
    outputs = [name for name, member in dut.signature.members.items() if member.flow.name == "Out"]
    results = []
    for case in cases:
        bench.drive(**case)
        results.append({name: bench.get(getattr(dut, name)) for name in outputs})
    return results


def sent_and_received(source: Source, sink: Sink, payloads: list, extra: int = 20) -> list:
    """Put `payloads`, wait until as many came out, wait `extra` cycles for more; what came out."""
    before = len(sink.taken)
    source.put(*payloads)
    source.bench.run(lambda: len(sink.taken) >= before + len(payloads), limit=200 + 60 * len(payloads))
    source.bench.step(extra)
    return sink.taken[before:]


def product(**ranges: Iterable) -> list[dict]:
    """Every combination of values, a dict each."""
    return [dict(zip(ranges, values, strict=True)) for values in itertools.product(*ranges.values())]


def signed(low: int, high: int) -> range:
    """`low` to `high`, both included."""
    return range(low, high + 1)
