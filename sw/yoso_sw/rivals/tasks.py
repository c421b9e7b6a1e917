"""What is timed: 784-800-10 by each rule, and the network that a rival trains in its place.

All three are given the same encoded batches, so that encoding is not timed, and have the same loss: the
cross-entropy of a readout that adds up what the hidden layer's spikes weigh. Only STDBP has its own, of spike
times; the rivals have none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from yoso_sw.data import registry
from yoso_sw.data.encoding import coded, spike_steps
from yoso_sw.learn import rules, trains
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.config_file import load_config
from yoso_sw.network.events import Events
from yoso_sw.network.zoo import locate
from yoso_sw.rivals.rival import MODES

HIDDEN = 800
LONG = 32  # steps beyond which a loop over them is not compiled: it is unrolled, and takes minutes

#: Rule by rule, the committed network whose settings are taken; hidden layers are made `HIDDEN` wide.
NETWORKS = {
    "stdbp": "mnist-784-800-10-stdbp",
    "count": "mnist-784-100-10-count",
    "tandem": "mnist-784-800-10-tandem",
    "clif": "mnist-784-100-10-clif",
}


@dataclass(frozen=True)
class Task:
    """One row: a rule's configuration and what its rivals are given.

    Parameters
    ----------
    config
        Of ours.
    steps
        T, the steps that each layer sees.
    constant
        Whether the image is a constant current (batch, inputs); else spike trains (T, batch, inputs).
    current, leak
        Decays of A and V, 1 - 2^-k a step, of current-based leaky neurons; 0: integrate-and-fire.
    """

    config: TrainConfig
    steps: int
    constant: bool
    current: int = 0
    leak: int = 0


@dataclass(frozen=True)
class Batch:
    """A batch as ours and as the rivals take it, and its labels."""

    ours: torch.Tensor
    rivals: torch.Tensor
    labels: torch.Tensor


def task(rule: str, hidden: int = HIDDEN, config: TrainConfig | None = None) -> Task:
    """The row of a rule; `config`: other settings than those of its network in `NETWORKS`."""
    config = config or load_config(locate(NETWORKS[rule]))
    layers = (replace(config.layers[0], neurons=hidden), *config.layers[1:])
    config = replace(config, layers=layers, augment=type(config.augment)(), teacher="")
    spiking = layers[0].neuron
    constant = rule in ("count", "tandem") and config.code == "ttfs"
    steps = spiking.end - spiking.start
    if rule == "clif":
        return Task(config, steps, constant, spiking.current, spiking.leak)
    return Task(config, steps, constant)


def batches(own: Task, count: int, size: int, dataset: str = "mnist") -> list[Batch]:
    """The first `count` batches of a set's training images. Raises `DatasetError`."""
    config = own.config
    samples = registry.load(dataset, "train", levels=config.levels, shape=config.shape)
    images, labels = samples.pair
    model = rules.rule_of(config.rule)(config)
    made = []
    for first in range(0, count * size, size):
        at = np.arange(first, first + size) % len(images)
        part = replace(samples, inputs=images[at], labels=labels[at])
        inputs: Any = coded(part, config.name, config.code, config.levels, config.seed).pair[0]
        ours = model.encode(inputs)
        if own.constant:
            theirs = ours[:, 0] / config.levels
        else:
            events = (
                inputs if isinstance(inputs, Events) else Events.of_steps(spike_steps(inputs, config.levels))
            )
            theirs = trains.of_events(events, own.steps).transpose(0, 1).contiguous()
        made.append(Batch(ours, theirs, torch.from_numpy(labels[at].astype(np.int64))))
    return made


class Ours:
    """A rule's network as the trainer has it."""

    def __init__(self, own: Task) -> None:
        self.model = rules.rule_of(own.config.rule)(own.config)
        self.parameters = list(self.model.parameters())
        self.generator = torch.Generator().manual_seed(1)

    def loss(self, batch: Batch) -> torch.Tensor:
        return self.model.loss(batch.ours, self.model(batch.ours, self.generator), batch.labels)


def check_installed() -> None:
    """Raise `ImportError` where a rival is not installed."""
    from yoso_sw.rivals import snn_torch, spiking_jelly  # noqa: F401


def ways(own: Task) -> dict[str, Any]:
    """Makers of what is timed, by name: ours, then each rival's modes as "library, mode"."""
    from yoso_sw.rivals import snn_torch, spiking_jelly  # may be missing

    makers: dict[str, Any] = {"ours": partial(Ours, own)}
    for name, library in (("snnTorch", snn_torch), ("SpikingJelly", spiking_jelly)):
        for mode in MODES:
            if mode == "compiled" and own.steps > LONG:
                continue
            makers[f"{name}, {mode}"] = partial(library.Rival, own, mode)
    return makers
