"""Spike times as tensors, their loss and their decision: what rules of time to first spike share.

Times are real tensors (batch, neurons) in steps, inf for a neuron that stays silent.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from yoso_sw.data.encoding import spike_steps
from yoso_sw.data.samples import Inputs
from yoso_sw.network.events import Events
from yoso_sw.network.network import NEVER

SILENT = float("inf")


class Onward(NamedTuple):
    """What goes on from a layer, in either phase.

    times
        Of each output the time of its first spike in steps, (batch, outputs), inf for silent.
    counts
        How often it spikes, (batch, outputs).
    """

    times: torch.Tensor
    counts: torch.Tensor


class Spikes(NamedTuple):
    """What a layer gives.

    times
        Spike times in steps, inf for silent.
    potentials
        Of slope A and alpha-PSP: V at the spike, of silent neurons after the last sweep. With a constant
        slope: V when the window opens. Of a layer that never fires: V after the last sweep.
    """

    times: torch.Tensor
    potentials: torch.Tensor

    @property
    def sent(self) -> int:
        """Spikes of the layer, summed over neurons and batch."""
        return int(self.times.isfinite().sum())

    @property
    def onward(self) -> Onward:
        return Onward(self.times, self.times.isfinite().to(self.times))

    @property
    def spikes(self) -> Events:
        """Whole times as the golden model has them."""
        whole = torch.where(self.times.isinf(), NEVER, self.times)
        return Events.of_steps(whole.cpu().numpy().astype(np.int16))


def input_times(steps: np.ndarray) -> torch.Tensor:
    """Input spike steps (`encoding.spike_steps`) as float times, inf for silent."""
    times = torch.from_numpy(steps.astype(np.float32))
    times[times == NEVER] = SILENT
    return times


def encode(inputs: Inputs, levels: int) -> torch.Tensor:
    """Times (n, inputs) of pixels, uint8, in `levels` steps, of spike steps, int16, or of events.

    Raises `EventsError` if an axon has more than one.
    """
    if isinstance(inputs, Events):
        inputs = inputs.steps
    return input_times(spike_steps(inputs, levels) if inputs.dtype == np.uint8 else inputs)


class TemporalEncoder(nn.Module):
    """Pixels as spike times: p > 0 spikes at step ((255 - p) * levels) >> 8, 0 never (docs/arithmetic.md).

    Parameters
    ----------
    levels
        Steps that pixels are spread over, 1 to 256.
    """

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels
        self.times = input_times(spike_steps(np.arange(256, dtype=np.uint8), levels)).numpy()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Times, float of any shape, of uint8 pixels of that shape."""
        return torch.from_numpy(self.times.take(images.numpy()))


class _Cap(torch.autograd.Function):
    """min(times, end), passing the gradient of silent neurons on: the layer decides what it does."""

    @staticmethod
    def forward(ctx: Any, times: Any, end: Any) -> Any:
        return times.clamp(max=end)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0], None


def spike_time_loss(
    times: torch.Tensor,
    labels: torch.Tensor,
    end: float,
    temperature: float,
    label_smoothing: float = 0.0,
    logit_adjustment: torch.Tensor | None = None,
) -> torch.Tensor:
    """Cross-entropy of the softmax of negative spike times (eq. 12), averaged over the batch.

    Parameters
    ----------
    times
        Output spike times (batch, classes); a silent neuron counts as firing at `end`.
    labels
        Classes, int64 (batch,), or shares of them, float (batch, classes).
    temperature
        Of the softmax, in steps; eq. 12 has 1 in its own unit of time.
    label_smoothing
        The share of a label that goes to all classes alike (our choice; eq. 12 has none).
    logit_adjustment
        What is taken off each class's logit, (classes,) (Menon et al. 2021); None: nothing, as in eq. 12. A
        class of which much is taken has to fire that many temperatures earlier for the same loss.
    """
    logits = -_Cap.apply(times, end) / temperature
    if logit_adjustment is not None:
        logits = logits - logit_adjustment
    return torch.nn.functional.cross_entropy(logits, labels, label_smoothing=label_smoothing)


def decide(times: torch.Tensor, potential: torch.Tensor) -> torch.Tensor:
    """Class of each image, int64 (batch,): earliest spike, then higher V, then lower index.

    Where no output fired, the highest V; so it serves both decisions.
    """
    earliest = times == times.min(dim=1, keepdim=True).values
    return torch.where(earliest, potential, -SILENT).argmax(dim=1)


class SpikeTimeLoss(nn.Module):
    """Cross-entropy on spike times, eq. 12; see `spike_time_loss`."""

    def __init__(self, end: float, temperature: float = 1.0) -> None:
        super().__init__()
        self.end, self.temperature = end, temperature

    def forward(self, times: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return spike_time_loss(times, labels, self.end, self.temperature)


def earliest(spikes: Spikes, side: int = 2) -> Spikes:
    """P2: the earliest spike of each window, at its own time, (batch, channels, rows, cols).

    The gradient goes to that spike; silent windows stay silent.
    """
    times, where = nn.functional.max_pool2d(-spikes.times, side, return_indices=True)
    potentials = spikes.potentials.flatten(2).gather(2, where.flatten(2)).reshape(times.shape)
    return Spikes(-times, potentials)


class EarliestPool2d(nn.Module):
    """P2 as a module of its own; see `earliest`."""

    def __init__(self, side: int = 2) -> None:
        super().__init__()
        self.side = side

    def forward(self, spikes: Spikes) -> Spikes:
        return earliest(spikes, self.side)
