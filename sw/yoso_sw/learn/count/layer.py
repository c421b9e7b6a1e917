"""A layer of integrate-and-fire neurons with a gradient of its spike counts.

Forward it does what the chip does, step by step (`family.scan`), without the delay between layers, which
changes no spike (docs/arithmetic.md, "Rate-coded networks and their delay"). Backward it knows no time: with
V_total, all that T steps bring to a neuron, its count c is taken for V_total / theta (our reconstruction of
Wu et al. 2019, who take the count for a surrogate),

    dc / dV_total = 1 / theta   where 0 < V_total < T theta, else 0.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from yoso_hw.params import ChipParams

from yoso_sw.learn import family
from yoso_sw.learn.config import LayerConfig
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.quantiser import Quantiser
from yoso_sw.network.events import Events
from yoso_sw.network.neuron import CLEARED, Neuron, Reset


class Counts(NamedTuple):
    """What a layer gives.

    trains
        (batch, T, neurons), 1 where a neuron spikes; of inputs that are a constant current what every step
        brings, (batch, 1, inputs).
    counts
        Its sum over T, (batch, neurons), with the gradient.
    potentials
        V_total (batch, neurons), V but for what resets took; of a readout, the V that decides.
    start
        The step of the image that is the first of T.
    """

    trains: torch.Tensor
    counts: torch.Tensor
    potentials: torch.Tensor
    start: int

    @property
    def sent(self) -> int:
        """Spikes of the layer, summed over neurons and batch."""
        return int(self.trains.count_nonzero())

    @property
    def spikes(self) -> Events:
        """Spikes as the golden model has them."""
        return Events.of_record(nn.functional.pad(self.trains, (0, 0, self.start, 0)).bool().cpu().numpy())


def fire(current: torch.Tensor, threshold: int, chip: ChipParams) -> torch.Tensor:
    """Trains of integrate-and-fire neurons, reset by subtraction, for currents, both (batch, T, neurons)."""
    steps = current.shape[1]
    neuron = Neuron(threshold, 1, steps + 1, current=CLEARED, reset=Reset.SUBTRACT)
    fired, *_ = family.scan(current, neuron, chip, steps + 1)  # which sweeps before it integrates
    return fired[:, 1:]


def counted(total: torch.Tensor, threshold: float, trains: torch.Tensor) -> torch.Tensor:
    """Counts of trains, with the gradient of total / threshold where a count can follow it."""
    steps = trains.shape[1]
    follows = (total > 0) & (total < steps * threshold)
    smooth = torch.where(follows, total / threshold, 0)
    return trains.sum(1) + (smooth - smooth.detach())


class CountLayer(nn.Module):
    """A dense layer, which spikes or is the readout.

    Parameters
    ----------
    axons
        Inputs of a neuron, the bias apart.
    config
        Its neurons, threshold, bias and dropout.
    steps
        T.
    start
        As in `Counts`.
    unit
        What an axon brings at most a step: the levels of charged inputs, else 1. Thresholds and the bias are
        that many times those of `config`, so that inputs count as 0 .. 1.
    init, quantiser
        First weights, and how they become integers.
    chip
        Whose A and V clamp.
    """

    def __init__(
        self,
        axons: int,
        config: LayerConfig,
        steps: int,
        start: int,
        unit: int,
        init: Normal,
        quantiser: Quantiser,
        chip: ChipParams,
    ) -> None:
        super().__init__()
        self.neurons, self.config = config.neurons, config
        self.axons, self.steps, self.start, self.unit = axons, steps, start, unit
        self.quantiser, self.chip = quantiser, chip
        self.weight = init.draw(axons + config.bias, config.neurons)
        self.scale: float | None = None

    def quantise(self) -> None:
        """Fix the scale."""
        scale = self.quantiser.scale(self.weight.detach())
        if not 0 < scale < float("inf"):
            raise TrainingError(
                f"the weights of the {self.neurons}-neuron layer give no scale: {scale}; check its mean, std "
                "and clip, and the learning rate"
            )
        self.scale = scale

    @property
    def working(self) -> torch.Tensor:
        """Weights of the phase, (axons + bias, neurons)."""
        return self.weight if self.scale is None else self.quantiser.integers(self.weight, self.scale)

    @property
    def threshold(self) -> float:
        """theta in what the phase's weights bring."""
        theta = self.config.neuron.threshold * self.unit
        return theta if self.scale is None else max(1, round(theta * self.scale))

    def forward(self, given: Counts, generator: torch.Generator | None = None) -> Counts:
        """Spikes for those of the inputs; `generator` draws the dropout, None: no dropout."""
        trains, counts = given.trains, given.counts
        if generator is not None and self.config.dropout:
            kept = (torch.rand(counts.shape, generator=generator) >= self.config.dropout).to(counts)
            kept = kept / (1 - self.config.dropout)
            trains, counts = trains * kept[:, None], counts * kept
        weights = self.working
        synapses = weights[: self.axons]
        bias = self.unit * weights[-1] if self.config.bias else weights.new_zeros(self.neurons)
        total = counts @ synapses + self.steps * bias
        if self.config.neuron.silent:
            none = total.new_zeros(len(total), self.steps, self.neurons)
            return Counts(none, none.sum(1), total, self.start)
        with torch.no_grad():
            current = (family.synapse(trains, synapses) + bias).expand(-1, self.steps, -1)
            if self.scale is None:
                fired = fire(current / self.threshold, 1, self.chip)
            else:
                fired = fire(current, int(self.threshold), self.chip)
        return Counts(fired, counted(total, self.threshold, fired), total, self.start)
