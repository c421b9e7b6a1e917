"""The golden model: what the chip must compute, spike for spike, in integers only.

This file is the executable form of `docs/arithmetic.md` and owes nothing to the RTL: it knows no packet, no
memory and no mesh, only layers, steps and saturating adds. Two functions are seams for later kinds of
network: `sweep_neuron` (the neuron) and `synapse.integrate_spike` (the synapse, dense or convolution).
Everything else is order: sweep first, then the step's spikes, then the decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit, prange
from yoso_hw.params import ChipParams

from yoso_sw.network.events import NEVER, Events
from yoso_sw.network.network import Network, Window
from yoso_sw.network.neuron import records
from yoso_sw.network.synapse import integrate_bias, integrate_spike, pass_on, saturate

NO_WINDOW = Window(0, 0, 0, 0)  # a dense layer's, for the kernels

#: Where a layer lies in the arrays of all layers: its neurons, its outputs, its weights (bias last).
PLACE = np.dtype(
    [
        (name, np.int64)
        for name in (
            *("first", "neurons", "first_output", "outputs", "inputs"),
            *("first_weight", "first_bias", "end_weight"),
        )
    ]
)


class GoldenError(ValueError):
    """The golden model was given something that it must not guess about; the message names it."""


@dataclass(frozen=True, eq=False)
class GoldenResult:
    """What a network did on B images; everything is as it stands at the barrier that ends the image.

    Attributes
    ----------
    spikes
        Per layer: which neurons fired when.
    sent
        Per layer: the spikes that go on, on its outputs; `spikes`, but for a pooled layer.
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

    spikes: tuple[Events, ...]
    sent: tuple[Events, ...]
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
    def steps(self) -> tuple[np.ndarray, ...]:
        """Per layer int16 (B, n): step at which the neuron fired, `NEVER` for silent; a view of `spikes`."""
        return tuple(layer.steps for layer in self.spikes)

    @property
    def sweeps(self) -> np.ndarray:
        """int64 (B, layers): sweeps that each PE of the layer ran, one a step."""
        return np.repeat(self.last.astype(np.int64)[:, None] + 1, len(self.spikes), axis=1)


def input_steps(pixels: np.ndarray, levels: int) -> np.ndarray:
    """The input code: uint8 pixels (any shape) to int16 steps 0 .. levels - 1, `NEVER` for pixel 0.

    A pixel p > 0 spikes at ``((255 - p) * levels) >> 8``: bright is early (code: our choice).
    """
    steps = ((255 - pixels.astype(np.int32)) * levels) >> 8
    return np.where(pixels > 0, steps, NEVER).astype(np.int16)


# ---- the neuron ------------------------------------------------------------------------------------------


class Tables(NamedTuple):
    """A network as the kernels read it.

    Attributes
    ----------
    places, neurons
        Records a layer: `PLACE`, and its neuron (`neuron.NEURON`).
    windows
        int64 (layers, 4): (rows, cols, channels, kernel) of its convolution, kernel 0 if it is dense.
    weights
        int8: the matrices of all layers, row by row.
    acc_min, acc_max, pot_min, pot_max
        Where A and V saturate.
    """

    places: np.ndarray
    neurons: np.ndarray
    windows: np.ndarray
    weights: np.ndarray
    acc_min: int
    acc_max: int
    pot_min: int
    pot_max: int


class State(NamedTuple):
    """What an image changes.

    Attributes
    ----------
    fired, pot, acc
        Of the neurons of all layers: step of the spike or `NEVER`, V, A.
    sent
        Of the outputs of all layers: step of the spike that went on.
    counts
        int64 (layers, 3): spikes in, spikes out, updates.
    """

    fired: np.ndarray
    pot: np.ndarray
    acc: np.ndarray
    sent: np.ndarray
    counts: np.ndarray


class Parameters(NamedTuple):
    """A `neuron.Neuron` in the registers of a kernel: from a record, each use would read memory again."""

    threshold: int
    start: int
    end: int
    slope: int


@njit(cache=True, inline="always")
def sweep_neuron(a, v, step, neuron, pot_min, pot_max):  # type: ignore[no-untyped-def]
    """The neuron (ReL-PSP): one sweep of a neuron that has not fired. Returns its new V and whether it fires.

    V(t) = sum_i w_i max(0, t - t_i) grows each step by A, the weights that have arrived (paper, eq. 8).
    """
    gain = neuron.slope if neuron.slope > 0 and step >= neuron.start else a
    v = saturate(v + gain, pot_min, pot_max)
    return v, neuron.start <= step < neuron.end and v >= neuron.threshold


@njit(cache=True)
def sweep_layer(fired, pot, acc, step, neuron, pot_min, pot_max):  # type: ignore[no-untyped-def]
    """Sweep every neuron of a layer that has not fired; returns how many fire."""
    count = 0
    own = Parameters(neuron.threshold, neuron.start, neuron.end, neuron.slope)
    for j in range(len(fired)):
        if fired[j] == NEVER:
            pot[j], fires = sweep_neuron(np.int64(acc[j]), np.int64(pot[j]), step, own, pot_min, pot_max)
            if fires:
                fired[j] = step
                count += 1
    return count


# ---- one step --------------------------------------------------------------------------------------------


@njit(cache=True)
def begin(state):  # type: ignore[no-untyped-def]
    """All is 0 and silent at the start of an image."""
    state.fired[:] = NEVER
    state.sent[:] = NEVER
    state.pot[:] = 0
    state.acc[:] = 0
    state.counts[:] = 0


@njit(cache=True)
def sweep(step, net, state):  # type: ignore[no-untyped-def]
    """Sweep all layers. A holds the spikes before this step only, so nothing cascades within a step."""
    for layer in range(len(net.places)):
        place = net.places[layer]
        own = slice(place.first, place.first + place.neurons)
        passed = state.sent[place.first_output : place.first_output + place.outputs]
        fired = state.fired[own]
        if sweep_layer(
            fired, state.pot[own], state.acc[own], step, net.neurons[layer], net.pot_min, net.pot_max
        ):
            state.counts[layer, 1] += pass_on(fired, passed, net.windows[layer], step)


@njit(cache=True)
def integrate(step, inputs, net, state):  # type: ignore[no-untyped-def]
    """Integrate the spikes of a step in all layers; axons in ascending order, the bias last.

    `inputs` are the axons of the network's own inputs that spike in it.
    """
    for layer in range(len(net.places)):
        place, window = net.places[layer], net.windows[layer]
        a = state.acc[place.first : place.first + place.neurons]
        w = net.weights[place.first_weight : place.first_bias]
        spikes, updates = 0, 0
        if layer == 0:
            for axon in inputs:
                updates += integrate_spike(axon, w, a, window, net.acc_min, net.acc_max)
                spikes += 1
        else:
            before = place.first_output - place.inputs  # what the layer before sent lies just below
            for axon in range(place.inputs):
                if state.sent[before + axon] == step:
                    updates += integrate_spike(axon, w, a, window, net.acc_min, net.acc_max)
                    spikes += 1
        if place.first_bias < place.end_weight and step == 0:
            bias = net.weights[place.first_bias : place.end_weight]
            updates += integrate_bias(bias, a, net.acc_min, net.acc_max)
            spikes += 1
        state.counts[layer, 0] += spikes
        state.counts[layer, 2] += updates


@njit(cache=True)
def decide(wanted, net, state):  # type: ignore[no-untyped-def]
    """Index of the output neuron with the highest V among those whose spike has step `wanted`, or -1.

    The lowest index wins a tie; `NEVER` asks for those that have not fired.
    """
    first, best = net.places[-1].first, -1
    for j in range(net.places[-1].neurons):
        if state.fired[first + j] == wanted and (best < 0 or state.pot[first + j] > state.pot[first + best]):
            best = j
    return best


# ---- one image -------------------------------------------------------------------------------------------


@njit(cache=True)
def run_image(steps, axons, total, early, net, state):  # type: ignore[no-untyped-def]
    """One image through all layers, step by step; fills `state`.

    `steps` and `axons` are its input spikes by step, then by axon; `total` is T. Returns (class, deciding
    step, decided by a spike, last step run).
    """
    begin(state)
    decision, decision_step, taken = -1, total - 1, 0
    for step in range(total):
        sweep(step, net, state)
        arrived = taken
        while arrived < len(steps) and steps[arrived] == step:
            arrived += 1
        integrate(step, axons[taken:arrived], net, state)
        taken = arrived
        if decision < 0:  # the first step with an output spike; among its spikes the highest V
            decision = decide(step, net, state)
            if decision >= 0:
                decision_step = step
                if early:
                    return decision, decision_step, True, step
    if decision >= 0:
        return decision, decision_step, True, total - 1
    return decide(NEVER, net, state), total - 1, False, total - 1


@njit(cache=True, parallel=True)
def run_images(ends, steps, axons, total, early, net, states, outcome):  # type: ignore[no-untyped-def]
    """`run_image` for each image, images in parallel; `outcome` (B, 4) gets its return values."""
    for b in prange(len(outcome)):
        own = slice(ends[b], ends[b + 1])
        state = State(states.fired[b], states.pot[b], states.acc[b], states.sent[b], states.counts[b])
        decision, step, spiked, last = run_image(steps[own], axons[own], total, early, net, state)
        outcome[b, 0] = decision
        outcome[b, 1] = step
        outcome[b, 2] = spiked
        outcome[b, 3] = last


# ---- the way in ------------------------------------------------------------------------------------------


def check_inputs(network: Network, inputs: np.ndarray | Events) -> Events:
    """Images (uint8), steps (int16) or events of `network` as events on its inputs.

    Raises
    ------
    GoldenError
        If the dtype is neither, the shape is not (B, inputs), or a step is neither in 0 .. T - 1 nor `NEVER`.
    """
    if isinstance(inputs, Events):
        events = inputs
        shape: tuple[int, ...] = (len(events), events.axons)
    else:
        array = np.asarray(inputs)
        if array.dtype not in (np.uint8, np.int16):
            raise GoldenError(f"input is {array.dtype}; it must be events, uint8 pixels or int16 steps")
        shape = array.shape
    if len(shape) != 2 or shape[1] != network.inputs:
        raise GoldenError(
            f"input has shape {shape}; network {network.name!r} needs (images, {network.inputs})"
        )
    if not isinstance(inputs, Events):
        if array.dtype == np.uint8:
            return Events.of_steps(input_steps(array, network.levels))
        wrong = ((array < 0) | (array >= network.steps)) & (array != NEVER)
        if wrong.any():
            raise GoldenError(
                f"input step {array[wrong][0]} is neither in 0..{network.steps - 1} nor NEVER={NEVER}"
            )
        return Events.of_steps(array)
    if (events.step >= network.steps).any():
        raise GoldenError(f"input step {events.step.max()} is not in 0..{network.steps - 1}")
    return events


def tables(network: Network, params: ChipParams) -> Tables:
    """`network` on a chip's adders, as the kernels read it."""
    places = np.zeros(len(network.layers), PLACE)
    first = first_output = first_weight = 0
    for place, layer in zip(places, network.layers, strict=True):
        end_weight = first_weight + layer.weights.size
        place["first"], place["neurons"] = first, layer.neurons
        place["first_output"], place["outputs"] = first_output, layer.outputs
        place["inputs"] = layer.inputs
        place["first_weight"], place["end_weight"] = first_weight, end_weight
        place["first_bias"] = end_weight - layer.weights.shape[1] * layer.bias
        first, first_output, first_weight = first + layer.neurons, first_output + layer.outputs, end_weight
    windows = [layer.window or NO_WINDOW for layer in network.layers]
    return Tables(
        places=places,
        neurons=records([layer.neuron for layer in network.layers]),
        windows=np.array([(own.rows, own.cols, own.channels, own.kernel) for own in windows], np.int64),
        weights=np.concatenate([layer.weights.ravel() for layer in network.layers]),
        acc_min=params.acc_min,
        acc_max=params.acc_max,
        pot_min=params.pot_min,
        pot_max=params.pot_max,
    )


def empty_states(net: Tables, images: int) -> State:
    """Room for the states of some images, one more axis in front."""
    neurons = int(net.places["neurons"].sum())
    return State(
        fired=np.empty((images, neurons), np.int16),
        pot=np.empty((images, neurons), np.int32),
        acc=np.empty((images, neurons), np.int32),
        sent=np.empty((images, int(net.places["outputs"].sum())), np.int16),
        counts=np.empty((images, len(net.places), 3), np.int64),
    )


def run(
    network: Network,
    inputs: np.ndarray | Events,
    *,
    params: ChipParams | None = None,
    early_exit: bool = True,
) -> GoldenResult:
    """Run images through a network exactly as the chip does (docs/arithmetic.md).

    Parameters
    ----------
    network
        The integer network.
    inputs
        uint8 pixels (B, inputs), coded by `input_steps`; int16 steps (B, inputs), `NEVER` for silent; or
        events of B images on its inputs.
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
    ends, steps, axons = check_inputs(network, inputs).pairs
    for i, layer in enumerate(network.layers):
        for name, value in layer.neuron.largest.items():
            if value > params.pot_max:
                raise GoldenError(f"layer {i}: {name}={value} exceeds the largest potential {params.pot_max}")
    net = tables(network, params)
    states = empty_states(net, len(ends) - 1)
    outcome = np.empty((len(ends) - 1, 4), np.int32)
    run_images(ends, steps, axons, network.steps, early_exit, net, states, outcome)
    cuts = np.cumsum(net.places["neurons"])[:-1]
    cuts_sent = np.cumsum(net.places["outputs"])[:-1]
    return GoldenResult(
        spikes=tuple(map(Events.of_steps, np.split(states.fired, cuts, axis=1))),
        sent=tuple(map(Events.of_steps, np.split(states.sent, cuts_sent, axis=1))),
        potentials=tuple(np.split(states.pot, cuts, axis=1)),
        accumulated=tuple(np.split(states.acc, cuts, axis=1)),
        decisions=outcome[:, 0],
        decision_steps=outcome[:, 1].astype(np.int16),
        spiked=outcome[:, 2].astype(bool),
        last=outcome[:, 3].astype(np.int16),
        spikes_in=states.counts[:, :, 0],
        spikes_out=states.counts[:, :, 1],
        updates=states.counts[:, :, 2],
    )
