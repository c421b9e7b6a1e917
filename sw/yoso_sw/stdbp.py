"""STDBP: layers of ReL-PSP neurons whose spike times are trained by their exact gradient.

Spike times are real tensors (batch, neurons) in steps, inf for a neuron that stays silent. Two kinds of
layer:

- *slope A* (the paper's network): `spike_times`, eq. 8 to 14, in continuous time or on whole steps;
- *constant slope* (Stanojevic et al. 2024): from step s on the potential rises by c a step, so a layer is one
  matrix product and `ramp_times` reads the result as times.

On whole steps both are the chip's arithmetic to the bit, weights being integers held in floats; gradients
pass the rounding of times and weights unchanged (straight-through, our choice).
"""

from __future__ import annotations

from typing import Any

import torch
from yoso_hw.params import ChipParams

from yoso_sw import causal, stepwise
from yoso_sw.network import NEVER

SILENT = float("inf")

#: Below 2^24 a float32 holds every integer; `ramp_times` relies on it with one bit to spare.
EXACT = 1 << 23


def round_through(exact: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """`exact` in the forward pass, the gradient of `real` in the backward pass (straight-through)."""
    return real + (exact - real).detach()


def arrived(times: torch.Tensor, now: float) -> torch.Tensor:
    """K(now - t_i), the ReL-PSP kernel (eq. 9): 0 for spikes that are not before `now`, or silent."""
    return (now - times).clamp(min=0)


def potentials(times: torch.Tensor, weights: torch.Tensor, now: float) -> torch.Tensor:
    """V(now) of neurons that have not fired (eq. 8), shape (batch, neurons)."""
    return arrived(times, now) @ weights


def ramp_times(
    opening: torch.Tensor, threshold: float, slope: float, start: int, end: int, whole: bool = False
) -> torch.Tensor:
    """Spike times of a layer with a constant slope.

    Parameters
    ----------
    opening
        V(start - 1), the potential when the window opens, shape (batch, neurons).
    threshold, slope, start, end
        theta, c and the window [start, end).
    whole
        False: V grows in continuous time, t = start - 1 + (theta - V) / c. True: t is the first whole step
        with V >= theta, start + max(1, ceil((theta - V) / c)) - 1.

    Returns
    -------
    Times in [start, end), inf for silent. Clamped times pass no gradient.
    """
    wait = (threshold - opening) / slope
    if whole:
        wait = round_through(wait.ceil(), wait)
    times = (wait + (start - 1)).clamp(min=start)
    return torch.where(times < end, times, SILENT)


class _SpikeTimes(torch.autograd.Function):
    """Spike times of slope A with eq. 13 and 14 as their gradient; see `spike_times`."""

    @staticmethod
    def forward(ctx: Any, times: Any, weights: Any, rule: Any, whole: bool, revive: bool) -> Any:
        threshold, start, end, last = rule
        times = torch.where(times < last, times, SILENT)  # nothing follows that they could act on
        t_in, w = times.detach().numpy(), weights.detach().numpy()
        if whole:
            steps = torch.where(times.isfinite(), times, NEVER).to(torch.int32).numpy()
            chip = ChipParams()
            bounds = chip.acc_min, chip.acc_max, chip.pot_min, chip.pot_max
            rule = int(threshold), 0, int(start), int(end)
            results = stepwise.march(
                steps, weights.detach().to(torch.int32).numpy(), rule, int(last) + 1, bounds
            )
        else:
            results = causal.walk(t_in, w, *(w.dtype.type(value) for value in rule))
        fired, potential, slope = (torch.from_numpy(result).to(weights.dtype) for result in results)
        fired[fired >= end] = SILENT
        silent = fired.isinf()
        rate = 1 / torch.where(silent, slope.clamp(min=threshold / last) if revive else SILENT, slope)
        ctx.save_for_backward(times, weights, torch.where(silent, end, fired), rate)
        ctx.mark_non_differentiable(potential)
        return fired, potential

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        times, weights, fired, rate = ctx.saved_tensors
        drive = grads[0] * rate
        results = causal.gradient(times.numpy(), weights.detach().numpy(), fired.numpy(), drive.numpy())
        grad_weights, grad_times = (torch.from_numpy(result) for result in results)
        return grad_times, grad_weights, None, None, None


def spike_times(
    times: torch.Tensor,
    weights: torch.Tensor,
    threshold: float,
    start: int,
    end: int,
    last: int,
    whole: bool = False,
    revive: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Spike times of a layer of slope A (eq. 11) and their gradient (eq. 13, 14).

    Parameters
    ----------
    times
        Input spike times (batch, axons), inf for silent.
    weights
        (axons, neurons); integers if `whole`.
    threshold, start, end
        theta and the window [start, end); the paper's is [0, T).
    last
        T - 1.
    whole
        False: continuous time. True: whole steps, as on the default chip, saturation included.
    revive
        True: a silent neuron passes gradient as if it had fired at `end`, the sum of its causal weights taken
        as at least theta / last. Without it a silent target neuron learns nothing (our choice; paper: none).

    Returns
    -------
    Spike times (batch, neurons), inf for silent, and V at the spike or, for silent neurons, at `last`.
    Spikes at the opening of the window, of neurons already above theta, pass no gradient.
    """
    return _SpikeTimes.apply(times, weights, (threshold, start, end, last), whole, revive)


class _Cap(torch.autograd.Function):
    """min(times, end), passing the gradient of silent neurons on: `spike_times` decides what it does."""

    @staticmethod
    def forward(ctx: Any, times: Any, end: Any) -> Any:
        return times.clamp(max=end)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0], None


def spike_time_loss(times: torch.Tensor, labels: torch.Tensor, end: float, unit: float) -> torch.Tensor:
    """Cross-entropy of the softmax of negative spike times (eq. 12), averaged over the batch.

    Parameters
    ----------
    times
        Output spike times (batch, classes); a silent neuron counts as firing at `end`.
    labels
        int64 (batch,).
    unit
        Steps that make a factor e; eq. 12 has 1 in its own unit of time.
    """
    return torch.nn.functional.cross_entropy(-_Cap.apply(times, end) / unit, labels)


def decide(times: torch.Tensor, potential: torch.Tensor) -> torch.Tensor:
    """Class of each image, int64 (batch,): earliest spike, then higher V, then lower index.

    Where no output fired, the highest V; so it serves both decisions.
    """
    earliest = times == times.min(dim=1, keepdim=True).values
    return torch.where(earliest, potential, -SILENT).argmax(dim=1)


def activity(times: torch.Tensor, start: int, end: int) -> torch.Tensor:
    """A price on spikes: the sum of (end - t) / (end - start) over a layer, averaged over images.

    Silent neurons cost nothing. An L1 penalty on what the spikes tell, which pushes weak neurons into silence
    (our choice).
    """
    return arrived(times, end).sum(dim=1).mean() / (end - start)
