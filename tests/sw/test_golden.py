"""The golden model against two independent references, and what it promises beyond the arithmetic."""

import dataclasses
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.as_reference import assert_same_as_reference
from support.reference import closed_form, random_inputs, random_network
from yoso_hw.params import ChipParams
from yoso_sw.data.encoding import spike_steps
from yoso_sw.network.golden import GoldenError, input_steps, run
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.neuron import Neuron
from yoso_sw.network.vectors import load_vector

WIDE = ChipParams(acc_bits=16, pot_bits=24)
NARROW = ChipParams(weight_bits=4, acc_bits=5, pot_bits=7)
VECTORS = Path(__file__).parents[1] / "vectors"


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    steps=st.integers(2, 20),
    decision=st.sampled_from(["ttfs", "softmax"]),
    slopes=st.booleans(),
    params=st.sampled_from([WIDE, NARROW]),
    early_exit=st.booleans(),
)
def test_golden_is_the_arithmetic_walked_through_neuron_by_neuron(
    seed, sizes, steps, decision, slopes, params, early_exit
):
    rng = np.random.default_rng(seed)
    network = random_network(rng, sizes, steps, decision=decision, slopes=slopes)
    low = Network(
        "low",
        tuple(
            Layer(
                layer.weights,
                dataclasses.replace(layer.neuron, threshold=min(layer.neuron.threshold, params.pot_max)),
                bias=layer.bias,
            )
            for layer in network.layers
        ),
        steps,
        network.levels,
        decision,
        network.weight_bits,
    )
    assert_same_as_reference(low, random_inputs(rng, 3, low), params, early_exit)


def test_narrow_chips_do_saturate_in_these_tests():
    """Guards the test above: the same networks give other potentials on a narrow chip than on a wide one."""
    rng = np.random.default_rng(3)
    network = random_network(rng, [9, 8, 3], 16)
    network = Network(
        "n", tuple(Layer(x.weights, Neuron(60, 0, 16)) for x in network.layers[:1]), 16, 16, "ttfs", 4
    )
    inputs = random_inputs(rng, 20, network, density=1.0)
    wide, narrow = (run(network, inputs, params=params, early_exit=False) for params in (WIDE, NARROW))
    assert (wide.accumulated[0] != narrow.accumulated[0]).any()
    assert (wide.potentials[0] != narrow.potentials[0]).any()


@pytest.mark.parametrize("seed", range(10))
def test_unsaturated_layers_fire_where_equation_8_crosses_the_threshold(seed):
    rng = np.random.default_rng(seed)
    steps = 40
    sizes = [50, 30, 8]
    network = random_network(rng, sizes, steps, weight_bits=8)
    inputs = random_inputs(rng, 5, network)
    result = run(network, inputs, params=ChipParams(acc_bits=20, pot_bits=28), early_exit=False)
    assert any((layer != NEVER).any() for layer in result.steps)
    for b in range(len(inputs)):
        arrivals = inputs[b]
        for index, layer in enumerate(network.layers):
            spiking = np.append(arrivals, 0) if layer.bias else arrivals
            expected_steps, expected_v = closed_form(layer, spiking, steps)
            np.testing.assert_array_equal(result.steps[index][b], expected_steps)
            np.testing.assert_array_equal(result.potentials[index][b], expected_v)
            np.testing.assert_array_equal(
                result.accumulated[index][b], (spiking != NEVER) @ layer.weights.astype(np.int64)
            )
            arrivals = expected_steps


@pytest.mark.parametrize("threshold", [5, 6, 13, 30])
@pytest.mark.parametrize("slope", [1, 3, 7])
def test_a_constant_slope_fires_when_the_ramp_reaches_the_threshold(threshold, slope):
    """Docs: a neuron at v when the window opens fires at s + max(1, ceil((theta - v) / c)) - 1."""
    weights = np.arange(-8, 8, dtype=np.int8)[None]
    start, steps = 5, 60
    network = Network("ramp", (Layer(weights, Neuron(threshold, start, steps, slope)),), steps, steps)
    result = run(network, np.array([[2]], np.int16), early_exit=False)
    v = weights[0].astype(int) * (start - 1 - 2)
    expected = start + np.maximum(1, -(-(threshold - v) // slope)) - 1
    assert result.steps[0][0].tolist() == [step if step < steps else NEVER for step in expected]


@pytest.mark.parametrize("seed", range(5))
def test_early_exit_shows_the_same_image_cut_at_the_deciding_step(seed):
    rng = np.random.default_rng(seed)
    network = random_network(rng, [20, 15, 6], 24)
    inputs = random_inputs(rng, 30, network)
    cut = run(network, inputs, early_exit=True)
    whole = run(network, inputs, early_exit=False)
    np.testing.assert_array_equal(cut.decisions, whole.decisions)
    np.testing.assert_array_equal(cut.decision_steps, whole.decision_steps)
    np.testing.assert_array_equal(cut.last, cut.decision_steps)
    assert (whole.last == network.steps - 1).all()
    for early, late in zip(cut.steps, whole.steps, strict=True):
        np.testing.assert_array_equal(early, np.where(late <= cut.last[:, None], late, NEVER))


def test_an_image_gives_the_same_alone_and_in_a_batch():
    rng = np.random.default_rng(0)
    network = random_network(rng, [20, 15, 6], 24)
    inputs = random_inputs(rng, 17, network)
    batch = run(network, inputs)
    for b in range(len(inputs)):
        alone = run(network, inputs[b : b + 1])
        assert alone.decisions[0] == batch.decisions[b]
        np.testing.assert_array_equal(alone.potentials[0][0], batch.potentials[0][b])
        np.testing.assert_array_equal(alone.spikes_in[0], batch.spikes_in[b])


def test_an_empty_batch_is_an_empty_result():
    network = random_network(np.random.default_rng(0), [4, 3], 8)
    result = run(network, np.zeros((0, 4), np.uint8))
    assert result.decisions.shape == (0,) and result.steps[0].shape == (0, 3)


def test_counters_of_the_two_layer_vector_are_those_counted_by_hand():
    vector = load_vector(VECTORS / "two-layers.json")
    inputs = vector.cases[0].inputs
    cut = run(vector.network, inputs, params=vector.params)
    assert cut.spikes_in.tolist() == [[3, 2]]  # bias and two inputs; bias and one hidden neuron
    assert cut.spikes_out.tolist() == [[1, 1]]
    assert cut.sweeps.tolist() == [[4, 4]]
    assert cut.updates.tolist() == [[6, 4]]
    whole = run(vector.network, inputs, params=vector.params, early_exit=False)
    assert whole.spikes_in.tolist() == [[3, 3]]
    assert whole.spikes_out.tolist() == [[2, 2]]
    assert whole.sweeps.tolist() == [[8, 8]]


def test_pixels_run_as_their_time_code():
    rng = np.random.default_rng(1)
    network = random_network(rng, [30, 10], 24)
    pixels = rng.integers(0, 256, (8, 30)).astype(np.uint8)
    as_pixels, as_steps = run(network, pixels), run(network, spike_steps(pixels, network.levels))
    np.testing.assert_array_equal(as_pixels.potentials[0], as_steps.potentials[0])
    np.testing.assert_array_equal(as_pixels.steps[0], as_steps.steps[0])


def test_both_time_codes_agree_on_every_pixel_and_level():
    pixels = np.arange(256, dtype=np.uint8)
    for levels in range(1, 257):
        steps = input_steps(pixels, levels)
        np.testing.assert_array_equal(steps, spike_steps(pixels, levels))
        assert steps[0] == NEVER and steps[255] == 0 and (steps[1:] < levels).all()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros((2, 4), np.int64), "int64"),
        (np.zeros((2, 4), np.float32), "float32"),
        (np.zeros((2, 5), np.uint8), r"shape \(2, 5\)"),
        (np.zeros(4, np.uint8), r"shape \(4,\)"),
        (np.full((1, 4), 8, np.int16), "step 8"),
        (np.full((1, 4), -1, np.int16), "step -1"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, message):
    network = random_network(np.random.default_rng(0), [4, 3], 8)
    with pytest.raises(GoldenError, match=message):
        run(network, inputs)


def test_a_threshold_or_slope_that_no_potential_holds_is_refused():
    weights = np.ones((2, 2), np.int8)
    for layer, name in (
        (Layer(weights, Neuron(128, 0, 4)), "threshold=128"),
        (Layer(weights, Neuron(1, 0, 4, 128)), "slope=128"),
    ):
        with pytest.raises(GoldenError, match=name):
            run(Network("n", (layer,), 4, 4), np.zeros((1, 2), np.uint8), params=NARROW)


def test_the_golden_model_imports_neither_torch_nor_amaranth():
    code = "import sys, yoso_sw.network.golden; sys.exit(bool({'torch', 'amaranth'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_tenth_of_the_mnist_test_set_takes_a_tenth_of_ten_seconds_on_two_cores():
    rng = np.random.default_rng(0)
    hidden = np.clip(rng.normal(2, 20, (785, 800)), -128, 127).astype(np.int8)
    output = np.clip(rng.normal(0, 30, (800, 10)), -128, 127).astype(np.int8)
    layers = (
        Layer(hidden, Neuron(20000, 0, 128, 0), bias=True),
        Layer(output, Neuron(20000, 0, 128)),
    )
    network = Network("784-800-10", layers, 128, 128)
    pixels = np.where(rng.random((1000, 784)) < 0.19, rng.integers(1, 256, (1000, 784)), 0).astype(np.uint8)
    run(network, pixels[:2])  # compiles
    begin = time.process_time()  # of all threads; two of them make 20 s of it 10 s of waiting
    run(network, pixels, early_exit=False)
    assert time.process_time() - begin < 2
