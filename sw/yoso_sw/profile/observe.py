"""A and V while the golden model runs: how many bits they take, and where they saturate.

The golden model's own kernels do the steps; this file only looks between them, at every V that a sweep
reaches, before a reset, and at every A that a step's spikes leave. Images run to their last step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit, prange
from yoso_hw.params import ChipParams

from yoso_sw.data.samples import Inputs
from yoso_sw.network import golden
from yoso_sw.network.kernel import State, begin, empty_states, integrate, of_image, sweep, tables
from yoso_sw.network.network import Network
from yoso_sw.network.sweep import ONCE, Parameters, sweep_neuron

#: Signed numbers of the golden model's A and V have at most this many bits.
WIDEST = 32

#: Bounds that no sum of a step reaches: of V, and of A, which the golden model keeps in 32 bits.
FREE_V, FREE_A = 1 << 40, (1 << 31) - 1

#: Entries of the states of images that run at once, over all of them.
LARGEST = 1 << 26


@dataclass(frozen=True, eq=False)
class Range:
    """What a number of a layer took, over all of its neurons, steps and images.

    Attributes
    ----------
    least, largest
        Of its values.
    bits
        int64 (WIDEST + 1,): how often it took so many bits, the sign among them (`bits_of`).
    saturated
        How often an adder clamped it: of V in a sweep, of A in a step.
    """

    least: int
    largest: int
    bits: np.ndarray
    saturated: int

    @property
    def needed(self) -> int:
        """Bits that hold every value."""
        return max(bits_of(self.least), bits_of(self.largest))

    @property
    def values(self) -> int:
        """How many values there were."""
        return int(self.bits.sum())


def bits_of(value: int) -> int:
    """Bits of a signed number: 1 of 0 and -1, 4 of 7 and -8."""
    return (value if value >= 0 else ~value).bit_length() + 1


def observe(
    network: Network, inputs: Inputs, params: ChipParams | None = None
) -> tuple[list[Range], list[Range]]:
    """A and V of each layer while images run.

    Parameters
    ----------
    inputs
        As `golden.run` takes them.
    params
        The widths of A and V; None: those that the network is for.

    Raises
    ------
    GoldenError
        If the inputs do not fit the network.
    """
    params = params or network.chip
    net, given = tables(network, params), golden.check_inputs(network, inputs)
    wide = net._replace(acc_min=-FREE_A, acc_max=FREE_A)
    ends, steps, axons = given.pairs
    layers, images = len(network.layers), len(ends) - 1
    bits = np.zeros((2, layers, WIDEST + 1), np.int64)
    reach = np.zeros((2, layers, 2), np.int64)
    saturated = np.zeros((2, layers), np.int64)
    at_once = max(1, LARGEST // max(1, net.steps * net.recorded + 3 * int(net.places["neurons"].sum())))
    for first in range(0, images, at_once):
        own = ends[first : first + at_once + 1]
        count = len(own) - 1
        found = np.zeros((count, 2, layers, WIDEST + 1), np.int64)
        reached = np.zeros((count, 2, layers, 2), np.int64)
        clamped = np.zeros((count, 2, layers), np.int64)
        states, free = empty_states(net, count), np.empty((count, int(net.places["neurons"].sum())), np.int32)
        _images(own, steps, axons, net, wide, states, free, found, reached, clamped)
        bits += found.sum(0)
        reach[..., 0] = np.minimum(reach[..., 0], reached[..., 0].min(0))
        reach[..., 1] = np.maximum(reach[..., 1], reached[..., 1].max(0))
        saturated += clamped.sum(0)
    a, v = (
        [
            Range(int(reach[k, i, 0]), int(reach[k, i, 1]), bits[k, i], int(saturated[k, i]))
            for i in range(layers)
        ]
        for k in (0, 1)
    )
    return a, v


@njit(cache=True, inline="always")
def _take(value, bits, reach):  # type: ignore[no-untyped-def]
    """Note one value."""
    size = value if value >= 0 else ~value
    count = 1
    while size > 0:
        size >>= 1
        count += 1
    bits[count] += 1
    reach[0] = min(reach[0], value)
    reach[1] = max(reach[1], value)


@njit(cache=True)
def _look_at_v(step, net, state, bits, reach, clamped):  # type: ignore[no-untyped-def]
    """Every V that the coming sweep reaches, and how many of them its adder clamps."""
    for layer in range(len(net.places)):
        place, neuron = net.places[layer], net.neurons[layer]
        once = neuron.reset == ONCE
        # Of a neuron that fires once a sweep leaves V as it reached it; so as one it is asked.
        own = Parameters(neuron.threshold, neuron.start, neuron.end, neuron.slope, neuron.leak, ONCE)
        for j in range(place.first, place.first + place.neurons):
            if once and state.fired[j] < step:
                continue
            a, v = np.int64(state.acc[j]), np.int64(state.pot[j])
            reached, _ = sweep_neuron(a, v, step, own, net.pot_min, net.pot_max)
            free, _ = sweep_neuron(a, v, step, own, -FREE_V, FREE_V)
            _take(reached, bits[layer], reach[layer])
            clamped[layer] += reached != free


@njit(cache=True)
def _image(steps, axons, net, wide, state, free, bits, reach, clamped):  # type: ignore[no-untyped-def]
    """One image to its last step; `free` is room for the A of a step of `wide`, which never saturates."""
    begin(state)
    taken = 0
    for step in range(net.steps):
        arrived = taken
        while arrived < len(steps) and steps[arrived] == step:
            arrived += 1
        _look_at_v(step, net, state, bits[1], reach[1], clamped[1])
        before, pot = state.acc.copy(), state.pot.copy()
        fired, sent, counts = state.fired.copy(), state.sent.copy(), state.counts.copy()
        beside = State(fired, pot, free, sent, counts, state.tally, state.record, state.carried)
        free[:] = before
        sweep(step, wide, beside)
        integrate(step, axons[taken:arrived], wide, beside)
        sweep(step, net, state)
        integrate(step, axons[taken:arrived], net, state)
        taken = arrived
        for layer in range(len(net.places)):
            place = net.places[layer]
            for j in range(place.first, place.first + place.neurons):
                _take(np.int64(state.acc[j]), bits[0, layer], reach[0, layer])
                clamped[0, layer] += state.acc[j] != free[j]


@njit(cache=True, parallel=True)
def _images(ends, steps, axons, net, wide, states, free, bits, reach, clamped):  # type: ignore[no-untyped-def]
    """`_image` for each image, images in parallel."""
    for b in prange(len(bits)):
        own = slice(ends[b], ends[b + 1])
        _image(steps[own], axons[own], net, wide, of_image(states, b), free[b], bits[b], reach[b], clamped[b])
