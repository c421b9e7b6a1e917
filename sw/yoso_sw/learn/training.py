"""A whole training: data and configuration in, what was trained and what it came to out.

Commands and the API train by this function; they differ in what they show and where they write.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from yoso_sw.data.parts import Data
from yoso_sw.learn import card, dead
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.curve import Epoch
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.rule import Rule
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.network import Network


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training came to.

    Attributes
    ----------
    config, data
        What was trained, on what.
    model
        Its torch modules, in their last phase.
    history
        What each epoch came to.
    network
        The integer network; None of a rule that has no integers.
    figures
        Accuracies in per cent (`float_accuracy`, `validation_accuracy` and, of a network, `golden_accuracy`
        on the test images), spikes an image by layer, epochs, command.
    """

    config: TrainConfig
    data: Data
    model: Rule[Any]
    history: tuple[Epoch, ...]
    network: Network | None
    figures: dict[str, Any]

    @property
    def card(self) -> str:
        """The model card, in Markdown. Raises `ConfigError` if there is no network."""
        if self.network is None:
            self.config.check_exports()
        assert self.network is not None
        return card.render(self.config, self.network, [])

    @property
    def silent(self) -> str:
        """Layers that no image makes spike, in words with what to do; "" if there are none."""
        found = dead.text(dead.layers(self.config, self.history[-1].spikes))
        return f"{found}: {dead.REMEDY}" if found else ""

    def __repr__(self) -> str:
        said = ", ".join(f"{key} {value}" for key, value in self.figures.items() if key.endswith("_accuracy"))
        return f"Trained({self.config.name!r}, {said})"


def check_device(device: str) -> None:
    """Raise `TrainingError` if torch has no such device."""
    if device not in ("cpu", "cuda"):
        raise TrainingError(f"--device {device}: it is neither cpu nor cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("--device cuda: this torch finds no GPU; train with --device cpu")


def train(
    config: TrainConfig,
    data: Data,
    *,
    checkpoint: Path | None = None,
    device: str = "cpu",
    command: str = "",
    teacher: Network | None = None,
    model: Rule[Any] | None = None,
    begun: Callable[[Trainer], None] = lambda trainer: None,
    report: Callable[[Epoch], None] = lambda epoch: None,
    tick: Callable[[float], None] = lambda loss: None,
) -> Trained:
    """Train what a configuration says, or what is left of it.

    Parameters
    ----------
    checkpoint
        A file with the state after the last whole epoch, from which an interrupted training goes on; None:
        nothing is kept.
    device
        Where torch trains, "cpu" or "cuda".
    command
        What the network is to record as the command that trained it.
    teacher, model
        As of `Trainer`.
    begun
        Gets the trainer before the first epoch; it may have gone on from the checkpoint.
    report, tick
        As of `Trainer.run`.

    Raises
    ------
    DatasetError, TrainingError
        If data, device, checkpoint or numbers do not allow it.
    """
    check_device(device)
    trainer = Trainer(config, data, checkpoint, device, teacher, model)
    begun(trainer)
    trainer.run(report, tick)
    network = trainer.network(command) if config.exports else None
    figures = trainer.summary(command) if network is None else network.about
    return Trained(config, data, trainer.model, tuple(trainer.history), network, figures)
