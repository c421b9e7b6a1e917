"""A host for a chip in Amaranth's simulator: sends packets, collects answers and spikes."""

from __future__ import annotations

import random
from collections.abc import Iterable

from amaranth.sim import Simulator
from yoso_hw.chip import Chip
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams


class ChipHost:
    """Runs `Chip(params)`; every `send` continues where the last one stopped.

    Parameters
    ----------
    stall
        Probability that the host neither offers a flit nor takes an answer in a cycle.
    """

    def __init__(self, params: ChipParams, *, stall: float = 0.0, seed: int = 0) -> None:
        self.params = params
        self.packets = Packets(params)
        self.stall = stall
        self.random = random.Random(seed)
        self.spikes: list[tuple[int, int, int, int]] = []
        self._queue: list[int] = []
        self._answers: list[int] = []
        self._enough = 0
        self._cycles_left = 0
        self._chip = Chip(params)
        self._sim = Simulator(self._chip)
        self._sim.add_clock(1e-8)
        self._sim.add_testbench(self._run)

    async def _run(self, ctx) -> None:
        chip = self._chip
        bits = self.packets.flit_bits
        while True:
            held = chip.host_in.valid
            offering = bool(self._queue) and (ctx.get(held) or self.random.random() >= self.stall)
            taking = self.random.random() >= self.stall
            ctx.set(chip.host_in.valid, offering)
            if offering:
                ctx.set(chip.host_in.payload, self._queue[0])
            ctx.set(chip.host_out.ready, taking)
            if offering and ctx.get(chip.host_in.ready):
                self._queue.pop(0)
                sent = True
            else:
                sent = False
            if taking and ctx.get(chip.host_out.valid):
                self._answers.append(ctx.get(chip.host_out.payload))
            trace = ctx.get(chip.trace_valid)
            if trace:
                flits = ctx.get(chip.trace_flit)
                for node in range(self.params.nodes):
                    if trace >> node & 1:
                        x, y = node % self.params.cols, node // self.params.cols
                        flit = flits >> (node * bits) & ((1 << bits) - 1)
                        self.spikes.append((x, y, ctx.get(chip.step), flit))
            await ctx.tick()
            if sent:
                ctx.set(chip.host_in.valid, 0)
            self._cycles_left -= 1

    def send(self, flits: Iterable[int], answers: int = 0, *, limit: int = 200_000) -> list[dict]:
        """Send `flits`, and go on until `answers` packets came back; returns those, unpacked."""
        self._queue += [int(flit) for flit in flits]
        self._cycles_left = limit
        while self._queue or len(self._answers) < answers:
            self._sim.advance()
            if self._cycles_left <= 0:
                raise TimeoutError(
                    f"{limit} cycles: {len(self._queue)} flits unsent, answers {self._answers}"
                )
        taken, self._answers = self._answers[:answers], self._answers[answers:]
        return [self.packets.unpack(flit) for flit in taken]
