"""RTL against golden model: every spike of every neuron, the decision, the counters. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from yoso_hw.packet import Kind, Packets, kind_of
from yoso_sw.compile.image import ImageError, WeightImage
from yoso_sw.compile.predict import PREDICTED, predict_counters
from yoso_sw.network.events import Events
from yoso_sw.network.golden import GoldenResult
from yoso_sw.network.network import Network

from yoso_sim.host import Outcome
from yoso_sim.running.parts import State, golden_state


@dataclass(frozen=True)
class Comparison:
    """One image.

    Attributes
    ----------
    spikes
        Spikes compared: of each neuron those in the RTL or in the golden model, whichever are more. Of a
        pooled layer both those of its neurons and those that pooling let pass.
    spike_mismatches
        Spikes of a neuron that the other of the two lacks or has at another step, that have another V (output
        layer) or come twice in a step; and flits that no neuron of the sender can have sent.
    class_mismatch
        Whether class, deciding step or the way of deciding differ.
    notes
        The first few differences in words.
    layers
        Of each layer the spikes compared and those that one of both lacks.
    """

    spikes: int
    spike_mismatches: int
    class_mismatch: bool
    notes: tuple[str, ...]
    layers: tuple[tuple[int, int], ...] = ()


def rtl_spikes(image: WeightImage, outcome: Outcome) -> tuple[list[Events], int, list[str]]:
    """The spikes that each layer sent, from the flits at the router ports.

    Returns
    -------
    spikes
        Per layer the events of the one image on its outputs; of a pooled layer, what pooling let pass.
    wrong
        Flits that repeat a spike or that no neuron of the sender can have sent.
    notes
        What they were.
    """
    batch = outcome.batch
    cols = image.params.cols
    wrong, notes = 0, []
    nodes, flits, when = batch.nodes, batch.flits, batch.steps
    try:
        layers, neurons = image.spikes_of(nodes % cols, nodes // cols, flits)
    except ImageError:  # look at them one by one
        owners = []
        for node, flit in zip(nodes, flits, strict=True):
            try:
                owners.append(image.spike_of(int(node % cols), int(node // cols), int(flit)))
            except ImageError as error:
                owners.append((-1, -1))
                wrong += 1
                notes.append(str(error))
        layers, neurons = (np.array(part, np.int64) for part in zip(*owners, strict=True))
    spikes, twice = _by_layer(layers, when, neurons, [own.outputs for own in image.layers])
    return spikes, wrong + sum(twice), notes + _repeats(twice)


def rtl_fires(image: WeightImage, outcome: Outcome) -> tuple[dict[int, Events], int, list[str]]:
    """The neurons of pooled layers that fired, which no flit tells, from the trace beside the routers.

    Returns
    -------
    spikes
        The events of the one image on the neurons, by layer.
    wrong, notes
        As those of `rtl_spikes`.
    """
    inner, params = outcome.batch.inner, image.params
    pooled = [own.neurons if own.pool else 0 for own in image.layers]
    layers, steps, neurons, notes = [], [], [], []
    for node, step, fires in zip(
        inner.nodes.tolist(), inner.steps.tolist(), inner.fires.tolist(), strict=True
    ):
        try:
            word, lanes = fires & (1 << params.word_bits) - 1, fires >> params.word_bits
            layer, own = image.neurons_at(node, word, lanes)
        except ImageError as error:
            notes.append(str(error))
            continue
        neurons += own.tolist()
        layers += [layer] * len(own)
        steps += [step] * len(own)
    of, when, which = (np.array(part, np.int64) for part in (layers, steps, neurons))
    spikes, twice = _by_layer(of, when, which, pooled)
    return (
        {layer: spikes[layer] for layer, size in enumerate(pooled) if size},
        len(notes) + sum(twice),
        notes + _repeats(twice),
    )


def _by_layer(
    layers: np.ndarray, steps: np.ndarray, neurons: np.ndarray, sizes: list[int]
) -> tuple[list[Events], list[int]]:
    """Spikes of one image by layer, each once, and how many more there were of each layer."""
    spikes, twice = [], []
    for layer, size in enumerate(sizes):
        here = layers == layer
        step, neuron = np.unique(np.stack([steps[here], neurons[here]]), axis=1).astype(np.int64)
        spikes.append(Events.of_pairs(np.zeros_like(step), step, neuron, 1, size))
        twice.append(int(here.sum()) - len(step))
    return spikes, twice


def _repeats(twice: list[int]) -> list[str]:
    return [
        f"layer {layer}: {again} spikes of neurons that had fired in the same step"
        for layer, again in enumerate(twice)
        if again
    ]


def different_spikes(mine: Events, theirs: Events) -> dict[int, tuple[list[int], list[int]]]:
    """Neurons whose spikes in the one image of each differ, and their steps here that are not there, and the
    other way round."""
    ours, others = ({*zip(own.axon.tolist(), own.step.tolist(), strict=True)} for own in (mine, theirs))
    found: dict[int, tuple[list[int], list[int]]] = {}
    for side, pairs in enumerate((ours - others, others - ours)):
        for neuron, step in sorted(pairs):
            found.setdefault(neuron, ([], []))[side].append(step)
    return dict(sorted(found.items()))


def compare(image: WeightImage, outcome: Outcome, golden: GoldenResult, index: int) -> Comparison:
    """Compare one image of the chip with image `index` of the golden model's result."""
    sent, mismatches, notes = rtl_spikes(image, outcome)
    fired, wrong_fires, more = rtl_fires(image, outcome)
    mismatches, notes = mismatches + wrong_fires, notes + more
    # (layer, what spikes, RTL, golden); neurons of a pooled layer first, then what pooling let pass.
    trains = [
        *((layer, "neuron", own, golden.spikes[layer][index]) for layer, own in fired.items()),
        *(
            (layer, "output" if layer in fired else "neuron", own, golden.sent[layer][index])
            for layer, own in enumerate(sent)
        ),
    ]
    by_layer = [[0, 0] for _ in image.layers]
    for layer, what, own, wanted in trains:
        different = {} if own == wanted else different_spikes(own, wanted)
        by_layer[layer][0] += int(np.maximum(own.counts, wanted.counts).sum())
        by_layer[layer][1] += sum(max(map(len, both)) for both in different.values())
        notes += [
            f"layer {layer}, {what} {j}: RTL at {_when(rtl)}, golden at {_when(reference)}"
            for j, (rtl, reference) in list(different.items())[:4]
        ]
    wrong = _wrong_potentials(image, outcome, golden, index)
    mismatches += len(wrong)
    notes += wrong[:4]
    mine = (outcome.decision, outcome.step, outcome.spiked)
    theirs = (int(golden.decisions[index]), int(golden.decision_steps[index]), bool(golden.spiked[index]))
    if mine != theirs:
        notes.append(f"decision (class, step, by a spike): RTL {mine}, golden {theirs}")
    compared, differ = map(sum, zip(*by_layer, strict=True))
    layers = tuple((own, wrong) for own, wrong in by_layer)
    return Comparison(compared, mismatches + differ, mine != theirs, tuple(notes), layers)


def _wrong_potentials(image: WeightImage, outcome: Outcome, golden: GoldenResult, index: int) -> list[str]:
    """Potentials that output spikes carry and that differ from the golden model's of the same spike.

    A spike that the golden model lacks has none to differ from; it is a mismatch already.
    """
    packets = Packets(image.params)
    wanted = carried_potentials(golden, index)
    results = kind_of(outcome.batch.flits) == Kind.RESULT
    notes = []
    for step, flit in zip(outcome.batch.steps[results].tolist(), outcome.batch.flits[results], strict=True):
        fields = packets.unpack(int(flit))
        neuron, potential = int(fields["index"]), int(fields["potential"])
        due = wanted.get((step, neuron), potential)
        if potential != due:
            notes.append(
                f"output {neuron} at step {step}: V is {potential} in the RTL, {due} in the golden model"
            )
    return notes


def carried_potentials(golden: GoldenResult, index: int) -> dict[tuple[int, int], int]:
    """V that each output spike of one image carries, by step and neuron."""
    ends, step, neuron = golden.spikes[-1].pairs
    own = slice(ends[index], ends[index + 1])
    carried = golden.spike_potentials[own].tolist()
    return dict(zip(zip(step[own].tolist(), neuron[own].tolist(), strict=True), carried, strict=True))


def compare_counters(image: WeightImage, golden: GoldenResult, counters: np.ndarray) -> list[str]:
    """Counters, int64 (rows, cols, counters), that differ from the prediction for `golden`'s images."""
    predicted = predict_counters(image, golden)
    notes = []
    for counter in PREDICTED:
        for y, x in np.argwhere((counters[..., counter] ^ predicted[..., counter]) & 0xFFFFFFFF):
            notes.append(
                f"node ({x}, {y}): {counter.name} is {counters[y, x, counter]}, "
                f"predicted {predicted[y, x, counter]}"
            )
    return notes


def compare_states(network: Network, golden: GoldenResult, states: Mapping[int, State]) -> list[str]:
    """V, A and fired bits of some layers, read back after each image, that differ from the golden model's."""
    notes = []
    for layer, state in states.items():
        wanted = golden_state(network, golden, layer)
        for name in ("potential", "accumulated", "fired"):
            mine, theirs = getattr(state, name), getattr(wanted, name)
            for image, neuron in np.argwhere(mine != theirs):
                notes.append(
                    f"image {image}: layer {layer}, neuron {neuron}: {name} is {mine[image, neuron]} in "
                    f"the RTL, {theirs[image, neuron]} in the golden model"
                )
    return notes


def _when(steps: list[int]) -> str:
    return "no step" if not steps else f"step {', '.join(map(str, steps))}"
