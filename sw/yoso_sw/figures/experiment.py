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
from yoso_sw.figures.setting import VALIDATION, Setting
from yoso_sw.learn import checkpoint
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.trainer import Trainer

CLASSES = 10
ENDLESS = 10_000  # epochs, at a constant rate; a run ends when no more are asked for
BLOCK = 1000  # images evaluated in one go; bounds the memory


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
