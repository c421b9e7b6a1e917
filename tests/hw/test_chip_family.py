"""The chip with the neuron family against the golden model: networks of mixed kinds, decisions by count."""

import dataclasses

import numpy as np
import pytest
from support.chip_host import fresh_host, left_by_golden, without_cycles
from support.reference import random_events, random_network
from yoso_hw.params import ChipParams
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.mapping import CompileError
from yoso_sw.compile.predict import PREDICTED, predict_counters
from yoso_sw.network.events import Events
from yoso_sw.network.golden import run
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, Neuron, Reset

SMALL = {"neurons": 16, "weights": 256, "weight_bits": 4, "acc_bits": 12, "pot_bits": 16, "neuron": "all"}
CHIPS = {
    "3 x 2": ChipParams(cols=3, rows=2, layers=5, classes=16, steps=16, lanes=2, **SMALL),
    "one lane, unicast": ChipParams(
        cols=3, rows=2, layers=5, classes=16, steps=16, lanes=1, multicast=False, **SMALL
    ),
    "4 lanes, banked, bus": ChipParams(
        cols=2, rows=2, layers=5, classes=16, steps=16, lanes=4, banked=True, router="bus", **SMALL
    ),
    "8 lanes": ChipParams(cols=2, rows=2, layers=5, classes=16, steps=16, lanes=8, **SMALL),
}
#: For an old image, the chip before it had the family.
CHIP = CHIPS["3 x 2"]


def compiled(rng, params, decision):
    """A random network of the family that the chip holds."""
    while True:
        sizes = rng.integers(2, 9, rng.integers(2, min(5, params.nodes + 1) + 1)).tolist()
        network = random_network(
            rng, sizes, int(rng.integers(4, 14)), weight_bits=4, decision=decision, family=True
        )
        try:
            return network, compile_network(network, params)
        except CompileError:
            continue


@pytest.mark.parametrize("count", [1, pytest.param(4, marks=pytest.mark.long)])
@pytest.mark.parametrize("decision", ["ttfs", "softmax", "count"])
@pytest.mark.parametrize("kind", CHIPS)
def test_random_networks_of_mixed_kinds_leave_what_the_golden_model_says(kind, decision, count):
    params = CHIPS[kind]
    rng = np.random.default_rng([*map(ord, kind + decision)])
    host = fresh_host(params, stall=0.2)
    for _ in range(count):
        network, image = compiled(rng, params, decision)
        inputs = random_events(rng, 2, network)
        golden = run(network, inputs, params=params, early_exit=False)
        host.load(image)
        host.clear_counters()
        for k in range(2):
            host.send(image.image_flits(inputs[k], early_exit=False), 2)
        predicted, counted = predict_counters(image, golden), host.counters()
        for counter in PREDICTED:
            np.testing.assert_array_equal(counted[..., counter], predicted[..., counter], counter.name)
        for k in range(2):
            rtl = host.classify(image, inputs[k], early_exit=False)
            assert without_cycles(rtl) == left_by_golden(golden, k), network.layers
    assert host.errors() == 0


# ---- decisions by count ----------------------------------------------------------------------------------


def counting(weights, threshold=4, steps=8, *, reset=Reset.SUBTRACT, params=CHIP):
    """One layer of integrate-and-fire neurons whose spikes are counted."""
    layer = Layer(np.array(weights, np.int8), Neuron(threshold, 1, steps, current=CLEARED, reset=reset))
    network = Network("counts", (layer,), steps, steps, "count", 4, code="events")
    return network, compile_network(network, params)


def events(pairs, axons):
    step, axon = np.array(pairs, np.int64).reshape(-1, 2).T
    return Events.of_pairs(np.zeros(len(step), np.int64), step, axon, 1, axons)


def count_of(host, index):
    (answer,) = host.send([host.packets.pack("COUNT", index=index, spikes=0)], 1)
    assert (answer["name"], answer["index"]) == ("COUNT", index)
    return answer["spikes"]


#: Weights of one axon, which spikes four times, to 16 classes on several PEs; the counts' winner.
COUNTS = {
    "the most spikes": ([0, 2, 4, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0], 2),
    "the most spikes at a higher index": ([0, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0], 12),
    "a tie within a PE": ([0, 0, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 2),
    "a tie across PEs": ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 3], 11),
}


@pytest.mark.parametrize(("row", "winner"), COUNTS.values(), ids=COUNTS)
def test_the_most_spikes_win_then_the_lower_index_also_across_pes(row, winner):
    network, image = counting([row], steps=6)
    inputs = events([(t, 0) for t in range(4)], 1)
    host = fresh_host(CHIP).load(image)
    rtl = host.classify(image, inputs)
    golden = run(network, inputs, params=CHIP)
    assert without_cycles(rtl) == left_by_golden(golden) and rtl["decision"] == (winner, 5, True)
    assert [count_of(host, index) for index in range(16)] == golden.spikes[0].counts[0].tolist()


def test_of_as_many_spikes_the_potential_that_is_left_decides_nothing():
    network, image = counting([[4, 5]], threshold=8)
    rtl = fresh_host(CHIP).load(image).classify(image, events([(t, 0) for t in range(4)], 1))
    assert rtl["decision"] == (0, 7, True) and rtl["potentials"] == [[0, 4]]
    assert without_cycles(rtl) == left_by_golden(
        run(network, events([(t, 0) for t in range(4)], 1), params=CHIP)
    )


def test_without_an_output_spike_the_highest_potential_decides():
    _network, image = counting([[1, 2, 3, 3]], threshold=100)
    host = fresh_host(CHIP).load(image)
    rtl = host.classify(image, events([(0, 0), (2, 0)], 1))
    assert rtl["decision"] == (2, 7, False)
    assert [count_of(host, index) for index in range(4)] == [0, 0, 0, 0]


def test_the_winner_may_change_with_the_last_step_and_an_early_end_is_not_taken():
    """Class 0 leads with its spikes of the first steps, class 1 overtakes it at the very end."""
    _network, image = counting([[4, 0], [0, 4]], steps=8)
    pairs = [(t, 0) for t in range(3)] + [(t, 1) for t in range(3, 7)]
    for early_exit in (True, False):
        rtl = fresh_host(CHIP).load(image).classify(image, events(pairs, 2), early_exit=early_exit)
        assert rtl["decision"] == (1, 7, True)


def test_images_sent_one_behind_the_other_are_counted_apart():
    """The host sends the next START before it has the answer to the last: more images than classes."""
    _network, image = counting([[4, 0, 0], [0, 4, 0], [0, 0, 4]], steps=4)
    host = fresh_host(CHIP).load(image)
    rng = np.random.default_rng(2)
    flits, wanted = [], []
    for _ in range(40):
        own = int(rng.integers(3))
        flits += image.image_flits(events([(0, own), (1, own), (0, (own + 1) % 3)], 3)).tolist()
        wanted.append(own)
    answers = host.send(flits, 2 * len(wanted))
    assert [answer["index"] for answer in answers[::2]] == wanted


def test_a_first_spike_decides_right_after_an_image_that_counted():
    _counted, count_image = counting([[4, 0], [0, 4]], steps=8)
    layer = Layer(np.array([[4, 0], [0, 4]], np.int8), Neuron(4, 0, 8))
    first = Network("first", (layer,), 8, 8, "ttfs", 4)
    first_image = compile_network(first, CHIP)
    host = fresh_host(CHIP).load(count_image)
    host.classify(count_image, events([(t, 0) for t in range(6)], 2))
    inputs = np.array([5, 1], np.int16)
    rtl = host.load(first_image).classify(first_image, inputs)
    assert without_cycles(rtl) == left_by_golden(run(first, inputs[None], params=CHIP))
    assert rtl["decision"] == (1, 2, True)


def test_a_count_that_is_asked_for_while_an_image_runs_is_refused():
    _network, image = counting([[4, 0], [0, 4]], steps=8)
    host = fresh_host(CHIP).load(image)
    flits = image.image_flits(events([(0, 0)], 2))
    host.send([*flits[:-1].tolist(), host.packets.pack("COUNT", index=0, spikes=0), int(flits[-1])], 2)
    assert host.errors() == 1 << 2  # WRONG_PHASE
    host.clear_errors()


# ---- images of chips without the family --------------------------------------------------------------------


def test_an_image_made_for_a_chip_without_the_family_runs_after_a_rate_coded_one():
    rng = np.random.default_rng(4)
    old_chip = dataclasses.replace(CHIP, neuron="rel_psp")
    old = random_network(rng, [8, 7, 3], 10, weight_bits=4)
    old_image = compile_network(old, old_chip).for_chip(CHIP)
    rate, rate_image = compiled(rng, CHIP, "count")
    host = fresh_host(CHIP)
    for _ in range(2):
        inputs = random_events(rng, 1, rate)
        rtl = host.load(rate_image).classify(rate_image, inputs)
        assert without_cycles(rtl) == left_by_golden(run(rate, inputs, params=CHIP))
        steps = rng.integers(0, 6, 8).astype(np.int16)
        rtl = host.load(old_image).classify(old_image, steps, early_exit=False)
        golden = run(old, steps[None], params=old_chip, early_exit=False)
        assert without_cycles(rtl) == left_by_golden(golden)


def test_a_network_of_neurons_that_fire_once_takes_the_same_cycles_on_a_chip_with_the_family():
    """Flit by flit: the family costs logic and no time."""
    rng = np.random.default_rng(7)
    old_chip = dataclasses.replace(CHIP, neuron="rel_psp")
    network = random_network(rng, [8, 7, 6, 3], 12, weight_bits=4, slopes=True)
    image = compile_network(network, old_chip)
    steps = rng.integers(0, 8, (4, 8)).astype(np.int16)
    seen = []
    for chip in (old_chip, CHIP):
        host = fresh_host(chip).load(image.for_chip(chip))
        runs = [
            host.classify(image.for_chip(chip), own, early_exit=k % 2 == 0) for k, own in enumerate(steps)
        ]
        seen.append((runs, list(host.spikes)))
    assert seen[0] == seen[1]
