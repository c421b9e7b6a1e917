"""Spike times in continuous time: the exact walk over causal sets, and the gradient of spike times.

Between two input spikes the potential of a ReL-PSP neuron is a straight line (paper, eq. 8 and 9)::

    V(t) = sum over causal i of w_i (t - t_i) = A t - B,    A = sum w_i,  B = sum w_i t_i

so the walk visits the input spikes in order, keeps A and B of every neuron, and solves V(t) = theta in each
interval (eq. 11). The kernels are fused loops: nothing is stored per pair of spikes.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def walk(times, weights, threshold, start, end, last):  # type: ignore[no-untyped-def]
    """First spikes of one layer in continuous time, slope A.

    Parameters
    ----------
    times
        Input spike times (batch, axons), real, in steps, before `last`; inf for silent.
    weights
        (axons, neurons), of the same dtype.
    threshold, start, end
        theta and the window: a neuron fires at the first t in [start, end) with V(t) >= theta.
    last
        Time at which V of silent neurons is read.

    Returns
    -------
    fired
        (batch, neurons), inf for silent.
    potential
        V at the spike, or at `last`.
    slope
        Sum of the causal weights, dV/dt where V crosses theta; inf where V was above theta when the window
        opened, since that spike's time depends on nothing; for silent neurons the sum at the end.
    """
    batch, neurons = len(times), weights.shape[1]
    fired = np.full((batch, neurons), np.inf, weights.dtype)
    potential = np.zeros((batch, neurons), weights.dtype)
    slope = np.zeros((batch, neurons), weights.dtype)
    a = np.zeros(neurons, weights.dtype)
    b = np.zeros(neurons, weights.dtype)
    for image in range(batch):
        t_in = times[image]
        active = np.flatnonzero(np.isfinite(t_in))
        order = active[np.argsort(t_in[active])]
        out, rise = fired[image], slope[image]
        a[:] = 0
        b[:] = 0
        for k in range(len(order)):
            axon = order[k]
            t = t_in[axon]
            row = weights[axon]
            for j in range(neurons):
                a[j] += row[j]
                b[j] += row[j] * t
            until = t_in[order[k + 1]] if k + 1 < len(order) else np.inf
            if until == t or until < start or t >= end:
                continue  # no time passes before the next spike, or none within the window
            opens = t <= start
            until = min(until, end)
            for j in range(neurons):
                if out[j] != np.inf:
                    continue
                if opens and a[j] * start - b[j] >= threshold:
                    out[j], rise[j], potential[image, j] = start, np.inf, a[j] * start - b[j]
                elif a[j] > 0:
                    cross = (threshold + b[j]) / a[j]
                    if cross <= until and cross < end:
                        out[j], rise[j], potential[image, j] = max(cross, t), a[j], threshold
        for j in range(neurons):
            if out[j] == np.inf:
                potential[image, j] = a[j] * last - b[j]
                rise[j] = a[j]
    return fired, potential, slope


@njit(cache=True)
def gradient(times, weights, fired, drive):  # type: ignore[no-untyped-def]
    """Gradients through spike times: paper, eq. 13 and 14.

    For a causal pair, t_i < t_j, and S_j the sum of j's causal weights::

        dt_j / dw_ij = (t_i - t_j) / S_j        dt_j / dt_i = w_ij / S_j

    Parameters
    ----------
    times, weights
        As for `walk`; the times may be whole steps.
    fired
        Spike times (batch, neurons), finite; where `drive` is 0 the value does not matter.
    drive
        dL/dt_j / S_j (batch, neurons); 0 for neurons whose time passes no gradient.

    Returns
    -------
    dL/dw (axons, neurons) and dL/dt_i (batch, axons).
    """
    grad_weights = np.zeros_like(weights)
    grad_times = np.zeros(times.shape, weights.dtype)
    neurons = weights.shape[1]
    for image in range(len(times)):
        t_out, push = fired[image], drive[image]
        for axon in range(len(weights)):
            t = times[image, axon]
            if not np.isfinite(t):
                continue
            row, grad_row = weights[axon], grad_weights[axon]
            total = weights.dtype.type(0)
            for j in range(neurons):
                through = push[j] if t < t_out[j] else weights.dtype.type(0)
                grad_row[j] += through * (t - t_out[j])
                total += through * row[j]
            grad_times[image, axon] = total
    return grad_weights, grad_times
