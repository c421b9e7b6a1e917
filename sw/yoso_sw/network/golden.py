"""The golden model: what the chip must compute, spike for spike, in integers only.

This file is the executable form of `docs/arithmetic.md` and owes nothing to the RTL: it knows no packet, no
memory and no mesh, only layers, steps and saturating adds. Two functions are seams for later kinds of
network: `sweep_neuron` (the neuron) and `synapse.integrate_spike` (the synapse, dense or convolution).
Everything else is order: sweep first, then the step's spikes, then the decision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit, prange
from yoso_hw.params import ChipParams

from yoso_sw.network.network import NEVER, Network, Window
from yoso_sw.network.synapse import integrate_bias, integrate_spike, pass_on, saturate

NO_WINDOW = Window(0, 0, 0, 0)  # a dense layer's, for the kernels


class GoldenError(ValueError):
    """The golden model was given something that it must not guess about; the message names it."""


@dataclass(frozen=True, eq=False)
class GoldenResult:
    """What a network did on B images; everything is as it stands at the barrier that ends the image.

    Attributes
    ----------
    steps
        Per layer int16 (B, n): step at which the neuron fired, `NEVER` if it did not.
    sent
        Per layer int16 (B, outputs): steps of the spikes that go on; `steps`, but for a pooled layer.
    potentials, accumulated
        Per layer int32 (B, n): V and A. A neuron that fired keeps the V that it fired with.
    decisions
        int32 (B,): class, 0 .. classes - 1.
    decision_steps
        int16 (B,): step of the deciding spike; T - 1 where no spike decided.
    spiked
        bool (B,): True where an output spike decided, False where the highest V did.
    last
        int16 (B,): last step run; `decision_steps` with early exit, else T - 1.
    spikes_in, spikes_out
        int64 (B, layers): spikes that reached the layer (its bias is one) and that it sent; of a pooled
        layer, those that pooling passed on.
    updates
        int64 (B, layers): synaptic updates. A spike updates each neuron of a dense layer; in a convolution,
        those whose windows hold it.
    """

    steps: tuple[np.ndarray, ...]
    sent: tuple[np.ndarray, ...]
    potentials: tuple[np.ndarray, ...]
    accumulated: tuple[np.ndarray, ...]
    decisions: np.ndarray
    decision_steps: np.ndarray
    spiked: np.ndarray
    last: np.ndarray
    spikes_in: np.ndarray
    spikes_out: np.ndarray
    updates: np.ndarray

    @property
    def sweeps(self) -> np.ndarray:
        """int64 (B, layers): sweeps that each PE of the layer ran, one a step."""
        return np.repeat(self.last.astype(np.int64)[:, None] + 1, len(self.steps), axis=1)


def input_steps(pixels: np.ndarray, levels: int) -> np.ndarray:
    """The input code: uint8 pixels (any shape) to int16 steps 0 .. levels - 1, `NEVER` for pixel 0.

    A pixel p > 0 spikes at ``((255 - p) * levels) >> 8``: bright is early (code: our choice).
    """
    steps = ((255 - pixels.astype(np.int32)) * levels) >> 8
    return np.where(pixels > 0, steps, NEVER).astype(np.int16)


# ---- the neuron ------------------------------------------------------------------------------------------


@njit(cache=True, inline="always")
def sweep_neuron(a, v, step, threshold, slope, start, end, pot_min, pot_max):  # type: ignore[no-untyped-def]
    """The neuron (ReL-PSP): one sweep of a neuron that has not fired. Returns its new V and whether it fires.

    V(t) = sum_i w_i max(0, t - t_i) grows each step by A, the weights that have arrived (paper, eq. 8).
    """
    gain = slope if slope > 0 and step >= start else a
    v = saturate(v + gain, pot_min, pot_max)
    return v, start <= step < end and v >= threshold


@njit(cache=True)
def sweep_layer(fired, pot, acc, step, rule, pot_min, pot_max):  # type: ignore[no-untyped-def]
    """Sweep every neuron of a layer that has not fired; returns how many fire."""
    threshold, slope, start, end = rule
    count = 0
    for j in range(len(fired)):
        if fired[j] == NEVER:
            pot[j], fires = sweep_neuron(
                np.int64(acc[j]), np.int64(pot[j]), step, threshold, slope, start, end, pot_min, pot_max
            )
            if fires:
                fired[j] = step
                count += 1
    return count


# ---- one image -------------------------------------------------------------------------------------------


@njit(cache=True)
def highest(potential, steps, wanted):  # type: ignore[no-untyped-def]
    """Index of the highest V among the neurons whose step is `wanted`; the lowest index wins a tie."""
    best = -1
    for j in range(len(potential)):
        if steps[j] == wanted and (best < 0 or potential[j] > potential[best]):
            best = j
    return best


@njit(cache=True)
def run_image(  # type: ignore[no-untyped-def]
    inputs, shape, windows, rules, weights, total, bounds, early, fired, pot, acc, sent, counts
):
    """One image through all layers, step by step. Fills fired, pot, acc (neurons of all layers) and counts.

    `shape` has a row (first neuron, neurons, first output, outputs, inputs, first weight, first weight of the
    bias, end of weights) a layer, `windows` one of (rows, cols, channels, kernel), `rules` one of (threshold,
    slope, start, end); `bounds` is (acc_min, acc_max, pot_min, pot_max). `sent` gets the steps of the spikes
    that go on. `counts` (layers, 3) gets spikes in, spikes out and updates. Returns (class, deciding step,
    decided by a spike, last step run).
    """
    layers = len(shape)
    acc_min, acc_max, pot_min, pot_max = bounds
    fired[:] = NEVER
    sent[:] = NEVER
    pot[:] = 0
    acc[:] = 0
    counts[:] = 0

    # Input spikes in the order in which they arrive: by step, then by axon.
    by_step = np.zeros(total + 1, np.int64)
    for t in inputs:
        if t < total:
            by_step[t + 1] += 1
    by_step = np.cumsum(by_step)
    place = by_step.copy()
    arrivals = np.empty(by_step[total], np.int64)
    for i in range(len(inputs)):
        if inputs[i] < total:
            arrivals[place[inputs[i]]] = i
            place[inputs[i]] += 1

    first, neurons = shape[layers - 1, :2]
    output = slice(first, first + neurons)
    decision, decision_step = -1, total - 1
    for step in range(total):
        # Sweep: A holds the spikes before this step only, so nothing cascades within a step.
        for layer in range(layers):
            first, neurons, first_output, outputs = shape[layer, :4]
            own = slice(first, first + neurons)
            passed = sent[first_output : first_output + outputs]
            if sweep_layer(fired[own], pot[own], acc[own], step, rules[layer], pot_min, pot_max):
                counts[layer, 1] += pass_on(fired[own], passed, windows[layer], step)

        # Integrate the step's spikes; axons in ascending order, the bias last.
        for layer in range(layers):
            first, neurons, first_output, _, axons, first_weight, first_bias, end_weight = shape[layer]
            a = acc[first : first + neurons]
            w = weights[first_weight:first_bias]
            if layer == 0:
                for k in range(by_step[step], by_step[step + 1]):
                    counts[layer, 2] += integrate_spike(arrivals[k], w, a, windows[layer], acc_min, acc_max)
                    counts[layer, 0] += 1
            else:
                before = first_output - axons  # what the layer before sent lies just below
                for i in range(axons):
                    if sent[before + i] == step:
                        counts[layer, 2] += integrate_spike(i, w, a, windows[layer], acc_min, acc_max)
                        counts[layer, 0] += 1
            if first_bias < end_weight and step == 0:
                counts[layer, 2] += integrate_bias(weights[first_bias:end_weight], a, acc_min, acc_max)
                counts[layer, 0] += 1

        # Decide: the first step with an output spike; among its spikes the highest V.
        if decision < 0:
            decision = highest(pot[output], fired[output], step)
            if decision >= 0:
                decision_step = step
                if early:
                    return decision, decision_step, True, step

    if decision >= 0:
        return decision, decision_step, True, total - 1
    return highest(pot[output], fired[output], NEVER), total - 1, False, total - 1


@njit(cache=True, parallel=True)
def run_images(  # type: ignore[no-untyped-def]
    inputs, shape, windows, rules, weights, total, bounds, early, fired, pot, acc, sent, counts, outcome
):
    """`run_image` for each image, images in parallel; `outcome` (B, 4) gets its return values."""
    for b in prange(len(inputs)):
        decision, step, spiked, last = run_image(
            *(inputs[b], shape, windows, rules, weights, total, bounds, early),
            *(fired[b], pot[b], acc[b], sent[b], counts[b]),
        )
        outcome[b, 0] = decision
        outcome[b, 1] = step
        outcome[b, 2] = spiked
        outcome[b, 3] = last


# ---- the way in ------------------------------------------------------------------------------------------


def check_inputs(network: Network, images_or_steps: np.ndarray) -> np.ndarray:
    """Images (uint8) or steps (int16) of `network` as int16 steps (B, inputs).

    Raises
    ------
    GoldenError
        If the dtype is neither, the shape is not (B, inputs), or a step is neither in 0 .. T - 1 nor `NEVER`.
    """
    array = np.asarray(images_or_steps)
    if array.dtype not in (np.uint8, np.int16):
        raise GoldenError(f"input is {array.dtype}; it must be uint8 pixels or int16 steps")
    if array.ndim != 2 or array.shape[1] != network.inputs:
        raise GoldenError(
            f"input has shape {array.shape}; network {network.name!r} needs (images, {network.inputs})"
        )
    if array.dtype == np.uint8:
        return input_steps(array, network.levels)
    wrong = ((array < 0) | (array >= network.steps)) & (array != NEVER)
    if wrong.any():
        raise GoldenError(
            f"input step {array[wrong][0]} is neither in 0..{network.steps - 1} nor NEVER={NEVER}"
        )
    return array


def run(
    network: Network,
    images_or_steps: np.ndarray,
    *,
    params: ChipParams | None = None,
    early_exit: bool = True,
) -> GoldenResult:
    """Run images through a network exactly as the chip does (docs/arithmetic.md).

    Parameters
    ----------
    network
        The integer network.
    images_or_steps
        uint8 pixels (B, inputs), coded by `input_steps`, or int16 steps (B, inputs), `NEVER` for silent.
    params
        The widths of A and V; None: those that the network is for.
    early_exit
        End an image at the barrier that closes its deciding step; else run it to step T - 1. The decision is
        the same.

    Raises
    ------
    GoldenError
        If the input does not fit the network, or a threshold or slope exceeds the largest V.
    """
    params = params or network.chip
    steps = np.ascontiguousarray(check_inputs(network, images_or_steps))
    for i, layer in enumerate(network.layers):
        for name, value in (("threshold", layer.threshold), ("slope", layer.slope)):
            if value > params.pot_max:
                raise GoldenError(f"layer {i}: {name}={value} exceeds the largest potential {params.pot_max}")

    shape, windows, first, first_weight, first_output = [], [], 0, 0, 0
    for layer in network.layers:
        end_weight = first_weight + layer.weights.size
        first_bias = end_weight - layer.weights.shape[1] * layer.bias
        shape.append(
            (
                first,
                layer.neurons,
                first_output,
                layer.outputs,
                layer.inputs,
                first_weight,
                first_bias,
                end_weight,
            )
        )
        window = layer.window or NO_WINDOW
        windows.append((window.rows, window.cols, window.channels, window.kernel))
        first, first_output, first_weight = first + layer.neurons, first_output + layer.outputs, end_weight
    rules = [(layer.threshold, layer.slope, layer.start, layer.end) for layer in network.layers]
    batch = len(steps)
    fired = np.empty((batch, first), np.int16)
    sent = np.empty((batch, first_output), np.int16)
    pot = np.empty((batch, first), np.int32)
    acc = np.empty((batch, first), np.int32)
    counts = np.empty((batch, len(shape), 3), np.int64)
    outcome = np.empty((batch, 4), np.int32)
    run_images(
        steps,
        np.array(shape, np.int64),
        np.array(windows, np.int64),
        np.array(rules, np.int64),
        np.concatenate([layer.weights.ravel() for layer in network.layers]),
        network.steps,
        (params.acc_min, params.acc_max, params.pot_min, params.pot_max),
        early_exit,
        fired,
        pot,
        acc,
        sent,
        counts,
        outcome,
    )
    cuts = np.cumsum([layer.neurons for layer in network.layers])[:-1]
    cuts_sent = np.cumsum([layer.outputs for layer in network.layers])[:-1]
    return GoldenResult(
        steps=tuple(np.split(fired, cuts, axis=1)),
        sent=tuple(np.split(sent, cuts_sent, axis=1)),
        potentials=tuple(np.split(pot, cuts, axis=1)),
        accumulated=tuple(np.split(acc, cuts, axis=1)),
        decisions=outcome[:, 0],
        decision_steps=outcome[:, 1].astype(np.int16),
        spiked=outcome[:, 2].astype(bool),
        last=outcome[:, 3].astype(np.int16),
        spikes_in=counts[:, :, 0],
        spikes_out=counts[:, :, 1],
        updates=counts[:, :, 2],
    )
