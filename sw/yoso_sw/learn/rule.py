"""What a learning rule is to the trainer: everything in which rules differ.

`docs/learning.md` says how to add one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import nn

from yoso_sw.data.samples import Inputs
from yoso_sw.learn import ridge
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.times import Onward
from yoso_sw.network.events import Events
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network


class Result(Protocol):
    """What a layer gives for a batch, as far as those who know no rule look at it."""

    @property
    def potentials(self) -> torch.Tensor:
        """V (batch, neurons); of a readout, those that decide."""

    @property
    def sent(self) -> int:
        """Spikes of the layer, summed over neurons and batch."""

    @property
    def onward(self) -> Onward:
        """First spike and count of each output."""

    @property
    def spikes(self) -> Events:
        """In the integer phase the spikes as the golden model has them (`golden.GoldenResult.sent`)."""


class Weighted(Protocol):
    """A layer, as far as those who know no rule look at it."""

    neurons: int
    weight: nn.Parameter
    """Float weights (axons, neurons); the bias, if there is one, is the last axon."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """All that is trained, `weight` included."""


R = TypeVar("R", bound=Result)


class Rule(nn.Module, ABC, Generic[R]):
    """The network of a configuration, as one rule builds, trains and exports it; R is what its layers give.

    The constructor builds the layers with their first weights, which `config.seed` alone decides. A rule
    whose limits say EXPORTS has all members; another leaves those of the integer phase, `scales`, `quantise`,
    `export` and `of`, as they are.
    """

    #: Where it can be trained.
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.config = config

    @property
    @abstractmethod
    def chain(self) -> Sequence[Weighted]:
        """The layers, from the inputs on."""

    def begin(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Change the first weights as training images, uint8 (n, inputs), and classes (n,) suggest."""
        if self.config.ridge_penalty:
            ridge.begin(self, self.config, images, labels)

    def enter(self, epoch: int) -> None:
        """What changes from one epoch of training to another, of which `epoch`, 0 the first, is to begin."""
        return

    @abstractmethod
    def encode(self, inputs: Inputs) -> torch.Tensor:
        """What `forward` takes, for pixels, uint8 (n, inputs), spike steps, int16 (n, inputs), or events."""

    @abstractmethod
    def forward(self, inputs: torch.Tensor, generator: torch.Generator | None = None) -> Sequence[R]:
        """What each layer gives; `generator` draws what is random in training, None: nothing is."""

    @abstractmethod
    def loss(self, inputs: torch.Tensor, results: Sequence[R], labels: torch.Tensor) -> torch.Tensor:
        """The loss of a batch, a scalar: of the outputs, and the penalties of the layers.

        `results` are those of `forward` for `inputs`; `labels` are classes, int64 (batch,), or shares of
        them, float (batch, classes).
        """

    @abstractmethod
    def decide(self, results: Sequence[R]) -> torch.Tensor:
        """Class of each image, int64 (batch,)."""

    @property
    def scales(self) -> list[float] | None:
        """What each layer's float weights are multiplied by to be integers; None in the float phase."""
        return None

    def quantise(self, scales: list[float] | None = None) -> None:
        """Go over to the integer phase, with the scales that the weights suggest or with those given."""
        self.config.check_exports()

    def export(self, about: dict[str, object]) -> Network:
        """The integer network, which `golden` must equal. Raises `TrainingError` if the chip could differ."""
        self.config.check_exports()  # refuses a rule without integers; each other has an export and an `of`
        raise NotImplementedError(f"{type(self).__name__}: its limits say EXPORTS, so it must have export")

    @classmethod
    def of(cls, config: TrainConfig, network: Network) -> Rule[R]:
        """The integer phase with the weights of `network`, as `config` trained it.

        Raises `TrainingError` if the network is not one of this configuration.
        """
        config.check_exports()
        raise NotImplementedError(f"{cls.__name__}: its limits say EXPORTS, so it must have of")

    def logit_adjustment(self) -> torch.Tensor:
        """What the loss takes off each class's logit, (classes,) (`TrainConfig.logit_adjustment`)."""
        output = self.chain[-1]
        return output.weight.new_tensor(self.config.logit_adjustment or [0.0] * output.neurons)


class Scaled(Weighted, Protocol):
    """A layer with an integer phase."""

    scale: float | None
    """What its float weights are multiplied by to be integers; None in the float phase."""

    def quantise(self) -> None:
        """Go over to the integer phase, with the scale that the weights suggest."""

    def unquantise(self, rounded: bool) -> None:
        """Go back to the float phase, with the weights that `quantise` made integers of: as they were then,
        with all that is folded into them, or `rounded` to what the integers stand for."""


class ScaledRule(Rule[R]):
    """A rule whose layers each have a scale of their own in the integer phase."""

    @property
    @abstractmethod
    def chain(self) -> Sequence[Scaled]: ...

    @property
    def scales(self) -> list[float] | None:
        scales = [layer.scale for layer in self.chain if layer.scale is not None]
        return scales or None

    def quantise(self, scales: list[float] | None = None) -> None:
        for i, layer in enumerate(self.chain):
            if scales is None:
                layer.quantise()
            else:
                layer.scale = scales[i]

    def unquantise(self, rounded: Collection[int] = ()) -> None:
        """Go back to the float phase; layers in `rounded` with the weights that their integers stand for.

        To measure what rounding costs; training does not go on from here. Raises `ValueError` in the float
        phase.
        """
        if self.scales is None:
            raise ValueError(f"{self.config.name} is in its float phase, and has no integers to go back from")
        for i, layer in enumerate(self.chain):
            layer.unquantise(i in rounded)

    def network(self, layers: Sequence[Layer], about: dict[str, object]) -> Network:
        """Integer layers as the network that the configuration describes."""
        config = self.config
        return Network(
            name=config.name,
            layers=tuple(layers),
            steps=config.steps,
            levels=config.levels,
            decision=config.decision,
            weight_bits=config.weight_bits,
            acc_bits=config.acc_bits,
            pot_bits=config.pot_bits,
            code=config.code,
            about=about,
        )


def check_device(rule: type[Rule[Any]], device: str, name: str) -> None:
    """Raise `TrainingError` if a rule cannot be trained on a device."""
    if device not in rule.devices:
        raise TrainingError(f"--device {device}: rule {name} trains on {', '.join(rule.devices)} alone")
