"""NIR of the neuron family: what an exported graph means in steps, and that it comes back equal."""

import dataclasses
import json

import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.nir_graphs import same, weights
from support.nir_steps import follow_steps
from yoso_sw.network import golden
from yoso_sw.network.events import Events
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, KEPT, Neuron, Reset
from yoso_sw.nir import convert, from_nir, losses, measure, read, to_nir, write
from yoso_sw.nir.measure import record

T = 12


def family(reset, current=CLEARED, leak=0, readout=False, bias=True, seed=1):
    """Three layers that each see T steps, one after another."""
    rng, sides, layers = np.random.default_rng(seed), (9, 8, 6, 3), []
    for i in range(3):
        kind = Reset.NEVER if readout and i == 2 else reset
        threshold = 1 if kind is Reset.NEVER else 9
        neuron = Neuron(threshold, i + 1, i + 1 + T, current=current, leak=leak, reset=kind)
        layers.append(Layer(weights(rng, sides[i], sides[i + 1], bias), neuron, bias=bias))
    decision = "softmax" if readout else "ttfs" if reset is Reset.ONCE else "count"
    return Network("family", tuple(layers), T + 3, T, decision, 4, {"seed": 1}, code="events")


def arrivals(images=20, seed=2):
    return np.random.default_rng(seed).random((images, T, 9)) < 0.3


def events(spikes):
    return Events.of_record(spikes)


def subtracting(graph):
    return json.loads(graph.metadata["subtract"])


FAMILY = {
    "subtract": (family(Reset.SUBTRACT), True),
    "zero": (family(Reset.ZERO), True),
    "once": (family(Reset.ONCE), True),
    "without-bias": (family(Reset.ZERO, bias=False), True),
    "readout": (family(Reset.ZERO, readout=True), True),
    "leaky": (family(Reset.ZERO, leak=3), False),
    "leaky-subtract": (family(Reset.SUBTRACT, leak=2), False),
    "leaky-readout": (family(Reset.SUBTRACT, leak=2, readout=True), False),
    "current": (family(Reset.ZERO, current=2), False),
    "current-readout": (family(Reset.ZERO, current=2, readout=True), False),
    "cuba": (family(Reset.SUBTRACT, current=1, leak=4), False),
    "cuba-once": (family(Reset.ONCE, current=1, leak=4), False),
    "cuba-readout": (family(Reset.ZERO, current=1, leak=4, readout=True), False),
}


@pytest.mark.parametrize(("network", "exact"), FAMILY.values(), ids=FAMILY)
@pytest.mark.parametrize("dt", [1.0, 1e-3])
def test_a_graph_of_the_family_comes_back_equal(network, exact, dt, tmp_path):
    write(tmp_path / "net.nir", to_nir(network, dt))
    conversion = convert(read(tmp_path / "net.nir"))
    same(conversion.network, network)
    assert conversion.exact == exact
    assert exact == all("rounded" not in loss for loss in losses(network))


EXACT = {name: network for name, (network, exact) in FAMILY.items() if exact}


@pytest.mark.parametrize("network", EXACT.values(), ids=EXACT)
def test_a_graph_of_whole_numbers_spikes_in_steps_as_the_network_a_step_a_layer_later(network):
    graph, images = to_nir(network), arrivals()
    result = golden.run(network, events(images), early_exit=False)
    assert all(layer.total for layer in result.spikes[: 3 - (network.decision == "softmax")])
    for b, image in enumerate(images):
        spikes, potentials = follow_steps(graph, image, subtract=subtracting(graph))
        for i in range(3):
            if f"fire{i}" in spikes:
                ours = record(result.spikes[i], network.steps)[b, i + 1 : i + 1 + T]
                np.testing.assert_array_equal(spikes[f"fire{i}"], ours)
        if "potential" in potentials:
            np.testing.assert_array_equal(potentials["potential"][-1], result.potentials[2][b])


@pytest.mark.parametrize(("network", "exact"), FAMILY.values(), ids=FAMILY)
def test_the_error_of_v_on_data_is_that_of_the_rounding(network, exact):
    conversion = convert(to_nir(network))
    measured = measure(conversion, events(arrivals()))
    if exact:  # but for the last place of a threshold that is subtracted
        assert max(measured.errors) < 1e-4 and measured.equal == measured.images == 20
    else:  # each rounding takes less than 1 of a quantity that forgets it by 2^-k a step
        assert 0.1 < max(measured.errors) < 2 * T


def test_the_error_of_v_is_what_a_hand_calculation_says():
    neuron = Neuron(1, 1, 5, leak=1, current=CLEARED, reset=Reset.NEVER)
    layer = Layer(np.array([[7, 1]], np.int8), neuron)
    network = Network("leak", (layer,), 5, 4, "softmax", code="events")
    once = np.zeros((1, 4, 1), bool)
    once[0, 0] = True
    measured = measure(convert(to_nir(network)), events(once))
    # V = 7, 3, 1, 0 beside 7, 3.5, 1.75, 0.875 (the vector "leak" of docs/arithmetic.md), and half of it in
    # the graph, whose resistance is 1
    assert measured.errors == (0.875 / 2,)
    assert "largest error of V, a layer: 0.438; equal decisions: 100.00 %" in str(measured)


def test_what_a_graph_does_not_say_is_told():
    lines = losses(family(Reset.SUBTRACT, current=1, leak=4))
    assert len(lines) == 9
    assert lines[0].startswith("layer 0: its current loses 1/2 of itself a step, rounded up")
    assert lines[1].startswith("layer 0: its potential loses 1/16")
    assert lines[2].startswith("layer 0: firing subtracts the threshold, and no node says so")
    assert losses(family(Reset.ZERO)) == losses(family(Reset.ONCE)) == []


def test_the_steps_of_a_graph_are_those_that_each_layer_sees():
    network = family(Reset.ZERO)
    graph = to_nir(network)
    assert graph.metadata["steps"] == T and network.steps == T + 3
    longer = from_nir(graph, steps=20, levels=20)
    assert [(layer.neuron.start, layer.neuron.end) for layer in longer.layers] == [(1, 21), (2, 22), (3, 23)]
    assert longer.steps == 23


def test_layers_that_integrate_their_spikes_answer_in_the_same_step():
    network = family(Reset.ONCE, bias=False)
    middle = dataclasses.replace(network.layers[1], neuron=Neuron(9, 1, 1 + T))
    last = dataclasses.replace(
        network.layers[2], neuron=dataclasses.replace(network.layers[2].neuron, start=2, end=2 + T)
    )
    mixed = dataclasses.replace(network, layers=(network.layers[0], middle, last), steps=T + 2)
    same(from_nir(to_nir(mixed)), mixed)


KINDS = st.sampled_from(
    [
        {"current": KEPT, "reset": Reset.ONCE},
        {"current": CLEARED, "reset": Reset.ONCE},
        {"current": CLEARED, "reset": Reset.ZERO},
        {"current": CLEARED, "reset": Reset.SUBTRACT, "leak": 2},
        {"current": 3, "reset": Reset.SUBTRACT},
        {"current": 2, "reset": Reset.ZERO, "leak": 15},
        {"current": 1, "reset": Reset.ONCE, "leak": 4},
    ]
)


@settings(max_examples=60)
@given(
    kinds=st.lists(KINDS, min_size=1, max_size=4),
    readout=st.booleans(),
    seed=st.integers(0, 10**6),
    steps=st.integers(2, 40),
    dt=st.sampled_from([1.0, 1e-3, 1e-4]),
)
def test_any_chain_of_kinds_comes_back_equal(kinds, readout, seed, steps, dt):
    rng, layers, late = np.random.default_rng(seed), [], 0
    total = steps + sum(kind["current"] != KEPT for kind in kinds)
    for i, kind in enumerate(kinds):
        own, last = dict(kind), readout and i == len(kinds) - 1
        late += own["current"] != KEPT
        if last:
            own["reset"] = Reset.NEVER
        bias = bool(rng.integers(2)) and not (own["current"] == KEPT and late)
        neuron = Neuron(1 if last else int(rng.integers(1, 60)), late, late + steps, **own)
        if last and own["current"] == KEPT:
            neuron = Neuron(1, 0, 0)
        matrix = weights(rng, 4, 4, bias)
        matrix[-1] = np.where(matrix[-1] == 0, 1, matrix[-1])  # a bias of zeros is none
        layers.append(Layer(matrix, neuron, bias))
    end = layers[-1].neuron.reset
    decision = "softmax" if readout else "ttfs" if end is Reset.ONCE else "count"
    network = Network("any", tuple(layers), total, steps, decision, 4, code="events")
    same(from_nir(to_nir(network, dt)), network)


def test_an_unknown_reset_is_what_the_option_says():
    graph = to_nir(family(Reset.ZERO))
    subtract = from_nir(graph, reset="subtract")
    assert {layer.neuron.reset for layer in subtract.layers} == {Reset.SUBTRACT}
    back = from_nir(to_nir(family(Reset.SUBTRACT)), reset="zero")
    assert {layer.neuron.reset for layer in back.layers} == {Reset.ZERO}
    assert isinstance(graph.nodes["fire0"], nir.IF)
