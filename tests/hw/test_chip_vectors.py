"""The frozen vectors of docs/arithmetic.md on the chip: every spike, V and A, and the decision."""

from pathlib import Path

import pytest
from support.chip_host import fresh_host, without_cycles
from yoso_sw.compile.compiler import compile_network
from yoso_sw.network.vectors import load_vectors

VECTORS = load_vectors(Path(__file__).parents[1] / "vectors")
#: A saturates in the others, so they fix an order of spikes: tests/hw/test_pe.py runs those.
COMPILED = [vector for vector in VECTORS if vector.compiles]
MOST_IMAGES = 2  # of a vector here; the golden model runs them all


def passed(layer, spikes):
    """What leaves a layer, {(output, step)}: its neurons' spikes, or what pooling passes of them."""
    fired = sorted(zip(spikes.step.tolist(), spikes.axon.tolist(), strict=True))
    if not layer.pool:
        return {(neuron, step) for step, neuron in fired}
    filters, out_cols = layer.weights.shape[1], layer.window.out_cols
    sent = set()
    for step, neuron in fired:
        place, filter_ = divmod(neuron, filters)
        row, col = divmod(place, out_cols)
        group = (row // 2 * (out_cols // 2) + col // 2) * filters + filter_
        if not layer.neuron.once or all(group != other for other, _ in sent):
            sent.add((group, step))
    return sent


def expected(network, case):
    return {
        "decision": (case.decision, case.decision_step, case.spiked),
        "fired": sorted(
            (number, *spike)
            for number, (layer, spikes) in enumerate(zip(network.layers, case.spikes, strict=True))
            for spike in passed(layer, spikes)
        ),
        "potentials": [v.tolist() for v in case.potentials],
        "accumulated": [a.tolist() for a in case.accumulated],
    }


@pytest.mark.parametrize("vector", COMPILED, ids=lambda vector: vector.name)
def test_the_chip_reproduces_the_vector(vector):
    image = compile_network(vector.network, vector.params)
    host = fresh_host(vector.params).load(image)
    for case in vector.cases[:MOST_IMAGES]:
        rtl = host.classify(image, case.inputs, early_exit=case.early_exit)
        assert without_cycles(rtl) == expected(vector.network, case)
    assert host.errors() == 0
