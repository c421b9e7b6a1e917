"""Spike times and their gradient as fused, event-driven kernels.

Between two input spikes the potential of a ReL-PSP neuron is a straight line (paper, eq. 8 and 9)::

    V(t) = sum over causal i of w_i (t - t_i),    dV/dt = A = sum over causal i of w_i

so `walk` goes from spike to spike in order of time, keeps A and V of every neuron, and solves V(t) = theta
in each interval (eq. 11); `gradient` goes over the same spikes once more (eq. 13 and 14). Nothing is stored
for a pair of spikes. Neurons are taken `BLOCK` at a time so that their weights stay in the cache; blocks, and
parts of the batch, run in parallel, and the result does not depend on the number of threads.

Arrays are of one type, float32 or float64. Rows are images, or positions of a convolution.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numba import njit

BLOCK = 64  # neurons
PART = 32  # rows, where a layer has few neurons
SMALL = 1 << 20  # spikes times neurons that one thread does as soon as two
CELLS = 1024  # intervals of time in which spikes are sorted
PARTS = 8  # of a batch, whose weight gradients are added up in order


@njit(cache=True)
def _sort(times, axons, last, key, place):  # type: ignore[no-untyped-def]
    """Put the axons that spike before `last` into `axons` in order of time; returns how many there are.

    A counting sort into `len(place) - 1` equal intervals of time and an insertion sort within each: spikes
    are spread over time, and coded inputs have few times, so both are a few operations a spike.
    """
    cells = len(place) - 1
    first, final = last, times.dtype.type(0)
    for i in range(len(times)):
        t = times[i]
        if t < last:
            first, final = min(first, t), max(final, t)
    scale = cells / (final - first) if final > first else 0.0
    place[:] = 0
    n = 0
    for i in range(len(times)):
        t = times[i]
        if t < last:
            cell = min(int((t - first) * scale), cells - 1)
            key[i] = cell
            place[cell + 1] += 1
            n += 1
    for cell in range(cells):
        place[cell + 1] += place[cell]
    for i in range(len(times)):
        t = times[i]
        if t < last:
            k = place[key[i]]
            place[key[i]] += 1
            axons[k] = i
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
    rows, axons = times.shape
    parts = (rows + PART - 1) // PART
    for part in range(share, parts, shares):
        key = np.empty(axons, np.int32)
        place = np.empty(min(axons, CELLS) + 1, np.int32)
        for row in range(part * PART, min(part * PART + PART, rows)):
            count[row] = _sort(times[row], order[row], last, key, place)


@njit(cache=True, error_model="numpy")
def _advance(v, a, out, rise, at_spike, theta, now, span, end, low, high, whole):  # type: ignore[no-untyped-def]
    """Move V from `now` over `span` steps at slope A; neurons that reach theta before `end` fire.

    One pass without branches, so that it runs on vectors. Returns how many neurons have not fired yet.
    """
    zero, never = a.dtype.type(0), a.dtype.type(np.inf)
    waiting = 0
    for j in range(len(v)):
        wait = (theta - v[j]) / a[j]
        wait = max(np.ceil(wait) if whole else min(wait, span), zero)
        after = min(max(v[j] + a[j] * span, low), high)
        fires = (after >= theta) & (out[j] == never) & (now + wait < end)
        at_spike[j] = min(v[j] + a[j] * wait, high) if fires else at_spike[j]
        rise[j] = a[j] if fires else rise[j]
        out[j] = now + wait if fires else out[j]
        v[j] = after
        waiting += out[j] == never
    return waiting


@njit(cache=True, inline="always")
def _arrive(a, w, axons, low, high, tight):  # type: ignore[no-untyped-def]
    """Add the weights of spikes to A; one by one where A may leave its bounds, else four at a time."""
    k = 0
    while not tight and k + 4 <= len(axons):
        i, j, m, n = axons[k], axons[k + 1], axons[k + 2], axons[k + 3]
        for x in range(len(a)):
            a[x] += (w[i, x] + w[j, x]) + (w[m, x] + w[n, x])
        k += 4
    while k < len(axons):
        i = axons[k]
        for x in range(len(a)):
            a[x] = min(max(a[x] + w[i, x], low), high)
        k += 1


@njit(cache=True)
def _tight(w, low, high):  # type: ignore[no-untyped-def]
    """Whether A of some neuron may leave its bounds."""
    for j in range(w.shape[1]):
        least = most = w.dtype.type(0)
        for i in range(len(w)):
            least += min(w[i, j], 0)
            most += max(w[i, j], 0)
        if least < low or most > high:
            return True
    return False


@njit(cache=True, nogil=True)
def _walk(times, order, count, weights, rule, bounds, whole, results, share, shares):  # type: ignore[no-untyped-def]
    fired, potential, slope = results
    theta, constant, start, end, last = rule
    a_min, a_max, low, high = bounds
    rows, neurons = len(times), weights.shape[1]
    real = weights.dtype.type  # numbers of another type would slow the loops down
    zero, never = real(0), real(np.inf)
    opening = real(start - 1 if whole else start)  # V is compared with theta from here on
    stop = real(last if whole else max(end, last))
    blocks = (neurons + BLOCK - 1) // BLOCK
    part = rows if blocks >= PARTS else PART
    parts = (rows + part - 1) // part
    for task in range(share, blocks * parts, shares):
        own = slice(task // parts * BLOCK, min(task // parts * BLOCK + BLOCK, neurons))
        w = np.ascontiguousarray(weights[:, own])
        a, v = np.zeros_like(w[0]), np.zeros_like(w[0])
        tight = whole and _tight(w, a_min, a_max)
        for row in range(task % parts * part, min(task % parts * part + part, rows)):
            out, at_spike, rise = fired[row, own], potential[row, own], slope[row, own]
            t_in, axons = times[row], order[row, : count[row]]
            a[:] = 0
            v[:] = 0
            opened = opening < 0 and constant == 0
            now = zero
            waiting, k = len(v), 0
            while waiting > 0:
                opens = not opened and (k == len(axons) or t_in[axons[k]] > opening)
                ends = k == len(axons) and not opens
                until = real(opening if opens else stop if ends else t_in[axons[k]])
                if ends:
                    for j in range(len(v)):
                        if out[j] == never:
                            at_spike[j] = min(max(v[j] + a[j] * (last - now), low), high)
                            rise[j] = a[j]
                line = real(theta if opened else never)
                waiting = _advance(
                    v, a, out, rise, at_spike, line, now, real(until - now), end, low, high, whole
                )
                now = until
                if ends:
                    break
                if opens:
                    opened = True
                    for j in range(len(v)):
                        if constant > 0:
                            wait = max(np.ceil((theta - v[j]) / constant), 1)
                            fires = now + wait < end
                            at_spike[j] = min(v[j] + constant * (wait if fires else last - now), high)
                            rise[j] = never if v[j] >= theta else constant
                            out[j] = now + wait if fires else never
                            waiting = 0
                        elif v[j] >= theta:
                            out[j], rise[j] = start, never
                            at_spike[j] = min(max(v[j] + a[j], low), high) if whole else v[j]
                    continue
                first = k
                while k < len(axons) and t_in[axons[k]] == now:
                    k += 1
                _arrive(a, w, axons[first:k], a_min, a_max, tight)


@njit(cache=True, inline="always")
def _spread(grad, step, axons):  # type: ignore[no-untyped-def]
    """Add `step` to the gradients of the axons' weights, four axons at a time to spare loads of `step`."""
    k = 0
    while k + 4 <= len(axons):
        i, j, m, n = axons[k], axons[k + 1], axons[k + 2], axons[k + 3]
        for x in range(len(step)):
            grad[i, x] += step[x]
            grad[j, x] += step[x]
            grad[m, x] += step[x]
            grad[n, x] += step[x]
        k += 4
    while k < len(axons):
        i = axons[k]
        for x in range(len(step)):
            grad[i, x] += step[x]
        k += 1


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _gradient(times, order, count, weights, fired, drive, wanted, results, share, shares):  # type: ignore[no-untyped-def]
    grad_weights, grad_times = results
    (rows, inputs), neurons = times.shape, weights.shape[1]
    parts = len(grad_weights)
    blocks = (neurons + BLOCK - 1) // BLOCK
    real = weights.dtype.type
    zero = real(0)
    for task in range(share, blocks * parts, shares):
        block, part = task // parts, task % parts
        own = slice(block * BLOCK, min(block * BLOCK + BLOCK, neurons))
        grad = np.zeros((inputs, own.stop - own.start), weights.dtype)
        w = np.ascontiguousarray(weights[:, own]) if wanted else grad
        step, causal = np.empty_like(grad[0]), np.empty_like(grad[0])  # of all spikes at one time
        for row in range(part * rows // parts, (part + 1) * rows // parts):
            t_out, push = fired[row, own], drive[row, own]
            latest = zero  # later spikes are causal to none of these neurons
            for j in range(len(push)):
                if push[j] != 0:
                    latest = max(latest, t_out[j])
            k = 0
            while k < count[row]:
                first, now = k, times[row, order[row, k]]
                if now >= latest:
                    break
                while k < count[row] and times[row, order[row, k]] == now:
                    k += 1
                for j in range(len(push)):
                    causal[j] = push[j] if now < t_out[j] else zero
                    step[j] = causal[j] * (now - t_out[j])
                _spread(grad, step, order[row, first:k])
                if wanted:
                    for axon in order[row, first:k]:
                        total = zero
                        for j in range(len(push)):
                            total += causal[j] * w[axon, j]
                        grad_times[block, row, axon] = total
        grad_weights[part, :, own] = grad


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


def _run(kernel: Any, threads: int, work: int, *arguments: Any) -> None:
    """Run a kernel in `threads` shares at once; in one if its work is too small to be worth handing out."""
    shares = threads if work >= SMALL else 1
    if shares == 1:
        kernel(*arguments, 0, 1)
    else:
        list(_pool(shares).map(lambda share: kernel(*arguments, share, shares), range(shares)))


def schedule(times: np.ndarray, last: float, threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Axons in order of their spikes.

    Parameters
    ----------
    times
        Input spike times (rows, axons) in steps, inf for silent.
    last
        Spikes at `last` or later act on nothing and are left out.

    Returns
    -------
    order
        int32 (rows, axons): the first count[r] entries of row r are its axons in order of time.
    count
        int32 (rows,).
    """
    rows, axons = times.shape
    order, count = np.empty((rows, axons), np.int32), np.empty(rows, np.int32)
    _run(_schedule, threads, times.size * BLOCK, times, times.dtype.type(last), order, count)
    return order, count


def walk(
    times: np.ndarray,
    order: np.ndarray,
    count: np.ndarray,
    weights: np.ndarray,
    rule: tuple[float, float, float, float, float],
    bounds: tuple[float, float, float, float],
    whole: bool,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First spikes of one layer.

    Parameters
    ----------
    times
        Input spike times (rows, axons), in steps.
    order, count
        From `schedule`.
    weights
        (axons, neurons).
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
        (rows, neurons), inf for silent.
    potential
        V at the spike, or at `last`.
    slope
        dV/dt at the spike, the sum of the causal weights; inf where V was above theta when the window
        opened, since that spike's time depends on nothing; for silent neurons the sum at the end.
    """
    shape, real = (len(times), weights.shape[1]), weights.dtype.type
    results = np.full(shape, np.inf, real), np.zeros(shape, real), np.zeros(shape, real)
    exact = tuple(map(real, rule)), tuple(map(real, bounds))
    _run(_walk, threads, times.size * shape[1], times, order, count, weights, *exact, whole, results)
    return results


def _sum(parts: np.ndarray) -> np.ndarray:
    """The sum of parts, in their order; a single one is not copied."""
    return parts[0] if len(parts) == 1 else parts.sum(0)


def gradient(
    times: np.ndarray,
    order: np.ndarray,
    count: np.ndarray,
    weights: np.ndarray,
    fired: np.ndarray,
    drive: np.ndarray,
    wanted: bool,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Gradients through spike times: paper, eq. 13 and 14.

    For a causal pair, t_i < t_j, and S_j the sum of j's causal weights::

        dt_j / dw_ij = (t_i - t_j) / S_j        dt_j / dt_i = w_ij / S_j

    Parameters
    ----------
    times, order, count, weights
        As for `walk`.
    fired
        Spike times (rows, neurons), finite; where `drive` is 0 the value does not matter.
    drive
        dL/dt_j / S_j (rows, neurons); 0 for neurons whose time passes no gradient.
    wanted
        Whether dL/dt_i is asked for; the first layer's inputs need none.

    Returns
    -------
    dL/dw (axons, neurons) and dL/dt_i (rows, axons), None if not wanted.
    """
    (rows, inputs), neurons = times.shape, weights.shape[1]
    blocks = -(-neurons // BLOCK)
    parts = 1 if blocks >= PARTS else min(PARTS, rows)
    grad_weights = np.empty((parts, inputs, neurons), weights.dtype)
    grad_times = np.zeros((blocks, rows, inputs) if wanted else (0, 0, 0), weights.dtype)
    results = grad_weights, grad_times
    _run(
        _gradient, threads, times.size * neurons, times, order, count, weights, fired, drive, wanted, results
    )
    return _sum(grad_weights), _sum(grad_times) if wanted else None
