"""The golden model reproduces every frozen vector of docs/arithmetic.md."""

from pathlib import Path

import numpy as np
import pytest
from support.reference import simulate
from yoso_sw.compile.compiler import CompileError, compile_network
from yoso_sw.data.encoding import spike_steps
from yoso_sw.network.golden import input_steps, run
from yoso_sw.network.vectors import Vector, load_vectors

FOLDER = Path(__file__).parents[1] / "vectors"
VECTORS = load_vectors(FOLDER)

by_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)


def test_the_vectors_are_there():
    assert len(VECTORS) >= 45


@by_vector
def test_the_page_walked_through_in_plain_python_gives_the_vector(vector: Vector):
    for case in vector.cases:
        outcome = simulate(vector.network, case.inputs, vector.params, case.early_exit)
        decided = (outcome.decision, outcome.decision_step, outcome.spiked, outcome.last)
        assert decided == (case.decision, case.decision_step, case.spiked, case.last)
        for own, spikes in zip(outcome.steps, case.spikes, strict=True):
            assert own == [spikes.step[spikes.axon == j].tolist() for j in range(spikes.axons)]
        assert outcome.potentials == [v.tolist() for v in case.potentials]
        assert outcome.accumulated == [a.tolist() for a in case.accumulated]
        if case.spike_potentials is not None:
            assert [v for *_, v in outcome.spike_potentials] == case.spike_potentials.tolist()


@by_vector
def test_golden_reproduces_the_vector(vector: Vector):
    for case in vector.cases:
        result = run(vector.network, case.inputs, params=vector.params, early_exit=case.early_exit)
        assert result.decisions[0] == case.decision
        assert result.decision_steps[0] == case.decision_step
        assert result.spiked[0] == case.spiked
        assert result.last[0] == case.last
        for layer in range(len(vector.network.layers)):
            assert result.spikes[layer] == case.spikes[layer]
            np.testing.assert_array_equal(result.potentials[layer][0], case.potentials[layer])
            np.testing.assert_array_equal(result.accumulated[layer][0], case.accumulated[layer])
        if case.spike_potentials is not None:
            np.testing.assert_array_equal(result.spike_potentials, case.spike_potentials)


@by_vector
def test_both_time_codes_turn_the_pixels_into_the_inputs(vector: Vector):
    for case in vector.cases:
        if case.pixels is not None:
            np.testing.assert_array_equal(
                input_steps(case.pixels, vector.network.levels), case.inputs.steps[0]
            )
            np.testing.assert_array_equal(
                spike_steps(case.pixels, vector.network.levels), case.inputs.steps[0]
            )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_the_compiler_accepts_exactly_the_vectors_in_which_a_cannot_saturate(vector: Vector):
    if vector.compiles:
        compile_network(vector.network, vector.params)
    else:
        with pytest.raises(CompileError, match="accumulated weight"):
            compile_network(vector.network, vector.params)
