"""The golden model's loop: the steps of an image, in the order of docs/arithmetic.md, "One image".

It knows no packet, no memory and no mesh, only layers and steps: sweep first (`sweep`, the neuron), then the
step's spikes (`synapse`, dense or convolution), then the decision.
"""

from __future__ import annotations

from dataclasses import astuple
from typing import NamedTuple

import numpy as np
from numba import njit, prange
from yoso_hw.params import ChipParams

from yoso_sw.network.events import NEVER
from yoso_sw.network.network import Network, Window
from yoso_sw.network.neuron import KEPT, records
from yoso_sw.network.sweep import ONCE, charge, leave_current, sweep_layer
from yoso_sw.network.synapse import integrate_bias, integrate_spike, integrate_spikes, pass_on, stays_free

NO_WINDOW = Window(0, 0, 0, 0)  # a dense layer's, for the kernels

#: Where a layer lies in the arrays of all layers: its neurons, its outputs, its weights (bias last) and the
#: largest of either sign; and in a row of the record, where its neurons may fire more than once (else -1).
PLACE = np.dtype(
    [
        (name, np.int64)
        for name in (
            *("first", "neurons", "first_output", "outputs", "inputs"),
            *("first_weight", "first_bias", "end_weight", "largest_weight"),
            *("first_recorded", "first_recorded_output"),
        )
    ]
)


class Tables(NamedTuple):
    """A network as the kernels read it.

    Attributes
    ----------
    places, neurons
        Records a layer: `PLACE`, and its neuron (`neuron.NEURON`).
    windows
        int64 (layers, 6): the fields of `Window` of its convolution, kernel 0 if it is dense.
    weights
        int8: the matrices of all layers, row by row.
    steps
        T.
    counts
        Whether the most output spikes decide.
    recorded
        Columns of the record.
    acc_min, acc_max, pot_min, pot_max
        Where A and V saturate.
    """

    places: np.ndarray
    neurons: np.ndarray
    windows: np.ndarray
    weights: np.ndarray
    steps: int
    counts: bool
    recorded: int
    acc_min: int
    acc_max: int
    pot_min: int
    pot_max: int


class State(NamedTuple):
    """What an image changes.

    Attributes
    ----------
    fired, pot, acc
        Of the neurons of all layers: step of the latest spike or `NEVER`, V, A.
    sent
        Of the outputs of all layers: step of the latest spike that went on.
    counts
        int64 (layers, 3): spikes in, spikes out, updates.
    tally
        int64 (classes,): spikes of each output neuron, where they are counted.
    record
        bool (T, recorded): who fires in which step, of layers that may fire more than once.
    carried
        int32 (T, classes): V of the output layer after each sweep, if its neurons may fire more than once.
    """

    fired: np.ndarray
    pot: np.ndarray
    acc: np.ndarray
    sent: np.ndarray
    counts: np.ndarray
    tally: np.ndarray
    record: np.ndarray
    carried: np.ndarray


def tables(network: Network, params: ChipParams) -> Tables:
    """`network` on a chip's adders, as the kernels read it."""
    places = np.zeros(len(network.layers), PLACE)
    first = first_output = first_weight = recorded = 0
    for place, layer in zip(places, network.layers, strict=True):
        end_weight = first_weight + layer.weights.size
        place["first"], place["neurons"] = first, layer.neurons
        place["first_output"], place["outputs"] = first_output, layer.outputs
        place["inputs"] = layer.inputs
        place["first_weight"], place["end_weight"] = first_weight, end_weight
        place["first_bias"] = end_weight - layer.weights.shape[1] * layer.bias
        place["largest_weight"] = np.abs(layer.weights.astype(np.int64)).max()
        place["first_recorded"] = place["first_recorded_output"] = -1
        if not layer.neuron.once:
            place["first_recorded"] = place["first_recorded_output"] = recorded
            recorded += layer.neurons
            if layer.pool:
                place["first_recorded_output"] = recorded
                recorded += layer.outputs
        first, first_output, first_weight = first + layer.neurons, first_output + layer.outputs, end_weight
    windows = [layer.window or NO_WINDOW for layer in network.layers]
    return Tables(
        places=places,
        neurons=records([layer.neuron for layer in network.layers]),
        windows=np.array([astuple(window) for window in windows], np.int64),
        weights=np.concatenate([layer.weights.ravel() for layer in network.layers]),
        steps=network.steps,
        counts=network.decision == "count",
        recorded=recorded,
        acc_min=params.acc_min,
        acc_max=params.acc_max,
        pot_min=params.pot_min,
        pot_max=params.pot_max,
    )


def empty_states(net: Tables, images: int) -> State:
    """Room for the states of some images, one more axis in front."""
    neurons, classes = int(net.places["neurons"].sum()), int(net.places["neurons"][-1])
    carried = classes if net.recorded and net.places["first_recorded"][-1] >= 0 else 0
    return State(
        fired=np.empty((images, neurons), np.int16),
        pot=np.empty((images, neurons), np.int32),
        acc=np.empty((images, neurons), np.int32),
        sent=np.empty((images, int(net.places["outputs"].sum())), np.int16),
        counts=np.empty((images, len(net.places), 3), np.int64),
        tally=np.empty((images, classes), np.int64),
        record=np.empty((images, net.steps, net.recorded), np.bool_),
        carried=np.empty((images, net.steps, carried), np.int32),
    )


@njit(cache=True, inline="always")
def of_image(states, b):  # type: ignore[no-untyped-def]
    """The state of one of some images."""
    return State(
        states.fired[b],
        states.pot[b],
        states.acc[b],
        states.sent[b],
        states.counts[b],
        states.tally[b],
        states.record[b],
        states.carried[b],
    )


# ---- one step --------------------------------------------------------------------------------------------


@njit(cache=True)
def begin(state):  # type: ignore[no-untyped-def]
    """All is 0 and silent at the start of an image."""
    state.fired[:] = NEVER
    state.sent[:] = NEVER
    state.pot[:] = 0
    state.acc[:] = 0
    state.counts[:] = 0
    state.tally[:] = 0
    state.record[:] = False


@njit(cache=True)
def sweep(step, net, state):  # type: ignore[no-untyped-def]
    """Sweep all layers. A holds the spikes before this step only, so nothing cascades within a step."""
    for layer in range(len(net.places)):
        place, neuron, window = net.places[layer], net.neurons[layer], net.windows[layer]
        own = slice(place.first, place.first + place.neurons)
        passed = state.sent[place.first_output : place.first_output + place.outputs]
        fired, pot, acc = state.fired[own], state.pot[own], state.acc[own]
        if sweep_layer(fired, pot, acc, step, neuron, net.pot_min, net.pot_max):
            state.counts[layer, 1] += pass_on(fired, passed, window, step, neuron.reset == ONCE)
        if neuron.current != KEPT:
            bias = net.weights[place.first_bias : place.end_weight]
            leave_current(acc, bias, step, neuron, net.acc_min, net.acc_max)
        if neuron.charge > 0 and neuron.charge == step:  # its window opens later: nothing has fired
            charge(pot, acc, net.acc_min, net.acc_max)


@njit(cache=True)
def integrate(step, inputs, net, state):  # type: ignore[no-untyped-def]
    """Integrate the spikes of a step in all layers; axons in ascending order, the bias last.

    `inputs` are the axons of the network's own inputs that spike in it.
    """
    for layer in range(len(net.places)):
        place, window = net.places[layer], net.windows[layer]
        a = state.acc[place.first : place.first + place.neurons]
        w = net.weights[place.first_weight : place.first_bias]
        spikes, updates = len(inputs), 0
        before = place.first_output - place.inputs  # what the layer before sent lies just below
        if layer > 0:
            spikes = 0
            for axon in range(place.inputs):
                spikes += state.sent[before + axon] == step
        if spikes > 0:
            free = stays_free(a, spikes, place.largest_weight, net.acc_max)
            if layer == 0:
                updates = integrate_spikes(inputs, w, a, window, net.acc_min, net.acc_max, free)
            else:
                for axon in range(place.inputs):
                    if state.sent[before + axon] == step:
                        updates += integrate_spike(axon, w, a, window, net.acc_min, net.acc_max, free)
        if place.first_bias < place.end_weight and step == 0 and net.neurons[layer].current == KEPT:
            bias = net.weights[place.first_bias : place.end_weight]
            updates += integrate_bias(bias, a, net.acc_min, net.acc_max)
            spikes += 1
        state.counts[layer, 0] += spikes
        state.counts[layer, 2] += updates


@njit(cache=True)
def record(step, net, state):  # type: ignore[no-untyped-def]
    """Write down the step's spikes of layers that may fire more than once, and what the output's carry."""
    for place in net.places:
        if place.first_recorded >= 0:
            for j in range(place.neurons):
                state.record[step, place.first_recorded + j] = state.fired[place.first + j] == step
            if place.first_recorded_output != place.first_recorded:
                for j in range(place.outputs):
                    sent = state.sent[place.first_output + j] == step
                    state.record[step, place.first_recorded_output + j] = sent
    first = net.places[-1].first
    for j in range(state.carried.shape[1]):
        state.carried[step, j] = state.pot[first + j]


@njit(cache=True)
def count(step, net, state):  # type: ignore[no-untyped-def]
    """Count the step's output spikes."""
    first = net.places[-1].first
    for j in range(net.places[-1].neurons):
        state.tally[j] += state.fired[first + j] == step


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


@njit(cache=True)
def most_spikes(state):  # type: ignore[no-untyped-def]
    """Index of the output neuron with the most spikes, the lowest of those; -1 without any spike."""
    best = -1
    for j in range(len(state.tally)):
        if state.tally[j] > 0 and (best < 0 or state.tally[j] > state.tally[best]):
            best = j
    return best


# ---- one image -------------------------------------------------------------------------------------------


@njit(cache=True)
def run_image(steps, axons, early, net, state):  # type: ignore[no-untyped-def]
    """One image through all layers, step by step; fills `state`.

    `steps` and `axons` are its input spikes by step, then by axon. Returns (class, deciding step, decided by
    a spike, last step run).
    """
    begin(state)
    last = net.steps - 1
    decision, decision_step, taken = -1, last, 0
    for step in range(net.steps):
        sweep(step, net, state)
        if net.recorded:
            record(step, net, state)
        arrived = taken
        while arrived < len(steps) and steps[arrived] == step:
            arrived += 1
        integrate(step, axons[taken:arrived], net, state)
        taken = arrived
        if net.counts:
            count(step, net, state)
        elif decision < 0:  # the first step with an output spike; among its spikes the highest V
            decision = decide(step, net, state)
            if decision >= 0:
                decision_step = step
                if early:
                    return decision, decision_step, True, step
    if net.counts:
        decision = most_spikes(state)
    if decision >= 0:
        return decision, decision_step, True, last
    return decide(NEVER, net, state), last, False, last


@njit(cache=True, parallel=True)
def run_images(ends, steps, axons, early, net, states, outcome):  # type: ignore[no-untyped-def]
    """`run_image` for each image, images in parallel; `outcome` (B, 4) gets its return values."""
    for b in prange(len(outcome)):
        own = slice(ends[b], ends[b + 1])
        state = of_image(states, b)
        decision, step, spiked, last = run_image(steps[own], axons[own], early, net, state)
        outcome[b, 0] = decision
        outcome[b, 1] = step
        outcome[b, 2] = spiked
        outcome[b, 3] = last
