"""Soft errors on the golden model: each flip does what it must, and nothing else does anything."""

from dataclasses import replace

import numpy as np
import pytest
from support.reference import random_events, random_inputs, random_network
from yoso_hw.params import ChipParams
from yoso_sw.compile import faults
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.mapping import CompileError
from yoso_sw.network import golden
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.neuron import CLEARED, Neuron, Reset

PARAMS = ChipParams(
    cols=3, rows=2, lanes=2, neurons=16, weights=256, acc_bits=12, pot_bits=16, steps=32, layers=4
)
FAMILY = replace(PARAMS, neuron="all")


def flips(*rows):
    """Flips of one image, each (step, layer, neuron, bit)."""
    return faults.Flips(*np.array(rows, np.int64).reshape(-1, 4).T)


def one_layer(weights, threshold=1000, steps=10, **fields):
    layer = Layer(np.array(weights, np.int8), Neuron(threshold, 0, steps), **fields)
    return Network("by hand", (layer,), steps, steps)


def run(network, inputs, memory, own, **options):
    inputs = np.array([inputs], np.int16)
    return faults.run(network, inputs, compile_network(network, PARAMS), memory, [own], **options)


@pytest.mark.parametrize("early_exit", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_without_flips_it_is_the_golden_model(seed, early_exit):
    rng = np.random.default_rng(seed)
    network = random_network(rng, [8, 7, 3], 16, slopes=seed % 2 == 0, weight_bits=4)
    inputs = random_inputs(rng, 5, network)
    image = compile_network(network, PARAMS)
    due = golden.run(network, inputs, params=PARAMS, early_exit=early_exit)
    for memory in ("accumulated", "potential"):
        got = faults.run(network, inputs, image, memory, [flips()] * 5, early_exit=early_exit)
        assert got.decisions.tolist() == due.decisions.tolist()
        assert got.decision_steps.tolist() == due.decision_steps.tolist()
        for b in range(5):
            fired = [
                (layer, neuron, step)
                for layer, steps in enumerate(due.steps)
                for neuron, step in enumerate(steps[b].tolist())
                if step != NEVER
            ]
            assert [tuple(spike) for spike in got.spikes(b).tolist()] == fired


@pytest.mark.parametrize("decision", ["ttfs", "softmax", "count"])
def test_without_flips_the_family_is_the_golden_model(decision):
    compiled = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        network = random_network(rng, [8, 7, 3], 16, decision=decision, family=True)
        try:
            image = compile_network(network, FAMILY)
        except CompileError:  # A saturates
            continue
        compiled += 1
        inputs = random_events(rng, 3, network)
        due = golden.run(network, inputs, params=FAMILY)
        for memory in ("accumulated", "potential"):
            got = faults.run(network, inputs, image, memory, [flips()] * 3)
            assert got.decisions.tolist() == due.decisions.tolist()
            assert got.decision_steps.tolist() == due.decision_steps.tolist()
            for b in range(3):
                fired = [
                    (layer, int(neuron), int(step))
                    for layer, spikes in enumerate(due.spikes)
                    for neuron, step in zip(spikes[b].axon, spikes[b].step, strict=True)
                ]
                assert [tuple(spike) for spike in got.spikes(b).tolist()] == sorted(fired)
    assert compiled > 20


#: One axon of weight 1 that spikes at step 0: A is 1 from then on, V is the step. Flips, and the spikes due.
ONE_NEURON = {
    "no flip": ("potential", [], 5, [5]),
    "bit 2 of V": ("potential", [(1, 0, 0, 2)], 5, [2]),  # V is 1 + 4 after step 1
    "bit 2 of V, later": ("potential", [(4, 0, 0, 2)], 5, [9]),  # 4 - 4
    "the sign of V": ("potential", [(1, 0, 0, 15)], 5, []),
    "fired, before it fires": ("potential", [(2, 0, 0, 16)], 5, []),
    "fired, after it fired": ("potential", [(5, 0, 0, 16)], 5, [5, 6]),
    "fired, twice": ("potential", [(2, 0, 0, 16), (3, 0, 0, 16)], 5, [6]),  # a sweep was missed
    "a flip at the end": ("potential", [(9, 0, 0, 3)], 5, [5]),
}


@pytest.mark.parametrize(("memory", "rows", "threshold", "due"), ONE_NEURON.values(), ids=ONE_NEURON)
def test_a_flip_does_what_the_arithmetic_says(memory, rows, threshold, due):
    got = run(one_layer([[1]], threshold), [0], memory, flips(*rows), early_exit=False)
    assert got.spikes(0)[:, 2].tolist() == due


def test_a_flip_of_a_acts_at_once_with_the_next_spike_or_never():
    """One PE of 5 words, 2 neurons each, of which its core forwards the last 3; one of 3 words."""
    steps = 10
    for neurons, acts in ((10, [2, 2, 2, 2, 6, 6, 6, 6, 6, 6]), (6, [NEVER] * 6)):
        network = one_layer(np.ones((2, neurons), np.int8), threshold=50, steps=steps)
        image = compile_network(network, PARAMS, spread=False)
        assert len(image.layers[0].slices) == 1
        for neuron, first in enumerate(acts):
            # Bit 6 of A at the end of step 1: V is beyond 50 with the first sweep that adds it.
            own = flips((1, 0, neuron, 6))
            inputs = np.array([[0, 5]], np.int16)  # the second spike comes in step 5, and acts in step 6
            got = faults.run(network, inputs, image, "accumulated", [own], early_exit=False)
            assert got.spikes(0).tolist() == ([[0, neuron, first]] if first != NEVER else [])


def rate_layer(weights, bias=None, **neuron):
    """A layer of the family in 10 steps, which counts; its inputs are events."""
    rows = weights if bias is None else [*weights, bias]
    own = {"threshold": 3, "start": 1, "end": 10, "reset": Reset.SUBTRACT, **neuron}
    layer = Layer(np.array(rows, np.int8), Neuron(**own), bias=bias is not None)
    code = "ttfs" if own.get("charge") else "events"
    return Network("rates", (layer,), 10, own.get("charge", 0) or 10, "count", code=code)


def spike_steps(network, memory, *rows, inputs=(0,)):
    """Steps at which neuron 0 fires, with flips, on a chip of the family."""
    image = compile_network(network, FAMILY, spread=False)
    own = faults.run(network, np.array([inputs], np.int16), image, memory, [flips(*rows)])
    return [step for _, neuron, step in own.spikes(0).tolist() if neuron == 0]


#: A flipped fired bit of a neuron that fires more than once: one sweep leaves V and fires nothing.
SKIPPED = {
    "kept: V is the step": (rate_layer([[1]]), [], [3, 6, 9]),
    "kept, before it fires": (rate_layer([[1]]), [1], [4, 7]),
    "kept, as it would fire": (rate_layer([[1]]), [2], [4, 7]),
    "kept, twice": (rate_layer([[1]]), [2, 5], [4, 8]),
    "cleared, whose bias comes all the same": (rate_layer([[0]], [1], current=CLEARED), [1], [4, 7]),
    "cleared, a bias that was swept away": (rate_layer([[2]], [1], current=CLEARED), [0], [4, 7]),
    # V is 4 at sweep 4, then 4 a step; one sweep of them skipped; sweep 4 itself without its addition.
    "charged": (rate_layer([[1]], threshold=6, start=5, charge=4), [], [6, 7, 9]),
    "charged, a sweep before": (rate_layer([[1]], threshold=6, start=5, charge=4), [1], [6, 8]),
    "charged, at the charge": (rate_layer([[1]], threshold=6, start=5, charge=4), [3], [6, 8]),
}


@pytest.mark.parametrize(("network", "steps", "due"), SKIPPED.values(), ids=SKIPPED)
def test_a_flipped_fired_bit_of_a_neuron_that_fires_again_skips_one_sweep(network, steps, due):
    assert spike_steps(network, "potential", *((step, 0, 0, 16) for step in steps)) == due


def test_a_flip_of_a_acts_at_once_where_sweeps_read_the_memory():
    """Of every word of a PE of 5 words: V reaches 50 with the first sweep that adds bit 6."""
    for fields in ({}, {"current": 4}, {"leak": 4}):
        network = rate_layer(np.ones((1, 10), int), threshold=50, **fields)
        image = compile_network(network, FAMILY, spread=False)
        for neuron in range(10):
            own = faults.run(
                *(network, np.array([[0]], np.int16), image, "accumulated"), [flips((1, 0, neuron, 6))]
            )
            assert own.spikes(0)[0].tolist() == [0, neuron, 2]


def test_a_flip_of_a_in_a_pe_of_few_words_is_seen_by_sweeps_until_the_word_is_written():
    kept = rate_layer([[1], [1]], threshold=50)
    # V gains 64 a sweep from sweep 2 on; the spike of step 3 writes the A that was forwarded.
    assert spike_steps(kept, "accumulated", (1, 0, 0, 6), inputs=(0, 3)) == [2, 3]
    assert spike_steps(kept, "accumulated", (1, 0, 0, 6), inputs=(0, 0)) == [2, 3, 4, 5, 6, 7, 8, 9]
    # A current that decays by half: 1 is forwarded and 65 read, so 1 - 33 is left; V is 65, then 15, -16, ...
    decays = rate_layer([[2]], threshold=50, current=1)
    assert spike_steps(decays, "accumulated", (1, 0, 0, 6)) == [2]
    # Charging reads no A but what it adds: 3, and 66 with the flip.
    charged = rate_layer([[1]], threshold=60, start=5, charge=4)
    assert spike_steps(charged, "accumulated", (3, 0, 0, 6)) == [5, 6, 7, 8, 9]
    assert spike_steps(charged, "accumulated", (2, 0, 0, 6)) == [5, 6, 7, 8, 9]
    assert spike_steps(charged, "accumulated", (5, 0, 0, 6)) == [6]
    # What charging makes is not forwarded: a flip in its own step stays.
    assert spike_steps(charged, "accumulated", (4, 0, 0, 6)) == [5, 6, 7, 8, 9]


def test_the_report_takes_the_highest_potential_with_its_flips():
    network = one_layer([[1, 2, 3]])
    assert run(network, [0], "potential", flips()).decisions.tolist() == [2]
    assert run(network, [0], "potential", flips((9, 0, 0, 10))).decisions.tolist() == [0]
    assert run(network, [0], "potential", flips((9, 0, 2, 15))).decisions.tolist() == [1]
    # The fired bit of an output neuron does not keep its V out of the report.
    assert run(network, [0], "potential", flips((9, 0, 2, 16))).decisions.tolist() == [2]


def test_each_scheme_masks_what_it_should():
    network = Network(
        "n", (Layer(np.array([[3, -5, 7, -8, 1]], np.int8), Neuron(1, 0, 4)),), 4, 4, weight_bits=4
    )
    right = [3, -5, 7, -8, 1]

    def read(scheme, lanes):
        mask = np.zeros((1, 2, 5), np.int32)  # the second word holds one weight
        for lane, bits in lanes.items():
            mask[0, lane // 5, lane % 5] = bits
        return faults.read_weights(network, (mask,), scheme, bits=8).layers[0].weights[0].tolist()

    assert all(read(scheme, {}) == right for scheme in faults.SCHEMES)
    assert read("none", {0: 1, 5: 128}) == [2, -5, 7, -8, 1 - 128]
    assert read("word parity", {0: 1}) == [0, 0, 0, 0, 1]
    assert read("word parity", {0: 1, 1: 2}) == [2, -7, 7, -8, 1]  # an even number goes unseen
    assert read("word parity", {4: 1}) == [0, 0, 0, 0, 1]  # the parity bit itself
    assert read("weight parity", {0: 1, 1: 3}) == [0, -8, 7, -8, 1]
    assert read("weight parity", {2: 256}) == [3, -5, 0, -8, 1]
    assert read("clamp", {0: 64, 1: 128}) == [7, 7, 7, -8, 1]
    assert read("range", {0: 64, 1: 128, 2: 1}) == [0, 0, 6, -8, 1]


def test_rates_are_kept_and_draws_repeat():
    network = one_layer(np.ones((60, 40), np.int8))
    stored = 60 * 40 * 8
    counts = []
    for seed in range(20):
        (mask,) = faults.flip_weights(network, 1e-2, seed, bits=8, lanes=4)
        counts.append(np.unpackbits((mask[..., :4] & 255).astype(np.uint8)).sum())
        (again,) = faults.flip_weights(network, 1e-2, seed, bits=8, lanes=4)
        np.testing.assert_array_equal(mask, again)
    assert abs(np.mean(counts) / (stored * 1e-2) - 1) < 0.05 and len(set(counts)) > 5
    drawn = [faults.flip_state(network, "potential", 1e-2, 1, image, PARAMS) for image in range(300)]
    assert abs(np.mean([len(own.step) for own in drawn]) / (40 * 17 * 1e-2) - 1) < 0.05
    assert {int(bit) for own in drawn for bit in own.bit} == set(range(17))
    assert {int(step) for own in drawn for step in own.step} == set(range(10))
    assert all((np.diff(own.step) >= 0).all() for own in drawn)
