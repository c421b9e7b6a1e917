"""The synapse of the golden model: what a spike does on its way to the neurons, dense or convolutional.

`window` is (rows, cols, channels, kernel, stride, padding) of `network.Window`, kernel 0 for a dense layer. A
convolution is a dense layer with shared weights (docs/arithmetic.md), so only addresses are new here: a spike
meets each position whose window holds it, and there one row of weights, that of its place in the window.
Nothing after the addition knows which of the two it was.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from yoso_sw.network.events import NEVER


@njit(cache=True, inline="always")
def saturate(value: int, low: int, high: int) -> int:
    """`value`, or the bound that it has passed."""
    return min(max(value, low), high)


@njit(cache=True, inline="always")
def add_row(row, accumulated, acc_min, acc_max, free):  # type: ignore[no-untyped-def]
    """One weight to A of each neuron of a group; `free` says that no sum can pass a bound."""
    if free:
        for j in range(len(row)):
            accumulated[j] += row[j]
    else:
        for j in range(len(row)):
            accumulated[j] = saturate(np.int64(accumulated[j]) + row[j], acc_min, acc_max)


@njit(cache=True)
def stays_free(accumulated, spikes, largest, acc_max):  # type: ignore[no-untyped-def]
    """Whether so many spikes of weights up to `largest`, of either sign, carry no A past a bound."""
    low = high = 0
    for a in accumulated:
        low, high = min(low, a), max(high, a)
    return max(high, -low) + spikes * largest <= acc_max


@njit(cache=True, inline="always")
def positions(side, kernel, stride, padding):  # type: ignore[no-untyped-def]
    """Windows along a side."""
    return (side + 2 * padding - kernel) // stride + 1


@njit(cache=True, inline="always")
def holders(place, kernel, stride, count):  # type: ignore[no-untyped-def]
    """The first of the `count` windows along a side that hold `place`, padding counted, and the one after the
    last."""
    return max(0, place - kernel + stride) // stride, min(place // stride + 1, count)


@njit(cache=True)
def integrate_spike(axon, weights, accumulated, window, acc_min, acc_max, free):  # type: ignore[no-untyped-def]
    """A spike of `axon` adds its weight to A of every neuron that it reaches, fired or not.

    `weights` is the layer's matrix row by row, `accumulated` the layer's A; `free`: no A can reach a bound.
    Returns the number of updates.
    """
    rows, cols, channels, kernel, stride, padding = window
    if kernel == 0:
        neurons = len(accumulated)
        add_row(weights[axon * neurons : (axon + 1) * neurons], accumulated, acc_min, acc_max, free)
        return neurons
    out_rows, out_cols = positions(rows, kernel, stride, padding), positions(cols, kernel, stride, padding)
    filters = len(accumulated) // (out_rows * out_cols)
    place, channel = axon // channels, axon % channels
    in_row, in_col = place // cols + padding, place % cols + padding
    top, bottom = holders(in_row, kernel, stride, out_rows)
    left, right = holders(in_col, kernel, stride, out_cols)
    updates = 0
    for row in range(top, bottom):
        for col in range(left, right):
            y, x = in_row - row * stride, in_col - col * stride  # its place in the window of (row, col)
            shared = ((y * kernel + x) * channels + channel) * filters
            here = (row * out_cols + col) * filters
            group = accumulated[here : here + filters]
            add_row(weights[shared : shared + filters], group, acc_min, acc_max, free)
            updates += filters
    return updates


@njit(cache=True)
def integrate_spikes(axons, weights, accumulated, window, acc_min, acc_max, free):  # type: ignore[no-untyped-def]
    """`integrate_spike` for each of some axons, in their order; returns the updates of all.

    Where no A can reach a bound the order is irrelevant, and four rows of a dense layer go in at once: A is
    read and written once for all four.
    """
    updates, taken, neurons = 0, 0, len(accumulated)
    if free and window[3] == 0:
        while taken + 4 <= len(axons):
            first = weights[axons[taken] * neurons :][:neurons]
            second = weights[axons[taken + 1] * neurons :][:neurons]
            third = weights[axons[taken + 2] * neurons :][:neurons]
            fourth = weights[axons[taken + 3] * neurons :][:neurons]
            for j in range(neurons):
                accumulated[j] += first[j] + second[j] + third[j] + fourth[j]
            taken += 4
            updates += 4 * neurons
    for axon in axons[taken:]:
        updates += integrate_spike(axon, weights, accumulated, window, acc_min, acc_max, free)
    return updates


@njit(cache=True)
def integrate_bias(weights, accumulated, acc_min, acc_max):  # type: ignore[no-untyped-def]
    """The bias, one weight a neuron or filter, to A of every neuron. Returns the number of updates."""
    filters = len(weights)
    for here in range(0, len(accumulated), filters):
        add_row(weights, accumulated[here : here + filters], acc_min, acc_max, False)
    return len(accumulated)


@njit(cache=True)
def pass_on(fired, sent, window, step, once):  # type: ignore[no-untyped-def]
    """Spikes of `step` that leave the layer, from `fired` into `sent`; returns how many.

    All of them, or, where `sent` has room for a quarter, P2: of 2 x 2 positions one spike of each filter, and
    where neurons fire `once`, only the first of the image.
    """
    count = 0
    if len(sent) == len(fired):
        for j in range(len(fired)):
            if fired[j] == step:
                sent[j] = step
                count += 1
        return count
    rows, cols, _, kernel, stride, padding = window
    out_rows, out_cols = positions(rows, kernel, stride, padding), positions(cols, kernel, stride, padding)
    filters = len(fired) // (out_rows * out_cols)
    for row in range(out_rows):
        for col in range(out_cols):
            source = (row * out_cols + col) * filters
            target = ((row // 2) * (out_cols // 2) + col // 2) * filters
            for f in range(filters):
                free = sent[target + f] == NEVER if once else sent[target + f] != step
                if free and fired[source + f] == step:
                    sent[target + f] = step
                    count += 1
    return count
