"""The comparison itself: it must see every kind of difference, so each is planted here."""

import dataclasses
import random

import numpy as np
import pytest
from support import chip_cases
from yoso_hw.registers import Counter
from yoso_sim.compare import carried_potentials, compare, compare_counters
from yoso_sim.host import Outcome
from yoso_sim.link import Batch
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.predict import predict_counters
from yoso_sw.network import golden
from yoso_sw.network.events import Events
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.neuron import CLEARED, Neuron, Reset

PARAMS = chip_cases.CHIPS["3 x 2, unicast, bus"]


def perfect(image, reference, index=0):
    """What a chip without fault sends for one image of the golden result."""
    nodes, steps, flits = [], [], []
    packets, carried = image.packets, carried_potentials(reference, index)
    for number, layer in enumerate(image.layers):
        for part in layer.slices:
            for neuron in range(part.first, part.first + part.count):
                own = reference.spikes[number][index]
                for step in own.step[own.axon == neuron].tolist():
                    if number == len(image.layers) - 1:
                        flits.append(packets.pack("RESULT", index=neuron, potential=carried[step, neuron]))
                    else:
                        row = neuron * image.layers[number + 1].stride
                        to = {"x0": 0, "x1": 0, "y0": 0, "y1": 0}
                        flits.append(packets.pack("SPIKE", **to, tag=number + 2, parity=step & 1, row=row))
                    nodes.append(part.y * image.params.cols + part.x)
                    steps.append(step)
    batch = Batch(
        np.zeros(0, np.uint64),
        np.array(nodes, np.int64),
        np.array(steps, np.int64),
        np.arange(len(steps)),
        np.array(flits, np.uint64),
    )
    return Outcome(
        int(reference.decisions[index]),
        int(reference.decision_steps[index]),
        bool(reference.spiked[index]),
        1,
        batch,
    )


@pytest.fixture(scope="module")
def case():
    """A network, its golden result and the outcome of a chip without fault, with spikes in the output."""
    rng = random.Random(7)
    for _ in range(1000):
        network, image = chip_cases.random_network(rng, PARAMS)
        reference = golden.run(network, chip_cases.random_inputs(rng, network, 1), params=PARAMS)
        if len(image.layers) > 1 and all((steps[0] != NEVER).any() for steps in reference.steps):
            return image, reference, perfect(image, reference)
    raise AssertionError("no random network fires in every layer")


def without(batch, keep):
    return Batch(
        batch.answers, *(part[keep] for part in (batch.nodes, batch.steps, batch.cycles, batch.flits))
    )


def test_a_chip_without_fault_has_no_mismatch(case):
    image, reference, outcome = case
    found = compare(image, outcome, reference, 0)
    assert (found.spike_mismatches, found.class_mismatch, found.notes) == (0, False, ())
    assert found.spikes == sum(int((steps[0] != NEVER).sum()) for steps in reference.steps)


def test_a_lost_spike_is_one_mismatch(case):
    image, reference, outcome = case
    for lost in range(len(outcome.batch.flits)):
        keep = np.arange(len(outcome.batch.flits)) != lost
        found = compare(image, dataclasses.replace(outcome, batch=without(outcome.batch, keep)), reference, 0)
        assert found.spike_mismatches == 1 and "no step" in found.notes[0]


def test_a_doubled_spike_is_one_mismatch(case):
    image, reference, outcome = case
    keep = [0, *range(len(outcome.batch.flits))]
    found = compare(image, dataclasses.replace(outcome, batch=without(outcome.batch, keep)), reference, 0)
    assert found.spike_mismatches == 1


def test_a_spike_a_step_late_is_one_mismatch(case):
    image, reference, outcome = case
    late = dataclasses.replace(outcome.batch, steps=outcome.batch.steps.copy())
    late.steps[0] += 1
    assert compare(image, dataclasses.replace(outcome, batch=late), reference, 0).spike_mismatches == 1


def test_a_spike_of_a_node_that_cannot_send_it_is_a_mismatch(case):
    image, reference, outcome = case
    holders = {part.y * PARAMS.cols + part.x for layer in image.layers for part in layer.slices}
    stray = min(set(range(PARAMS.nodes)) - holders)
    nodes = outcome.batch.nodes.copy()
    nodes[0] = stray
    wrong = dataclasses.replace(outcome, batch=dataclasses.replace(outcome.batch, nodes=nodes))
    assert compare(image, wrong, reference, 0).spike_mismatches == 2  # one lost, one from nowhere


def test_a_wrong_potential_in_an_output_spike_is_a_mismatch(case):
    image, reference, outcome = case
    field = image.packets.formats["RESULT"].field("potential")
    flits = outcome.batch.flits.copy()
    flits[-1] ^= np.uint64(1 << field.offset)
    wrong = dataclasses.replace(outcome, batch=dataclasses.replace(outcome.batch, flits=flits))
    found = compare(image, wrong, reference, 0)
    assert found.spike_mismatches == 1 and "V is" in found.notes[0]


@pytest.mark.parametrize("change", ({"decision": 99}, {"step": 99}, {"spiked": None}), ids=str)
def test_another_decision_is_a_class_mismatch(case, change):
    image, reference, outcome = case
    assert compare(image, dataclasses.replace(outcome, **change), reference, 0).class_mismatch


def test_a_counter_that_is_off_by_one_is_named(case):
    image, reference, _ = case
    counters = predict_counters(image, reference)
    assert compare_counters(image, reference, counters) == []
    counters[1, 2, Counter.SWEEPS] += 1
    counters[0, 0, Counter.STALLS] += 5  # depends on timing: not compared
    (note,) = compare_counters(image, reference, counters)
    assert "node (2, 1): SWEEPS" in note


@pytest.fixture(scope="module")
def rates():
    """The same of a network that counts, whose output neurons fire again, with another V each time."""
    rng = np.random.default_rng(0)
    hidden, output = (rng.integers(1, 8, shape).astype(np.int8) for shape in ((6, 7), (7, 3)))
    rate = {"current": CLEARED, "reset": Reset.SUBTRACT}
    layers = (Layer(hidden, Neuron(15, 1, 11, **rate)), Layer(output, Neuron(17, 2, 12, **rate)))
    network = Network("rates", layers, 12, 10, "count", 4, code="events")
    chip = dataclasses.replace(PARAMS, neuron="all")
    image = compile_network(network, chip)
    inputs = Events.of_pairs(*np.nonzero(rng.random((2, 10, 6)) < 0.4), 2, 6)
    reference = golden.run(network, inputs, params=chip)
    carried = carried_potentials(reference, 1)
    assert len({v for (_, neuron), v in carried.items() if neuron == 0}) > 1
    return image, reference, perfect(image, reference, 1)


def test_a_chip_without_fault_has_no_mismatch_where_neurons_fire_again(rates):
    image, reference, outcome = rates
    found = compare(image, outcome, reference, 1)
    assert (found.spike_mismatches, found.class_mismatch, found.notes) == (0, False, ())
    assert found.spikes == sum(spikes[1].total for spikes in reference.spikes)


def test_the_v_of_another_spike_of_the_same_neuron_is_a_mismatch(rates):
    image, reference, outcome = rates
    packets, flits = image.packets, outcome.batch.flits.copy()
    fields = [packets.unpack(int(flit)) for flit in flits]
    for first, one in enumerate(fields):
        for second, other in enumerate(fields):
            if one.get("potential", 0) != other.get("potential", 0) and one.get("index") == other.get(
                "index"
            ):
                flits[[first, second]] = flits[[second, first]]
                wrong = dataclasses.replace(outcome, batch=dataclasses.replace(outcome.batch, flits=flits))
                found = compare(image, wrong, reference, 1)
                assert found.spike_mismatches == 2 and "at step" in found.notes[0]
                return
    raise AssertionError("no neuron sends two potentials")
