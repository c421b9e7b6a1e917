"""A layer of current-based leaky neurons as a torch module, in floats, then in the chip's integers."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from yoso_sw.learn.clif.gradient import StepByStep
from yoso_sw.learn.clif.surrogate import passing
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.trains import Trains
from yoso_sw.network.layer import Layer
from yoso_sw.network.neuron import Neuron, Reset


class ClifDense(nn.Module):
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
        self.scale: float | None = None
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

    @property
    def learning(self) -> list[int]:
        """The sweeps that take the loss back: of the window, the last of each `backward_every`."""
        start, end = self.window
        every = self.config.backward_every
        return [t for t in range(start, end) if (t - start) % every == every - 1]

    def forward(self, trains: torch.Tensor) -> Trains:
        """Of the trains of its inputs, (batch, T', axons)."""
        return Trains(*StepByStep.apply(trains, self.working, self))

    def export(self) -> Layer:
        """The integer layer of a quantised module."""
        weights = self.working.detach().cpu().numpy().astype(np.int8)
        return Layer(weights, self.neuron, bias=self.layer.bias)
