"""Temporal layers as torch modules, to be composed like any others.

Spikes go from module to module as times: real tensors in steps, inf for a neuron that stays silent. ::

    encoder = TemporalEncoder(levels=16)
    hidden = Dense(784, 800, threshold=16.0, steps=40, mean=0.02, deviation=0.06)
    output = Dense(800, 10, threshold=16.0, steps=40, mean=0.1, deviation=0.2, revive=True)
    loss = SpikeTimeLoss(end=40)
    loss(output(hidden(encoder(images)).times).times, labels).backward()

A layer has one set of float weights. In the float phase spike times are continuous; `quantise` fixes a scale
k, and from then on the layer rounds k w to integers and times to whole steps, which is the chip's arithmetic
(docs/arithmetic.md), and gradients pass the rounding (quantisation-aware training).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from yoso_hw.params import ChipParams

from yoso_sw.data.encoding import spike_steps
from yoso_sw.learn.stdbp import stdbp
from yoso_sw.network.network import NEVER, Window

EPSILON = 1e-5  # keeps the variance of a neuron that is always the same from dividing by 0


class TrainingError(RuntimeError):
    """Training cannot go on; the message says where and what to change."""


class Spikes(NamedTuple):
    """What a layer gives.

    times
        Spike times in steps, inf for silent.
    potentials
        Of slope A: V at the spike, of silent neurons after the last sweep. With a constant slope: V when the
        window opens. Of a layer that never fires: V after the last sweep.
    """

    times: torch.Tensor
    potentials: torch.Tensor


def input_times(steps: np.ndarray) -> torch.Tensor:
    """Input spike steps (`encoding.spike_steps`) as float times, inf for silent."""
    times = torch.from_numpy(steps.astype(np.float32))
    times[times == NEVER] = stdbp.SILENT
    return times


class TemporalEncoder(nn.Module):
    """Pixels as spike times: p > 0 spikes at step ((255 - p) * levels) >> 8, 0 never (contract, section 2).

    Parameters
    ----------
    levels
        Steps that pixels are spread over, 1 to 256.
    """

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.times = input_times(spike_steps(np.arange(256, dtype=np.uint8), levels)).numpy()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Times, float of any shape, of uint8 pixels of that shape."""
        return torch.from_numpy(self.times.take(images.numpy()))


class Norm(nn.Module):
    """Potentials of each neuron, or filter, brought to one mean and deviation over the batch.

    Batch normalisation (Ioffe and Szegedy 2015) of what a layer of constant slope reads when its window
    opens: V' = norm * (|gain| * (V - mean) / deviation + shift). It is linear in the weights, so `fold`
    moves it into them and into the bias axon's, and nothing of it is left for the chip.

    Parameters
    ----------
    neurons
        Neurons or filters, the second dimension of the potentials.
    norm
        The deviation that potentials begin with, in units of c.
    """

    mean: torch.Tensor
    variance: torch.Tensor

    def __init__(self, neurons: int, norm: float) -> None:
        super().__init__()
        self.norm = norm
        self.gain = nn.Parameter(torch.ones(neurons))
        self.shift = nn.Parameter(torch.zeros(neurons))
        self.register_buffer("mean", torch.zeros(neurons))
        self.register_buffer("variance", torch.ones(neurons))

    def forward(self, potential: torch.Tensor, training: bool) -> torch.Tensor:
        """Of potentials (batch, neurons, ..); in training by the batch's own mean and variance."""
        gain, shift = self.norm * self.gain.abs(), self.norm * self.shift
        return functional.batch_norm(potential, self.mean, self.variance, gain, shift, training, 0.1, EPSILON)

    def fold(self, weight: nn.Parameter, reading: int) -> None:
        """Give `weight` (axons + bias, neurons) the gain, and the bias axon, as old as `reading`, the shift.

        The gain is not negative, so the maximum of pooled potentials stays where it was.
        """
        with torch.no_grad():
            gain = self.norm * self.gain.abs() / (self.variance + EPSILON).sqrt()
            bias = weight[-1] * reading - self.mean
            weight[:-1] *= gain
            weight[-1] = (bias * gain + self.norm * self.shift) / reading


def centred(weight: torch.Tensor, bias: bool) -> torch.Tensor:
    """Weights (axons + bias, neurons) less each neuron's mean over its axons; the bias stays.

    What all inputs have in common then adds nothing to a potential (Qiao et al. 2019). Of many axons a small
    mean weight adds up to more than the one bias axon can take back.
    """
    axons = len(weight) - bias
    return torch.cat([weight[:axons] - weight[:axons].mean(0), weight[axons:]])


class TemporalLayer(nn.Module):
    """What dense layers and convolutions share: weights, threshold, window, slope and quantisation.

    Parameters
    ----------
    axons
        Inputs of a neuron, the bias apart.
    neurons
        Neurons, or filters, with weights of their own.
    threshold
        theta; with a constant slope in units of c.
    steps
        T; spikes act until step T - 1.
    start, end
        The firing window [start, end); the paper's is [0, T), the default. end <= start: the layer never
        fires, and its last potentials are what it gives (softmax output).
    slope
        "psp": the potential grows by the weights that have arrived (the paper, eq. 8). "constant": by c a
        step within the window (Stanojevic et al. 2024); c is the unit of weights and threshold.
    bias
        One more axon, which spikes at step 0.
    dropout
        Share of the inputs left out in training. What arrives is scaled up by as much; in a firing layer of
        slope A, whose spikes cannot be, theta is scaled down instead.
    revive
        Whether a silent neuron of slope A learns as if it had fired at `end`; for output layers
        (`stdbp.spike_times`).
    norm
        Standard deviation, in units of c, to which `Norm` brings the potentials in the float phase; 0: none.
        Of layers with a constant slope and a bias.
    centred
        Whether the weights of a neuron, the bias apart, are kept at a mean of zero in the float phase.
    weight_bits, clip
        Of the integers, 2 to 8; weights beyond this many standard deviations saturate.
    floor
        Least slope that the gradient of slope A knows (`stdbp.spike_times`).
    chip
        Whose adders saturate on whole steps; None: the default chip's.
    mean, deviation, generator
        Of the first weights, normally distributed.
    """

    def __init__(
        self,
        axons: int,
        neurons: int,
        *,
        threshold: float,
        steps: int,
        start: int = 0,
        end: int | None = None,
        slope: str = "psp",
        bias: bool = False,
        dropout: float = 0.0,
        revive: bool = False,
        norm: float = 0.0,
        centred: bool = False,
        weight_bits: int = 8,
        clip: float = 2.5,
        floor: float = 0.0,
        chip: ChipParams | None = None,
        mean: float = 0.0,
        deviation: float = 0.1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.neurons = neurons
        self.float_threshold = threshold
        self.last = steps - 1
        self.start, self.end = start, steps if end is None else end
        self.constant = slope == "constant"
        self.bias, self.dropout, self.revive = bias, dropout, revive
        self.limit, self.clip = 1 << (weight_bits - 1), clip
        self.centred = centred
        self.floor = floor
        self.chip = chip
        self.scale: float | None = None
        first = torch.randn(axons + bias, neurons, generator=generator)
        self.weight = nn.Parameter(first * deviation + mean)
        self.norm = Norm(neurons, norm) if norm else None

    @property
    def silent(self) -> bool:
        """Whether the layer never fires."""
        return self.end <= self.start

    def quantise(self) -> None:
        """Fix the scale so that weights up to `clip` standard deviations from zero fit the weight's bits."""
        with torch.no_grad():
            self.weight.copy_(self.working)
        if self.norm is not None:
            self.norm.fold(self.weight, self.reading)
        scale = (self.limit - 1) / (self.clip * float(self.weight.detach().square().mean().sqrt()))
        if not 0 < scale < float("inf"):
            raise TrainingError(f"the weights of the {self.neurons}-neuron layer give no scale: {scale}")
        # A constant slope is the unit of V and a whole number on the chip.
        self.scale = float(max(1, round(scale))) if self.constant else scale

    @property
    def integers(self) -> torch.Tensor:
        """Integer weights as floats, (axons, neurons), with the gradient of the float weights."""
        assert self.scale is not None
        scaled = (self.weight * self.scale).clamp(-self.limit, self.limit - 1)
        return stdbp.round_through(scaled.round(), scaled)

    @property
    def threshold(self) -> float:
        """theta in the units of the phase."""
        if self.scale is None:
            return self.float_threshold
        return max(1, round(self.float_threshold * self.scale))

    @property
    def slope(self) -> float:
        """c in the units of the phase; 0 for slope A."""
        if not self.constant:
            return 0
        return 1 if self.scale is None else int(self.scale)

    @property
    def working(self) -> torch.Tensor:
        """Weights in the units of the phase, (axons, neurons)."""
        if self.scale is not None:
            return self.integers
        return centred(self.weight, self.bias) if self.centred else self.weight

    @property
    def reading(self) -> int:
        """The step at which a layer that is one matrix product reads its inputs."""
        return self.last if self.silent else self.start - 1

    def _kept(self, spikes: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Which spikes the dropout leaves; drawn on the CPU, so that every device draws the same."""
        return (torch.rand(spikes.shape, generator=generator) >= self.dropout).to(spikes.device)

    def ages(self, times: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        """What arrived by `reading`, with the dropout that `generator` draws."""
        ages = stdbp.arrived(times, self.reading)
        if generator is not None and self.dropout:
            kept = self._kept(ages, generator)
            ages = ages * kept / (1 - self.dropout)
        return ages

    def fire(
        self, times: torch.Tensor, generator: torch.Generator | None, window: Window | None = None
    ) -> Spikes:
        """Spikes of a firing layer of slope A, for (batch, inputs) input times without the bias."""
        threshold = self.threshold
        if generator is not None and self.dropout:
            kept = self._kept(times, generator)
            times = torch.where(kept, times, stdbp.SILENT)
            threshold *= 1 - self.dropout
            threshold = max(1, round(threshold)) if self.scale is not None else threshold
        times = self.with_bias(times)
        whole = self.scale is not None
        rule = threshold, self.start, self.end, self.last, whole, self.revive
        return Spikes(*stdbp.spike_times(times, self.working, *rule, 0, self.chip, window, self.floor))

    def with_bias(self, times: torch.Tensor) -> torch.Tensor:
        """Times (batch, inputs) with the bias's, if there is one."""
        if not self.bias:
            return times
        return torch.cat([times, times.new_zeros(len(times), 1)], dim=1)

    def read(self, potential: torch.Tensor, training: bool) -> Spikes:
        """Spikes of a layer that is one matrix product, of its potentials at `reading`."""
        if self.norm is not None and self.scale is None:
            potential = self.norm(potential, training)
        if self.silent:
            return Spikes(torch.full_like(potential, stdbp.SILENT), potential)
        whole = self.scale is not None
        times = stdbp.ramp_times(potential, self.threshold, self.slope, self.start, self.end, whole)
        return Spikes(times, potential)


class Dense(TemporalLayer):
    """A dense layer, (batch, inputs) -> (batch, neurons); `TemporalLayer` says what `rule` takes."""

    def __init__(self, inputs: int, neurons: int, **rule) -> None:  # type: ignore[no-untyped-def]
        super().__init__(inputs, neurons, **rule)

    def forward(self, times: torch.Tensor, generator: torch.Generator | None = None) -> Spikes:
        """Spikes for input times (batch, inputs); `generator` draws the dropout, None: no dropout."""
        if self.constant or self.silent:
            potential = self.ages(self.with_bias(times), generator) @ self.working
            return self.read(potential, generator is not None)
        return self.fire(times, generator)

    def quiet(self, times: torch.Tensor) -> torch.Tensor:
        """`stdbp.quiet` of the layer for these inputs."""
        return stdbp.quiet(self.with_bias(times), self.working, self.threshold, self.last)


class Conv2d(TemporalLayer):
    """A convolution, unpadded, stride 1, and P2: (batch, channels, rows, cols) -> (batch, filters, ..).

    Parameters
    ----------
    window
        Rows, columns and channels of the input, and the side of the kernel.
    filters
        Channels of the output.
    pool
        P2: of 2 x 2 positions the earliest spike of each filter goes on, with its potential.
    """

    def __init__(self, window: Window, filters: int, pool: bool = False, **rule) -> None:  # type: ignore[no-untyped-def]
        super().__init__(window.axons, filters, **rule)
        self.window, self.pool = window, pool

    def forward(self, times: torch.Tensor, generator: torch.Generator | None = None) -> Spikes:
        """Spikes for input times (batch, channels, rows, cols); `generator` draws the dropout."""
        if self.constant or self.silent:
            return self.read(self._convolve(self.ages(times, generator)), generator is not None)
        spikes = self.fire(times.permute(0, 2, 3, 1).flatten(1), generator, self.window)
        shape = len(times), self.window.out_rows, self.window.out_cols, self.neurons
        spikes = Spikes(*(part.reshape(shape).permute(0, 3, 1, 2) for part in spikes))
        return earliest(spikes) if self.pool else spikes

    def _convolve(self, ages: torch.Tensor) -> torch.Tensor:
        """Potentials (batch, filters, rows, cols) at step `reading`.

        Pooled here already: the neuron with the highest potential is the first to spike, so the maximum of
        potentials leads to the minimum of times and leaves a quarter of the work.
        """
        kernel, weights = self.window.kernel, self.working
        shared = weights[: self.window.axons].reshape(kernel, kernel, self.window.channels, self.neurons)
        potential = functional.conv2d(ages, shared.permute(3, 2, 0, 1))
        if self.pool:
            potential = functional.max_pool2d(potential, 2)
        if self.bias:
            potential = potential + (weights[-1] * self.reading)[:, None, None]
        return potential


def earliest(spikes: Spikes, side: int = 2) -> Spikes:
    """P2: the earliest spike of each window, at its own time, (batch, channels, rows, cols).

    The gradient goes to that spike; silent windows stay silent.
    """
    times, where = functional.max_pool2d(-spikes.times, side, return_indices=True)
    potentials = spikes.potentials.flatten(2).gather(2, where.flatten(2)).reshape(times.shape)
    return Spikes(-times, potentials)


class EarliestPool2d(nn.Module):
    """P2 as a module of its own; see `earliest`."""

    def __init__(self, side: int = 2) -> None:
        super().__init__()
        self.side = side

    def forward(self, spikes: Spikes) -> Spikes:
        return earliest(spikes, self.side)


class SpikeTimeLoss(nn.Module):
    """Cross-entropy on spike times, eq. 12; see `stdbp.spike_time_loss`."""

    def __init__(self, end: float, unit: float = 1.0) -> None:
        super().__init__()
        self.end, self.unit = end, unit

    def forward(self, times: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return stdbp.spike_time_loss(times, labels, self.end, self.unit)
