"""STDBP: layers of ReL-PSP neurons whose spike times are trained by their exact gradient.

Spike times are real tensors (batch, neurons) in steps, inf for a neuron that stays silent. Two kinds of
layer:

- *slope A* (the paper's network): `spike_times`, eq. 8 to 14, in continuous time or on whole steps;
- *constant slope* (Stanojevic et al. 2024): from step s on the potential rises by c a step, so a layer is one
  matrix product and `ramp_times` reads the result as times.

On whole steps both are the chip's arithmetic to the bit, weights being integers held in floats; gradients
pass the rounding of times and weights unchanged (straight-through, our choice). It owes nothing to the golden
model, which it must equal spike for spike: two readings of `docs/arithmetic.md`.
"""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import torch
from yoso_hw.params import ChipParams

from yoso_sw.learn.stdbp import plain, spike_order
from yoso_sw.learn.stdbp.first_spikes import first_spikes
from yoso_sw.learn.stdbp.spike_gradient import deltas, gradient
from yoso_sw.learn.times import SILENT
from yoso_sw.network.network import Window

#: Threads of the kernels; None: as many as torch's. Torch's own, once woken, spin and take the kernels'
#: cores, so a network of slope A alone is fastest with one of them and several here.
THREADS: int | None = None

#: Whether the CPU has kernels of its own; False sends it the way of a GPU.
KERNELS = True

#: Below 2^24 a float32 holds every integer; `ramp_times` relies on it with one bit to spare.
EXACT = 1 << 23


def straight_through(exact: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """`exact` in the forward pass, the gradient of `real` in the backward pass (straight-through)."""
    return real + (exact - real).detach()


def psp(times: torch.Tensor, now: float) -> torch.Tensor:
    """K(now - t_i), the ReL-PSP kernel (eq. 9): 0 for spikes that are not before `now`, or silent."""
    return (now - times).clamp(min=0)


def potentials(times: torch.Tensor, weights: torch.Tensor, now: float) -> torch.Tensor:
    """V(now) of neurons that have not fired (eq. 8), shape (batch, neurons)."""
    return psp(times, now) @ weights


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
        wait = straight_through(wait.ceil(), wait)
    times = (wait + (start - 1)).clamp(min=start)
    return torch.where(times < end, times, SILENT)


class _SpikeTimes(torch.autograd.Function):
    """Spike times of slope A with eq. 13 and 14 as their gradient; see `spike_times`."""

    @staticmethod
    def forward(
        ctx: Any,
        times: Any,
        weights: Any,
        window: Any,
        rule: Any,
        bounds: Any,
        whole: bool,
        revive: bool,
        min_slope: float,
    ) -> Any:
        theta, _, _, end, last = rule
        unit_slope = theta / last
        t_in, w = times.detach().contiguous().numpy(), weights.detach().contiguous().numpy()
        threads = THREADS or torch.get_num_threads()
        *results, ctx.events = first_spikes(t_in, w, window, rule, bounds, whole, threads)
        fired, potential, slope = map(torch.from_numpy, results)
        ctx.save_for_backward(times, weights, fired, slope)
        ctx.rule = window, last, end, min_slope * unit_slope, unit_slope if revive else SILENT
        ctx.mark_non_differentiable(potential)
        return fired, potential

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        tensors = *ctx.saved_tensors, grads[0]
        t_in, w, fired, slope, grad_fired = (tensor.detach().contiguous().numpy() for tensor in tensors)
        wanted, threads = ctx.needs_input_grad[0], THREADS or torch.get_num_threads()
        window, last, end, *slopes = ctx.rule
        t_out, delta = deltas(fired, slope, grad_fired, end, *slopes)
        results = gradient(t_in, ctx.events, w, window, last, t_out, delta, wanted, threads)
        grad_weights, grad_times = (None if g is None else torch.from_numpy(g) for g in results)
        return grad_times, grad_weights, *(None,) * 6


NO_BOUNDS = (-SILENT, SILENT, -SILENT, SILENT)


def adder_bounds(chip: ChipParams) -> tuple[int, int, int, int]:
    """(A min, A max, V min, V max) of a chip, where its adders saturate."""
    return chip.acc_min, chip.acc_max, chip.pot_min, chip.pot_max


def spike_times(
    times: torch.Tensor,
    weights: torch.Tensor,
    threshold: float,
    start: int,
    end: int,
    last: int,
    whole: bool = False,
    revive: bool = False,
    slope: int = 0,
    chip: ChipParams | None = None,
    window: Window | None = None,
    min_slope: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Spike times of a layer of slope A (eq. 11) and their gradient (eq. 13, 14).

    On a GPU PyTorch's own operations take the kernels' place (`plain`): there no adder may saturate.

    Parameters
    ----------
    times
        Input spike times (batch, inputs), inf for silent.
    weights
        (axons, neurons); integers if `whole`.
    threshold, start, end
        theta and the window [start, end); the paper's is [0, T).
    last
        T - 1.
    whole
        False: continuous time. True: whole steps, as on the chip, saturation included.
    revive
        True: a silent neuron passes gradient as if it had fired at `end`, the sum of its causal weights taken
        as at least theta / last. Without it a silent target neuron learns nothing (our choice; paper: none).
    slope
        On whole steps: c of a constant slope, 0 for A. It passes no useful gradient: training reads such a
        layer with `ramp_times`.
    chip
        Whose adders saturate on whole steps; None: those of the default chip.
    window
        Of a convolution, whose `times` are ordered (row, col, channel), a bias last, and whose neurons at all
        positions, (row, col, filter), share `weights`; None: dense.
    min_slope
        The gradient takes the slope S_j of a spike for at least this many theta / last, the slope that needs
        all of the time. A potential that grazes theta has next to none, and in eq. 13 and 14 its one spike
        outweighs all others of a batch (our choice; 0: the paper's).

    Returns
    -------
    Spike times (batch, neurons), inf for silent, and V at the spike or, for silent neurons, at `last`.
    Spikes at the opening of the window, of neurons already above theta, pass no gradient.
    """
    if times.is_cuda or not KERNELS:
        if slope:
            raise ValueError("a constant slope on whole steps has a kernel on the CPU alone; see ramp_times")
        seen = times if window is None else plain.patches(times, window)
        results = plain.spike_times(seen, weights, threshold, start, end, last, whole, revive, min_slope)
        return results[0].reshape(len(times), -1), results[1].reshape(len(times), -1)
    bounds = adder_bounds(chip or ChipParams()) if whole else NO_BOUNDS
    rule = threshold, slope, start, end, last
    geometry = spike_order.DENSE if window is None else astuple(window)[:4]
    return _SpikeTimes.apply(times, weights, geometry, rule, bounds, whole, revive, min_slope)


def spike_penalty(times: torch.Tensor, start: int, end: int) -> torch.Tensor:
    """A penalty on spikes: the sum of (end - t) / (end - start) over a layer, averaged over images.

    Silent neurons cost nothing. An L1 penalty on what the spikes tell, which pushes weak neurons into silence
    (our choice).
    """
    return psp(times, end).sum(dim=1).mean() / (end - start)


def silence_penalty(times: torch.Tensor, weights: torch.Tensor, threshold: float, last: int) -> torch.Tensor:
    """A penalty on silent neurons: what they lack to fire for the mean image, in units of theta, summed.

    max(0, 1 - V_j / theta) of the batch's mean V_j after `last` steps. In the loss it keeps neurons alive
    that fire for no image and so have no spike time to learn from (our choice; Mostafa 2018 penalises the sum
    of weights).
    """
    mean = psp(times, last).mean(dim=0) @ weights
    return (1 - mean / threshold).clamp(min=0).sum()
