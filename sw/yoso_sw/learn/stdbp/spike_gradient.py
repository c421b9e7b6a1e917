"""The gradient of spike times (paper, eq. 13 and 14) as fused, event-driven kernels.

It is added up either spike by spike over all neurons or neuron by neuron over all axons, whichever meets
fewer pairs; nothing is stored for a pair of spikes. `first_spikes` gives the spike times, `spike_order` the
order of events and what a window is. Blocks of neurons, and parts of the batch, run in parallel.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from yoso_sw.learn.row_sums import add_to_rows, aligned
from yoso_sw.learn.stdbp.spike_order import DENSE, Events, Shape, positions_of
from yoso_sw.learn.threads import run_in_threads

BLOCK = 64  # neurons whose gradients stay in the cache
PARTS = 8  # of a batch, whose weight gradients are added up in order
SHORT = 64  # neurons below which a spike costs no less


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _by_spike(events, weights, fired, deltas, wanted, results, share, shares):  # type: ignore[no-untyped-def]
    grad_weights, grad_times = results
    order, when, count = events
    (rows, inputs), neurons = order.shape, weights.shape[1]
    parts = len(grad_weights)
    blocks = (neurons + BLOCK - 1) // BLOCK
    real = weights.dtype.type
    zero = real(0)
    t_out, delta = np.zeros(BLOCK, real), aligned(BLOCK, real)
    step, causal = aligned(BLOCK, real), aligned(BLOCK, real)  # of all spikes at one time
    grad = aligned(inputs * BLOCK, real).reshape(inputs, BLOCK)
    for task in range(share, blocks * parts, shares):
        block, part = task // parts, task % parts
        own = block * BLOCK
        size = min(BLOCK, neurons - own)
        delta[size:] = 0
        grad[:] = 0
        for row in range(part * rows // parts, (part + 1) * rows // parts):
            latest = zero  # later spikes are causal to none of these neurons
            for j in range(size):
                t_out[j], delta[j] = fired[row, own + j], deltas[row, own + j]
                latest = max(latest, t_out[j] if delta[j] != 0 else zero)
            axons, at = order[row], when[row]
            k = 0
            while k < count[row]:
                first, now = k, at[k]
                if now >= latest:
                    break
                while k < count[row] and at[k] == now:
                    k += 1
                for j in range(BLOCK):
                    causal[j] = delta[j] if now < t_out[j] else zero
                    step[j] = causal[j] * (now - t_out[j])
                add_to_rows(grad, axons, first, k, step, BLOCK)
                if wanted:
                    for axon in axons[first:k]:
                        total = zero
                        for j in range(size):
                            total += causal[j] * weights[axon, own + j]
                        grad_times[block, row, axon] = total
        grad_weights[part, :, own : own + size] = grad[:, :size]


@njit(cache=True, inline="always")
def _row_seen(window, p, y):  # type: ignore[no-untyped-def]
    """Where row y of what position p sees begins among the inputs, and how long it is."""
    _, cols, channels, kernel, stride = window
    out_cols = (cols - kernel) // stride + 1
    return ((p // out_cols * stride + y) * cols + p % out_cols * stride) * channels, kernel * channels


@njit(cache=True)
def _times_seen(times, last, window, p, seen):  # type: ignore[no-untyped-def]
    """The times of the axons that position p sees, (axons,), inf from `last` on."""
    never = times.dtype.type(np.inf)
    k = 0
    for y in range(window[3]):
        begin, length = _row_seen(window, p, y)
        for x in range(length):
            t = times[begin + x]
            seen[k + x] = t if t < last else never
        k += length
    rest = len(times) - len(seen)  # a dense layer's, or the bias
    for i in range(k, len(seen)):
        t = times[rest + i]
        seen[i] = t if t < last else never


@njit(cache=True)
def _add_grad_seen(grad_seen, window, p, grad):  # type: ignore[no-untyped-def]
    """Add the gradient of what position p sees, (axons,), to that of the inputs."""
    k = 0
    for y in range(window[3]):
        begin, length = _row_seen(window, p, y)
        for x in range(length):
            grad[begin + x] += grad_seen[k + x]
        k += length
    rest = len(grad) - len(grad_seen)
    for i in range(k, len(grad_seen)):
        grad[rest + i] += grad_seen[i]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _by_neuron(times, last, weights, window, fired, deltas, wanted, results, share, shares):  # type: ignore[no-untyped-def]
    grad_weights, grad_times = results
    images, positions, neurons = fired.shape
    parts, axons = len(grad_weights), len(weights)
    blocks = (neurons + BLOCK - 1) // BLOCK
    zero = weights.dtype.type(0)
    seen, grad_seen = np.empty(axons, weights.dtype), np.empty(axons, weights.dtype)
    for task in range(share, blocks * parts, shares):
        block, part = task // parts, task % parts
        first, size = block * BLOCK, min(BLOCK, neurons - block * BLOCK)
        w = np.ascontiguousarray(weights[:, first : first + size].T)
        grad = np.zeros_like(w)
        for image in range(part * images // parts, (part + 1) * images // parts):
            for p in range(positions):
                looked = False
                for j in range(size):
                    delta, t = deltas[image, p, first + j], fired[image, p, first + j]
                    if delta == 0:
                        continue
                    if not looked:
                        looked = True
                        _times_seen(times[image], last, window, p, seen)
                        grad_seen[:] = 0
                    own, row = grad[j], w[j]
                    for i in range(axons):
                        own[i] += delta * min(seen[i] - t, zero)
                    if wanted:
                        for i in range(axons):
                            grad_seen[i] += delta * row[i] if seen[i] < t else zero
                if wanted and looked:
                    _add_grad_seen(grad_seen, window, p, grad_times[block, image])
        for j in range(size):
            for i in range(axons):
                grad_weights[part, i, first + j] = grad[j, i]


@njit(cache=True, error_model="numpy")
def _deltas(fired, slope, grad_fired, end, min_slope, min_silent, results):  # type: ignore[no-untyped-def]
    capped, scaled = results
    for k in range(len(fired)):
        t, s = fired[k], slope[k]
        scaled[k] = grad_fired[k] / max(s, min_slope if t < end else min_silent)
        capped[k] = min(t, end)


def deltas(
    fired: np.ndarray,
    slope: np.ndarray,
    grad_fired: np.ndarray,
    end: float,
    min_slope: float,
    min_silent: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Spike times and deltas as `gradient` takes them.

    Parameters
    ----------
    fired, slope
        From `first_spikes`.
    grad_fired
        dL/dt_j, of the same shape.
    end
        Of the firing window: a silent neuron counts as firing then.
    min_slope, min_silent
        What the slope of a neuron that fired, and of a silent one, is taken for at least; inf: it passes no
        gradient.

    Returns
    -------
    Finite spike times, and delta_j = dL/dt_j / S_j, the error that a neuron passes back.
    """
    results = np.empty_like(fired), np.empty_like(fired)
    real = fired.dtype.type
    exact = real(end), real(min_slope), real(min_silent)
    flat = tuple(result.reshape(-1) for result in results)
    _deltas(fired.reshape(-1), slope.reshape(-1), grad_fired.reshape(-1), *exact, flat)
    return results


def _sum(parts: np.ndarray) -> np.ndarray:
    """The sum of parts, in their order; a single one is not copied."""
    return parts[0] if len(parts) == 1 else parts.sum(0)


def gradient(
    times: np.ndarray,
    events: Events,
    weights: np.ndarray,
    window: Shape,
    last: float,
    fired: np.ndarray,
    deltas: np.ndarray,
    wanted: bool,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Gradients through spike times: paper, eq. 13 and 14.

    For a causal pair, t_i < t_j, and S_j the sum of j's causal weights::

        dt_j / dw_ij = (t_i - t_j) / S_j        dt_j / dt_i = w_ij / S_j

    Parameters
    ----------
    times
        Input spike times (images, inputs), in steps, inf for silent.
    events, weights, window
        As for `first_spikes`; `events` are the spikes of `times`.
    last
        T - 1: spikes then or later act on nothing.
    fired
        Spike times (images, positions * neurons), finite; where `deltas` is 0 the value does not matter.
    deltas
        dL/dt_j / S_j, of the same shape; 0 for neurons whose time passes no gradient.
    wanted
        Whether dL/dt_i is asked for; the first layer's inputs need none.

    Returns
    -------
    dL/dw (axons, neurons) and dL/dt_i (images, inputs), None if not wanted.
    """
    (images, inputs), (axons, neurons) = times.shape, weights.shape
    blocks = -(-neurons // BLOCK)
    parts = 1 if blocks >= PARTS else min(PARTS, images)
    grad_weights = np.empty((parts, axons, neurons), weights.dtype)
    grad_times = np.zeros((blocks, images, inputs) if wanted else (0, 0, 0), weights.dtype)
    results = grad_weights, grad_times
    by_spike = int(events.spikes.sum()) * max(neurons, SHORT)
    by_neuron = int(np.count_nonzero(deltas)) * axons
    if window == DENSE and by_spike < by_neuron:
        task = events, weights, fired, deltas, wanted, results
        run_in_threads(_by_spike, threads, by_spike, *task)
    else:
        shape = images, positions_of(window), neurons
        pairs = fired.reshape(shape), deltas.reshape(shape)
        end = times.dtype.type(last)
        run_in_threads(_by_neuron, threads, by_neuron, times, end, weights, window, *pairs, wanted, results)
    return _sum(grad_weights), _sum(grad_times) if wanted else None
