"""Two-layer networks of ReL-PSP and of alpha-PSP neurons that differ in the neuron alone.

Trainer, first weights, loss, optimiser and order of images are the same; alpha-PSP has its own threshold, in
its own units, and its time constant. As in the paper there is no additional strategy: no constraint on
weights, no clipped or normalised gradient, and a silent neuron passes none. The paper gives the network
(784-400-10, 784-800-10), the loss (eq. 12) and the number of runs; everything else is our choice.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from yoso_sw.data import registry
from yoso_sw.data.parts import Data
from yoso_sw.learn import checkpoint
from yoso_sw.learn.config import LayerConfig, NeuronConfig, TrainConfig
from yoso_sw.learn.trainer import Trainer

NAMES = {"rel": "ReL-PSP", "alpha": "alpha-PSP"}
CLASSES = 10
VALIDATION = 5000  # the last training images, never trained on
ENDLESS = 10_000  # epochs, at a constant rate; a run ends when no more are asked for
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
    batch_size, lr, temperature
        Of a step of Adam, its learning rate, and the softmax's temperature in eq. 12, in steps.
    """

    hidden: int = 400
    levels: int = 16
    end: int = 40
    threshold: float = 16.0
    tau: float = 16.0
    alpha_threshold: float = 1.0
    images: int = 10_000
    batch_size: int = 50
    lr: float = 1e-3
    temperature: float = 1.0


@functools.cache
def training_images() -> tuple[np.ndarray, np.ndarray]:
    """MNIST's 60,000 training images and labels, the last `VALIDATION` of them for validation."""
    return registry.load("mnist", "train").pair


def config_of(setting: Setting, psp: str, seed: int) -> TrainConfig:
    """784-hidden-10 of the PSP "rel" or "alpha" for the trainer.

    First weights are normally distributed, with means above 0 so that neurons fire, and the same for both.
    """
    if psp == "rel":
        rule, neuron = "stdbp", NeuronConfig(threshold=setting.threshold, end=setting.end)
    else:
        rule = "alpha"
        neuron = NeuronConfig(threshold=setting.alpha_threshold, end=setting.end, tau=setting.tau)
    hidden = setting.hidden
    return TrainConfig(
        name=f"{psp}-{hidden}",
        rule=rule,
        layers=(
            LayerConfig(hidden, neuron, mean=0.02, std=0.06),
            LayerConfig(CLASSES, neuron, mean=10 / hidden, std=2 / hidden**0.5),
        ),
        seed=seed,
        steps=setting.end,
        levels=setting.levels,
        float_epochs=ENDLESS,
        integer_epochs=int(psp == "rel"),  # never reached
        lr=setting.lr,
        schedule="constant",
        warmup=0,
        fused=False,
        batch_size=setting.batch_size,
        images=setting.images,
        revive=False,
        temperature=setting.temperature,
    )


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
    TrainingError
        If the file is damaged or of another setting.
    """

    def __init__(self, setting: Setting, psp: str, seed: int, file: Path | None = None) -> None:
        self.setting, self.psp, self.seed, self.file = setting, psp, seed, file
        images, labels = training_images()
        cut = len(images) - VALIDATION
        validation = images[cut:], labels[cut:]
        data = Data((images[:cut], labels[:cut]), validation, validation)
        self.trainer = Trainer(config_of(setting, psp, seed), data)
        self.model = self.trainer.model
        self.records: list[Record] = []
        if file is not None and file.exists():
            self.records = [Record(**record) for record in self.trainer.resume(file)["records"]]
        else:
            self.records.append(self.measure())

    @property
    def epoch(self) -> int:
        """Epochs trained."""
        return self.trainer.epoch

    @property
    def weights(self) -> list[torch.Tensor]:
        """Of both layers, (axons, neurons)."""
        return [layer.weight for layer in self.model.chain]

    def train(self, tick: Callable[[], None] = lambda: None) -> None:
        """One epoch; `tick` is called after each batch."""
        losses, steepest = [], 0.0

        def watch(loss: float) -> None:
            nonlocal steepest
            losses.append(loss)
            steepest = max(steepest, *(float(w.grad.abs().max()) for w in self.weights if w.grad is not None))
            tick()

        self.trainer.run(tick=watch, until=self.epoch + 1)
        record = self.measure()
        self.records.append(dataclasses.replace(record, loss=float(np.mean(losses)), steepest=steepest))
        if self.file is not None:
            records = [dataclasses.asdict(record) for record in self.records]
            checkpoint.write(self.file, {**self.trainer.state(), "records": records})

    def measure(self) -> Record:
        """The network as it is, on the validation images."""
        images, labels = self.trainer.data.validation
        dead = torch.ones(self.setting.hidden, dtype=torch.bool)
        silent = undecided = right = 0
        with torch.no_grad():
            for first in range(0, VALIDATION, BLOCK):
                own = slice(first, first + BLOCK)
                results = self.model(self.model.encode(images[own]))
                hidden, output = (layer.times for layer in results)
                dead &= hidden.isinf().all(dim=0)
                silent += int(hidden.isinf().sum())
                undecided += int(output.isinf().all(dim=1).sum())
                right += int((self.model.decide(results).numpy() == labels[own]).sum())
        return Record(
            dead=int(dead.sum()),
            silent=silent / VALIDATION / self.setting.hidden,
            undecided=undecided / VALIDATION,
            accuracy=100 * right / VALIDATION,
        )
