"""The training loop: two phases, a checkpoint an epoch, and the same result however often it was killed.

Everything random in an epoch comes from (seed, epoch), so a checkpoint needs no generator states. The
learning curve so far is part of it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from yoso_sw.data.augment import Augment
from yoso_sw.data.encoding import ENCODERS, RECORDED
from yoso_sw.data.parts import Data
from yoso_sw.learn import checkpoint, dead, floats, freeze_out, heap, rules
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.config_file import table_of
from yoso_sw.learn.curve import Epoch
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.rule import Rule, check_device
from yoso_sw.learn.tally import tally
from yoso_sw.learn.teacher import Kept, Teacher
from yoso_sw.network.events import Events
from yoso_sw.network.network import Network

BLOCK = 16  # batches that are distorted and encoded in one go

#: Neurons of the largest layer, of all images that are evaluated in one go, and the most of those images.
TOGETHER, MOST_TOGETHER = 1 << 22, 1000


class Trainer:
    """Trains one `TrainConfig` by its rule.

    Parameters
    ----------
    config, data
        What to train, on what. The test set is used twice, at the end of each phase, and chooses nothing.
    file
        Checkpoint: a file that holds the state after the last whole epoch; None: no checkpoints. The state at
        the end of the float phase stays beside it (`floats`).
    device
        Where torch trains; "cuda" has the same numbers up to rounding.
    teacher
        The network of that part in `config`; the one in ``sw/networks`` if not given.
    model
        Modules of the configuration, with first weights of their own; one that its rule builds if not given.

    Attributes
    ----------
    model
        The network, as its rule has it.
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
        file: Path | None = None,
        device: str = "cpu",
        teacher: Network | None = None,
        model: Rule[Any] | None = None,
    ) -> None:
        data.check(config)
        rule = rules.rule_of(config.rule)
        check_device(rule, device, config.rule)
        self.config = config
        self.data = data
        self.file = file
        self.device = torch.device(device)
        self.model: Rule[Any] = (rule(config) if model is None else model).to(self.device)
        self.teacher = Teacher(config, self.device, teacher) if config.teacher else None
        self.kept = Kept(self.teacher, len(data.train[0])) if self.teacher else None
        self.epoch = 0
        self.history: list[Epoch] = []
        self.float_accuracy = math.nan
        self.optimizer = self._fresh_optimizer()
        if len(data.train[0]) < config.batch_size:
            raise TrainingError(
                f"{len(data.train[0])} training images are fewer than batch_size={config.batch_size}"
            )
        if file is not None and file.exists():
            self.resume(file)
        else:
            self.model.begin(*data.train)

    @property
    def epochs(self) -> int:
        return self.config.float_epochs + self.config.integer_epochs

    @property
    def batches(self) -> int:
        """Batches of an epoch."""
        images = len(self.data.train[0])
        return min(images, self.config.images or images) // self.config.batch_size

    @property
    def together(self) -> int:
        """Images that are evaluated in one go."""
        config = self.config
        places = [1 if window is None else window.positions for window in config.windows()]
        largest = max(n * layer.neurons for n, layer in zip(places, config.layers, strict=True))
        return max(1, min(MOST_TOGETHER, TOGETHER // largest))

    def run(
        self,
        report: Callable[[Epoch], None] = lambda _: None,
        tick: Callable[[float], None] = lambda _: None,
        until: int | None = None,
    ) -> None:
        """Train what is left, or what is left up to epoch `until`.

        `report` is called after each epoch, `tick` with the loss of each batch, after its step. Meanwhile
        the process keeps the memory that it frees (`heap.kept`).

        Raises `TrainingError` if the loss or a weight is no longer finite, or the integers would not suit the
        chip; the checkpoint is still the last good one.
        """
        with heap.kept():
            self._run(report, tick, self.epochs if until is None else until)

    def _run(self, report: Callable[[Epoch], None], tick: Callable[[float], None], until: int) -> None:
        while self.epoch < min(self.epochs, until):
            if self.epoch == self.config.float_epochs:
                self.model.quantise()
                self.model.export({})  # better refused now than at the end
                self.optimizer = self._fresh_optimizer()
            loss = self._one_epoch(tick)
            self._check_weights()
            self.epoch += 1
            accuracy, spikes = self.evaluate(self.data.validation)
            if self.epoch == self.config.float_epochs and self.data.tested:
                self.float_accuracy, _ = self.evaluate(self.data.test)
            self.history.append(Epoch(self.epoch, self.model.scales is not None, loss, accuracy, spikes))
            if self.file is not None:
                checkpoint.write(self.file, self.state())
                if self.epoch == self.config.float_epochs and self.config.exports:
                    checkpoint.write(floats.beside(self.file), self.state())
            report(self.history[-1])

    def evaluate(self, part: tuple[np.ndarray, np.ndarray]) -> tuple[float, tuple[float, ...]]:
        """Accuracy in per cent and mean spikes an image by layer, of the model in its present phase."""
        images, labels = part
        right, spikes = 0, np.zeros(len(self.config.layers))
        with torch.no_grad():
            for first in range(0, len(images), self.together):
                own = slice(first, first + self.together)
                results = self.model(self._inputs(images[own]))
                right += int((self.model.decide(results).cpu().numpy() == labels[own]).sum())
                spikes += [layer.sent for layer in results]
        return 100 * right / len(images), tuple((spikes / len(images)).tolist())

    def summary(self, command: str) -> dict[str, Any]:
        """What was trained, by which command, and what it came to: accuracies in per cent, spikes an image.

        Of a rule that exports, `network` says it of the integer network.
        """
        self._check_trained()
        config = self.config
        accuracy, spikes = self.evaluate(self.data.validation)
        silent = dead.record(dead.layers(config, spikes))
        return {
            "network": config.name,
            "rule": config.rule,
            "dataset": config.dataset,
            "seed": config.seed,
            "command": command,
            "float_accuracy": round(self.float_accuracy, 2),
            "validation_accuracy": round(accuracy, 2),
            "spikes": [round(count, 1) for count in spikes],
            "epochs": [config.float_epochs, config.integer_epochs],
            **silent,
        }

    def network(self, command: str) -> Network:
        """The trained integer network, measured by the golden model on the test set.

        Raises `TrainingError` if training is not at its end, `ConfigError` if the rule has no integers.
        """
        self._check_trained()
        if not self.data.tested:
            raise TrainingError(f"{self.config.name} was trained without a test set, and is not measured")
        config = self.config
        network = self.model.export({})
        found = tally(network, *self.data.test)
        accuracy, spikes = self.evaluate(self.data.validation)
        scale = self.model.scales[-1] if self.model.scales else 1
        about = {
            "dataset": config.dataset,
            **self.data.record,
            "seed": config.seed,
            "temperature": round(config.temperature * scale, 3),
            "command": command,
            "float_accuracy": round(self.float_accuracy, 2),
            "golden_accuracy": round(found.accuracy, 2),
            "validation_accuracy": round(accuracy, 2),
            "spikes": [round(count / found.images, 1) for count in found.spikes],
            "epochs": [config.float_epochs, config.integer_epochs],
            **dead.record(dead.layers(config, spikes)),
        }
        return dataclasses.replace(network, about=about)

    def _check_trained(self) -> None:
        if self.epoch < self.epochs:
            raise TrainingError(f"only {self.epoch} of {self.epochs} epochs are trained")

    def _one_epoch(self, tick: Callable[[float], None]) -> float:
        config = self.config
        self.model.enter(self.epoch)
        rng = np.random.default_rng((config.seed, self.epoch))
        dropout = torch.Generator().manual_seed(config.seed * 100_000 + self.epoch)
        images, labels = self.data.train
        order, batches = rng.permutation(len(images)), self.batches
        copy = self.epoch % config.copies if config.copies else None
        copied = images if copy is None else self._copied(copy)
        total = 0.0
        for batch in range(batches):
            place = batch % BLOCK
            if place == 0:
                block = order[batch * config.batch_size : min(batch + BLOCK, batches) * config.batch_size]
                distorted = self._distorted(images[block], rng) if copy is None else copied[block]
                inputs = self._inputs(self._coded(distorted, rng))
                targets = torch.from_numpy(labels[block].astype(np.int64)).to(self.device)
                if self.teacher is not None and copy is None:
                    targets = self.teacher(distorted, targets)
                elif self.kept is not None and copy is not None:
                    targets = self.kept(copy, block, distorted, targets)
            own = slice(place * config.batch_size, (place + 1) * config.batch_size)
            self._set_lr(batch, batches)
            loss = self.model.loss(inputs[own], self.model(inputs[own], dropout), targets[own])
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
            tick(value)
        return total / batches

    def _copied(self, copy: int) -> Any:
        """All training images in one of their `TrainConfig.distortions`, which (seed, copy) alone decides."""
        config, images = self.config, self.data.train[0]
        if config.augment == Augment():
            return images
        rng = np.random.default_rng((config.seed, copy, config.copies))
        parts = np.array_split(images, max(1, len(images) // 1024))
        return np.concatenate([self._distorted(part, rng) for part in parts])

    def _distorted(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        config = self.config
        return config.augment(images, config.rows, rng, config.channels)

    def _coded(self, images: Any, rng: np.random.Generator) -> Any:
        """Training images in the network's code, if they are pixels that its rule does not code itself."""
        config = self.config
        if isinstance(images, Events) or config.code in RECORDED:
            return images
        return ENCODERS[config.code](images, config.levels, int(rng.integers(1 << 63)), 0)

    def _check_weights(self) -> None:
        """A NaN may silence its neuron and leave the loss finite."""
        for i, layer in enumerate(self.model.chain):
            bad = sum(int((~own.isfinite()).sum()) for own in layer.parameters())
            if bad:
                raise TrainingError(
                    f"{bad} weights of layer {i} are NaN or infinite after epoch {self.epoch + 1}: "
                    "lower the learning rate or check the thresholds and first weights"
                )

    def _inputs(self, images: np.ndarray) -> torch.Tensor:
        """Images as the model takes them, on the device."""
        return self.model.encode(images).to(self.device)

    def _set_lr(self, batch: int, batches: int) -> None:
        """Each phase warms up and, unless the schedule is constant, falls as a cosine, or as one a layer."""
        config = self.config
        whole = self.model.scales is not None
        epochs = config.integer_epochs if whole else config.float_epochs
        done = (self.epoch - (config.float_epochs if whole else 0)) * batches + batch
        lr = config.integer_lr if whole else config.lr
        warm = min(1.0, (done + 1) / max(1, config.warmup))
        if config.freeze_out:
            self._freeze_out(lr * warm, done / (epochs * batches))
            return
        if config.schedule == "cosine":
            lr *= 0.5 * (1 + math.cos(math.pi * done / (epochs * batches)))
        for group in self.optimizer.param_groups:
            group["lr"] = lr * warm

    def _freeze_out(self, lr: float, done: float) -> None:
        """Rates of the layers after a share of the phase; one that is frozen has no gradient any more."""
        last = len(self.model.chain) - 1
        for i, (layer, group) in enumerate(zip(self.model.chain, self.optimizer.param_groups, strict=True)):
            factor = freeze_out.factor(self.config.freeze_out, i, last, done)
            group["lr"] = lr * factor
            for own in layer.parameters():
                own.requires_grad_(factor > 0)

    def _fresh_optimizer(self) -> torch.optim.Optimizer:
        weight_decay = self.config.weight_decay if self.model.scales is None else 0.0
        lr, fused = self.config.lr, self.config.fused
        trained: Any = self.model.parameters()
        if self.config.freeze_out:
            trained = [{"params": list(layer.parameters())} for layer in self.model.chain]
        return torch.optim.AdamW(trained, lr=lr, weight_decay=weight_decay, fused=fused)

    # ---- checkpoints ---------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that `resume` needs, for `checkpoint.write`."""
        return {
            "config": json.dumps(table_of(self.config), sort_keys=True),
            "epoch": self.epoch,
            "history": [epoch.row() for epoch in self.history],
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scales": self.model.scales,
            "float_accuracy": self.float_accuracy,
        }

    def resume(self, path: Path) -> dict[str, Any]:
        """Go on from a checkpoint; returns what is in it. Raises `TrainingError`."""
        state = checkpoint.read(path, self.device)
        try:
            config, whole = json.loads(state["config"]), state["scales"] is not None
            assert isinstance(config, dict)
        except Exception:  # of whatever stands in the place of what was saved
            raise checkpoint.damaged(path) from None
        free = frozenset() if whole else floats.QUANTISATION
        if different := checkpoint.difference(config, self.config, free):
            raise TrainingError(
                f"checkpoint {path} belongs to another configuration: {different}; {checkpoint.AGAIN}"
            )
        try:
            self.model.load_state_dict(state["model"])
            if whole:
                self.model.quantise(state["scales"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.history = [Epoch.of(row) for row in state["history"]]
            self.epoch, self.float_accuracy = int(state["epoch"]), float(state["float_accuracy"])
            finite = all(bool(own.isfinite().all()) for own in self.model.parameters())
        except Exception:
            raise checkpoint.damaged(path) from None
        if not (finite and len(self.history) == self.epoch <= self.epochs):
            raise checkpoint.damaged(path)
        return state
