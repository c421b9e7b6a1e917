"""RTL against golden model: every spike of every neuron, the decision, the counters. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from yoso_hw.packet import Kind, Packets, kind_of
from yoso_sw.golden import GoldenResult
from yoso_sw.image import ImageError, WeightImage
from yoso_sw.network import NEVER
from yoso_sw.predict import PREDICTED, predict_counters

from yoso_sim.host import Outcome


@dataclass(frozen=True)
class Comparison:
    """One image.

    Attributes
    ----------
    spikes
        Spikes compared: neurons that fired in the RTL or in the golden model.
    spike_mismatches
        Neurons that fired in one of the two only, at another step, with another V (output layer), or more
        than once; and flits that no neuron of the sender can have sent.
    class_mismatch
        Whether class, deciding step or the way of deciding differ.
    notes
        The first few differences in words.
    """

    spikes: int
    spike_mismatches: int
    class_mismatch: bool
    notes: tuple[str, ...]


def rtl_spikes(image: WeightImage, outcome: Outcome) -> tuple[list[np.ndarray], int, list[str]]:
    """Steps at which neurons fired, from the flits at the router ports.

    Returns
    -------
    steps
        Per layer int16 (neurons,): first step at which the neuron sent a spike, `NEVER` if none.
    wrong
        Flits that repeat a neuron or that no neuron of the sender can have sent.
    notes
        What they were.
    """
    batch = outcome.batch
    cols = image.params.cols
    steps = [np.full(layer.neurons, NEVER, np.int16) for layer in image.layers]
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
    for layer, own in enumerate(steps):
        here = layers == layer
        unique, first = np.unique(neurons[here], return_index=True)
        own[unique] = when[here][first]
        again = int(here.sum()) - len(unique)
        if again:
            wrong += again
            notes.append(f"layer {layer}: {again} spikes of neurons that had fired already")
    return steps, wrong, notes


def compare(image: WeightImage, outcome: Outcome, golden: GoldenResult, index: int) -> Comparison:
    """Compare one image of the chip with image `index` of the golden model's result."""
    steps, mismatches, notes = rtl_spikes(image, outcome)
    compared = 0
    for layer, own in enumerate(steps):
        wanted = golden.steps[layer][index]
        compared += int(((own != NEVER) | (wanted != NEVER)).sum())
        different = np.flatnonzero(own != wanted)
        mismatches += len(different)
        notes += [
            f"layer {layer}, neuron {j}: RTL at {_step(own[j])}, golden at {_step(wanted[j])}"
            for j in different[:4]
        ]
    wrong = _wrong_potentials(image, outcome, golden, index)
    mismatches += len(wrong)
    notes += wrong[:4]
    mine = (outcome.decision, outcome.step, outcome.spiked)
    theirs = (int(golden.decisions[index]), int(golden.decision_steps[index]), bool(golden.spiked[index]))
    if mine != theirs:
        notes.append(f"decision (class, step, by a spike): RTL {mine}, golden {theirs}")
    return Comparison(compared, mismatches, mine != theirs, tuple(notes))


def _wrong_potentials(image: WeightImage, outcome: Outcome, golden: GoldenResult, index: int) -> list[str]:
    """Potentials that output spikes carry and that differ from the golden model's."""
    packets = Packets(image.params)
    wanted = golden.potentials[-1][index]
    results = outcome.batch.flits[kind_of(outcome.batch.flits) == Kind.RESULT]
    notes = []
    for flit in results:
        fields = packets.unpack(int(flit))
        neuron, potential = int(fields["index"]), int(fields["potential"])
        if neuron < len(wanted) and potential != wanted[neuron]:
            notes.append(
                f"output {neuron}: V is {potential} in the RTL, {wanted[neuron]} in the golden model"
            )
    return notes


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


def _step(step: int) -> str:
    return "no step" if step == NEVER else f"step {step}"
