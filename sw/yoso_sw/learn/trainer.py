"""The training loop: two phases, a checkpoint an epoch, and the same result however often it was killed.

Everything random in an epoch comes from (seed, epoch), so a checkpoint needs no generator states. The
learning curve so far is part of it.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from yoso_sw.data.encoding import spike_steps
from yoso_sw.data.parts import Data
from yoso_sw.learn import ridge
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.curve import Epoch
from yoso_sw.learn.layers import TrainingError, input_times
from yoso_sw.learn.model import Model
from yoso_sw.learn.stdbp import stdbp
from yoso_sw.learn.teacher import Teacher
from yoso_sw.network import golden
from yoso_sw.network.network import NEVER, Network

CHECKPOINT_VERSION = 2
#: Settings of the integer phase alone: a checkpoint of the float phase serves others of them.
QUANTISATION = frozenset({"weight_bits", "acc_bits", "pot_bits", "clip", "integer_epochs", "integer_rate"})
BLOCK = 16  # batches that are distorted and encoded in one go


class Trainer:
    """Trains one `TrainConfig`.

    Parameters
    ----------
    config, data
        What to train, on what. The test set is used twice, at the end of each phase, and chooses nothing.
    checkpoint
        File that holds the state after the last whole epoch; None: no checkpoints.
    device
        Where torch trains; "cuda" has the same numbers up to rounding.
    teacher
        The network of that part in `config`; the one in ``sw/networks`` if not given.

    Attributes
    ----------
    epoch
        Whole epochs that are trained.
    history
        What each of them came to.

    Raises
    ------
    DatasetError
        If the data do not fit.
    TrainingError
        If they are fewer than a batch, the teacher does not fit, or the checkpoint is damaged or of another
        configuration.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: Data,
        checkpoint: Path | None = None,
        device: str = "cpu",
        teacher: Network | None = None,
    ) -> None:
        data.check(config)
        self.config = config
        self.data = data
        self.checkpoint = checkpoint
        self.device = torch.device(device)
        self.model = Model(config).to(self.device)
        self.teacher = Teacher(config, self.device, teacher) if config.teacher else None
        self.epoch = 0
        self.history: list[Epoch] = []
        self.float_accuracy = math.nan
        self.optimizer = self._fresh_optimizer()
        if len(data.train[0]) < config.batch:
            raise TrainingError(f"{len(data.train[0])} training images are fewer than batch={config.batch}")
        if checkpoint is not None and checkpoint.exists():
            self._resume(checkpoint)
        else:
            if config.ridge:
                ridge.begin(self.model, config, *data.train)
            self.model.favour()

    @property
    def epochs(self) -> int:
        return self.config.float_epochs + self.config.integer_epochs

    def run(
        self, report: Callable[[Epoch], None] = lambda _: None, tick: Callable[[], None] = lambda: None
    ) -> None:
        """Train what is left. `report` is called after each epoch, `tick` after each batch.

        Raises `TrainingError` if the loss or a weight is no longer finite, or the integers would not suit the
        chip; the checkpoint is still the last good one.
        """
        while self.epoch < self.epochs:
            if self.epoch == self.config.float_epochs:
                self.model.quantise()
                self.model.export({})  # better refused now than at the end
                self.optimizer = self._fresh_optimizer()
            loss = self._one_epoch(tick)
            self._check_weights()
            self.epoch += 1
            accuracy, spikes = self.evaluate(self.data.validation)
            if self.epoch == self.config.float_epochs:
                self.float_accuracy, _ = self.evaluate(self.data.test)
            self.history.append(Epoch(self.epoch, self.model.scales is not None, loss, accuracy, spikes))
            self._save()
            report(self.history[-1])

    def evaluate(self, part: tuple[np.ndarray, np.ndarray]) -> tuple[float, tuple[float, ...]]:
        """Accuracy in per cent and mean spikes an image by layer, of the model in its present phase."""
        images, labels = part
        right, spikes = 0, np.zeros(len(self.config.layers))
        with torch.no_grad():
            for first in range(0, len(images), 1000):
                own = slice(first, first + 1000)
                results = self.model(self._times(images[own]))
                decisions = stdbp.decide(*results[-1]).cpu().numpy()
                right += int((decisions == labels[own]).sum())
                spikes += [int(times.isfinite().sum()) for times, _ in results]
        return 100 * right / len(images), tuple((spikes / len(images)).tolist())

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
            **self.data.record,
            "seed": config.seed,
            "unit": round(config.unit * (self.model.chain[-1].scale or 1), 3),
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
                distorted = config.augment(images[block], config.rows, rng)
                times = self._times(distorted)
                targets = torch.from_numpy(labels[block].astype(np.int64)).to(self.device)
                if self.teacher is not None:
                    targets = self.teacher(distorted, targets)
            own = slice(place * config.batch, (place + 1) * config.batch)
            self._set_rate(batch, batches)
            loss = self.model.loss(times[own], self.model(times[own], dropout), targets[own])
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

    def _check_weights(self) -> None:
        """A NaN may silence its neuron and leave the loss finite."""
        for i, layer in enumerate(self.model.chain):
            bad = sum(int((~own.isfinite()).sum()) for own in layer.parameters())
            if bad:
                raise TrainingError(
                    f"{bad} weights of layer {i} are NaN or infinite after epoch {self.epoch + 1}: "
                    "lower the learning rate or check the thresholds and first weights"
                )

    def _times(self, images: np.ndarray) -> torch.Tensor:
        """Input spike times of images, on the device."""
        return input_times(spike_steps(images, self.config.levels)).to(self.device)

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
        decay = self.config.decay if self.model.scales is None else 0.0
        return torch.optim.AdamW(
            self.model.parameters(), lr=self.config.float_rate, weight_decay=decay, fused=True
        )

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
            "history": [epoch.row() for epoch in self.history],
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
        again = "delete it or train with --restart"
        damaged = TrainingError(f"checkpoint {path} is damaged, or no checkpoint; {again}")
        try:
            with zipfile.ZipFile(path) as archive:  # torch.load does not look at the checksums
                if archive.testzip() is not None:
                    raise damaged
            state: dict[str, Any] = torch.load(path, weights_only=True, map_location=self.device)
            version, config = state["version"], json.loads(state["config"])
        except Exception:  # torch.load raises whatever its readers raise
            raise damaged from None
        if version != CHECKPOINT_VERSION:
            raise TrainingError(
                f"checkpoint {path} has version {version}; this program writes {CHECKPOINT_VERSION}; {again}"
            )
        free = QUANTISATION if state.get("scales") is None else frozenset()
        if different := _difference(config, json.loads(self._identity()), free):
            raise TrainingError(f"checkpoint {path} belongs to another configuration: {different}; {again}")
        try:
            self.model.load_state_dict(state["model"])
            if state["scales"] is not None:
                self.model.quantise(state["scales"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.history = [Epoch.of(row) for row in state["history"]]
            self.epoch, self.float_accuracy = int(state["epoch"]), float(state["float_accuracy"])
            finite = all(bool(own.isfinite().all()) for own in self.model.parameters())
        except Exception:  # of whatever stands in the place of what was saved
            raise damaged from None
        if not (finite and len(self.history) == self.epoch <= self.epochs):
            raise damaged


def _settings(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The single settings of a configuration's JSON by name: ("layers.0.neurons", 100), ..."""
    if isinstance(value, dict | list):
        for key, own in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _settings(own, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _difference(theirs: Any, ours: Any, free: frozenset[str]) -> str:
    """The first setting, but for those that are free, in which two configurations differ, in words, or ""."""
    old, new = dict(_settings(theirs)), dict(_settings(ours))
    for name in (*new, *old):
        if name.rsplit(".", 1)[-1] in free:
            continue
        if name not in old or name not in new:
            return f"only {'this' if name in new else 'that'} one has {name}"
        if old[name] != new[name]:
            return f"{name} was {old[name]!r} and is {new[name]!r}"
    return ""
