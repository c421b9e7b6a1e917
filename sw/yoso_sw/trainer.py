"""The training loop: two phases, a checkpoint an epoch, and the same result however often it was killed.

Everything random in an epoch comes from (seed, epoch), so a checkpoint needs no generator states.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from yoso_sw import caltech, datasets, golden, stdbp
from yoso_sw.config import TrainConfig
from yoso_sw.encoding import spike_steps
from yoso_sw.model import Model, TrainingError, input_times
from yoso_sw.network import NEVER, Network

CHECKPOINT_VERSION = 1
BLOCK = 16  # batches that are distorted and encoded in one go


@dataclass(frozen=True, eq=False)
class Data:
    """Training, validation and test images (uint8, (n, inputs)) and labels (uint8, (n,))."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]

    @classmethod
    def split(
        cls, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], validation: int
    ) -> Data:
        """Keep the last `validation` training images apart."""
        images, labels = train
        cut = len(images) - validation
        if cut < 1:
            raise TrainingError(f"{len(images)} training images leave none beside validation={validation}")
        return cls((images[:cut], labels[:cut]), (images[cut:], labels[cut:]), test)

    @classmethod
    def load(cls, config: TrainConfig) -> Data:
        """The data of a configuration; its seed chooses the split of a set that has none of its own.

        Raises
        ------
        DatasetError
            If the set is unknown, missing or damaged.
        """
        if config.dataset == caltech.NAME:
            return cls(*caltech.load(config.rows, config.inputs // config.rows, config.seed))
        return cls.split(
            datasets.load(config.dataset, "train"),
            datasets.load(config.dataset, "test"),
            config.validation,
        )


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to: mean loss, validation accuracy in per cent, mean spikes an image by layer."""

    number: int
    whole: bool
    loss: float
    accuracy: float
    spikes: tuple[float, ...]


class Trainer:
    """Trains one `TrainConfig`.

    Parameters
    ----------
    config, data
        What to train, on what. The test set is used twice, at the end of each phase, and chooses nothing.
    checkpoint
        File that holds the state after the last whole epoch; None: no checkpoints.
    """

    def __init__(self, config: TrainConfig, data: Data, checkpoint: Path | None = None) -> None:
        self.config = config
        self.data = data
        self.checkpoint = checkpoint
        self.model = Model(config)
        self.epoch = 0
        self.float_accuracy = math.nan
        self.optimizer = self._fresh_optimizer()
        if len(data.train[0]) < config.batch:
            raise TrainingError(f"{len(data.train[0])} training images are fewer than batch={config.batch}")
        if data.train[0].shape[1] != config.inputs:
            raise TrainingError(f"images have {data.train[0].shape[1]} pixels, not inputs={config.inputs}")
        if checkpoint is not None and checkpoint.exists():
            self._resume(checkpoint)

    @property
    def epochs(self) -> int:
        return self.config.float_epochs + self.config.integer_epochs

    def run(
        self, report: Callable[[Epoch], None] = lambda _: None, tick: Callable[[], None] = lambda: None
    ) -> None:
        """Train what is left. `report` is called after each epoch, `tick` after each batch.

        Raises `TrainingError` if the loss is no longer finite.
        """
        while self.epoch < self.epochs:
            if self.epoch == self.config.float_epochs:
                self.model.quantise()
                self.optimizer = self._fresh_optimizer()
            loss = self._one_epoch(tick)
            self.epoch += 1
            accuracy, spikes = self.evaluate(self.data.validation)
            if self.epoch == self.config.float_epochs:
                self.float_accuracy, _ = self.evaluate(self.data.test)
            self._save()
            report(Epoch(self.epoch, self.model.scales is not None, loss, accuracy, spikes))

    def evaluate(self, part: tuple[np.ndarray, np.ndarray]) -> tuple[float, tuple[float, ...]]:
        """Accuracy in per cent and mean spikes an image by layer, of the model in its present phase."""
        images, labels = part
        right, spikes = 0, np.zeros(len(self.config.layers))
        with torch.no_grad():
            for first in range(0, len(images), 1000):
                own = slice(first, first + 1000)
                results = self.model(input_times(spike_steps(images[own], self.config.levels)))
                decisions = stdbp.decide(*results[-1]).numpy()
                right += int((decisions == labels[own]).sum())
                spikes += [int(times.isfinite().sum()) for times, _ in results]
        return 100 * right / len(images), tuple(spikes / len(images))

    def network(self, command: str) -> Network:
        """The trained integer network, measured by the golden model on the test set."""
        if self.epoch < self.epochs:
            raise TrainingError(f"only {self.epoch} of {self.epochs} epochs are trained")
        config = self.config
        network = self.model.export({})
        images, labels = self.data.test
        result = golden.run(network, images)
        about = {
            "dataset": config.dataset,
            "seed": config.seed,
            "command": command,
            "float_accuracy": round(self.float_accuracy, 2),
            "golden_accuracy": round(100 * float((result.decisions == labels).mean()), 2),
            "validation_accuracy": round(self.evaluate(self.data.validation)[0], 2),
            "spikes": [round(float((steps != NEVER).sum(1).mean()), 1) for steps in result.steps],
            "epochs": [config.float_epochs, config.integer_epochs],
        }
        return dataclasses.replace(network, about=about)

    def _one_epoch(self, tick: Callable[[], None]) -> float:
        config = self.config
        rng = np.random.default_rng((config.seed, self.epoch))
        dropout = torch.Generator().manual_seed(config.seed * 100_000 + self.epoch)
        images, labels = self.data.train
        order = rng.permutation(len(images))
        batches = len(order) // config.batch
        total = 0.0
        for batch in range(batches):
            place = batch % BLOCK
            if place == 0:
                block = order[batch * config.batch : min(batch + BLOCK, batches) * config.batch]
                times = input_times(spike_steps(config.augment(images[block], rng), config.levels))
                targets = torch.from_numpy(labels[block].astype(np.int64))
            own = slice(place * config.batch, (place + 1) * config.batch)
            self._set_rate(batch, batches)
            loss = self.model.loss(self.model(times[own], dropout), targets[own])
            value = float(loss.detach())
            if not math.isfinite(value):
                raise TrainingError(
                    f"the loss is {value} in epoch {self.epoch + 1}, batch {batch + 1}: "
                    "lower the learning rate or check the thresholds and first weights"
                )
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += value
            tick()
        return total / batches

    def _set_rate(self, batch: int, batches: int) -> None:
        """Each phase warms up and falls as a cosine."""
        config = self.config
        whole = self.model.scales is not None
        epochs = config.integer_epochs if whole else config.float_epochs
        done = (self.epoch - (config.float_epochs if whole else 0)) * batches + batch
        rate = config.integer_rate if whole else config.float_rate
        rate *= 0.5 * (1 + math.cos(math.pi * done / (epochs * batches)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate * min(1.0, (done + 1) / max(1, config.warm))

    def _fresh_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.model.parameters(), lr=self.config.float_rate, fused=True)

    # ---- checkpoints ---------------------------------------------------------------------------------

    def _identity(self) -> str:
        return json.dumps(dataclasses.asdict(self.config), sort_keys=True)

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        state = {
            "version": CHECKPOINT_VERSION,
            "config": self._identity(),
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scales": self.model.scales,
            "float_accuracy": self.float_accuracy,
        }
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = self.checkpoint.with_name(self.checkpoint.name + ".part")
        torch.save(state, partial)
        os.replace(partial, self.checkpoint)

    def _resume(self, path: Path) -> None:
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True)
            version, config = state["version"], state["config"]
        except Exception as error:  # torch.load raises whatever its readers raise
            raise TrainingError(
                f"checkpoint {path} is damaged ({error}); delete it or start with --restart"
            ) from None
        if version != CHECKPOINT_VERSION or config != self._identity():
            raise TrainingError(f"checkpoint {path} belongs to another configuration; start with --restart")
        self.model.load_state_dict(state["model"])
        if state["scales"] is not None:
            self.model.quantise(state["scales"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch = state["epoch"]
        self.float_accuracy = state["float_accuracy"]
