"""How fast STDBP trains: an epoch of 784-800-10 on MNIST three ways.

Literal STDBP with this project's kernels, the same with plain PyTorch (sort, cumulative sums, autograd), and
a ReLU network of the same size; batch 128, Adam, the same images, no distortion. The three take turns, a
stretch of batches at a time, so that they meet the same machine. Plain PyTorch is measured on a few batches
and scaled to the epoch, which would take half an hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress
from torch import nn
from torch.nn import functional

from yoso_sw.data import registry
from yoso_sw.learn.config import NeuronConfig
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.stdbp import plain, stdbp
from yoso_sw.learn.stdbp.layers import Dense, Extras
from yoso_sw.learn.times import SpikeTimeLoss, TemporalEncoder, spike_time_loss

BATCH, STEPS, LEVELS, THETA = 128, 64, 32, 32.0
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


class Way:
    """One of the three, its optimiser, and the seconds that its batches took."""

    def __init__(self, name: str, images: torch.Tensor, labels: torch.Tensor, threads: int) -> None:
        self.torch_threads = 1 if name == "ours" else threads  # see `stdbp.THREADS`
        self.loss, parameters = WAYS[name](1)
        self.optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
        self.images, self.labels = images, labels
        self.batches, self.wall, self.cpu = 0, 0.0, 0.0

    def train(self, batches: int, counted: bool = True) -> None:
        """Train on the next batches of the epoch."""
        torch.set_num_threads(self.torch_threads)
        wall, cpu = time.perf_counter(), time.process_time()
        for batch in range(self.batches, self.batches + batches):
            own = slice(batch * BATCH, (batch + 1) * BATCH)
            self.optimizer.zero_grad()
            self.loss(self.images[own], self.labels[own]).backward()
            self.optimizer.step()
        if counted:
            self.batches += batches
            self.wall += time.perf_counter() - wall
            self.cpu += time.process_time() - cpu


def measure(
    threads: int, batches: int, plain_batches: int, rounds: int, console: Console
) -> dict[str, object]:
    """Seconds an epoch of each way, wall and CPU, and their ratios."""
    stdbp.THREADS = threads
    samples = registry.load("mnist", "train")
    images = torch.from_numpy(samples.inputs.copy())
    labels = torch.from_numpy(samples.labels.astype(np.int64))
    epoch = len(images) // BATCH
    ways = {name: Way(name, images, labels, threads) for name in WAYS}
    counts = {name: plain_batches if name == "plain_torch_literal" else min(batches, epoch) for name in WAYS}
    with Progress(console=console) as progress:
        task = progress.add_task("batches", total=sum(counts.values()))
        for way in ways.values():
            way.train(1, counted=False)  # compiles the kernels, warms the caches
        for turn in range(rounds):
            for name, way in ways.items():
                share = counts[name] * (turn + 1) // rounds - way.batches
                way.train(share)
                progress.advance(task, share)
    report: dict[str, object] = {"threads": threads, "batch": BATCH, "epoch_batches": epoch}
    for name, way in ways.items():
        report[f"{name}_s"] = round(way.wall / way.batches * epoch, 3)
        report[f"{name}_cpu_s"] = round(way.cpu / way.batches * epoch, 3)
        report[f"{name}_batches"] = way.batches
    for suffix in ("", "_cpu"):
        own, plain_s, relu_s = (float(str(report[f"{name}{suffix}_s"])) for name in WAYS)
        report[f"ratio_vs_plain{suffix}"] = round(plain_s / own, 2)
        report[f"ratio_vs_relu{suffix}"] = round(own / relu_s, 2)
    return report
