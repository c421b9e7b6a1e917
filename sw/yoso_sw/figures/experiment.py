"""Two-layer networks of ReL-PSP and of alpha-PSP neurons that differ in the neuron alone.

Code, first weights, loss, optimiser and order of images are the same; alpha-PSP has its own threshold, in
its own units, and its time constant. As in the paper there is no additional strategy: no constraint on
weights, no clipped or normalised gradient, and a silent neuron passes none. The paper gives the network
(784-400-10, 784-800-10), the loss (eq. 12) and the number of runs; everything else is our choice.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from yoso_sw.data import registry
from yoso_sw.data.encoding import spike_steps
from yoso_sw.figures.report import FigureError
from yoso_sw.learn.alpha import alpha
from yoso_sw.learn.layers import input_times
from yoso_sw.learn.stdbp import stdbp

NAMES = {"rel": "ReL-PSP", "alpha": "alpha-PSP"}
CLASSES, PIXELS = 10, 784
VALIDATION = 5000  # the last training images, never trained on
BLOCK = 1000  # images evaluated in one go; bounds the memory


@dataclass(frozen=True)
class Setting:
    """What the networks are and how they are trained; all our choice, but for `hidden`.

    Parameters
    ----------
    hidden
        Hidden neurons of 784-hidden-10; the paper's are 400 and 800.
    levels, end
        Pixels spike at steps 0 .. levels - 1, neurons in [0, end).
    threshold
        theta of the ReL-PSP neurons, in weights x steps.
    tau, alpha_threshold
        Time constant of alpha-PSP in steps and its theta in weights. tau is the length of the input's code,
        so that PSPs peak and decay within [0, end); the longer tau, the closer to ReL-PSP: with 32 hardly a
        neuron dies, with 8 most output layers fall silent within ten epochs. Thresholds from 0.34 to 2.7 were
        tried for a few epochs; of those that let no output layer fall silent, 1.0 had the best validation
        accuracy.
    images
        Training images an epoch, drawn anew from the 55,000.
    batch, rate, unit
        Of Adam, and the steps that make a factor e in eq. 12.
    """

    hidden: int = 400
    levels: int = 16
    end: int = 40
    threshold: float = 16.0
    tau: float = 16.0
    alpha_threshold: float = 1.0
    images: int = 10_000
    batch: int = 50
    rate: float = 1e-3
    unit: float = 1.0


@functools.cache
def training_images() -> tuple[np.ndarray, np.ndarray]:
    """MNIST's 60,000 training images and labels, the last `VALIDATION` of them for validation."""
    return registry.load("mnist", "train").pair


def first_weights(setting: Setting, seed: int) -> list[torch.Tensor]:
    """Normally distributed; means above 0 so that neurons fire. The same for both PSPs."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(PIXELS, setting.hidden, generator=generator) * 0.06 + 0.02
    spread, mean = 2 / setting.hidden**0.5, 10 / setting.hidden
    output = torch.randn(setting.hidden, CLASSES, generator=generator) * spread + mean
    return [hidden, output]


def fire(
    setting: Setting, psp: str, times: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Spike times and potentials of one layer of the PSP "rel" or "alpha"."""
    if psp == "rel":
        return stdbp.spike_times(times, weights, setting.threshold, 0, setting.end, setting.end - 1)
    return alpha.spike_times(times, weights, setting.alpha_threshold, setting.tau, float(setting.end))


@dataclass(frozen=True)
class Record:
    """A network after an epoch, on the validation images.

    Attributes
    ----------
    dead
        Hidden neurons that fire for none of the images.
    silent
        Share of hidden neurons that are silent, averaged over images.
    undecided
        Share of images for which no output neuron fires.
    accuracy
        In per cent.
    loss
        Mean training loss of the epoch (eq. 12); None before the first.
    steepest
        Largest gradient of a weight, dL/dw of a batch, in the epoch; None before the first.
    """

    dead: int
    silent: float
    undecided: float
    accuracy: float
    loss: float | None = None
    steepest: float | None = None


class Run:
    """One network of one PSP from one seed, trained epoch by epoch; goes on from its file where there is one.

    Parameters
    ----------
    setting, psp, seed
        What to train: the PSP is "rel" or "alpha".
    file
        State after the last whole epoch; None: kept nowhere.

    Raises
    ------
    FigureError
        If the file is damaged or of another setting.
    """

    def __init__(self, setting: Setting, psp: str, seed: int, file: Path | None = None) -> None:
        self.setting, self.psp, self.seed, self.file = setting, psp, seed, file
        self.weights = [weights.requires_grad_() for weights in first_weights(setting, seed)]
        self.optimiser = torch.optim.Adam(self.weights, lr=setting.rate)
        self.records: list[Record] = []
        if file is not None and file.exists():
            self._resume(file)
        else:
            self.records.append(self.measure())

    @property
    def epoch(self) -> int:
        """Epochs trained."""
        return len(self.records) - 1

    def forward(self, times: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """(spike times, potentials) of both layers."""
        results = []
        for weights in self.weights:
            times, potential = fire(self.setting, self.psp, times, weights)
            results.append((times, potential))
        return results

    def train(self, tick: Callable[[], None] = lambda: None) -> None:
        """One epoch; `tick` is called after each batch. Only seed and epoch decide the order of images."""
        setting = self.setting
        images, labels = training_images()
        order = np.random.default_rng((self.seed, self.epoch)).permutation(len(images) - VALIDATION)
        losses, steepest = [], 0.0
        for first in range(0, min(setting.images, len(order)) - setting.batch + 1, setting.batch):
            own = order[first : first + setting.batch]
            times, _ = self.forward(input_times(spike_steps(images[own], setting.levels)))[-1]
            targets = torch.from_numpy(labels[own].astype(np.int64))
            loss = stdbp.spike_time_loss(times, targets, setting.end, setting.unit)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            losses.append(float(loss.detach()))
            steepest = max(steepest, *(float(w.grad.abs().max()) for w in self.weights if w.grad is not None))
            tick()
        record = self.measure()
        self.records.append(dataclasses.replace(record, loss=float(np.mean(losses)), steepest=steepest))
        self._save()

    def measure(self) -> Record:
        """The network as it is, on the validation images."""
        images, labels = (part[-VALIDATION:] for part in training_images())
        dead = torch.ones(self.setting.hidden, dtype=torch.bool)
        silent = undecided = right = 0
        with torch.no_grad():
            for first in range(0, VALIDATION, BLOCK):
                own = slice(first, first + BLOCK)
                times = input_times(spike_steps(images[own], self.setting.levels))
                (hidden, _), (output, potential) = self.forward(times)
                dead &= hidden.isinf().all(dim=0)
                silent += int(hidden.isinf().sum())
                undecided += int(output.isinf().all(dim=1).sum())
                right += int((stdbp.decide(output, potential).numpy() == labels[own]).sum())
        return Record(
            dead=int(dead.sum()),
            silent=silent / VALIDATION / self.setting.hidden,
            undecided=undecided / VALIDATION,
            accuracy=100 * right / VALIDATION,
        )

    # ---- state on disk -----------------------------------------------------------------------------------

    def _identity(self) -> str:
        values = dataclasses.asdict(self.setting)
        if self.psp == "rel":
            del values["tau"], values["alpha_threshold"]
        return json.dumps([values, self.psp, self.seed])

    def _save(self) -> None:
        if self.file is None:
            return
        state = {
            "identity": self._identity(),
            "weights": [weights.detach() for weights in self.weights],
            "optimiser": self.optimiser.state_dict(),
            "records": [dataclasses.asdict(record) for record in self.records],
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        partial = self.file.with_name(self.file.name + ".part")
        torch.save(state, partial)
        os.replace(partial, self.file)

    def _resume(self, file: Path) -> None:
        try:
            state: dict[str, Any] = torch.load(file, weights_only=True)
            identity = state["identity"]
        except Exception as error:  # torch.load raises whatever its readers raise
            raise FigureError(f"{file} is damaged ({error}); delete it or start with --restart") from None
        if identity != self._identity():
            raise FigureError(f"{file} belongs to another setting; start with --restart")
        with torch.no_grad():
            for own, saved in zip(self.weights, state["weights"], strict=True):
                own.copy_(saved)
        self.optimiser.load_state_dict(state["optimiser"])
        self.records = [Record(**record) for record in state["records"]]
