"""Sweeps of current-based leaky neurons and the gradient of each, as kernels that pass over memory once.

`sweep` is `scan.scan` in floats and `family.scan` in whole numbers, to the bit; `passed_back` and
`passed_back_pooled` are `surrogate.slope` in the steps that learn.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from yoso_hw.params import ChipParams

from yoso_sw.learn.threads import run_in_threads
from yoso_sw.network.layer import Window
from yoso_sw.network.neuron import Neuron


@njit(cache=True, nogil=True, inline="always")
def _left(x, k, kept):  # type: ignore[no-untyped-def]
    """What a decay leaves of x: a share, or whole numbers less ceil(|x| / 2^k), `kept` = 2^-k."""
    return x * kept if k == 0 else x - np.copysign(np.ceil(abs(x) * kept), x)


@njit(cache=True, nogil=True)
def _sweep(arrived, bias, numbers, window, bounds, fired, reached, last_v, last_a, share, shares):  # type: ignore[no-untyped-def]
    theta, alpha, beta = numbers
    start, end, fires, current, leak, first, stop, apart = window
    a_low, a_high, v_low, v_high = bounds
    images, given, neurons = arrived.shape
    steps = fired.shape[1]
    real = arrived.dtype.type
    zero, one = real(0), real(1)
    for image in range(images * share // shares, images * (share + 1) // shares):
        v, a = last_v[image], last_a[image]
        v[:] = zero
        a[:] = zero
        for t in range(steps):
            inside = fires and start <= t < end
            gate = one if start <= t + 1 < end else zero
            spikes, seen = fired[image, t], reached[image, t]
            if t < first or t >= stop:
                spikes[:] = zero
                seen[:] = zero
                continue
            for j in range(neurons):
                own = v[j]
                if leak >= 0:
                    own = _left(own, leak, beta)
                own = min(max(own + a[j], v_low), v_high)
                spike = one if inside and own >= theta else zero
                spikes[j] = spike
                seen[j] = own
                v[j] = own - theta * spike
            for j in range(neurons):
                own = _left(a[j], current, alpha) if current >= 0 else zero
                a[j] = min(max(own + gate * bias[j], a_low), a_high)
            if t - apart < given and t < end - 1:
                brought = arrived[image, t - apart]
                for j in range(neurons):
                    a[j] = min(max(a[j] + brought[j], a_low), a_high)


def sweep(
    arrived: torch.Tensor,
    neuron: Neuron,
    theta: float,
    steps: int,
    bias: torch.Tensor | None,
    chip: ChipParams | None = None,
    stop: int | None = None,
    apart: int = 0,
) -> tuple[torch.Tensor, ...]:
    """`fired`, `reached`, V and A of a layer, as `scan.scan` has them; on the integers of a chip, if given.

    Before the step that its window's first sweep finds, nothing happens: spikes there, or after its last, are
    none of its inputs. Sweeps end before `stop`, if given: V and A are those of then, and the rest is 0.
    `arrived` begins with step `apart`, no later than that first sweep.
    """
    given = arrived.detach().contiguous()
    images, _, neurons = given.shape
    real = given.numpy().dtype.type
    fired = given.new_empty(images, steps, neurons)
    v = given.new_empty(images, neurons)
    results = fired, torch.empty_like(fired), v, torch.empty_like(v)
    own = given.new_zeros(neurons) if bias is None else bias.detach().contiguous()
    whole = chip is not None
    decays = [-1 if k == 0 else k if whole else 0 for k in (neuron.current, neuron.leak)]
    shares = [2.0**-k if whole else 1 - 2.0**-k for k in (neuron.current, neuron.leak)]
    numbers = tuple(map(real, (theta, *shares)))
    edge = real(np.inf)
    bounds = (-edge, edge, -edge, edge)
    if chip is not None:
        bounds = tuple(map(real, (chip.acc_min, chip.acc_max, chip.pot_min, chip.pot_max)))
    window = (
        neuron.start,
        neuron.end,
        neuron.fires,
        *decays,
        neuron.start - 1,
        steps if stop is None else stop,
        apart,
    )
    arrays = given.numpy(), own.numpy(), numbers, window, bounds, *(part.numpy() for part in results)
    run_in_threads(_sweep, torch.get_num_threads(), given.numel(), *arrays)
    return results


@njit(cache=True, nogil=True)
def _passed_back(gradient, reached, sweeps, theta, steep, out, share, shares):  # type: ignore[no-untyped-def]
    images, given, neurons = gradient.shape
    one = gradient.dtype.type(1)
    for image in range(images * share // shares, images * (share + 1) // shares):
        for k in range(len(sweeps)):
            t = sweeps[k]
            grad, seen, own = gradient[image, t if given > 1 else 0], reached[image, t], out[image, k]
            for j in range(neurons):
                far = one + steep * abs(seen[j] / theta - one)
                own[j] = grad[j] * (one / (far * far) / theta)


def passed_back(
    gradient: torch.Tensor, reached: torch.Tensor, sweeps: np.ndarray, theta: float, steepness: float
) -> torch.Tensor:
    """The gradient of V in some sweeps, (batch, len(sweeps), neurons), of that of the spikes of all.

    `gradient` (batch, T, neurons); where it is the same for all T, as of a readout, it is read once.
    """
    if gradient.stride(1) == 0:
        gradient = gradient[:, :1]
    gradient = gradient.contiguous()
    out = reached.new_empty(len(reached), len(sweeps), reached.shape[2])
    real = reached.numpy().dtype.type
    arrays = gradient.numpy(), reached.numpy(), sweeps, real(theta), real(steepness), out.numpy()
    run_in_threads(_passed_back, torch.get_num_threads(), out.numel(), *arrays)
    return out


@njit(cache=True, nogil=True)
def _pooled(fired, cols, filters, out, share, shares):  # type: ignore[no-untyped-def]
    images, steps, groups = out.shape
    across = cols // 2
    for image in range(images * share // shares, images * (share + 1) // shares):
        for t in range(steps):
            own, found = fired[image, t], out[image, t]
            for group in range(groups // filters):
                first = (group // across * 2 * cols + group % across * 2) * filters
                below = first + cols * filters
                for f in range(filters):
                    upper = max(own[first + f], own[first + filters + f])
                    lower = max(own[below + f], own[below + filters + f])
                    found[group * filters + f] = max(upper, lower)


def pooled(fired: torch.Tensor, window: Window) -> torch.Tensor:
    """The trains of 2 x 2 positions, (batch, T, outputs), of those of each, (batch, T, neurons)."""
    filters = fired.shape[2] // window.positions
    groups = (window.out_rows // 2) * (window.out_cols // 2)
    out = fired.new_empty(*fired.shape[:2], groups * filters)
    arrays = fired.numpy(), window.out_cols, filters, out.numpy()
    run_in_threads(_pooled, torch.get_num_threads(), fired.numel(), *arrays)
    return out


@njit(cache=True, nogil=True)
def _passed_back_pooled(gradient, reached, sweeps, theta, steep, cols, filters, out, share, shares):  # type: ignore[no-untyped-def]
    images, _, groups = gradient.shape
    across = cols // 2
    one = gradient.dtype.type(1)
    zero = gradient.dtype.type(0)
    for image in range(images * share // shares, images * (share + 1) // shares):
        for k in range(len(sweeps)):
            t = sweeps[k]
            grad, seen, own = gradient[image, t], reached[image, t], out[image, k]
            for group in range(groups // filters):
                first = (group // across * 2 * cols + group % across * 2) * filters
                below = first + cols * filters
                for f in range(filters):
                    best = first + f
                    own[best] = zero
                    for other in (first + filters + f, below + f, below + filters + f):
                        own[other] = zero
                        if seen[other] > seen[best]:
                            best = other
                    far = one + steep * abs(seen[best] / theta - one)
                    own[best] = grad[group * filters + f] * (one / (far * far) / theta)


def passed_back_pooled(
    gradient: torch.Tensor,
    reached: torch.Tensor,
    sweeps: np.ndarray,
    theta: float,
    steepness: float,
    window: Window,
) -> torch.Tensor:
    """`passed_back` of 2 x 2 positions to the one with the highest V (`surrogate.highest`), of two the first.

    `gradient` (batch, T, outputs), `reached` (batch, T, neurons); (batch, len(sweeps), neurons).
    """
    odd = window.out_rows % 2 or window.out_cols % 2  # positions of no group
    empty = reached.new_zeros if odd else reached.new_empty
    out = empty(len(reached), len(sweeps), reached.shape[2])
    real = reached.numpy().dtype.type
    filters = reached.shape[2] // window.positions
    arrays = gradient.contiguous().numpy(), reached.numpy(), sweeps, real(theta), real(steepness)
    shape = window.out_cols, filters, out.numpy()
    run_in_threads(_passed_back_pooled, torch.get_num_threads(), out.numel(), *arrays, *shape)
    return out
