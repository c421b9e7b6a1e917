"""Soft errors on the golden model: bits of the weight, A and V memories that flip.

What flips is drawn here, and the same flips go into the RTL (`yoso_sim.study.soft_errors`), so that the two
can be compared spike for spike. A *rate* is the chance that one stored bit flips: of a weight once, after the
load phase; of A, V and the fired bit once an image, at the end of a step drawn evenly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit, prange
from yoso_hw.params import ChipParams

from yoso_sw.compile.image import WeightImage
from yoso_sw.network.golden import check_inputs, highest, sweep_layer
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.synapse import integrate_bias, integrate_spike

MEMORIES = ("weight", "accumulated", "potential")

#: Words of A that a PE's core forwards past the memory (`yoso_hw.core.compute.HISTORY`).
FORWARDED = 3

#: When a flip of A acts: with the next sweep; with the layer's next spike; never.
AT_ONCE, NEXT_SPIKE, MASKED = range(3)

#: `fired` of a neuron whose fired bit was flipped to 1: it does not fire, and has sent nothing.
MARKED = NEVER - 1

DENSE = (0, 0, 0, 0)  # the window of a dense layer, for the kernels


@dataclass(frozen=True, eq=False)
class Flips:
    """Flips of A or V in one image, int64 (flips,) each, in the order of `step`.

    Attributes
    ----------
    step
        The bit flips between the last spike of this step and the sweep of the next.
    layer, neuron, bit
        Which; bit ``pot_bits`` of V is the fired bit.
    """

    step: np.ndarray
    layer: np.ndarray
    neuron: np.ndarray
    bit: np.ndarray


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a chip with flips does on B images.

    Attributes
    ----------
    decisions, decision_steps
        int32 (B,), as in `golden.GoldenResult`.
    events
        int32 (B, most, 3): layer, neuron and step of each spike, in the order of the steps.
    counts
        int32 (B,): spikes of each image in `events`.
    """

    decisions: np.ndarray
    decision_steps: np.ndarray
    events: np.ndarray
    counts: np.ndarray

    def spikes(self, image: int) -> np.ndarray:
        """Layer, neuron and step of each spike of an image, sorted: int32 (spikes, 3).

        A neuron may fire again where its fired bit was flipped.
        """
        own = self.events[image, : self.counts[image]]
        return own[np.lexsort(own.T[::-1])]


# ---- weights ---------------------------------------------------------------------------------------------


def flip_weights(
    network: Network, rate: float, seed: int, *, bits: int, lanes: int
) -> tuple[np.ndarray, ...]:
    """Which stored bits are flipped: per layer int32 (axons, words, lanes + 1), XOR masks.

    A weight has `bits` bits and above them a parity bit, a word of `lanes` weights has one more in its last
    place; a scheme without parity ignores those. Neighbours in a word are neighbours in the layer.
    """
    masks = []
    for i, layer in enumerate(network.layers):
        axons, neurons = layer.weights.shape
        words = -(-neurons // lanes)
        rng = np.random.default_rng((seed, round(rate * 1e9), i))
        stored = axons * words * (lanes * (bits + 1) + 1)
        places = rng.choice(stored, rng.binomial(stored, rate), replace=False, shuffle=False)
        word, bit = np.divmod(places, lanes * (bits + 1) + 1)
        lane, which = np.divmod(bit, bits + 1)
        mask = np.zeros((axons * words, lanes + 1), np.int32)
        np.bitwise_xor.at(mask, (word, lane), (1 << which).astype(np.int32))
        masks.append(mask.reshape(axons, words, lanes + 1))
    return tuple(masks)


#: How a memory with flips may be read.
SCHEMES = {
    "none": "as stored",
    "word parity": "a word with an odd number of flips, its parity bit's included, reads as 0",
    "weight parity": "the same a weight, with a parity bit each",
    "clamp": "a weight beyond the network's own bits reads as the bound that it passed",
    "range": "a weight beyond the network's own bits reads as 0",
}


def read_weights(network: Network, masks: tuple[np.ndarray, ...], scheme: str, *, bits: int) -> Network:
    """The network as the core reads it, by one of `SCHEMES`, from a memory with the flips of `masks`."""
    layers = []
    high = (1 << network.weight_bits - 1) - 1
    low = -high - 1
    for layer, mask in zip(network.layers, masks, strict=True):
        axons, words, places = mask.shape
        stored = np.zeros((axons, words * (places - 1)), np.int32)
        stored[:, : layer.weights.shape[1]] = layer.weights
        flipped = (stored.reshape(axons, words, places - 1) ^ mask[..., :-1]) & ((1 << bits) - 1)
        read = flipped - (flipped >> bits - 1 << bits)
        if scheme == "word parity":
            own = mask & ((1 << bits) - 1)
            own[..., -1] = mask[..., -1]
            read[np.bitwise_xor.reduce(_parity(own), axis=2) == 1] = 0
        elif scheme == "weight parity":
            read[_parity(mask[..., :-1]) == 1] = 0
        elif scheme == "clamp":
            read = read.clip(low, high)
        elif scheme == "range":
            read[(read < low) | (read > high)] = 0
        weights = read.reshape(axons, -1)[:, : layer.weights.shape[1]].astype(np.int8)
        layers.append(replace(layer, weights=weights))
    return replace(network, layers=tuple(layers), weight_bits=bits)


def _parity(values: np.ndarray) -> np.ndarray:
    """Parity of the low 16 bits of each number."""
    for shift in (8, 4, 2, 1):
        values = values ^ values >> shift
    return values & 1


# ---- A and V ---------------------------------------------------------------------------------------------


def flip_state(
    network: Network, memory: str, rate: float, seed: int, image: int, params: ChipParams
) -> Flips:
    """The flips of A ("accumulated") or of V and the fired bits ("potential") in image number `image`."""
    bits = params.acc_bits if memory == "accumulated" else params.pot_bits + 1
    sizes = np.array([layer.neurons for layer in network.layers])
    rng = np.random.default_rng((seed, round(rate * 1e9), MEMORIES.index(memory), image))
    stored = int(sizes.sum()) * bits
    places = rng.choice(stored, rng.binomial(stored, rate), replace=False, shuffle=False)
    step = rng.integers(0, network.steps, len(places))
    order = np.argsort(step, kind="stable")
    neuron, bit = np.divmod(places[order], bits)
    first = np.concatenate([[0], np.cumsum(sizes)])
    layer = np.searchsorted(first, neuron, side="right") - 1
    return Flips(step[order], layer, neuron - first[layer], bit)


def acts(image: WeightImage) -> list[np.ndarray]:
    """When a flip of A acts, per layer int64 (neurons,): the core forwards the words of A that it made last.

    Those are the last `FORWARDED` words of a PE. A sweep takes them from the core; the next spike, which
    comes by all words in turn, takes them from the memory again, unless the PE has no other words.
    """
    lanes = image.params.lanes
    tables = [np.full(layer.neurons, AT_ONCE, np.int64) for layer in image.layers]
    for table, layer in zip(tables, image.layers, strict=True):
        for part in layer.slices:
            words = part.words(lanes)
            own = table[part.first : part.first + part.count]
            own[max(0, words - FORWARDED) * lanes :] = NEXT_SPIKE if words > FORWARDED else MASKED
    return tables


@njit(cache=True)
def flip(value, bit, bits):  # type: ignore[no-untyped-def]
    """A number of `bits` bits, two's complement, with one bit turned."""
    turned = (value ^ (1 << bit)) & ((1 << bits) - 1)
    return turned - ((turned >> (bits - 1)) << bits)


@njit(cache=True)
def run_image(  # type: ignore[no-untyped-def]
    inputs, shape, rules, weights, total, bounds, widths, early, memory, flips, fired, pot, acc, events
):
    """`golden.run_image` of a dense network, with flips (step, neuron of all layers, layer, bit, when).

    Fills `events` with (layer, neuron, step) of every spike; returns (class, deciding step, spikes).
    """
    layers = len(shape)
    acc_min, acc_max, pot_min, pot_max = bounds
    acc_bits, pot_bits = widths
    fired[:] = NEVER
    pot[:] = 0
    acc[:] = 0
    waits = np.zeros(len(flips), np.bool_)  # flips of A that the layer's next spike brings in
    next_flip, spikes = 0, 0
    decision, decision_step = -1, total - 1
    first, neurons = shape[layers - 1, 0], shape[layers - 1, 1]
    output = slice(first, first + neurons)
    for step in range(total):
        for layer in range(layers):
            first, neurons = shape[layer, 0], shape[layer, 1]
            own = slice(first, first + neurons)
            if sweep_layer(fired[own], pot[own], acc[own], step, rules[layer], pot_min, pot_max):
                for j in range(first, first + neurons):
                    if fired[j] == step:
                        events[spikes] = (layer, j - first, step)
                        spikes += 1
        for layer in range(layers):
            first, neurons, axons, first_weight, first_bias, end_weight = shape[layer]
            a = acc[first : first + neurons]
            w = weights[first_weight:first_bias]
            fresh = True
            for i in range(axons):
                sent = inputs[i] if layer == 0 else fired[first - axons + i]
                if sent == step:
                    if fresh:
                        for k in range(next_flip):
                            if waits[k] and flips[k, 2] == layer:
                                acc[flips[k, 1]] = flip(np.int64(acc[flips[k, 1]]), flips[k, 3], acc_bits)
                                waits[k] = False
                        fresh = False
                    integrate_spike(i, w, a, DENSE, acc_min, acc_max)
            if first_bias < end_weight and step == 0:
                integrate_bias(weights[first_bias:end_weight], a, acc_min, acc_max)
        if decision < 0:
            decision = highest(pot[output], fired[output], step)
            if decision >= 0:
                decision_step = step
                if early:
                    return decision, decision_step, spikes
        while next_flip < len(flips) and flips[next_flip, 0] == step:
            _, j, _, bit, when = flips[next_flip]
            if memory == 1:
                if when == AT_ONCE:
                    acc[j] = flip(np.int64(acc[j]), bit, acc_bits)
                waits[next_flip] = when == NEXT_SPIKE
            elif bit < pot_bits:
                pot[j] = flip(np.int64(pot[j]), bit, pot_bits)
            else:
                fired[j] = MARKED if fired[j] == NEVER else NEVER
            next_flip += 1
    if decision < 0:  # the report: every output neuron sends its V
        fired[output] = NEVER
        decision = highest(pot[output], fired[output], NEVER)
    return decision, decision_step, spikes


@njit(cache=True, parallel=True)
def run_images(  # type: ignore[no-untyped-def]
    inputs, shape, rules, weights, total, bounds, widths, early, memory, flips, ends, events, outcome
):
    """`run_image` for each image; image b has the rows ``ends[b] : ends[b + 1]`` of `flips`."""
    neurons = shape[-1, 0] + shape[-1, 1]
    for b in prange(len(inputs)):
        decision, step, spikes = run_image(
            *(inputs[b], shape, rules, weights, total, bounds, widths, early, memory),
            *(flips[ends[b] : ends[b + 1]], np.empty(neurons, np.int16), np.empty(neurons, np.int32)),
            *(np.empty(neurons, np.int32), events[b]),
        )
        outcome[b, 0] = decision
        outcome[b, 1] = step
        outcome[b, 2] = spikes


def run(
    network: Network,
    images_or_steps: np.ndarray,
    image: WeightImage,
    memory: str,
    flips: list[Flips],
    *,
    early_exit: bool = True,
) -> Outcome:
    """Run images with flips of one of `MEMORIES` other than the weights, `flips` of each image.

    Parameters
    ----------
    image
        The network compiled for the chip: it says which words of A the cores forward.

    Raises
    ------
    yoso_sw.network.golden.GoldenError
        If the input does not fit the network.
    """
    steps = np.ascontiguousarray(check_inputs(network, images_or_steps))
    params = image.params
    shape, first, first_weight = [], 0, 0
    for layer in network.layers:
        end_weight = first_weight + layer.weights.size
        first_bias = end_weight - layer.weights.shape[1] * layer.bias
        shape.append((first, layer.neurons, layer.inputs, first_weight, first_bias, end_weight))
        first, first_weight = first + layer.neurons, end_weight
    firsts, when = np.array([row[0] for row in shape]), np.concatenate(acts(image))
    rows = []
    for each in flips:
        neuron = firsts[each.layer] + each.neuron
        rows.append(np.stack([each.step, neuron, each.layer, each.bit, when[neuron]], axis=1))
    ends = np.concatenate([[0], np.cumsum([len(each) for each in rows])])
    most = first + max((len(each) for each in rows), default=0)
    events = np.empty((len(steps), most, 3), np.int32)
    outcome = np.empty((len(steps), 3), np.int32)
    run_images(
        steps,
        np.array(shape, np.int64),
        np.array([(layer.threshold, layer.slope, layer.start, layer.end) for layer in network.layers]),
        np.concatenate([layer.weights.ravel() for layer in network.layers]),
        network.steps,
        (params.acc_min, params.acc_max, params.pot_min, params.pot_max),
        (params.acc_bits, params.pot_bits),
        early_exit,
        MEMORIES.index(memory),
        np.concatenate(rows).astype(np.int64),
        ends,
        events,
        outcome,
    )
    return Outcome(outcome[:, 0], outcome[:, 1], events, outcome[:, 2])
