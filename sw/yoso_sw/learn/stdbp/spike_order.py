"""A batch's spikes in order of time, as `first_spikes` and `spike_gradient` take them; a layer's window.

A window is (rows, cols, channels, kernel, stride) of `network.Window`, kernel 0 for a dense layer. Its inputs
are ordered (row, col, channel), a bias last; padding has become silent inputs (`plain.padded`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

DIGIT = 256  # values of one of the two digits by which spikes are sorted
DENSE = (1, 1, 0, 0, 1)  # the window of a dense layer

Shape = tuple[int, int, int, int, int]


def positions_of(window: Shape) -> int:
    """Positions of a convolution, 1 of a dense layer."""
    rows, cols, _, kernel, stride = window
    return ((rows - kernel) // stride + 1) * ((cols - kernel) // stride + 1) if kernel else 1


class Events(NamedTuple):
    """The spikes of a batch that act on a layer, each image's in order of time.

    order
        int32 (images, inputs): the first spikes[r] entries of row r are the axons.
    when
        Their times, of the same shape.
    spikes
        int32 (images,).
    """

    order: np.ndarray
    when: np.ndarray
    spikes: np.ndarray


@njit(cache=True)
def _offsets(counts):  # type: ignore[no-untyped-def]
    """Turn how many there are of each digit into where the first of them goes."""
    place = 0
    for digit in range(DIGIT):
        place, counts[digit] = place + counts[digit], place


@njit(cache=True)
def workspace(inputs):  # type: ignore[no-untyped-def]
    """What `sort_spikes` needs to sort the spikes of `inputs` axons."""
    axons, keys = np.empty((2, inputs), np.uint32), np.empty((2, inputs), np.uint16)
    return axons[0], axons[1], keys[0], keys[1], np.empty(DIGIT, np.uint32), np.empty(DIGIT, np.uint32)


@njit(cache=True)
def sort_spikes(times, last, axons, when, work):  # type: ignore[no-untyped-def]
    """Sort the spikes of an image before `last`: the first entries of `axons` and `when` become its events.

    Spikes at `last` or later act on nothing. Ties are in the order of the axons. `work` is from `workspace`.
    Returns how many spikes there are.

    A radix sort by 65536 equal intervals of time, two digits, then an insertion sort of what shares one.
    """
    axon, other, key, later, low, high = work
    n = 0
    first, final = last, times.dtype.type(0)
    for i in range(len(times)):
        t = times[i]
        axon[n] = i
        before = t < last
        n += before
        first, final = min(first, t), max(final, t if before else final)
    scale = times.dtype.type((DIGIT * DIGIT - 1) / (final - first) if final > first else 0)
    low[:] = 0
    high[:] = 0
    for k in range(n):
        key[k] = np.uint16((times[axon[k]] - first) * scale)
        low[key[k] % DIGIT] += 1
        high[key[k] // DIGIT] += 1
    _offsets(low)
    _offsets(high)
    for k in range(n):
        digit = key[k] % DIGIT
        place = low[digit]
        low[digit] = place + 1
        other[place], later[place] = axon[k], key[k]
    for k in range(n):
        digit = later[k] // DIGIT
        place = high[digit]
        high[digit] = place + 1
        axons[place], when[place] = other[k], times[other[k]]
    for k in range(1, n):
        t = when[k]
        if when[k - 1] > t:
            own = axons[k]
            while k > 0 and when[k - 1] > t:
                axons[k], when[k] = axons[k - 1], when[k - 1]
                k -= 1
            axons[k], when[k] = own, t
    return n
