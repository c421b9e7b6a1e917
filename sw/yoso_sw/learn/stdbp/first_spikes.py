"""Spike times as fused, event-driven kernels.

Between two input spikes the potential of a ReL-PSP neuron is a straight line (paper, eq. 8 and 9)::

    V(t) = sum over causal i of w_i (t - t_i),    dV/dt = A = sum over causal i of w_i

so `first_spikes` goes from spike to spike in order of time, or to all that come at one time, and keeps A and
V of a tile of neurons, all of which do the same without a branch; it notes the interval in which V crosses
theta, solves V(t) = theta there at the end (eq. 11), and leaves a tile when each of its neurons has crossed.
The gradient is `spike_gradient`'s. Nothing is stored for a pair of spikes.

A convolution is a dense layer with shared weights (docs/arithmetic.md): the spikes of an image, in their
`spike_order`, go to the positions that see them. Its neurons are ordered (row, col, filter).

Images run in parallel, and the result does not depend on the number of threads. Arrays are of one type,
float32 or float64.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from yoso_sw.learn.row_sums import aligned, sum_rows
from yoso_sw.learn.stdbp.spike_order import Events, Shape, positions_of, sort_spikes, workspace
from yoso_sw.learn.threads import run_in_threads

TILE = 32  # neurons, two of the widest vectors of float32
GROUP = 4  # runs of spikes that a tile takes between two looks at whether it is done
LOT = 16  # images whose spikes stay in the cache, while tile by tile of weights is there

#: Where the numbers of a tile's neurons begin in its state: V; A; the threshold, inf once crossed or outside
#: the window; the time of the first spikes that find it crossed, V at that time and A just before; the spike
#: time of those that the opening of the window decides.
V, A, THETA, CROSSED, V_CROSSED, SLOPE, FIRED = (TILE * i for i in range(7))


@njit(cache=True)
def _events_by_position(order, when, size, window, at, axons, count):  # type: ignore[no-untyped-def]
    """Give an image's first `size` events to the positions of a convolution that see them.

    The first count[p] entries of at[p] and axons[p] become their times and their axons at position p.
    """
    rows, cols, channels, kernel, stride = window
    out_rows, out_cols = (rows - kernel) // stride + 1, (cols - kernel) // stride + 1
    count[:] = 0
    for n in range(size):
        axon = order[n]
        pixel, channel = axon // channels, axon % channels
        row, col = pixel // cols, pixel % cols
        top, bottom = max(0, row - kernel + stride) // stride, min(row // stride, out_rows - 1)
        left, right = max(0, col - kernel + stride) // stride, min(col // stride, out_cols - 1)
        own = (row * kernel + col) * channels + channel
        right_of, below = (
            stride * channels,
            stride * kernel * channels,
        )  # the next position's axon is lower by
        if row == rows:  # the bias, everyone's last axon
            top, bottom, left, right = 0, out_rows - 1, 0, out_cols - 1
            right_of, below, own = 0, 0, kernel * kernel * channels
        t = when[n]
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                p = np.uint32(y * out_cols + x)
                k = np.uint32(count[p])
                at[p, k], axons[p, k] = t, own - y * below - x * right_of
                count[p] = k + 1


@njit(cache=True)
def _append_runs(axons, at, row, size, nothing, marks, together, runs, ends, r, place):  # type: ignore[no-untyped-def]
    """Append the first `size` spikes of axons[row], at[row] as row r of `runs`, from `place`: (run, spike).

    Run n is the spikes who[first[n]] .. who[first[n + 1] - 1] at when[n]: all at one time if `together`, else
    one. Stage m is the runs ends[r, m] .. ends[r, m + 1] - 1, with spikes at marks[m] of axon `nothing`,
    which has no weight, to round it up to whole groups; it is empty if its mark is not beyond the last one.
    Returns where the next spikes are to go.
    """
    when, first, who = runs
    n, spike = place
    before = at.dtype.type(0)
    k = 0
    ends[r, 0] = n
    for m in range(len(marks)):
        if marks[m] > before:
            before = marks[m]
            while k < size and at[row, k] <= before:
                now = at[row, k]
                when[n], first[n] = now, spike
                who[spike] = axons[row, k]
                k, spike = k + 1, spike + 1
                while together and k < size and at[row, k] == now:
                    who[spike] = axons[row, k]
                    k, spike = k + 1, spike + 1
                n += 1
            for _ in range(GROUP - (n - ends[r, m]) % GROUP):
                when[n], first[n] = before, spike
                who[spike] = nothing
                n, spike = n + 1, spike + 1
        ends[r, m + 1] = n
    first[n] = spike
    return n, spike


@njit(inline="always")
def _advance(neuron, span, weight, now, never, bounds):  # type: ignore[no-untyped-def]
    """A neuron from one run of spikes to the next, which comes `now`, `span` later."""
    v, a, theta, crossed, v_crossed, slope = neuron
    a_min, a_max, low, high = bounds
    after = v + a * span
    crosses = after >= theta
    crossed = now if crosses else crossed
    v_crossed, slope = after if crosses else v_crossed, a if crosses else slope
    theta = never if crosses else theta
    return min(max(after, low), high), min(max(a + weight, a_min), a_max), theta, crossed, v_crossed, slope


@njit(inline="always")
def _advance_tile(s, when, k, now, sums, bounds):  # type: ignore[no-untyped-def]
    """A tile over the runs k .. k + 3 of weights `sums`; whether a neuron may still cross its threshold."""
    real = s.dtype.type
    never = real(np.inf)
    t0, t1, t2, t3 = when[k], when[k + 1], when[k + 2], when[k + 3]
    d0, d1, d2, d3 = t0 - now, t1 - t0, t2 - t1, t3 - t2
    waiting = False
    for x in range(TILE):
        neuron = s[V + x], s[A + x], s[THETA + x], s[CROSSED + x], s[V_CROSSED + x], s[SLOPE + x]
        neuron = _advance(neuron, d0, sums[0, x], t0, never, bounds)
        neuron = _advance(neuron, d1, sums[1, x], t1, never, bounds)
        neuron = _advance(neuron, d2, sums[2, x], t2, never, bounds)
        neuron = _advance(neuron, d3, sums[3, x], t3, never, bounds)
        s[V + x], s[A + x], s[THETA + x], s[CROSSED + x], s[V_CROSSED + x], s[SLOPE + x] = neuron
        waiting |= neuron[2] != never
    return waiting


@njit(cache=True)
def _open_window(s, rule, bounds, whole):  # type: ignore[no-untyped-def]
    """Open the window of a tile: above theta a neuron fires at once; a constant slope decides all."""
    theta, constant, start, end, last = rule
    _, _, low, high = bounds
    never = s.dtype.type(np.inf)
    for x in range(TILE):
        v = s[V + x]
        # On whole steps this is sweep start - 1, and a potential that falls may be below theta at start.
        above = v >= theta and (not whole or v + s[A + x] >= theta)
        s[THETA + x] = never if above or constant > 0 else theta
        if constant > 0:
            out = start - 1 + max(np.ceil((theta - v) / constant), 1)
            s[FIRED + x] = out if out < end else never
            s[V_CROSSED + x] = min(v + constant * ((out if out < end else last) - start + 1), high)
            s[SLOPE + x] = never if v >= theta else constant
        elif above:
            s[FIRED + x], s[SLOPE + x] = start, never
            s[V_CROSSED + x] = min(max(v + s[A + x], low), high) if whole else v


@njit(cache=True)
def _tile_spikes(s, size, runs, ends, r, marks, w, sums, rule, bounds, whole, unbounded):  # type: ignore[no-untyped-def]
    """Take the `size` neurons of a tile through row r's stages before its window, within it, and after it."""
    when, first, who = runs
    _, constant, _, _, last = rule
    _, _, low, high = bounds
    real = s.dtype.type
    zero, never = real(0), real(np.inf)
    for x in range(TILE):
        s[V + x] = s[A + x] = s[V_CROSSED + x] = s[SLOPE + x] = zero
        s[CROSSED + x] = s[FIRED + x] = s[THETA + x] = never
    now = zero
    k = ends[r, 0]
    for stage in range(3):
        waiting = True
        while waiting and k < ends[r, stage + 1]:
            for g in range(GROUP):
                sum_rows(w, who, first[k + g], first[k + g + 1], sums[g], TILE)
            if unbounded:  # the compiler leaves out what infinity bounds
                waiting = _advance_tile(s, when, k, now, sums, (-never, never, -never, never))
            else:
                waiting = _advance_tile(s, when, k, now, sums, bounds)
            waiting |= stage != 1
            k += GROUP
            now = when[k - 1]
        if stage == 0:
            _open_window(s, rule, bounds, whole)
            for x in range(size, TILE):
                s[THETA + x] = never
        elif not waiting or constant > 0:
            return
        else:
            for x in range(TILE):
                s[THETA + x] = never
    for x in range(TILE):
        if s[CROSSED + x] == never and s[FIRED + x] == never:
            s[V_CROSSED + x] = min(max(s[V + x] - s[A + x] * (marks[2] - last), low), high)
            s[SLOPE + x] = s[A + x]


@njit(cache=True)
def _tiled(weights):  # type: ignore[no-untyped-def]
    """Weights by tiles of neurons, (tiles, axons + 1, TILE), padded with zeros."""
    axons, neurons = weights.shape
    count = (neurons + TILE - 1) // TILE
    tiles = aligned(count * (axons + 1) * TILE, weights.dtype.type).reshape(count, axons + 1, TILE)
    for i in range(axons):
        for tile in range(count):
            own = tile * TILE
            size = min(TILE, neurons - own)
            for x in range(size):
                tiles[tile, i, x] = weights[i, own + x]
            for x in range(size, TILE):
                tiles[tile, i, x] = 0
    tiles[:, axons] = 0
    return tiles


@njit(cache=True, nogil=True, error_model="numpy")
def _first_spikes(  # type: ignore[no-untyped-def]
    times, events, tiles, window, rule, marks, bounds, whole, unbounded, results, share, shares
):
    fired, potential, slope = results
    theta, _, _, end, last = rule
    high = bounds[3]
    real = tiles.dtype.type  # numbers of another type would slow the loops down
    never = real(np.inf)
    order, when, count = events
    (images, positions), neurons = (len(order), len(fired) // len(order)), fired.shape[1]
    axons = tiles.shape[1] - 1
    at, seen = np.empty((positions, axons), real), np.empty((positions, axons), np.int32)
    held = np.empty(positions, np.int32)
    lot = max(1, LOT // positions)
    rows, most = lot * positions, axons + len(marks) * GROUP
    # One after another, not a row of an array each: a slice for each tile would cost as much as its spikes.
    runs = np.empty(rows * most, real), np.empty(rows * most + 1, np.int32), np.empty(rows * most, np.int32)
    ends = np.empty((rows, len(marks) + 1), np.int32)
    work = workspace(order.shape[1])
    sums = aligned(GROUP * TILE, real).reshape(GROUP, TILE)
    s = aligned(7 * TILE, real)
    for begin in range(share * lot, images, shares * lot):
        stop = min(begin + lot, images)
        place = 0, 0
        for image in range(begin, stop):
            size = count[image] = sort_spikes(times[image], last, order[image], when[image], work)
            r = (image - begin) * positions
            if window[3] == 0:
                place = _append_runs(order, when, image, size, axons, marks, unbounded, runs, ends, r, place)
                continue
            _events_by_position(order[image], when[image], size, window, at, seen, held)
            for p in range(positions):
                place = _append_runs(seen, at, p, held[p], axons, marks, unbounded, runs, ends, r + p, place)
        for tile in range(len(tiles)):
            w = tiles[tile]
            own = tile * TILE
            size = min(TILE, neurons - own)
            for r in range((stop - begin) * positions):
                _tile_spikes(s, size, runs, ends, r, marks, w, sums, rule, bounds, whole, unbounded)
                row = begin * positions + r
                for x in range(size):
                    crossed, v, a = s[CROSSED + x], s[V_CROSSED + x], s[SLOPE + x]
                    since = (v - theta) / a
                    since = np.floor(since) if whole else since
                    t = s[FIRED + x] if crossed == never else crossed - since
                    fired[row, own + x] = t if t < end else never
                    potential[row, own + x] = v if crossed == never else min(v - a * since, high)
                    slope[row, own + x] = a


def _saturates(weights: np.ndarray, last: float, bounds: tuple[float, float, float, float]) -> bool:
    """Whether any spikes before `last` could bring an adder to its bounds; else their order is no matter."""
    most, least = weights.clip(min=0).sum(0).max(), weights.clip(max=0).sum(0).min()
    a_min, a_max, v_min, v_max = bounds
    return bool(least < a_min or most > a_max or least * last < v_min or most * last > v_max)


def first_spikes(
    times: np.ndarray,
    weights: np.ndarray,
    window: Shape,
    rule: tuple[float, float, float, float, float],
    bounds: tuple[float, float, float, float],
    whole: bool,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Events]:
    """First spikes of one layer.

    Parameters
    ----------
    times
        Input spike times (images, inputs), in steps, inf for silent.
    weights
        (axons, neurons), or the filters of a position and the axons that it sees.
    window
        As in `spike_order`.
    rule
        (theta, c, start, end, last): a neuron fires at the first t in [start, end) with V(t) >= theta; c > 0
        is a constant slope, only on whole steps; V of silent neurons is read at `last` = T - 1.
    bounds
        (A min, A max, V min, V max) where the adders saturate.
    whole
        False: continuous time. True: whole steps, the chip's arithmetic (docs/arithmetic.md); times and
        weights are whole numbers, below 2^23 as every A and V. V is a straight line between spikes, so
        clamping it where the line ends is clamping it each step.

    Returns
    -------
    fired
        (images, positions * neurons), inf for silent.
    potential
        V at the spike, or at `last`.
    slope
        dV/dt at the spike, the sum of the causal weights; inf where V was above theta when the window
        opened, since that spike's time depends on nothing; for silent neurons the sum at the end.
    events
        The input spikes in order of time.
    """
    images, positions, real = len(times), positions_of(window), weights.dtype.type
    shape = images * positions, weights.shape[1]
    events = Events(np.empty(times.shape, np.int32), np.empty_like(times), np.empty(images, np.int32))
    results = np.empty(shape, real), np.empty(shape, real), np.empty(shape, real)
    _, _, start, end, last = rule
    stop = last if whole else max(end, last)  # where a neuron's spikes end
    marks = (start - 1, min(end - 1, stop), stop) if whole else (start, end, stop)
    exact = (tuple(map(real, numbers)) for numbers in (rule, marks, bounds))
    unbounded = not whole or not _saturates(weights, last, bounds)
    pairs = shape[0] * weights.size
    run_in_threads(
        _first_spikes,
        threads,
        pairs,
        times,
        events,
        _tiled(weights),
        window,
        *exact,
        whole,
        unbounded,
        results,
    )
    fired, potential, slope = (result.reshape(images, positions * shape[1]) for result in results)
    return fired, potential, slope, events
