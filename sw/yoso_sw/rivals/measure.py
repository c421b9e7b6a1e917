"""Batches of each rule, ours and its rivals' in turn, in one process: medians and their ratios.

Everything is loaded and warm before anything is timed. In each round every way trains the same few batches,
so that all meet the same machine. What a round took is the CPU time of the process, all threads together, and
beside it the wall time; a figure is the median over the rounds, and an epoch is a batch times its batches.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from yoso_hw import versions

from yoso_sw.data import registry
from yoso_sw.learn.stdbp import stdbp
from yoso_sw.rivals.tasks import Batch, Task, batches, task, ways

OURS = "ours"
LIBRARIES = ("snnTorch", "SpikingJelly")


@dataclass
class Way:
    """One network in training, and what its rounds took a batch: CPU and wall seconds."""

    name: str
    made: Any
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.Adam(self.made.parameters, lr=1e-3, fused=True)

    def train(self, batch: Batch) -> None:
        self.optimizer.zero_grad()
        self.made.loss(batch).backward()
        self.optimizer.step()

    def turn(self, given: list[Batch]) -> None:
        """One round, which counts."""
        wall, cpu = time.perf_counter(), time.process_time()
        for batch in given:
            self.train(batch)
        self.cpu.append((time.process_time() - cpu) / len(given))
        self.wall.append((time.perf_counter() - wall) / len(given))


def on_threads(way: str, rule: str, threads: int) -> None:
    """Give a way its threads; STDBP's kernels have their own, whose cores torch's would take."""
    stdbp.THREADS = threads
    torch.set_num_threads(1 if way == OURS and rule == "stdbp" else threads)


def measure(
    rule: str,
    threads: int,
    size: int = 128,
    count: int | None = None,
    rounds: int = 7,
    *,
    dataset: str = "mnist",
    own: Task | None = None,
    makers: dict[str, Callable[[], Any]] | None = None,
    skip: tuple[str, ...] = (),
    advance: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """A rule's row: seconds an epoch of each way, and how many times ours the fastest of each library takes.

    Parameters
    ----------
    size, count, rounds
        Images a batch, batches a round (None: as many as have 40 steps), rounds.
    own, makers
        Another task, other ways than `tasks.ways`.
    skip
        Modes that are not tried.
    advance
        Called with the name of each way when it is warm, and in each round.

    Raises
    ------
    DatasetError
        If the set is missing.
    """
    own = own or task(rule)
    count = count or max(1, 40 // own.steps)
    given = batches(own, count, size, dataset)
    epoch = (
        len(registry.load(dataset, "train", levels=own.config.levels, shape=own.config.shape).labels) // size
    )
    load = os.getloadavg()[0]
    all_ways = []
    for name, make in (ways(own) if makers is None else makers).items():
        if any(name.endswith(mode) for mode in skip):
            continue
        on_threads(name, rule, threads)
        all_ways.append(Way(name, make()))
        for batch in given[:2]:
            all_ways[-1].train(batch)
        advance(name)
    for _ in range(rounds):
        for way in all_ways:
            on_threads(way.name, rule, threads)
            gc.collect()
            way.turn(given)
            advance(way.name)
    row: dict[str, Any] = {"rule": rule, "steps": own.steps, "threads": threads, "batch": size}
    row |= {"batches": count * rounds, "epoch_batches": epoch, "rounds": rounds}
    row |= {"load_before": round(load, 2), "load_after": round(os.getloadavg()[0], 2)}
    row["ways"] = {
        way.name: {
            "cpu_s": round(epoch * statistics.median(way.cpu), 3),
            "wall_s": round(epoch * statistics.median(way.wall), 3),
        }
        for way in all_ways
    }
    row["fastest"] = fastest(row["ways"])
    return row


def fastest(times: dict[str, dict[str, float]]) -> dict[str, dict[str, Any]]:
    """Of each library the mode that takes the least CPU time, and how many times ours it takes."""
    found: dict[str, dict[str, Any]] = {}
    for name, took in times.items():
        library, _, mode = name.partition(", ")
        if library == OURS or took["cpu_s"] >= found.get(library, {"cpu_s": float("inf")})["cpu_s"]:
            continue
        found[library] = {"mode": mode, **took}
        for key in ("cpu", "wall"):
            found[library][f"{key}_ratio"] = round(took[f"{key}_s"] / times[OURS][f"{key}_s"], 2)
    return found


def about() -> dict[str, Any]:
    """What all rows share: the machine, and the versions."""
    return {"cores": os.cpu_count(), "tools": versions.of("training", "rivals")}
