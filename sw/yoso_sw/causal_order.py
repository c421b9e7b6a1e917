"""Spikes in the order in which `causal` and `causal_gradient` go through them, and what a layer's window is.

A window is (rows, cols, channels, kernel) of `network.Window`, kernel 0 for a dense layer. Its inputs are
ordered (row, col, channel), a bias last.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from yoso_sw.shares import run

CELLS = 4096  # intervals of time in which spikes are sorted
SORTING = 64  # operations that sorting a spike is worth
DENSE = (1, 1, 0, 0)  # the window of a dense layer

Shape = tuple[int, int, int, int]


def positions_of(window: Shape) -> int:
    """Positions of a convolution, 1 of a dense layer."""
    rows, cols, _, kernel = window
    return (rows - kernel + 1) * (cols - kernel + 1) if kernel else 1


@njit(cache=True)
def _sort(times, axons, last, key, place):  # type: ignore[no-untyped-def]
    """Put the axons that spike before `last` into `axons` in order of time; returns how many there are.

    A counting sort into `len(place) - 1` equal intervals of time and an insertion sort within each: spikes
    are spread over time, and coded inputs have few times, so both are a few operations a spike.
    """
    cells = len(place) - 1
    n = 0
    first, final = last, times.dtype.type(0)
    for i in range(len(times)):
        t = times[i]
        key[n] = i
        before = t < last
        n += before
        first, final = min(first, t), max(final, t if before else final)
    scale = times.dtype.type(cells / (final - first) if final > first else 0)
    place[:] = 0
    for k in range(n):
        place[min(int((times[key[k]] - first) * scale), cells - 1) + 1] += 1
    for cell in range(cells):
        place[cell + 1] += place[cell]
    for k in range(n):
        i = key[k]
        cell = min(int((times[i] - first) * scale), cells - 1)
        axons[place[cell]] = i
        place[cell] += 1
    for k in range(1, n):
        axon = axons[k]
        t = times[axon]
        while k > 0 and times[axons[k - 1]] > t:
            axons[k] = axons[k - 1]
            k -= 1
        axons[k] = axon
    return n


@njit(cache=True, nogil=True)
def _schedule(times, last, order, count, share, shares):  # type: ignore[no-untyped-def]
    images, axons = times.shape
    key = np.empty(axons, np.int32)
    place = np.empty(min(axons, CELLS) + 1, np.int32)
    for image in range(share, images, shares):
        count[image] = _sort(times[image], order[image], last, key, place)


def schedule(times: np.ndarray, last: float, threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Axons in order of their spikes.

    Parameters
    ----------
    times
        Input spike times (images, inputs) in steps, inf for silent.
    last
        Spikes at `last` or later act on nothing and are left out.

    Returns
    -------
    order
        int32 (images, inputs): the first count[r] entries of row r are its inputs in order of time.
    count
        int32 (images,).
    """
    images, inputs = times.shape
    order, count = np.empty((images, inputs), np.int32), np.empty(images, np.int32)
    run(_schedule, threads, times.size * SORTING, times, times.dtype.type(last), order, count)
    return order, count
