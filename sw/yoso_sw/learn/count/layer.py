"""A layer of integrate-and-fire neurons with a gradient of its spike counts.

Forward it does what the chip does, step by step (`family.scan`), without the delay between layers, which
changes no spike (docs/arithmetic.md, "Rate-coded networks and their delay"). Backward it knows no time: with
V_total, all that T steps bring to a neuron, its count c is taken for V_total / theta (our reconstruction of
Wu et al. 2019, who take the count for a surrogate),

    dc / dV_total = 1 / theta   where 0 < V_total < T theta, else 0.

Rule tandem has the same layer with another V_total (`tandem.layer`).
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
from yoso_sw.learn.module import MODE, ScaledModule
from yoso_sw.learn.quantiser import Quantiser
from yoso_sw.network.events import Events
from yoso_sw.network.layer import Window


class Counts(NamedTuple):
    """What a layer gives.

    trains
        (batch, T, outputs), 1 where a spike goes on; of inputs that are a constant current what every step
        brings, (batch, 1, inputs).
    counts
        Its sum over T, (batch, outputs), with the gradient.
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
        """Spikes that go on, summed over outputs and batch."""
        return int(self.trains.count_nonzero())

    @property
    def spikes(self) -> Events:
        """Those that go on, as the golden model has them."""
        return Events.of_record(nn.functional.pad(self.trains, (0, 0, self.start, 0)).bool().cpu().numpy())


def given(trains: torch.Tensor, steps: int) -> Counts:
    """What inputs give the first layer: trains (batch, T, inputs) or a constant current (batch, 1, inputs).

    `steps` is T.
    """
    counts = trains.sum(1) * (steps // trains.shape[1])
    return Counts(trains, counts, counts, 0)


def fire(current: torch.Tensor, threshold: int, chip: ChipParams) -> torch.Tensor:
    """Trains of integrate-and-fire neurons, reset by subtraction, for currents, both (batch, T, neurons).

    What `family.scan` makes of such neurons, in a twentieth of the time.
    """
    trains = current.new_empty(current.shape)
    v = torch.zeros_like(trains[:, 0])
    for t, spikes in enumerate(trains.unbind(1)):
        v.add_(current[:, t]).clamp_(chip.pot_min, chip.pot_max)
        torch.ge(v, threshold, out=spikes)
        v.sub_(spikes, alpha=threshold)
    return trains


def counted(total: torch.Tensor, threshold: float, trains: torch.Tensor, most: float) -> torch.Tensor:
    """Counts of trains, with the gradient of total / threshold where 0 < total < `most`."""
    follows = (total > 0) & (total < most)
    smooth = torch.where(follows, total / threshold, 0)
    return trains.sum(1) + (smooth - smooth.detach())


def pooled(trains: torch.Tensor, counts: torch.Tensor, window: Window) -> tuple[torch.Tensor, torch.Tensor]:
    """P2 of trains (batch, T, neurons) and of their counts: what goes on, and its counts with a gradient.

    In a step the spikes of four are one. So one more of a neuron goes on in the share of the steps in which
    the other three are silent, and that share is the count's gradient.
    """
    groups = window.out_rows // 2, 2, window.out_cols // 2, 2, -1
    spikes = trains.reshape(*trains.shape[:2], *groups)
    together = spikes[:, :, :, 0] + spikes[:, :, :, 1]
    together = together[:, :, :, :, 0] + together[:, :, :, :, 1]
    passed = together.clamp(max=1)
    alone = (spikes * (together == 1)[:, :, :, None, :, None]).sum(1)  # steps in which it spikes alone
    silent = trains.shape[1] - passed.sum(1)[:, :, None, :, None] + alone
    smooth = (silent / trains.shape[1] * counts.reshape(len(counts), *groups)).sum((2, 4)).flatten(1)
    passed = passed.flatten(2)
    return passed, passed.sum(1) + (smooth - smooth.detach())


class CountLayer(ScaledModule):
    """A layer, dense or a convolution, which spikes or is the readout.

    Parameters
    ----------
    axons
        Inputs of a neuron, the bias apart.
    config
        Its neurons, threshold, bias, pooling and dropout.
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
        Whose A and V clamp; None: the default chip's.
    window
        The geometry of a convolution, whose neurons are ordered (row, col, filter); None: dense.
    """

    def __init__(
        self,
        axons: int,
        config: LayerConfig,
        steps: int,
        start: int = 1,
        unit: int = 1,
        init: Normal = Normal(),
        quantiser: Quantiser = Quantiser(),
        chip: ChipParams | None = None,
        window: Window | None = None,
    ) -> None:
        super().__init__()
        self.neurons, self.config, self.window = config.neurons, config, window
        self.axons, self.steps, self.start, self.unit = axons, steps, start, unit
        self.quantiser, self.chip = quantiser, chip or ChipParams()
        self.weight = init.draw(axons + config.bias, config.neurons)

    @property
    def outputs(self) -> int:
        """Neurons whose spikes go on, or groups of them."""
        positions = 1 if self.window is None else self.window.positions
        return self.neurons * positions // (4 if self.config.pool else 1)

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

    def forward(self, spikes: torch.Tensor | Counts, generator: torch.Generator | None = MODE) -> Counts:
        """Spikes for those of the layer before, or for inputs (`given`).

        `generator` draws the dropout, None: no dropout.
        """
        own = spikes if isinstance(spikes, Counts) else given(spikes, self.steps)
        trains, counts, generator = own.trains, own.counts, self.mode(generator)
        if generator is not None and self.config.dropout:
            kept = (torch.rand(counts.shape, generator=generator) >= self.config.dropout).to(counts)
            kept = kept / (1 - self.config.dropout)
            trains, counts = trains * kept[:, None], counts * kept
        total = self.total(counts, generator is not None)
        if self.config.neuron.silent:
            none = total.new_zeros(len(total), self.steps, self.neurons)
            return Counts(none, none.sum(1), total, self.start)
        with torch.no_grad():
            fired = self.fire(trains)
        counts = counted(total, self.threshold, fired, self.most)
        if self.config.pool and self.window is not None:
            fired, counts = pooled(fired, counts, self.window)
        return Counts(fired, counts, total, self.start)

    def total(self, counts: torch.Tensor, training: bool) -> torch.Tensor:
        """V_total (batch, neurons) of the inputs' counts (batch, inputs)."""
        return self.brought(counts[:, None], self.working, self.steps)[:, 0]

    def fire(self, trains: torch.Tensor) -> torch.Tensor:
        """Trains of the neurons, (batch, T, neurons), for those of the inputs."""
        current = self.brought(trains, self.spiking, 1).expand(-1, self.steps, -1)
        if self.scale is None:
            return fire(current / self.threshold, 1, self.chip)
        return fire(current, int(self.threshold), self.chip)

    @property
    def spiking(self) -> torch.Tensor:
        """Weights by which the neurons spike."""
        return self.working

    @property
    def most(self) -> float:
        """The V_total from which on a count no longer follows it."""
        return self.steps * self.threshold

    def brought(self, given: torch.Tensor, weights: torch.Tensor, steps: int) -> torch.Tensor:
        """What inputs (batch, T', inputs) bring to each neuron, and the bias of `steps` steps."""
        found = family.synapse(given, weights[: self.axons], self.window, whole=self.scale is not None)
        if not self.config.bias:
            return found
        positions = 1 if self.window is None else self.window.positions
        return found + (steps * self.unit * weights[-1]).repeat(positions)
