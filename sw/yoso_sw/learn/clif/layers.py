"""A layer of current-based leaky neurons as a torch module, in floats, then in the chip's integers."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from yoso_sw.learn import family
from yoso_sw.learn.clif.scan import scan
from yoso_sw.learn.clif.surrogate import fire, passing
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.module import ScaledModule
from yoso_sw.learn.trains import Trains
from yoso_sw.network.layer import Layer
from yoso_sw.network.neuron import Neuron, Reset


class ClifDense(ScaledModule):
    """One dense layer: spiking, or the readout, which never fires.

    Trains go from layer to layer in the chip's steps: what a step brings moves V in the next sweep. So each
    layer sees as many steps, `steps` less one a layer, and each a step later than the one before
    (docs/arithmetic.md, "Rate-coded networks and their delay").

    Parameters
    ----------
    config, place
        Of the network; which of its layers this is, from 0.
    generator
        Draws the first weights.

    Attributes
    ----------
    scale
        What float weights are multiplied by to be integers; None in the float phase.
    """

    def __init__(self, config: TrainConfig, place: int, generator: torch.Generator) -> None:
        super().__init__()
        own = config.layers[place]
        axons = config.layers[place - 1].neurons if place else config.inputs
        self.config, self.layer, self.place = config, own, place
        self.neurons = own.neurons
        self.weight = Normal(own.mean, own.std, generator).draw(axons + own.bias, own.neurons)

    @property
    def window(self) -> tuple[int, int]:
        """Its steps [start, end): those of its sweeps that fire, and that see a bias."""
        start = self.place + 1
        return start, start + self.config.steps - len(self.config.layers)

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

    @property
    def working(self) -> torch.Tensor:
        """Weights in the units of the phase, (axons + bias, neurons); integers pass the gradient on."""
        if self.scale is None:
            return self.weight
        limit = 1 << (self.config.weight_bits - 1)
        scaled = (self.weight * self.scale).clamp(-limit, limit - 1)
        return passing(scaled.detach().round(), scaled)

    def forward(self, given: torch.Tensor | Trains) -> Trains:
        """Of the trains of its inputs, (batch, T', axons), or of what the layer before gives."""
        trains = given.passed if isinstance(given, Trains) else given
        steps, neuron, weights = self.config.steps, self.neuron, self.working
        axons = len(weights) - self.layer.bias
        bias = weights[-1] if self.layer.bias else None
        arrived = family.synapse(trains, weights[:axons])
        with torch.no_grad():
            if self.scale is None:
                fired, reached, v, a = scan(arrived, neuron, self.theta, steps, bias)
            else:
                fired, reached, v, a = family.scan(arrived, neuron, self.config.chip, steps, bias)
        brought = self._brought(arrived, bias)
        if not self.fires:  # V is a plain sum, and so is its gradient
            return Trains(fired, fired, reached, passing(v, brought.sum(1)), a)
        reached = passing(reached, brought)
        fired = fire(fired, reached, self.theta, *self.window)
        return Trains(fired, fired, reached, v, a)

    def _brought(self, arrived: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """What each sweep finds of A that came just before it, (batch, T, neurons)."""
        brought = arrived[:, : self.config.steps - 1]
        brought = functional.pad(brought, (0, 0, 1, self.config.steps - 1 - brought.shape[1]))
        if bias is None:
            return brought
        start, end = self.window
        gate = brought.new_zeros(self.config.steps, 1)
        gate[start:end] = 1
        return brought + gate * bias

    def export(self) -> Layer:
        """The integer layer of a quantised module."""
        weights = self.working.detach().cpu().numpy().astype(np.int8)
        return Layer(weights, self.neuron, bias=self.layer.bias)
