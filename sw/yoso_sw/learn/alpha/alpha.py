"""Alpha-PSP: the leaky neuron that the paper argues against (eq. 1 to 7), as a baseline for STDBP.

The PSP (eq. 2) rises, peaks at tau and decays; eq. 7 is its slope::

    eps(s) = (s / tau) exp(1 - s / tau)        eps'(s) = (1 - s / tau) exp(1 - s / tau) / tau        s > 0

so, x time constants after input spike k, the potential is the closed form ::

    V = exp(-x) (P x + Q),      tau V' = exp(-x) P - V
    P = sum over causal i of w_i exp(1 - (t_k - t_i) / tau),      Q = V(t_k)

and V = theta where g(x) = P x + Q - theta exp(x) is zero. `first_spikes` visits the input spikes in order,
keeps P and Q of every neuron, decides in closed form whether V crosses theta before the next spike, and if so
finds the first crossing numerically: g is concave, so that Newton's iteration climbs from the left to the
root and cannot pass it. (Lambert's W is that root in closed form; this needs no special function.) The
kernels are fused loops, as in `stdbp.first_spikes`.

Unlike a ReL-PSP neuron, this one may peak below the threshold and stay silent, and it may cross with V' near
0, where eq. 6 explodes: the paper's dead neurons and exploding gradients.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import nn

from yoso_sw.learn.alpha.limits import LONGEST
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.layer_config import NeuronConfig
from yoso_sw.learn.times import SILENT, Spikes


@njit(cache=True)
def crossing(p, q, threshold, longest):  # type: ignore[no-untyped-def]
    """First x in [0, longest] with exp(-x) (p x + q) = threshold, reached from below; -1 if there is none.

    Needs p > threshold, without which V cannot rise at the threshold. On the left of its maximum at
    ln(p / threshold), g is concave and grows: each Newton step comes closer to the root from the left, in
    double precision until it no longer moves. Where V only just touches the threshold steps halve the
    distance, hence 64 of them.
    """
    p, q, threshold = np.float64(p), np.float64(q), np.float64(threshold)
    top = min(np.float64(longest), math.log(p / threshold))
    if p * top + q < threshold * math.exp(top):
        return -1.0
    x = 0.0
    for _ in range(64):
        grown = threshold * math.exp(x)
        rise = p - grown
        step = (grown - p * x - q) / rise if rise > 0 else 0.0
        if x + step <= x:
            break
        x = min(x + step, top)
    return x


@njit(cache=True)
def first_spikes(times, weights, threshold, tau, end):  # type: ignore[no-untyped-def]
    """First spikes of one layer of alpha-PSP neurons (eq. 1 to 3).

    Parameters
    ----------
    times
        Input spike times (batch, axons), real, in steps, 0 <= t < end; inf for silent.
    weights
        (axons, neurons), of the same dtype.
    threshold, tau, end
        theta > 0, the time constant in steps, and the window [0, end).

    Returns
    -------
    fired
        (batch, neurons), inf for silent.
    potential
        V at the spike, or at `end`.
    slope
        dV/dt where V crosses theta, positive but for rounding; 0 for silent neurons.
    """
    batch, neurons = len(times), weights.shape[1]
    number = weights.dtype.type
    fired = np.full((batch, neurons), np.inf, weights.dtype)
    potential = np.zeros((batch, neurons), weights.dtype)
    slope = np.zeros((batch, neurons), weights.dtype)
    e = number(math.e)
    p = np.zeros(neurons, weights.dtype)
    for image in range(batch):
        t_in = times[image]
        active = np.flatnonzero(np.isfinite(t_in))
        order = active[np.argsort(t_in[active])]
        out, rise, q = fired[image], slope[image], potential[image]
        p[:] = 0
        for k in range(len(order)):
            t = t_in[order[k]]
            row = weights[order[k]]
            for j in range(neurons):
                p[j] += e * row[j]
            until = t_in[order[k + 1]] if k + 1 < len(order) else end
            if until == t:
                continue  # no time passes before the next spike
            length = (until - t) / tau
            for j in range(neurons):
                if p[j] > threshold and out[j] == np.inf:
                    x = crossing(p[j], q[j], threshold, length)
                    if x >= 0 and t + number(x) * tau < end:
                        out[j] = t + number(x) * tau
                        rise[j] = (p[j] * number(math.exp(-x)) - threshold) / tau
            decay = number(math.exp(-length))
            for j in range(neurons):
                q[j] = decay * (p[j] * length + q[j])
                p[j] = decay * p[j]
        for j in range(neurons):
            if out[j] != np.inf:
                q[j] = threshold
    return fired, potential, slope


@njit(cache=True)
def gradient(times, weights, fired, deltas, tau):  # type: ignore[no-untyped-def]
    """Gradients through spike times (eq. 4 to 7).

    For a causal pair, t_i < t_j, and V'_j the slope of V at j's spike::

        dt_j / dw_ij = -eps(t_j - t_i) / V'_j        dt_j / dt_i = w_ij eps'(t_j - t_i) / V'_j

    Parameters
    ----------
    times, weights, tau
        As for `first_spikes`.
    fired
        Spike times (batch, neurons), finite; where `deltas` is 0 the value does not matter.
    deltas
        dL/dt_j / V'_j (batch, neurons); 0 for neurons whose time passes no gradient.

    Returns
    -------
    dL/dw (axons, neurons) and dL/dt_i (batch, axons).
    """
    grad_weights = np.zeros_like(weights)
    grad_times = np.zeros(times.shape, weights.dtype)
    neurons = weights.shape[1]
    number = weights.dtype.type
    none = number(0)
    delta = np.zeros(neurons, weights.dtype)
    for image in range(len(times)):
        t_out = fired[image]
        # exp(1 - s / tau) as a product leaves no exp in the inner loop.
        for j in range(neurons):
            delta[j] = deltas[image, j] * number(math.exp(1 - t_out[j] / tau))
        for axon in range(len(weights)):
            t = times[image, axon]
            if not np.isfinite(t):
                continue
            grown = number(math.exp(t / tau))
            row, grad_row = weights[axon], grad_weights[axon]
            total = none
            for j in range(neurons):
                through = delta[j] * grown if t < t_out[j] else none
                age = (t_out[j] - t) / tau
                grad_row[j] -= through * age
                total += through * (1 - age) * row[j]
            grad_times[image, axon] = total / tau
    return grad_weights, grad_times


class _SpikeTimes(torch.autograd.Function):
    """Spike times of alpha-PSP neurons with eq. 4 to 7 as their gradient; see `spike_times`."""

    @staticmethod
    def forward(ctx: Any, times: Any, weights: Any, threshold: float, tau: float, end: float) -> Any:
        times = torch.where(times < end, times, SILENT)  # nothing follows that they could act on
        w = weights.detach().numpy()
        number = w.dtype.type
        results = first_spikes(times.detach().numpy(), w, number(threshold), number(tau), number(end))
        fired, potential, slope = (torch.from_numpy(result) for result in results)
        # A crossing that only touches the threshold may round to V' <= 0: as steep as rounding can tell.
        least = torch.finfo(weights.dtype).eps * threshold / tau
        rate = torch.where(fired.isinf(), 0, 1 / slope.clamp(min=least))
        ctx.tau = number(tau)
        ctx.save_for_backward(times, weights, torch.where(fired.isinf(), end, fired), rate)
        ctx.mark_non_differentiable(potential)
        return fired, potential

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        times, weights, fired, rate = ctx.saved_tensors
        deltas = grads[0] * rate
        results = gradient(times.numpy(), weights.detach().numpy(), fired.numpy(), deltas.numpy(), ctx.tau)
        grad_weights, grad_times = (torch.from_numpy(result) for result in results)
        return grad_times, grad_weights, None, None, None


def psp(age: torch.Tensor, tau: float) -> torch.Tensor:
    """eps(age), eq. 2, peak 1 at tau: 0 for spikes that are not in the past (-inf for silent axons)."""
    past = age.clamp(min=0) / tau
    return past * torch.exp(1 - past)


def potentials(times: torch.Tensor, weights: torch.Tensor, tau: float, now: float) -> torch.Tensor:
    """V(now) of neurons that have not fired (eq. 1), shape (batch, neurons)."""
    return psp(now - times, tau) @ weights


def spike_times(
    times: torch.Tensor, weights: torch.Tensor, threshold: float, tau: float, end: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Spike times of a layer of alpha-PSP neurons (eq. 1 to 3) and their gradient (eq. 4 to 7).

    Parameters
    ----------
    times
        Input spike times (batch, axons) in steps, at least 0; inf for silent.
    weights
        (axons, neurons), of the same dtype, float32 or float64.
    threshold
        theta > 0. A PSP's peak is its weight, so theta is in units of weights.
    tau
        Time constant in steps.
    end
        A neuron fires in [0, end) or stays silent; end <= 80 tau.

    Returns
    -------
    Spike times (batch, neurons), inf for silent, and V at the spike or, for silent neurons, at `end`. A
    silent neuron passes no gradient, as in the paper (eq. 4 and 5 hold for spikes). Where V only touches
    theta, V' is taken as at least the rounding error of theta / tau: the gradient explodes, but stays a
    number (our choice).

    Raises
    ------
    ValueError
        If threshold, tau or end is not positive, or end is beyond 80 tau.
    """
    for name, value in (("threshold", threshold), ("tau", tau), ("end", end)):
        if not value > 0:
            raise ValueError(f"{name}={value} is not positive")
    if end > LONGEST * tau:
        raise ValueError(f"end={end} is beyond {LONGEST} time constants of tau={tau}")
    return _SpikeTimes.apply(times, weights, threshold, tau, end)


class AlphaDense(nn.Module):
    """A dense layer of alpha-PSP neurons, to be composed as those of STDBP are (`stdbp.layers`).

    Parameters
    ----------
    axons, neurons
        The size of the layer.
    neuron
        Its threshold, tau and end, as for `spike_times`.
    init
        First weights.
    """

    def __init__(self, axons: int, neurons: int, neuron: NeuronConfig, init: Normal = Normal()) -> None:
        super().__init__()
        self.neurons, self.neuron = neurons, neuron
        self.weight = init.draw(axons, neurons)

    def forward(self, times: torch.Tensor) -> Spikes:
        """Spike times and potentials (batch, neurons) for input times (batch, axons); see `spike_times`."""
        neuron = self.neuron
        return Spikes(*spike_times(times, self.weight, neuron.threshold, neuron.tau, float(neuron.end)))

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, {self.neurons}, {self.neuron}"
