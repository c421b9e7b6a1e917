"""The golden model on the whole neuron family: the reference's walk, events in and out, and how fast."""

import itertools
import time
from pathlib import Path

import numpy as np
import pytest
from support.as_reference import assert_same_as_reference, trains
from support.reference import decay as reference_decay
from support.reference import random_events, random_network
from yoso_hw.params import ChipParams
from yoso_sw.network import golden, sweep
from yoso_sw.network.events import NEVER, Events
from yoso_sw.network.golden import GoldenError, run
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, KEPT, LARGEST_DECAY, Neuron, Reset

DECISIONS = ("ttfs", "softmax", "count")
NETWORKS = Path(__file__).parents[2] / "sw" / "networks"
WIDE = ChipParams(acc_bits=16, pot_bits=24)
NARROW_V = ChipParams(weight_bits=4, acc_bits=5, pot_bits=9)


def many_networks(decision, count):
    """(seed, network, events) of random networks of one to three layers."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        sizes = [int(size) for size in rng.integers(1, 9, rng.integers(2, 5))]
        network = random_network(rng, sizes, int(rng.integers(4, 17)), decision=decision, family=True)
        yield seed, network, random_events(rng, 3, network)


@pytest.mark.parametrize("decision", DECISIONS)
def test_the_family_is_the_arithmetic_walked_through_neuron_by_neuron(decision):
    for seed, network, events in many_networks(decision, 130):
        params = (WIDE, NARROW_V)[seed % 2]
        assert_same_as_reference(network, events, params, early_exit=seed % 3 > 0)


def test_the_random_networks_have_all_of_the_family():
    """Guards the test above: every parameter's kinds, several spikes, ties of counts, and saturation."""
    neurons, several, ties, clamped = [], 0, 0, 0
    for decision in DECISIONS:
        for seed, network, events in many_networks(decision, 130):
            params = (WIDE, NARROW_V)[seed % 2]
            neurons += [(layer.neuron, layer.bias) for layer in network.layers]
            result = run(network, events, params=params)
            several += any((spikes.counts > 1).any() for spikes in result.spikes)
            clamped += any((np.abs(a) >= params.acc_max).any() for a in result.accumulated)
            if decision == "count":
                best = np.sort(result.spikes[-1].counts, axis=1)[:, -2:]
                ties += best.shape[1] == 2 and bool(((best[:, 0] == best[:, 1]) & (best[:, 1] > 0)).any())
    assert several > 100 and ties > 10 and clamped > 50
    kinds = {(min(own.current, 1), min(own.leak, 1), own.reset) for own, _ in neurons}
    assert kinds == set(itertools.product((KEPT, CLEARED, 1), (0, 1), Reset))
    for ks in ({own.current for own, _ in neurons}, {own.leak for own, _ in neurons}):
        assert {1, 2, 3, 4, LARGEST_DECAY} <= ks
    for reset in Reset:
        assert any(own.reset is reset and own.charge for own, _ in neurons) == (reset is not Reset.ONCE)
    assert {(own.current == KEPT, bias) for own, bias in neurons} == {(k, b) for k in (0, 1) for b in (0, 1)}
    assert any(own.slope for own, _ in neurons)


KINDS = {
    "subtract, cleared, bias": Neuron(9, 1, 12, current=CLEARED, reset=Reset.SUBTRACT),
    "zero, decaying, bias": Neuron(12, 2, 12, current=1, reset=Reset.ZERO),
    "once, leak, bias": Neuron(20, 1, 12, leak=2),
    "charged, bias": Neuron(9, 5, 12, reset=Reset.SUBTRACT, charge=4),
}


@pytest.mark.parametrize("neuron", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("pool", [False, True])
def test_convolution_and_pooling_of_the_family_are_the_reference_s(neuron, pool):
    rng = np.random.default_rng(4)
    window = Window(6, 6, 2, 3)
    weights = np.clip(rng.normal(1, 4, (19, 2)), -8, 7).astype(np.int8)
    first = Layer(weights, neuron, bias=True, window=window, pool=pool)
    output = Layer(
        np.clip(rng.normal(1, 4, (first.outputs, 3)), -8, 7).astype(np.int8),
        Neuron(15, 2, 12, current=CLEARED, reset=Reset.SUBTRACT),
    )
    code, levels = ("ttfs", 4) if neuron.charge else ("events", 8)
    network = Network("conv", (first, output), 12, levels, "count", 4, code=code)
    result = assert_same_as_reference(network, random_events(rng, 4, network), WIDE, early_exit=False)
    assert result.spikes[0].total > result.sent[0].total > 20 or not pool
    assert neuron.once or (result.sent[0].counts > 1).any()


def test_a_decay_goes_to_zero_from_either_side_and_never_past_it():
    for k in range(LARGEST_DECAY + 1):
        for x in [*range(-70, 71), 2**31 - 1, -(2**31)]:
            lost = sweep.decay(np.int64(x), k)
            assert lost == reference_decay(x, k)
            assert (abs(x - lost) < abs(x) and (x - lost) * x >= 0) if x else lost == 0


def rate_network(**fields):
    weights = np.array([[5, 3]], np.int8)
    neuron = Neuron(5, 0, 8, current=CLEARED, reset=Reset.SUBTRACT)
    return Network(
        "rates",
        (Layer(weights, neuron),),
        8,
        **{"levels": 8, "decision": "count", "code": "events", **fields},
    )


def test_one_step_a_neuron_is_refused_where_neurons_fire_more_than_once():
    inputs = Events.of_pairs([0, 0, 0], [0, 1, 3], [0, 0, 0], 1, 1)
    result = run(rate_network(), inputs)
    assert trains(result.spikes[0]) == [[1, 2, 4], [2]]
    assert result.spikes_out.tolist() == [[4]] and result.updates.tolist() == [[6]]
    with pytest.raises(ValueError, match="image 0, axon 0 spikes more than once"):
        _ = result.steps


def test_the_bias_of_a_current_that_is_not_kept_is_no_spike():
    weights = np.array([[1, 1], [2, 3]], np.int8)
    for current, spikes, updates in ((KEPT, 1, 2), (CLEARED, 0, 0), (3, 0, 0)):
        layer = Layer(weights, Neuron(50, 1, 4, current=current, reset=Reset.SUBTRACT), bias=True)
        result = run(Network("n", (layer,), 4, 4, "count"), Events.none(1, 1))
        assert result.spikes_in.tolist() == [[spikes]] and result.updates.tolist() == [[updates]]
        assert (result.potentials[0] > 0).all()


def test_a_count_runs_to_the_last_step_with_early_exit_too():
    inputs = Events.of_pairs([0], [0], [0], 1, 1)
    for early in (True, False):
        result = run(rate_network(), inputs, early_exit=early)
        assert (result.last.tolist(), result.decision_steps.tolist()) == ([7], [7])
        assert (result.decisions.tolist(), result.spiked.tolist()) == ([0], [True])


def test_images_run_in_parts_give_the_same(monkeypatch):
    rng = np.random.default_rng(1)
    network = random_network(rng, [9, 8, 7, 4], 14, decision="count", family=True)
    assert not network.fires_once and any(layer.neuron.once for layer in network.layers)
    events = random_events(rng, 23, network)
    whole = run(network, events)
    monkeypatch.setattr(golden, "LARGEST_RECORD", 5 * 14 * 15)
    parts = run(network, events)
    for name in ("spikes", "sent"):
        assert getattr(parts, name) == getattr(whole, name)
    for name in ("potentials", "accumulated"):
        for ours, theirs in zip(getattr(parts, name), getattr(whole, name), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    for name in ("spike_potentials", "decisions", "last", "spiked", "spikes_in", "spikes_out", "updates"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_no_images_of_the_family_are_an_empty_result():
    result = run(rate_network(), Events.none(0, 1))
    assert len(result.spikes[0]) == 0 and result.spike_potentials.shape == (0,)


@pytest.mark.parametrize("code", ["rate", "poisson", "events"])
def test_pixels_of_another_code_than_ttfs_are_refused(code):
    with pytest.raises(GoldenError, match=f"'rates' has the code {code}: give events"):
        run(rate_network(code=code), np.zeros((1, 1), np.uint8))


def test_events_beyond_the_image_or_at_the_charge_are_refused():
    with pytest.raises(GoldenError, match="step 8 is neither"):
        run(rate_network(), Events.of_pairs([0], [8], [0], 1, 1))
    layer = Layer(np.array([[5, 3]], np.int8), Neuron(5, 4, 8, reset=Reset.SUBTRACT, charge=3))
    network = Network("charged", (layer,), 8, 3, "count")
    run(network, np.array([[2]], np.int16))
    run(network, np.array([[255]], np.uint8))
    for late in (Events.of_pairs([0], [3], [0], 1, 1), np.array([[3]], np.int16)):
        with pytest.raises(GoldenError, match="step 3 is not before the charge of layer 0 at step 3"):
            run(network, late)


def test_inputs_that_spike_more_often_than_their_code_allows_are_refused():
    often = Events.of_pairs([0, 1, 1, 1], [0, 1, 4, 6], [0, 0, 0, 0], 2, 1)
    run(rate_network(levels=3), often)
    with pytest.raises(GoldenError, match="image 1, input 0 spikes 3 times; of code events with 2 levels"):
        run(rate_network(levels=2), often)
    with pytest.raises(GoldenError, match="of code ttfs with 8 levels it has 1 at most"):
        run(rate_network(code="ttfs"), often)
    run(rate_network(code="ttfs"), often[0])


def rate_code(pixels, levels):
    """Events of the code `rate`, docs/arithmetic.md."""
    n = (pixels.astype(int) * levels + 127) // 255
    t = np.arange(levels)[:, None]
    spikes = (t + 1) * n[:, None] // levels > t * n[:, None] // levels
    return Events.of_pairs(*np.nonzero(spikes), *pixels.shape)


def test_a_rate_coded_network_takes_at_most_three_times_as_long_as_todays(capsys):
    """784-800-10 at T = 10, beside the committed network of that shape."""
    ttfs = Network.load(NETWORKS / "mnist-784-800-10.npz")
    rng = np.random.default_rng(0)
    hidden = np.clip(rng.normal(2, 20, (784, 800)), -128, 127).astype(np.int8)
    output = np.clip(rng.normal(0, 30, (800, 10)), -128, 127).astype(np.int8)
    rates = {"current": CLEARED, "reset": Reset.SUBTRACT}
    rate = Network(
        "784-800-10-count",
        (Layer(hidden, Neuron(1500, 1, 11, **rates)), Layer(output, Neuron(300, 2, 12, **rates))),
        *(12, 10, "count"),
        code="rate",
    )
    pixels = np.where(rng.random((600, 784)) < 0.19, rng.integers(1, 256, (600, 784)), 0).astype(np.uint8)
    cases = {"ttfs": (ttfs, pixels), "rate": (rate, rate_code(pixels, 10))}
    times = {name: [] for name in cases}
    for network, inputs in cases.values():
        run(network, inputs[:2])  # compiles
    for _ in range(7):
        for name, (network, inputs) in cases.items():
            begin = time.process_time()  # of all threads
            result = run(network, inputs, early_exit=False)
            times[name].append((time.process_time() - begin) / len(pixels))
    spikes = result.spikes[0].total / len(pixels) / 800
    took = {name: min(own) for name, own in times.items()}
    with capsys.disabled():
        print(
            f"\n784-800-10, CPU s of 10,000 images: ttfs {1e4 * took['ttfs']:.2f}, rate-coded at T = 10 "
            f"{1e4 * took['rate']:.2f}; {spikes:.2f} hidden spikes a neuron and image"
        )
    assert spikes >= 0.5
    assert took["rate"] < 3 * took["ttfs"]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("spikes", "due"), [(3, 12), (4, 15), (5, 15), (9, 15)])
def test_spikes_of_a_step_clamp_a_at_the_first_that_passes_the_bound(spikes, due, sign):
    """Rows of 4, of which the last takes 4 away again: a sum without a clamp would end elsewhere."""
    weights = np.array([[4]] * 9 + [[-4]], np.int8) * np.int8(sign)
    network = Network("n", (Layer(weights, Neuron(1, 0, 0)),), 3, 3, "softmax", 4)
    inputs = np.full((1, 10), NEVER, np.int16)
    inputs[0, 9 - spikes : 9] = 0
    low = due + 1 if sign < 0 and due == 15 else due  # -16 is a number of 5 bits
    assert run(network, inputs, params=NARROW_V).accumulated[0].tolist() == [[sign * low]]
    inputs[0, 9] = 0
    assert run(network, inputs, params=NARROW_V).accumulated[0].tolist() == [[sign * (low - 4)]]
