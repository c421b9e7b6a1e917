"""How fast STDBP trains: an epoch of 784-800-10 on MNIST three ways.

Literal STDBP with this project's kernels, the same with plain PyTorch (sort, cumulative sums, autograd), and
a ReLU network of the same size; batch 128, Adam, the same images, no distortion.

A figure that moves with the machine's load is none, so each way runs in a process of its own, whose waiting
threads sleep (`PASSIVE`) rather than take the cores of the others, and the first figure is its CPU seconds:
what it computed, not how long it had to wait for a core. The three take turns, a stretch of batches at a
time, so that they meet the same machine. Plain PyTorch is measured on some batches and scaled to the epoch,
which would take half an hour.

``python -m yoso_sw.learn.stdbp.speed SETTING`` is such a process (`serve`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from yoso_hw import versions

from yoso_sw.data import registry
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.layer_config import NeuronConfig
from yoso_sw.learn.stdbp import plain, stdbp
from yoso_sw.learn.stdbp.layers import Dense, Extras
from yoso_sw.learn.times import SpikeTimeLoss, TemporalEncoder, spike_time_loss

STEPS, LEVELS, THETA = 64, 32, 32.0

#: OpenMP's threads, torch's among them, sleep while they wait; by default they spin.
PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}

Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def layers(seed: int) -> tuple[Dense, Dense]:
    """Hidden and output layer of the literal network."""
    neuron, generator = NeuronConfig(threshold=THETA, end=STEPS), torch.Generator().manual_seed(seed)
    hidden = Dense(784, 800, neuron, Normal(0.02, 0.06, generator))
    return hidden, Dense(800, 10, neuron, Normal(0.1, 0.2, generator), Extras(revive=True))


def ours(seed: int) -> tuple[Step, list[nn.Parameter]]:
    """Loss of a batch by the modules of this project."""
    hidden, output = layers(seed)
    encoder = TemporalEncoder(LEVELS)
    criterion = SpikeTimeLoss(STEPS)

    def loss(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return criterion(output(hidden(encoder(images)).times).times, labels)

    return loss, [hidden.weight, output.weight]


def literal(seed: int) -> tuple[Step, list[nn.Parameter]]:
    """The same network, weights and loss in plain PyTorch."""
    hidden, output = layers(seed)
    encoder = TemporalEncoder(LEVELS)
    window = THETA, 0, STEPS, STEPS - 1

    def loss(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        times, _ = plain.spike_times(encoder(images), hidden.weight, *window)
        times, _ = plain.spike_times(times, output.weight, *window, revive=True)
        return spike_time_loss(times, labels, STEPS, 1.0)

    return loss, [hidden.weight, output.weight]


def relu(seed: int) -> tuple[Step, list[nn.Parameter]]:
    """A network of ReLU neurons of the same size."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(784, 800), nn.ReLU(), nn.Linear(800, 10))

    def loss(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(network(images.float() / 255), labels)

    return loss, list(network.parameters())


WAYS = {"ours": ours, "plain_torch_literal": literal, "relu_mlp": relu}


@dataclass(frozen=True)
class Setting:
    """What one process is to measure.

    Parameters
    ----------
    way
        One of `WAYS`.
    threads
        Of the kernels or of torch.
    batch
        Images a batch.
    dataset
        Whose training images, by name or path.
    """

    way: str
    threads: int
    batch: int = 128
    dataset: str = "mnist"


@dataclass
class Spent:
    """What batches took: how many there were, wall and CPU seconds of the process, all threads together."""

    batches: int = 0
    wall: float = 0.0
    cpu: float = 0.0

    def add(self, batches: int, wall: float, cpu: float) -> None:
        self.batches, self.wall, self.cpu = self.batches + batches, self.wall + wall, self.cpu + cpu


def images_of(setting: Setting) -> tuple[torch.Tensor, torch.Tensor]:
    """Training images and their labels."""
    images, labels = registry.load(setting.dataset, "train").pair
    return torch.from_numpy(images.copy()), torch.from_numpy(labels.astype(np.int64))


def serve(setting: Setting) -> None:
    """Train as many batches as each line of the standard input says, "batches seconds"; answer what it took.

    It stops early after that many seconds. A first batch, which compiles the kernels and warms the caches, is
    not counted.
    """
    stdbp.THREADS = setting.threads
    torch.set_num_threads(1 if setting.way == "ours" else setting.threads)  # see `stdbp.THREADS`
    images, labels = images_of(setting)
    loss, parameters = WAYS[setting.way](1)
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
    place = 0

    def train() -> None:
        nonlocal place
        own = slice(place, place + setting.batch)
        place = own.stop if own.stop + setting.batch <= len(images) else 0
        optimizer.zero_grad()
        loss(images[own], labels[own]).backward()
        optimizer.step()

    train()
    for line in sys.stdin:
        most, seconds = line.split()
        wall, cpu, done = time.perf_counter(), time.process_time(), 0
        while done < int(most) and (not done or time.perf_counter() - wall < float(seconds)):
            train()
            done += 1
        print(json.dumps([done, time.perf_counter() - wall, time.process_time() - cpu]), flush=True)


class Way:
    """A process that trains one way, and what its batches took."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.spent = setting, Spent()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "yoso_sw.learn.stdbp.speed", json.dumps(asdict(setting))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **PASSIVE, "OMP_NUM_THREADS": str(setting.threads)},
        )

    def train(self, batches: int, seconds: float) -> None:
        """Train on the next batches, for at most so long. Raises `TrainingError` if the process died."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(f"{batches} {seconds}\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        except (BrokenPipeError, ValueError):
            status = self.process.wait()
            raise TrainingError(
                f"the process that trains {self.setting.way} ended, status {status}"
            ) from None
        self.spent.add(*answer)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def measure(
    threads: int,
    batches: int,
    plain_batches: int,
    rounds: int,
    seconds: float = 60.0,
    *,
    batch: int = 128,
    dataset: str = "mnist",
    advance: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Seconds an epoch of each way on so many threads, CPU and wall, their ratios, and the load.

    Parameters
    ----------
    batches, plain_batches
        Of the fast two, an epoch at most, and of plain PyTorch.
    rounds
        Turns that the three take.
    seconds
        Most that each way may take; it is then measured on fewer batches, which the report says.
    advance
        Called with the batches of each turn.
    """
    epoch = len(images_of(Setting("ours", threads, batch, dataset))[0]) // batch
    counts = {name: plain_batches if name == "plain_torch_literal" else min(batches, epoch) for name in WAYS}
    load = os.getloadavg()[0]
    ways: dict[str, Way] = {}
    try:
        for name in WAYS:
            ways[name] = Way(Setting(name, threads, batch, dataset))
            ways[name].train(0, 0.0)  # waits until it is warm: the next has the machine to itself
        for turn in range(rounds):
            for name, way in ways.items():
                share = counts[name] * (turn + 1) // rounds - counts[name] * turn // rounds
                way.train(share, seconds / rounds)
                advance(share)
    finally:
        for way in ways.values():
            way.end()
    report: dict[str, Any] = {"threads": threads, "batch": batch, "epoch_batches": epoch}
    report |= {"load_before": round(load, 2), "load_after": round(os.getloadavg()[0], 2)}
    for name, way in ways.items():
        spent = way.spent
        report[f"{name}_s"] = round(spent.wall / spent.batches * epoch, 3)
        report[f"{name}_cpu_s"] = round(spent.cpu / spent.batches * epoch, 3)
        report[f"{name}_batches"] = spent.batches
    for suffix in ("", "_cpu"):
        own, plain_s, relu_s = (report[f"{name}{suffix}_s"] for name in WAYS)
        report[f"ratio_vs_plain{suffix}"] = round(plain_s / own, 2)
        report[f"ratio_vs_relu{suffix}"] = round(own / relu_s, 2)
    return report


def about() -> dict[str, Any]:
    """What all measurements share: machine, environment of the processes, tools."""
    return {"cores": os.cpu_count(), "environment": PASSIVE, "tools": versions.of("training")}


if __name__ == "__main__":
    serve(Setting(**json.loads(sys.argv[1])))
