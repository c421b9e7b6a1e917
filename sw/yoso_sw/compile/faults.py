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
from yoso_sw.network.events import NEVER, Events
from yoso_sw.network.golden import check_inputs
from yoso_sw.network.kernel import (
    begin,
    count,
    decide,
    empty_states,
    integrate,
    most_spikes,
    of_image,
    sweep,
    tables,
)
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import KEPT
from yoso_sw.network.sweep import ONCE, decay
from yoso_sw.network.synapse import saturate

MEMORIES = ("weight", "accumulated", "potential")

#: Words of A that a PE's core forwards past the memory (`yoso_hw.core.compute.HISTORY`).
FORWARDED = 3

#: When a flip of A acts: with the next sweep; with the layer's next spike; never; in sweeps, but not in what
#: is forwarded, until that is written over it.
AT_ONCE, NEXT_SPIKE, MASKED, SWEEPS_ALONE = range(4)

#: `fired` of a neuron whose fired bit was flipped to 1: it does not fire, and has sent nothing.
MARKED = NEVER - 1


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


def acts(network: Network, image: WeightImage) -> list[np.ndarray]:
    """When a flip of A acts, per layer int64 (neurons,): the core forwards the words of A that it made last.

    Those are the last `FORWARDED` words of a PE. Operations come by all words in turn, so a spike finds a
    word among them only if the PE has no others. A sweep that makes no A leaves them as they are: the
    ReL-PSP neuron takes its A from there. The other neurons' sweeps make A, or add what the memory has.
    """
    lanes, rel_psp = image.params.lanes, image.params.neuron == "rel_psp"
    tables = [np.full(layer.neurons, AT_ONCE, np.int64) for layer in network.layers]
    for table, layer in zip(tables, image.layers, strict=True):
        for part in layer.slices:
            words = part.words(lanes)
            own = table[part.first : part.first + part.count]
            if not rel_psp:
                own[:] = AT_ONCE if words > FORWARDED else SWEEPS_ALONE
            else:
                own[max(0, words - FORWARDED) * lanes :] = NEXT_SPIKE if words > FORWARDED else MASKED
    return tables


@njit(cache=True)
def flip(value, bit, bits):  # type: ignore[no-untyped-def]
    """A number of `bits` bits, two's complement, with one bit turned."""
    turned = (value ^ (1 << bit)) & ((1 << bits) - 1)
    return turned - ((turned >> (bits - 1)) << bits)


@njit(cache=True)
def brings_spikes(layer, step, inputs, net, state):  # type: ignore[no-untyped-def]
    """Whether a spike reaches a layer in this step, after the sweep; `inputs` are the network's own."""
    if layer == 0:
        return len(inputs) > 0
    place = net.places[layer - 1]
    sent = state.sent[place.first_output : place.first_output + place.outputs]
    return (sent == step).any()


@njit(cache=True)
def current_left(truth, read, j, step, layer, net, acc_bits):  # type: ignore[no-untyped-def]
    """A that a sweep leaves of a layer whose sweeps make A, where the core forwards `truth` and reads `read`:
    the one is what the other's decay is taken from, in a sum of `acc_bits` + 1 bits."""
    neuron, place = net.neurons[layer], net.places[layer]
    if neuron.current == KEPT:
        return truth
    left = truth - decay(read, neuron.current)
    filters = place.end_weight - place.first_bias
    if filters > 0 and neuron.start <= step + 1 < neuron.end:
        left += net.weights[place.first_bias + (j - place.first) % filters]
    wrapped = left & ((1 << acc_bits + 1) - 1)
    return saturate(wrapped - (wrapped >> acc_bits << acc_bits + 1), net.acc_min, net.acc_max)


@njit(cache=True)
def run_image(steps, axons, early, net, state, widths, memory, flips, events):  # type: ignore[no-untyped-def]
    """The golden model's steps, with flips (step, neuron of all layers, layer, bit, when) between them.

    Fills `events` with (layer, neuron, step) of every spike; returns (class, deciding step, spikes).
    """
    acc_bits, pot_bits = widths
    begin(state)
    fired, pot, acc = state.fired, state.pot, state.acc
    waits = np.zeros(len(flips), np.bool_)  # flips of A that the layer's next spike brings in
    truth = np.zeros(len(flips), np.int64)  # A as forwarded, before the flip
    seen = np.zeros(len(flips), np.bool_)  # flips of A that sweeps alone see
    skips = np.zeros(len(flips), np.bool_)  # fired bits that only the next sweep heeds
    before = np.zeros((len(flips), 3), np.int64)  # of those: fired, V and A before it
    next_flip, spikes, taken = 0, 0, 0
    decision, decision_step = -1, net.steps - 1
    for step in range(net.steps):
        for k in range(next_flip):
            j = flips[k, 1]
            before[k, 0], before[k, 1], before[k, 2] = fired[j], pot[j], acc[j]
        sweep(step, net, state)
        for k in range(next_flip):
            j, layer = flips[k, 1], flips[k, 2]
            charges = net.neurons[layer].charge == step and step > 0
            if skips[k]:
                skip(j, layer, before[k], charges, net, state)
                skips[k] = False
            if seen[k] and (net.neurons[layer].current != KEPT or net.neurons[layer].charge > 0):
                if not charges:
                    acc[j] = current_left(truth[k], before[k, 2], j, step, layer, net, acc_bits)
                seen[k] = False
        for layer in range(len(net.places)):
            first = net.places[layer].first
            for j in range(net.places[layer].neurons):
                if fired[first + j] == step:
                    events[spikes] = (layer, j, step)
                    spikes += 1
        arrived = taken
        while arrived < len(steps) and steps[arrived] == step:
            arrived += 1
        for k in range(next_flip):
            layer, j = flips[k, 2], flips[k, 1]
            if (waits[k] or seen[k]) and brings_spikes(layer, step, axons[taken:arrived], net, state):
                acc[j] = flip(np.int64(acc[j]), flips[k, 3], acc_bits)
                waits[k] = seen[k] = False
        integrate(step, axons[taken:arrived], net, state)
        taken = arrived
        if net.counts:
            count(step, net, state)
        elif decision < 0:
            decision = decide(step, net, state)
            if decision >= 0:
                decision_step = step
                if early:
                    return decision, decision_step, spikes
        same = next_flip  # first flip of this step
        while next_flip < len(flips) and flips[next_flip, 0] == step:
            _, j, layer, bit, when = flips[next_flip]
            if memory == 1:
                truth[next_flip] = acc[j]
                for k in range(same, next_flip):
                    if flips[k, 1] == j:
                        truth[next_flip] = truth[k]
                        break
                if when in (AT_ONCE, SWEEPS_ALONE):
                    acc[j] = flip(np.int64(acc[j]), bit, acc_bits)
                waits[next_flip] = when == NEXT_SPIKE
                # The A that charging makes is not forwarded: the next sweep takes the memory's.
                charged = step > 0 and net.neurons[layer].charge == step
                seen[next_flip] = when == SWEEPS_ALONE and not charged
            elif bit < pot_bits:
                pot[j] = flip(np.int64(pot[j]), bit, pot_bits)
            elif net.neurons[layer].reset != ONCE:
                skips[next_flip] = True
            else:
                fired[j] = MARKED if fired[j] == NEVER else NEVER
            next_flip += 1
    if net.counts:
        decision = most_spikes(state)
    if decision < 0:  # the report: every output neuron sends its V
        fired[net.places[-1].first :] = NEVER
        decision = decide(NEVER, net, state)
    return decision, decision_step, spikes


@njit(cache=True)
def skip(j, layer, before, charges, net, state):  # type: ignore[no-untyped-def]
    """Undo what the sweep did to a neuron whose fired bit was flipped: V stays, and it does not fire."""
    place = net.places[layer]
    state.fired[j] = state.sent[place.first_output + j - place.first] = before[0]
    if charges:
        state.acc[j] = saturate(before[1], net.acc_min, net.acc_max)
    else:
        state.pot[j] = before[1]


@njit(cache=True, parallel=True)
def run_images(ends, steps, axons, early, net, states, widths, memory, flips, cuts, events, outcome):  # type: ignore[no-untyped-def]
    """`run_image` for each image; image b has the rows ``cuts[b] : cuts[b + 1]`` of `flips`."""
    for b in prange(len(outcome)):
        own = slice(ends[b], ends[b + 1])
        decision, step, spikes = run_image(
            *(steps[own], axons[own], early, net, of_image(states, b), widths, memory),
            *(flips[cuts[b] : cuts[b + 1]], events[b]),
        )
        outcome[b, 0] = decision
        outcome[b, 1] = step
        outcome[b, 2] = spikes


def run(
    network: Network,
    inputs: np.ndarray | Events,
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
    ends, steps, axons = check_inputs(network, inputs).pairs
    params = image.params
    net = tables(network, params)._replace(recorded=0)
    firsts, when = net.places["first"], np.concatenate(acts(network, image))
    rows = []
    for each in flips:
        neuron = firsts[each.layer] + each.neuron
        rows.append(np.stack([each.step, neuron, each.layer, each.bit, when[neuron]], axis=1))
    cuts = np.concatenate([[0], np.cumsum([len(each) for each in rows])])
    most = sum(layer.neurons * max(1, layer.neuron.most_spikes) for layer in network.layers)
    most += max((len(each) for each in rows), default=0)
    images = len(ends) - 1
    events = np.empty((images, most, 3), np.int32)
    outcome = np.empty((images, 3), np.int32)
    run_images(
        *(ends, steps, axons, early_exit, net, empty_states(net, images)),
        *((params.acc_bits, params.pot_bits), MEMORIES.index(memory)),
        *(np.concatenate(rows).astype(np.int64), cuts, events, outcome),
    )
    return Outcome(outcome[:, 0], outcome[:, 1], events, outcome[:, 2])
