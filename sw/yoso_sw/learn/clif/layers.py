"""A layer of current-based leaky neurons as a torch module, in floats, then in the chip's integers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from yoso_sw.learn import family
from yoso_sw.learn.clif.gradient import StepByStep
from yoso_sw.learn.clif.scan import scan
from yoso_sw.learn.clif.surrogate import fire, highest, passing
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.module import ScaledModule
from yoso_sw.learn.quantiser import back
from yoso_sw.learn.trains import Trains
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.neuron import Neuron, Reset


class ClifLayer(ScaledModule):
    """One layer: spiking, dense or a convolution, or the readout, which never fires.

    Trains go from layer to layer in the chip's steps: what a step brings moves V in the next sweep. So each
    layer sees as many steps, `steps` less one a layer, and each a step later than the one before
    (docs/arithmetic.md, "Rate-coded networks and their delay").

    Parameters
    ----------
    config, place
        Of the network; which of its layers this is, from 0.
    inputs
        Trains that it is given.
    window
        The geometry of a convolution, whose neurons are ordered (row, col, filter); None: dense.
    generator
        Draws the first weights.

    Attributes
    ----------
    scale
        What float weights are multiplied by to be integers; None in the float phase.
    """

    def __init__(
        self,
        config: TrainConfig,
        place: int,
        inputs: int,
        window: Window | None,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        own = config.layers[place]
        axons = inputs if window is None else window.axons
        self.config, self.layer, self.place, self.geometry = config, own, place, window
        self.neurons = own.neurons
        self.positions = 1 if window is None else window.positions
        self.weight = Normal(own.mean, own.std, generator).draw(axons + own.bias, own.neurons)

    @property
    def window(self) -> tuple[int, int]:
        """Its steps [start, end): those of its sweeps that fire, and that see a bias."""
        start = self.place + 1
        return start, start + self.config.steps - len(self.config.layers)

    @property
    def outputs(self) -> int:
        """Neurons whose spikes go on, or groups of them."""
        return self.neurons * self.positions // (4 if self.layer.pool else 1)

    @property
    def fires(self) -> bool:
        return self.place < len(self.config.layers) - 1

    @property
    def theta(self) -> float:
        """Threshold in the units of the phase."""
        threshold = self.layer.neuron.threshold
        return threshold if self.scale is None else max(1, round(threshold * self.scale))

    @property
    def neuron(self) -> Neuron:
        """The chip's; in the float phase its threshold is of no meaning."""
        theta = self.theta if self.fires and self.scale is not None else 1
        reset = Reset.SUBTRACT if self.fires else Reset.NEVER
        decays = self.layer.neuron
        return Neuron(int(theta), *self.window, current=decays.current, leak=decays.leak, reset=reset)

    def quantise(self) -> None:
        """Fix the scale: weights up to `clip` standard deviations fit the bits."""
        largest = self.layer.clip * float(self.weight.detach().square().mean().sqrt())
        if not 0 < largest < float("inf"):
            raise TrainingError(
                f"layer {self.place}: weights of this size give no scale: {largest}; check mean, std and "
                "clip, and the learning rate"
            )
        self.scale = ((1 << (self.config.weight_bits - 1)) - 1) / largest

    def unquantise(self, rounded: bool) -> None:
        """As `rule.Scaled` says."""
        back(self, self.working, rounded)

    @property
    def working(self) -> torch.Tensor:
        """Weights in the units of the phase, (axons + bias, neurons); integers pass the gradient on."""
        if self.scale is None:
            return self.weight
        limit = 1 << (self.config.weight_bits - 1)
        scaled = (self.weight * self.scale).clamp(-limit, limit - 1)
        return passing(scaled.detach().round(), scaled)

    @property
    def learning(self) -> list[int]:
        """The sweeps that take the loss back: of the window, the last of each `backward_every`."""
        start, end = self.window
        every = self.config.backward_every
        return [t for t in range(start, end) if (t - start) % every == every - 1]

    def forward(self, given: torch.Tensor | Trains) -> Trains:
        """Of the trains of its inputs, (batch, T', inputs), or of what the layer before gives.

        Before its first input nothing happens, so nothing is computed; nor, while gradients are taken, after
        its window: V and A are then those at its end, and `reached` is 0 beyond.
        """
        trains = given.passed if isinstance(given, Trains) else given
        first, (start, end) = self.place, self.window
        learning, chip = torch.is_grad_enabled(), self.config.chip
        sweeps = (end if learning else self.config.steps) - first
        weights = self.working
        if self.geometry is None and not trains.is_cuda:
            fired, reached, v, a = StepByStep.apply(trains, weights, self, first + sweeps)
            return Trains(fired, fired, reached, v, a)
        axons = len(weights) - self.layer.bias
        bias = weights[-1].repeat(self.positions) if self.layer.bias else None
        arrived = family.synapse(
            trains[:, first : end - 1], weights[:axons], self.geometry, whole=self.scale is not None
        )
        neuron = replace(self.neuron, start=start - first, end=end - first)
        with torch.no_grad():
            if self.scale is None:
                fired, reached, v, a = scan(arrived, neuron, self.theta, sweeps, bias)
            else:
                fired, reached, v, a = family.scan(arrived, neuron, chip, sweeps, bias)
        pooled = self.geometry if self.layer.pool else None
        passed = fired if pooled is None else highest(fired, pooled)
        if learning:
            brought = functional.pad(arrived, (0, 0, 1, sweeps - 1 - arrived.shape[1]))
            if bias is not None:
                brought[:, 1:] += bias
            brought = self._learning(brought)
            if not self.fires:  # V is a plain sum, and so is its gradient
                v = passing(v, brought.sum(1))
            reached = passing(reached, brought)
            decisive = reached if pooled is None else highest(reached, pooled)
            if self.fires:
                passed = fire(passed, decisive, self.theta, neuron.start, neuron.end)
        fired, passed, reached = (self._placed(own) for own in (fired, passed, reached))
        return Trains(fired, passed, reached, v, a)

    def _learning(self, brought: torch.Tensor) -> torch.Tensor:
        """`brought` of its own sweeps, with a gradient in those of `learning` alone."""
        if self.config.backward_every == 1:
            return brought
        kept = torch.zeros(brought.shape[1], 1, dtype=torch.bool, device=brought.device)
        kept[[t - self.place for t in self.learning]] = True
        return torch.where(kept, brought, brought.detach())

    def _placed(self, own: torch.Tensor) -> torch.Tensor:
        """Of its own sweeps, (batch, T', ...), those of the whole image."""
        return functional.pad(own, (0, 0, self.place, self.config.steps - self.place - own.shape[1]))

    def export(self) -> Layer:
        """The integer layer of a quantised module."""
        weights = self.working.detach().cpu().numpy().astype(np.int8)
        own = self.layer
        return Layer(weights, self.neuron, own.bias, self.geometry, own.pool)
