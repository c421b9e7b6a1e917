"""The trainer's integer forward pass of the neuron family: the vectors, and the golden model, bit for bit."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from support.reference import random_events, random_network
from yoso_hw.params import ChipParams
from yoso_sw.compile.compiler import CompileError, check_network
from yoso_sw.data.encoding import ttfs
from yoso_sw.learn import family
from yoso_sw.learn.trains import Trains, decide, of_events
from yoso_sw.network.events import Events
from yoso_sw.network.golden import run
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, KEPT, Neuron, Reset
from yoso_sw.network.vectors import Vector, load_vectors

VECTORS = load_vectors(Path(__file__).parents[1] / "vectors")
COMPILED = [vector for vector in VECTORS if vector.compiles]
DECISIONS = ("ttfs", "softmax", "count")


def assert_same_as_golden(network: Network, events: Events, chip: ChipParams, dtype=torch.float32) -> None:
    """Spikes, V and A of every layer, what each output spike carries, and decisions."""
    exact = run(network, events, params=chip, early_exit=False)
    results = family.run(network, of_events(events, network.steps, dtype), chip)
    for i, own in enumerate(results):
        assert Events.of_record(own.fired.bool().numpy()) == exact.spikes[i]
        assert own.spikes == exact.sent[i] and own.sent == exact.sent[i].total
        np.testing.assert_array_equal(own.potentials.numpy(), exact.potentials[i])
        np.testing.assert_array_equal(own.accumulated.numpy(), exact.accumulated[i])
    output, neuron = results[-1], network.layers[-1].neuron
    carried = family.reset(output.reached, output.fired, neuron)[output.fired.bool()]
    np.testing.assert_array_equal(carried.numpy(), exact.spike_potentials)
    np.testing.assert_array_equal(decide(network.decision, output).numpy(), exact.decisions)


@pytest.mark.parametrize("vector", COMPILED, ids=lambda vector: vector.name)
def test_the_forward_pass_gives_the_vector(vector: Vector):
    for case in vector.cases:  # an image that ends early is the same image cut
        network, steps = vector.network, case.last + 1
        trains = of_events(case.inputs, network.steps)[:, :steps]
        for i, layer in enumerate(network.layers):
            weights = torch.from_numpy(layer.weights).float()
            geometry = {"window": layer.window, "pooled": layer.pool}
            own = family.layer(
                trains, weights, layer.neuron, vector.params, steps, bias=layer.bias, **geometry
            )
            assert Events.of_record(own.fired.bool().numpy()) == case.spikes[i]
            assert own.potentials[0].tolist() == case.potentials[i].tolist()
            assert own.accumulated[0].tolist() == case.accumulated[i].tolist()
            trains = own.passed
        assert decide(network.decision, own).tolist() == [case.decision]
        if case.spike_potentials is not None:
            carried = family.reset(own.reached, own.fired, layer.neuron)[own.fired.bool()]
            assert carried.tolist() == case.spike_potentials.tolist()


def taken(network: Network, chip: ChipParams) -> bool:
    """Whether the compiler takes a network, since A cannot saturate."""
    try:
        check_network(network, chip)
    except CompileError:
        return False
    return True


def unsaturated(decision: str, count: int):
    """(network, events, chip) of random family networks, each with the narrowest A and V that take it."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        sizes = [int(size) for size in rng.integers(1, 9, rng.integers(2, 5))]
        network = random_network(rng, sizes, int(rng.integers(4, 17)), decision=decision, family=True)
        widths = (ChipParams(weight_bits=4, acc_bits=n, pot_bits=n, neuron="all") for n in range(5, 20))
        chip = next(chip for chip in widths if taken(network, chip))
        yield network, random_events(rng, 4, network), chip


@pytest.mark.parametrize("decision", DECISIONS)
def test_random_networks_of_the_family_equal_the_golden_model(decision):
    for network, events, chip in unsaturated(decision, 150):
        assert_same_as_golden(network, events, chip)


def test_the_random_networks_clamp_v_and_spike_several_times():
    """Guards the test above."""
    clamped = several = biased = charged = 0
    for decision in DECISIONS:
        for network, events, chip in unsaturated(decision, 150):
            result = run(network, events, params=chip)
            clamped += any((v == chip.pot_max).any() for v in result.potentials)
            several += any((spikes.counts > 1).any() for spikes in result.spikes)
            biased += any(layer.bias_row for layer in network.layers)
            charged += network.layers[0].neuron.charge > 0
    assert clamped > 10 and several > 100 and biased > 100 and charged > 30


KINDS = {
    "subtract, cleared, bias": Neuron(9, 1, 12, current=CLEARED, reset=Reset.SUBTRACT),
    "zero, decaying, leak, bias": Neuron(12, 2, 12, current=1, leak=2, reset=Reset.ZERO),
    "once, leak, bias": Neuron(20, 1, 12, leak=2),
    "charged, bias": Neuron(9, 5, 12, reset=Reset.SUBTRACT, charge=4),
}


@pytest.mark.parametrize("neuron", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("pooled", [False, True])
def test_convolution_and_pooling_equal_the_golden_model(neuron, pooled):
    rng = np.random.default_rng(4)
    window = Window(6, 6, 2, 3)
    weights = np.clip(rng.normal(1, 4, (19, 2)), -8, 7).astype(np.int8)
    first = Layer(weights, neuron, bias=True, window=window, pool=pooled)
    output = Layer(
        np.clip(rng.normal(1, 4, (first.outputs, 3)), -8, 7).astype(np.int8),
        Neuron(15, 2, 12, current=CLEARED, reset=Reset.SUBTRACT),
    )
    code, levels = ("ttfs", 4) if neuron.charge else ("events", 8)
    network = Network("conv", (first, output), 12, levels, "count", 4, code=code)
    assert_same_as_golden(network, random_events(rng, 20, network), network.chip)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_charged_784_800_10_with_biases_and_counts_equals_the_golden_model(dtype):
    """T = 10 after 4 levels; 200 images in which about a fifth of the pixels is not black."""
    rng = np.random.default_rng(0)
    hidden = np.clip(rng.normal(0.3, 8, (785, 800)), -32, 31).astype(np.int8)
    output = np.clip(rng.normal(0, 12, (801, 10)), -32, 31).astype(np.int8)
    layers = (
        Layer(hidden, Neuron(900, 5, 15, reset=Reset.SUBTRACT, charge=4), bias=True),
        Layer(output, Neuron(300, 6, 16, current=CLEARED, reset=Reset.SUBTRACT), bias=True),
    )
    network = Network("784-800-10", layers, 16, 4, "count", 6, acc_bits=20)
    check_network(network, dataclasses.replace(network.chip, weight_bits=6))
    pixels = np.where(rng.random((200, 784)) < 0.19, rng.integers(1, 256, (200, 784)), 0).astype(np.uint8)
    events = ttfs.encode(pixels, 4, 0, 0)
    assert run(network, events).spikes[0].total > 200 * 400
    assert_same_as_golden(network, events, network.chip, dtype)


def test_a_rate_coded_784_800_10_equals_the_golden_model():
    rng = np.random.default_rng(1)
    hidden = np.clip(rng.normal(0.5, 8, (785, 800)), -32, 31).astype(np.int8)
    output = np.clip(rng.normal(0, 12, (801, 10)), -32, 31).astype(np.int8)
    rates = {"current": CLEARED, "reset": Reset.SUBTRACT}
    layers = (
        Layer(hidden, Neuron(300, 1, 11, **rates), bias=True),
        Layer(output, Neuron(300, 2, 12, **rates), bias=True),
    )
    network = Network("784-800-10", layers, 12, 10, "count", 6, code="events")
    events = random_events(rng, 200, network, density=0.1)
    assert run(network, events).spikes[0].total > 200 * 400
    assert_same_as_golden(network, events, network.chip)


@pytest.mark.parametrize("k", [0, 1, 2, 7, 15])
def test_a_decay_is_exact_up_to_the_largest_potential(k):
    x = torch.tensor([0, 1, -1, 2, 3, 127, 128, 129, 2**23 - 1, -(2**23), 2**15 + 1, -(2**15) - 1])
    due = x.sign() * -(-x.abs() // 2**k)
    assert family.decay(x.float(), k).long().tolist() == due.tolist()


def test_a_clamps_once_a_step_where_it_can_saturate():
    """Spikes of 7, 7, 7 and -8 with A up to 15: the page has 7, 14, 15, 7, one sum has 13."""
    chip = ChipParams(weight_bits=4, acc_bits=5, pot_bits=7)
    weights = torch.tensor([[7.0], [7.0], [7.0], [-8.0]])
    own = family.layer(torch.ones(1, 1, 4), weights, Neuron(1, 0, 0), chip, 1)
    assert own.accumulated.tolist() == [[13]]
    own = family.layer(torch.ones(1, 2, 4), weights, Neuron(1, 0, 0), chip, 2)
    assert own.accumulated.tolist() == [[15]]


def test_trains_may_end_before_the_image():
    network = Network(
        "short", (Layer(np.array([[3]], np.int8), Neuron(5, 0, 8, reset=Reset.SUBTRACT)),), 8, 2, "count"
    )
    events = Events.of_steps(np.array([[1]], np.int16))
    short, whole = (family.run(network, of_events(events, steps))[0] for steps in (2, 8))
    assert all(torch.equal(own, other) for own, other in zip(short, whole, strict=True))
    assert short.fired.shape == (1, 8, 1) and short.sent > 2
    assert not family.run(network, of_events(Events.none(0, 1), 2))[0].sent


def test_what_tensors_cannot_hold_is_refused():
    neuron, chip = Neuron(1, 0, 4), ChipParams(acc_bits=16, pot_bits=25)
    with pytest.raises(ValueError, match=r"float32 holds V of 24 bits, not pot_bits=25"):
        family.scan(torch.zeros(1, 4, 1), neuron, chip, 4)
    family.scan(torch.zeros(1, 4, 1, dtype=torch.float64), neuron, chip, 4)
    with pytest.raises(ValueError, match="a spike at step 3; trains have 3 steps"):
        of_events(Events.of_steps(np.array([[3]], np.int16)), 3)


def test_most_spikes_decide_then_the_lower_class_and_without_any_the_highest_potential():
    fired = torch.zeros(3, 4, 3)
    fired[0, 0, 1] = fired[0, 2, 2] = fired[1, 1, 2] = fired[1, 2, 2] = fired[1, 3, 0] = 1
    potentials = torch.tensor([[9.0, 0, 5], [9, 0, 0], [1, 7, 7]])
    output = Trains(fired, fired, fired, potentials, potentials)
    assert decide("count", output).tolist() == [1, 2, 1]
    assert decide("ttfs", output).tolist() == [1, 2, 1]
    assert output.first[0].tolist() == [float("inf"), 0, 2]


def test_a_readout_decides_by_potential():
    neuron = Neuron(1, 1, 4, current=KEPT, reset=Reset.NEVER)
    own = family.layer(torch.ones(1, 1, 1), torch.tensor([[1.0, 3, 3]]), neuron, ChipParams(), 4)
    assert not own.sent and decide("softmax", own).tolist() == [1]
