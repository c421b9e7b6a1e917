"""A layer of integrate-and-fire neurons with a gradient of its spike counts.

Forward it does what the chip does, step by step (`family.scan`), without the delay between layers, which
changes no spike (docs/arithmetic.md, "Rate-coded networks and their delay"). Backward it knows no time: with
V_total, all that T steps bring to a neuron, its count c is taken for V_total / theta (our reconstruction of
Wu et al. 2019, who take the count for a surrogate),

    dc / dV_total = 1 / theta   where 0 < V_total < T theta, else 0.

Rule tandem has the same layer with another V_total (`tandem.layer`).

What T steps cost is a product a step. A layer that is `even` takes V_total in training to come in T equal
parts, so that it spikes as a constant current makes it, clamp(floor(V_total / theta), 0, T) times, and that
is one product (ours). Spikes differ a little from those of the chip, so the last epochs do without.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from yoso_hw.params import ChipParams

from yoso_sw.learn import bytewise, family, spike_sums
from yoso_sw.learn.affine import Affine
from yoso_sw.learn.count.repeated import count_repeated
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.layer_config import LayerConfig
from yoso_sw.learn.module import MODE
from yoso_sw.learn.placed import PlacedLayer
from yoso_sw.learn.quantiser import Quantiser
from yoso_sw.learn.times import Onward
from yoso_sw.learn.trains import onward
from yoso_sw.network.events import Events
from yoso_sw.network.layer import Window


class Counts:
    """What a layer gives.

    Parameters
    ----------
    trains
        (batch, T, outputs), 1 where a spike goes on; of inputs that are a constant current what every step
        brings, (batch, 1, inputs). Or what makes them, for those who ask.
    counts
        Its sum over T, (batch, outputs), with the gradient.
    potentials
        V_total (batch, neurons), V but for what resets took; of a readout, the V that decides.
    start
        The step of the image that is the first of T.
    constant
        Whether every step brings the one that `trains` has.
    """

    def __init__(
        self,
        trains: torch.Tensor | Callable[[], torch.Tensor],
        counts: torch.Tensor,
        potentials: torch.Tensor,
        start: int,
        constant: bool = False,
    ) -> None:
        self._trains, self.counts, self.potentials, self.start = trains, counts, potentials, start
        self.constant = constant

    @property
    def trains(self) -> torch.Tensor:
        if not isinstance(self._trains, torch.Tensor):
            with torch.no_grad():
                self._trains = self._trains()
        return self._trains

    @property
    def sent(self) -> int:
        """Spikes that go on, summed over outputs and batch."""
        if isinstance(self._trains, torch.Tensor):
            return int(self._trains.count_nonzero())
        return int(self.counts.detach().sum(dtype=torch.float64))

    @property
    def onward(self) -> Onward:
        return onward(self.trains, self.start)

    @property
    def spikes(self) -> Events:
        """Those that go on, as the golden model has them."""
        return Events.of_record(nn.functional.pad(self.trains, (0, 0, self.start, 0)).bool().cpu().numpy())


def given(inputs: torch.Tensor, steps: int, levels: int = 1) -> Counts:
    """What inputs give the first layer, which sees T = `steps`.

    Trains (batch, T, inputs), a constant current (batch, 1, inputs), or spike times (batch, inputs), of which
    the `levels` steps make a current (`charge`). Raises `ValueError` for trains of other steps.
    """
    trains = charge(inputs, levels)[:, None] if inputs.ndim == 2 else inputs
    if trains.shape[1] not in (1, steps):
        raise ValueError(f"inputs of shape {tuple(trains.shape)} are no trains of steps={steps}")
    counts = trains.sum(1) * (steps // trains.shape[1])
    return Counts(trains, counts, counts, 0, constant=trains.shape[1] < steps)


def charge(times: torch.Tensor, levels: int) -> torch.Tensor:
    """What spikes at `times`, inf for none, bring in every step after the `levels` that they charge.

    Raises `ValueError` if one comes later.
    """
    brings = torch.where(times.isfinite(), levels - times, 0)
    if ((brings <= 0) & times.isfinite()).any():
        raise ValueError(
            f"spikes come after the levels that charge, unit={levels}: give those of the encoder"
        )
    return brings


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
    return followed(total, threshold, trains.sum(1), most)


def followed(total: torch.Tensor, threshold: float, counts: torch.Tensor, most: float) -> torch.Tensor:
    """`counts`, with the gradient of `counted`."""
    return _Followed.apply(total, threshold, counts, most)


class _Followed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, total: Any, threshold: Any, counts: Any, most: Any) -> Any:
        ctx.save_for_backward(total)
        ctx.ends = threshold, most
        return counts

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (total,), (threshold, most) = ctx.saved_tensors, ctx.ends
        own = torch.ops.aten.threshold_backward(grads[0], total, 0)  # where total is positive
        if most != math.inf:
            own = own * (total < most)
        return own if threshold == 1 else own / threshold, None, None, None


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


class CountLayer(PlacedLayer):
    """`PlacedLayer` of integrate-and-fire neurons, with the gradient of their counts.

    Parameters
    ----------
    axons, config, steps, start, init, quantiser, chip, window
        As of `PlacedLayer`; where it opens changes no spike.
    unit
        What an axon brings at most a step: the levels of charged inputs, else 1. Thresholds and the bias are
        that many times those of `config`, so that inputs count as 0 .. 1.

    Attributes
    ----------
    even
        Whether V_total comes in equal parts in training.
    """

    def __init__(
        self,
        axons: int,
        config: LayerConfig,
        steps: int,
        start: int | None = None,
        unit: int = 1,
        init: Normal | None = None,
        quantiser: Quantiser | None = None,
        chip: ChipParams | None = None,
        window: Window | None = None,
    ) -> None:
        super().__init__(axons, config, steps, start, init, quantiser, chip, window)
        self.unit = unit
        self.even = False

    @property
    def threshold(self) -> float:
        """theta in what the phase's weights bring."""
        theta = self.config.neuron.threshold * self.unit
        return theta if self.scale is None else max(1, round(theta * self.scale))

    def forward(self, spikes: torch.Tensor | Counts, generator: torch.Generator | None = MODE) -> Counts:
        """Spikes for those of the layer before, or for inputs (`given`).

        `generator` draws the dropout, None: no dropout.
        """
        own = spikes if isinstance(spikes, Counts) else given(spikes, self.steps, self.unit)
        generator = self.mode(generator)
        training, counts, kept = generator is not None, own.counts, None
        if generator is not None and self.config.dropout:
            kept = (torch.rand(counts.shape, generator=generator) >= self.config.dropout).to(counts)
            kept = kept / (1 - self.config.dropout)
            counts = counts * kept

        def arrived(weights: torch.Tensor) -> torch.Tensor:
            trains = own.trains if kept is None else own.trains * kept[:, None]
            return self.brought(trains, weights, 1)

        raw = self.steps * arrived(self.working)[:, 0] if own.constant else self.raw(counts)
        total = self.normalised(raw, training)
        if self.config.neuron.silent:
            none = total.new_zeros(1, 1, 1).expand(len(total), self.steps, self.neurons)
            return Counts(none, none[:, 0], total, self.start)
        if self.even and training:
            return self.fire_evenly(total)
        with torch.no_grad():
            if own.constant:
                current = (self.normalised(raw, False) / self.steps)[:, None]
            elif kept is None and self.in_bytes(own.trains):
                current = self.added(own.trains)
            else:
                current = arrived(self.spiking)
        return self.fire(current, total)

    def fire_evenly(self, total: torch.Tensor) -> Counts:
        """Spikes for a V_total of which every step brings as much."""
        if self.config.pool:
            return self.fire((total.detach() / self.steps)[:, None], total)
        theta, steps, chip = self.threshold, self.steps, self.chip
        with torch.no_grad():
            counts = torch.div(total, theta).floor_().clamp_(0, steps)
        counts = followed(total, theta, counts, self.most)

        def trains() -> torch.Tensor:
            return fire((total / (steps * theta))[:, None].expand(-1, steps, -1), 1, chip)

        return Counts(trains, counts, total, self.start)

    def in_bytes(self, trains: torch.Tensor) -> bool:
        """Whether spikes may be added in bytes: by whole weights of a convolution, with kernels at hand."""
        whole = self.window is not None and self.scale is not None and self.unit == 1
        return whole and not trains.is_cuda and bytewise.available()

    def added(self, trains: torch.Tensor) -> torch.Tensor:
        """What spikes bring in each step, in bytes."""
        assert self.window is not None
        weights = self.spiking
        bias = self.unit * weights[-1] if self.config.bias else None
        return spike_sums.convolved(trains, weights[: self.axons], self.window, bias)

    def fire(self, current: torch.Tensor, total: torch.Tensor) -> Counts:
        """Spikes for what each of T steps brings, (batch, T, neurons), or every one, (batch, 1, neurons)."""
        theta = self.threshold
        if self.scale is None:
            current, theta = current if theta == 1 else current / theta, 1
        pooling = self.window if self.config.pool else None
        trains = partial(fire, current.expand(-1, self.steps, -1), int(theta), self.chip)
        made: torch.Tensor | None = None
        with torch.no_grad():
            if current.shape[1] == 1 and pooling is None and not current.is_cuda:
                counts = count_repeated(current[:, 0], int(theta), self.chip, self.steps)
            else:
                made = trains()
                counts = made.sum(1)
        counts = followed(total, self.threshold, counts, self.most)
        if pooling is not None and made is not None:
            made, counts = pooled(made, counts, pooling)
        return Counts(trains if made is None else made, counts, total, self.start)

    def normalised(self, total: torch.Tensor, training: bool) -> torch.Tensor:
        """V_total as the neurons have it, of what weights bring; in `training` by the batch's statistics."""
        return total

    def total(self, counts: torch.Tensor, training: bool) -> torch.Tensor:
        """V_total (batch, neurons) of the inputs' counts (batch, inputs)."""
        return self.normalised(self.raw(counts), training)

    def raw(self, counts: torch.Tensor) -> torch.Tensor:
        """What weights bring of V_total, (batch, neurons)."""
        return self.brought(counts[:, None], self.working, self.steps)[:, 0]

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
        if self.window is None and self.config.bias:
            return Affine.apply(given, weights, steps * self.unit)
        bias = steps * self.unit * weights[-1] if self.config.bias else None
        return family.synapse(given, weights[: self.axons], self.window, self.scale is not None, bias)
