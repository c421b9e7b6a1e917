"""Temporal layers as torch modules, to be composed like any others.

Spikes go from module to module as times: real tensors in steps, inf for a neuron that stays silent. A layer
takes those of the encoder and what the layer before it gives, so that ``nn.Sequential`` composes them. ::

    neuron, encoder = NeuronConfig(threshold=16, end=40), TemporalEncoder(levels=16)
    hidden = Dense(784, 800, neuron, Normal(mean=0.02, std=0.06))
    output = Dense(800, 10, neuron, Normal(0.1, 0.2), Extras(revive=True))
    loss = SpikeTimeLoss(end=40)
    loss(output(hidden(encoder(images)).times).times, labels).backward()

Dropout and normalisation, which are otherwise in training, follow a module's mode (``train``, ``eval``) where
`forward` is called without a generator, as ``nn.Sequential`` does.

A layer has one set of float weights. In the float phase spike times are continuous; `quantise` fixes a scale
k, and from then on the layer rounds k w to integers and times to whole steps, which is the chip's arithmetic
(docs/arithmetic.md), and gradients pass the rounding (quantisation-aware training).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch.nn import functional

from yoso_sw.learn.batch_norm import BatchNorm
from yoso_sw.learn.centring import centred
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.layer_config import NeuronConfig
from yoso_sw.learn.module import MODE, ScaledModule
from yoso_sw.learn.quantiser import Quantiser as Quantiser
from yoso_sw.learn.quantiser import back
from yoso_sw.learn.stdbp import stdbp
from yoso_sw.learn.times import SILENT, Spikes, earliest
from yoso_sw.learn.times import EarliestPool2d as EarliestPool2d
from yoso_sw.network.layer import Window


@dataclass(frozen=True)
class Extras:
    """What a layer does beyond the paper's rule; by default nothing.

    Parameters
    ----------
    dropout
        Share of the inputs left out in training. What arrives is scaled up by as much; in a firing layer of
        slope A, whose spikes cannot be, theta is scaled down instead.
    revive
        Whether a silent neuron of slope A learns as if it had fired at `end`; for output layers
        (`stdbp.spike_times`).
    min_slope
        What the gradient of slope A takes the slope for at least (`stdbp.spike_times`).
    batch_norm
        Standard deviation, in units of c, to which `BatchNorm` brings the potentials in the float phase; 0:
        none. Of layers with a constant slope and a bias.
    centred
        Whether the weights of a neuron, the bias apart, are kept at a mean of zero in the float phase.
    """

    dropout: float = 0.0
    revive: bool = False
    min_slope: float = 0.0
    batch_norm: float = 0.0
    centred: bool = False


def times_of(given: torch.Tensor | Spikes) -> torch.Tensor:
    """Spike times, of a layer before or of the encoder."""
    return given.times if isinstance(given, Spikes) else given


def picture(times: torch.Tensor, window: Window) -> torch.Tensor:
    """(batch, channels, rows, cols) of (batch, rows * cols * channels), a network's order of axons."""
    return times.reshape(-1, window.rows, window.cols, window.channels).permute(0, 3, 1, 2)


def flat(part: torch.Tensor) -> torch.Tensor:
    """The inverse of `picture`; flat tensors stay as they are."""
    return part.permute(0, 2, 3, 1).flatten(1) if part.ndim == 4 else part


class TemporalLayer(ScaledModule):
    """What dense layers and convolutions share: weights, neuron and quantisation.

    Parameters
    ----------
    axons
        Inputs of a neuron, the bias apart.
    neurons
        Neurons, or filters, with weights of their own.
    neuron
        Its threshold, window and slope; the paper's window is [0, T).
    init
        First weights.
    extras, quantiser
        As they say.
    steps
        T; spikes act until step T - 1. 0: until the end of the window.
    bias
        One more axon, which spikes at step 0.

    Raises
    ------
    ValueError
        If the neuron never fires and `steps` is not given: there is no step to read its potentials at.
    """

    def __init__(
        self,
        axons: int,
        neurons: int,
        neuron: NeuronConfig,
        init: Normal = Normal(),
        extras: Extras = Extras(),
        quantiser: Quantiser = Quantiser(),
        *,
        steps: int = 0,
        bias: bool = False,
    ) -> None:
        super().__init__()
        if neuron.silent and not steps:
            raise ValueError(f"window {neuron.start}..{neuron.end} is empty: say how many steps there are")
        self.neurons, self.neuron = neurons, neuron
        self.extras, self.quantiser = extras, quantiser
        self.last = (steps or neuron.end) - 1
        self.bias = bias
        self.weight = init.draw(axons + bias, neurons)
        self.norm = BatchNorm(neurons, extras.batch_norm) if extras.batch_norm else None

    def quantise(self) -> None:
        """Fix the scale."""
        with torch.no_grad():
            self.weight.copy_(self.working)
        if self.norm is not None:
            self.norm.fold(self.weight, self.reading)
        scale = self.quantiser.scale(self.weight.detach())
        if not 0 < scale < float("inf"):
            raise TrainingError(
                f"the weights of the {self.neurons}-neuron layer give no scale: {scale}; check its mean, std "
                "and clip, and the learning rate"
            )
        # A constant slope is the unit of V and a whole number on the chip.
        self.scale = float(max(1, round(scale))) if self.constant else scale

    def unquantise(self, rounded: bool) -> None:
        """As `rule.Scaled` says; normalisation and centring are in the weights and stay there."""
        back(self, self.integers, rounded)
        self.norm, self.extras = None, replace(self.extras, batch_norm=0.0, centred=False)

    @property
    def integers(self) -> torch.Tensor:
        """Integer weights as floats, (axons, neurons), with the gradient of the float weights."""
        assert self.scale is not None
        return self.quantiser.integers(self.weight, self.scale)

    @property
    def threshold(self) -> float:
        """theta in the units of the phase."""
        if self.scale is None:
            return self.neuron.threshold
        return max(1, round(self.neuron.threshold * self.scale))

    @property
    def constant(self) -> bool:
        """Whether the slope is constant."""
        return self.neuron.slope == "constant"

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
        return centred(self.weight, self.bias) if self.extras.centred else self.weight

    @property
    def reading(self) -> int:
        """The step at which a layer that is one matrix product reads its inputs."""
        return self.last if self.neuron.silent else self.neuron.start - 1

    def _kept(self, spikes: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Which spikes the dropout leaves; drawn on the CPU, so that every device draws the same."""
        return (torch.rand(spikes.shape, generator=generator) >= self.extras.dropout).to(spikes.device)

    def ages(self, times: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        """What arrived by `reading`, with the dropout that `generator` draws."""
        ages = stdbp.psp(times, self.reading)
        if generator is not None and self.extras.dropout:
            kept = self._kept(ages, generator)
            ages = ages * kept / (1 - self.extras.dropout)
        return ages

    def fire(
        self, times: torch.Tensor, generator: torch.Generator | None, window: Window | None = None
    ) -> Spikes:
        """Spikes of a firing layer of slope A, for (batch, inputs) input times without the bias."""
        threshold = self.threshold
        if generator is not None and self.extras.dropout:
            kept = self._kept(times, generator)
            times = torch.where(kept, times, SILENT)
            threshold *= 1 - self.extras.dropout
            threshold = max(1, round(threshold)) if self.scale is not None else threshold
        times = self.with_bias(times)
        whole = self.scale is not None
        return Spikes(
            *stdbp.spike_times(
                times,
                self.working,
                threshold,
                self.neuron.start,
                self.neuron.end,
                self.last,
                whole,
                self.extras.revive,
                chip=self.quantiser.chip,
                window=window,
                min_slope=self.extras.min_slope,
            )
        )

    def with_bias(self, times: torch.Tensor) -> torch.Tensor:
        """Times (batch, inputs) with the bias's, if there is one."""
        if not self.bias:
            return times
        return torch.cat([times, times.new_zeros(len(times), 1)], dim=1)

    def read(self, potential: torch.Tensor, training: bool) -> Spikes:
        """Spikes of a layer that is one matrix product, of its potentials at `reading`."""
        if self.norm is not None and self.scale is None:
            potential = self.norm(potential, training)
        if self.neuron.silent:
            return Spikes(torch.full_like(potential, SILENT), potential)
        whole = self.scale is not None
        start, end = self.neuron.start, self.neuron.end
        times = stdbp.ramp_times(potential, self.threshold, self.slope, start, end, whole)
        return Spikes(times, potential)


class Dense(TemporalLayer):
    """A dense layer, (batch, inputs) -> (batch, neurons)."""

    def forward(self, given: torch.Tensor | Spikes, generator: torch.Generator | None = MODE) -> Spikes:
        """Spikes for input times (batch, inputs), or those of a convolution (batch, channels, rows, cols).

        `generator` draws the dropout, None: no dropout.
        """
        times, generator = flat(times_of(given)), self.mode(generator)
        if self.constant or self.neuron.silent:
            potential = self.ages(self.with_bias(times), generator) @ self.working
            return self.read(potential, generator is not None)
        return self.fire(times, generator)

    def silence_penalty(self, times: torch.Tensor) -> torch.Tensor:
        """`stdbp.silence_penalty` of the layer for these inputs."""
        return stdbp.silence_penalty(self.with_bias(times), self.working, self.threshold, self.last)


class Conv2d(TemporalLayer):
    """A convolution and P2: (batch, channels, rows, cols) -> (batch, filters, ..).

    Parameters
    ----------
    window
        Rows, columns and channels of the input; side, stride and padding of the kernel.
    filters
        Channels of the output.
    pool
        P2: of 2 x 2 positions the earliest spike of each filter goes on, with its potential.
    """

    def __init__(
        self,
        window: Window,
        filters: int,
        neuron: NeuronConfig,
        init: Normal = Normal(),
        extras: Extras = Extras(),
        quantiser: Quantiser = Quantiser(),
        *,
        steps: int = 0,
        bias: bool = False,
        pool: bool = False,
    ) -> None:
        super().__init__(window.axons, filters, neuron, init, extras, quantiser, steps=steps, bias=bias)
        self.window, self.pool = window, pool

    def forward(self, given: torch.Tensor | Spikes, generator: torch.Generator | None = MODE) -> Spikes:
        """Spikes for input times (batch, channels, rows, cols), or flat (batch, rows * cols * channels).

        `generator` draws the dropout, None: no dropout.
        """
        times, generator = times_of(given), self.mode(generator)
        times = times if times.ndim == 4 else picture(times, self.window)
        if self.constant or self.neuron.silent:
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
        window, weights = self.window, self.working
        shared = weights[: window.axons].reshape(window.kernel, window.kernel, window.channels, self.neurons)
        kernels = shared.permute(3, 2, 0, 1)
        potential = functional.conv2d(ages, kernels, stride=window.stride, padding=window.padding)
        if self.pool:
            potential = functional.max_pool2d(potential, 2)
        if self.bias:
            potential = potential + (weights[-1] * self.reading)[:, None, None]
        return potential
