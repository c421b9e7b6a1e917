"""Spikes in the order in which `causal` and `causal_gradient` go through them, and what a layer's window is.

A window is (rows, cols, channels, kernel) of `network.Window`, kernel 0 for a dense layer. Its inputs are
ordered (row, col, channel), a bias last.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from yoso_sw.shares import run

DIGIT = 256  # values of one of the two digits by which spikes are sorted
SORTING = 64  # operations that sorting a spike is worth
DENSE = (1, 1, 0, 0)  # the window of a dense layer

Shape = tuple[int, int, int, int]


def positions_of(window: Shape) -> int:
    """Positions of a convolution, 1 of a dense layer."""
    rows, cols, _, kernel = window
    return (rows - kernel + 1) * (cols - kernel + 1) if kernel else 1


class Events(NamedTuple):
    """The spikes of a batch that act on a layer, each image's in order of time.

    order
        int32 (images, inputs): the first count[r] entries of row r are the axons.
    when
        Their times, of the same shape.
    count
        int32 (images,).
    """

    order: np.ndarray
    when: np.ndarray
    count: np.ndarray


@njit(cache=True)
def _sums(counts):  # type: ignore[no-untyped-def]
    """Turn how many there are of each digit into where the first of them goes."""
    place = 0
    for digit in range(DIGIT):
        place, counts[digit] = place + counts[digit], place


@njit(cache=True)
def _sort(times, last, axons, when, keys, low, high):  # type: ignore[no-untyped-def]
    """Put the axons that spike before `last` into `axons` in order of time, ties by axon; returns their number.

    A radix sort by 65536 equal intervals of time, two digits, and an insertion sort of what little shares one.
    """
    axon, key, other, later = keys
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
    _sums(low)
    _sums(high)
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


@njit(cache=True, nogil=True)
def _schedule(times, last, order, when, count, share, shares):  # type: ignore[no-untyped-def]
    images, axons = times.shape
    low, high = np.empty(DIGIT, np.uint32), np.empty(DIGIT, np.uint32)
    keys = (
        np.empty(axons, np.uint32),
        np.empty(axons, np.uint16),
        np.empty(axons, np.uint32),
        np.empty(axons, np.uint16),
    )
    for image in range(share, images, shares):
        count[image] = _sort(times[image], last, order[image], when[image], keys, low, high)


def schedule(times: np.ndarray, last: float, threads: int = 1) -> Events:
    """Spikes in order of time.

    Parameters
    ----------
    times
        Input spike times (images, inputs) in steps, inf for silent.
    last
        Spikes at `last` or later act on nothing and are left out.
    """
    images = len(times)
    events = Events(np.empty(times.shape, np.int32), np.empty_like(times), np.empty(images, np.int32))
    run(_schedule, threads, times.size * SORTING, times, times.dtype.type(last), *events)
    return events
