"""Comparison of pooled layers: every neuron's spike beside what pooling lets pass."""

import dataclasses

import numpy as np
import pytest
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_sim.compare import compare
from yoso_sim.host import Outcome
from yoso_sim.link import Batch, Inner
from yoso_sw.compile.compiler import compile_network
from yoso_sw.network import golden
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron

PARAMS = ChipParams(
    **{"cols": 3, "rows": 3, "lanes": 2, "neurons": 32, "weights": 512, "steps": 16, "layers": 4}, side=9
)


def network() -> Network:
    """8x8-3C3-P2-4 whose filters fire now and then."""
    rng = np.random.default_rng(5)
    kernel = rng.integers(-3, 7, (9, 3)).astype(np.int8)
    dense = rng.integers(-3, 6, (27, 4)).astype(np.int8)
    layers = (
        Layer(kernel, Neuron(threshold=9, start=0, end=12), window=Window(8, 8, 1, 3), pool=True),
        Layer(dense, Neuron(threshold=12, start=0, end=12)),
    )
    return Network("pooled", layers, 12, 8)


def perfect(image, reference):
    """What a chip without fault shows of image 0."""
    packets, params = Packets(image.params), image.params
    flits, nodes, steps = [], [], []
    inner: dict[tuple[int, int, int], int] = {}
    rows = image.packets.formats["SPIKE"]
    assert {"r", "q"} <= {field.name for field in rows.fields}
    for number, layer in enumerate(image.layers):
        sent, fired = reference.sent[number][0], reference.spikes[number][0]
        carried = {
            (step, axon): v
            for step, axon, v in zip(
                reference.spikes[-1].step.tolist(),
                reference.spikes[-1].axon.tolist(),
                reference.spike_potentials.tolist(),
                strict=True,
            )
        }
        for part in layer.slices:
            node = part.y * params.cols + part.x
            held, senders = layer.held(part, params.lanes), layer.senders(part, params.lanes)
            for step, axon in zip(sent.step.tolist(), sent.axon.tolist(), strict=True):
                if axon not in senders:
                    continue
                if number + 1 == len(image.layers):
                    flit = packets.pack("RESULT", index=axon, potential=carried[step, axon])
                else:  # the next layer is dense
                    to = {"x0": 0, "x1": 0, "y0": 0, "y1": 0, "r": 0, "q": 0}
                    row = axon * image.layers[number + 1].stride
                    flit = packets.pack("SPIKE", **to, tag=number + 2, parity=step & 1, row=row)
                flits.append(flit)
                nodes.append(node)
                steps.append(step)
            for step, axon in zip(fired.step.tolist(), fired.axon.tolist(), strict=True):
                for word, lane in np.argwhere(held == axon).tolist() if layer.pool else ():
                    key = node, step, word
                    inner[key] = inner.get(key, 0) | 1 << lane
    traced = np.array(
        [(node, step, word | lanes << params.word_bits) for (node, step, word), lanes in inner.items()]
    )
    batch = Batch(
        np.zeros(0, np.uint64),
        np.array(nodes, np.int64),
        np.array(steps, np.int64),
        np.arange(len(steps)),
        np.array(flits, np.uint64),
        Inner(*traced.T),
    )
    decided = (int(part[0]) for part in (reference.decisions, reference.decision_steps))
    return Outcome(*decided, bool(reference.spiked[0]), 1, batch)


@pytest.fixture(scope="module")
def case():
    pixels = np.random.default_rng(2).integers(0, 256, (1, 64)).astype(np.uint8)
    image = compile_network(network(), PARAMS)
    reference = golden.run(network(), pixels, params=PARAMS)
    outcome = perfect(image, reference)
    assert len(outcome.batch.flits) > 20 and len(outcome.batch.inner.fires) > 20
    assert len(reference.spikes[0].step) > len(reference.sent[0].step) > 5
    return image, reference, outcome


def changed(outcome, **inner):
    """The outcome with another trace."""
    trace = dataclasses.replace(outcome.batch.inner, **inner)
    return dataclasses.replace(outcome, batch=dataclasses.replace(outcome.batch, inner=trace))


def test_neurons_and_what_pooling_passes_are_both_compared(case):
    image, reference, outcome = case
    found = compare(image, outcome, reference, 0)
    assert (found.spike_mismatches, found.notes) == (0, ())
    assert found.spikes == sum(len(own.step) for own in reference.sent) + len(reference.spikes[0].step)


def test_a_fire_that_pooling_hides_is_missed(case):
    image, reference, outcome = case
    inner = outcome.batch.inner
    for lost in range(len(inner.fires)):
        keep = np.arange(len(inner.fires)) != lost
        less = changed(outcome, **{name: getattr(inner, name)[keep] for name in ("nodes", "steps", "fires")})
        assert compare(image, less, reference, 0).spike_mismatches >= 1


def test_a_fire_of_another_step_differs(case):
    image, reference, outcome = case
    steps = outcome.batch.inner.steps.copy()
    steps[3] += 1
    found = compare(image, changed(outcome, steps=steps), reference, 0)
    assert found.spike_mismatches >= 1 and "layer 0, neuron" in found.notes[0]


def test_a_fire_of_a_lane_without_a_neuron_differs(case):
    image, reference, outcome = case
    inner, low = outcome.batch.inner, (1 << PARAMS.word_bits) - 1
    # Three filters on two lanes: of every second word, lane 1 holds none.
    words = {part.y * PARAMS.cols + part.x: image.layers[0].held(part, 2) for part in image.layers[0].slices}
    half = [i for i, fires in enumerate(inner.fires) if (words[int(inner.nodes[i])][fires & low] < 0).any()]
    fires = inner.fires.copy()
    fires[half[0]] |= 0b10 << PARAMS.word_bits
    found = compare(image, changed(outcome, fires=fires), reference, 0)
    assert found.spike_mismatches >= 1 and "which are not all neurons" in found.notes[0]


def test_a_group_that_passes_a_spike_too_few_differs(case):
    image, reference, outcome = case
    batch = outcome.batch
    keep = np.arange(len(batch.flits)) != 0
    parts = {name: getattr(batch, name)[keep] for name in ("nodes", "steps", "cycles", "flits")}
    less = dataclasses.replace(outcome, batch=dataclasses.replace(batch, **parts))
    found = compare(image, less, reference, 0)
    assert found.spike_mismatches == 1 and "layer 0, output" in found.notes[0]
