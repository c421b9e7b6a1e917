"""The frozen vectors of docs/arithmetic.md on the chip: every spike, V and A, and the decision."""

from pathlib import Path

import pytest
from support.chip_host import fresh_host, without_cycles
from yoso_sw.compile.compiler import compile_network
from yoso_sw.network.vectors import load_vectors

VECTORS = load_vectors(Path(__file__).parents[1] / "vectors")
#: A saturates in the others, so they fix an order of spikes: tests/hw/test_pe.py runs those.
COMPILED = [vector for vector in VECTORS if vector.compiles and not vector.convolves]
MOST_IMAGES = 2  # of a vector here; the golden model runs them all


def expected(case):
    return {
        "decision": (case.decision, case.decision_step, case.spiked),
        "fired": sorted(
            (layer, int(neuron), int(step))
            for layer, spikes in enumerate(case.spikes)
            for neuron, step in zip(spikes.axon, spikes.step, strict=True)
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
        assert without_cycles(rtl) == expected(case)
    assert host.errors() == 0
