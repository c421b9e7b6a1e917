"""Spike times on whole steps: the trainer's own forward pass of the chip's arithmetic (docs/arithmetic.md).

It owes nothing to the golden model, which it must equal spike for spike: two readings of one contract.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from yoso_hw.params import ChipParams

from yoso_sw.network import NEVER, Network


@njit(cache=True)
def march(times, weights, rule, total, bounds):  # type: ignore[no-untyped-def]
    """First spikes of one layer, step by step.

    Parameters
    ----------
    times
        Input spike steps int32 (batch, axons), `NEVER` for silent.
    weights
        int32 (axons, neurons).
    rule
        (threshold, slope, start, end) as in `network.Layer`.
    total
        T, the number of steps.
    bounds
        (A min, A max, V min, V max), where the adders saturate.

    Returns
    -------
    fired
        int32 (batch, neurons), `NEVER` for silent.
    potential
        int32, V at the spike, or after the last sweep.
    slope
        float32, what the firing sweep added to V; inf where V was above theta when the window opened; for
        silent neurons what the last sweep added.
    """
    threshold, constant, first, end = rule
    a_min, a_max, v_min, v_max = bounds
    batch, axons = times.shape
    neurons = weights.shape[1]
    fired = np.full((batch, neurons), NEVER, np.int32)
    potential = np.zeros((batch, neurons), np.int32)
    slope = np.zeros((batch, neurons), np.float32)
    a = np.zeros(neurons, np.int32)
    for image in range(batch):
        begin = np.zeros(total + 1, np.int32)  # spikes before each step: a counting sort
        for i in range(axons):
            if times[image, i] < total:
                begin[times[image, i] + 1] += 1
        begin = np.cumsum(begin)
        place = begin.copy()
        order = np.empty(begin[total], np.int32)
        for i in range(axons):
            if times[image, i] < total:
                order[place[times[image, i]]] = i
                place[times[image, i]] += 1
        a[:] = 0
        out, v, rise = fired[image], potential[image], slope[image]
        for step in range(total):
            fixed = constant > 0 and step >= first
            for j in range(neurons):
                if out[j] != NEVER:
                    continue
                before = v[j]
                add = constant if fixed else a[j]
                v[j] = min(max(before + add, v_min), v_max)
                rise[j] = add
                if first <= step < end and v[j] >= threshold:
                    out[j] = step
                    if before >= threshold:
                        rise[j] = np.inf
            for k in range(begin[step], begin[step + 1]):
                row = weights[order[k]]
                for j in range(neurons):
                    a[j] = min(max(a[j] + row[j], a_min), a_max)
    return fired, potential, slope


def forward(
    network: Network, steps: np.ndarray, chip: ChipParams | None = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """(spike steps, V) of each layer, int32 (batch, neurons), for input steps (batch, inputs).

    Every image runs to step T - 1: V is the one at the spike, or after the last sweep.
    """
    chip = chip or ChipParams()
    bounds = chip.acc_min, chip.acc_max, chip.pot_min, chip.pot_max
    results = []
    for layer in network.layers:
        steps = steps.astype(np.int32)
        if layer.bias:
            steps = np.concatenate([steps, np.zeros((len(steps), 1), np.int32)], axis=1)
        rule = layer.threshold, layer.slope, layer.start, layer.end
        steps, potential, _ = march(steps, layer.weights.astype(np.int32), rule, network.steps, bounds)
        results.append((steps, potential))
    return results
