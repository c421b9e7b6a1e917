"""Convolutions on PEs: the compiler's flits, taken literally, compute the network, in any order of layers."""

import dataclasses

import numpy as np
import pytest
from support.convolutions import ORDERS, random_convolutions
from support.flit_machine import FlitMachine
from support.reference import random_events
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter
from yoso_sw.compile import sound
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.predict import PREDICTED, predict_counters, predict_load_counters
from yoso_sw.network.events import Events
from yoso_sw.network.golden import run
from yoso_sw.network.network import Network

PARAMS = ChipParams(
    cols=7, rows=6, lanes=2, neurons=64, weights=1024, acc_bits=18, pot_bits=22, steps=32, side=24, classes=16
)


def outputs_fired(golden, b: int) -> set[tuple[int, int, int]]:
    """(layer, output, step) of every spike of image b that goes on."""
    return {
        (layer, int(j), int(step))
        for layer, sent in enumerate(golden.sent)
        for step, j in zip(sent[b].step, sent[b].axon, strict=True)
        if step <= golden.last[b]
    }


def compare(
    network: Network, params: ChipParams, images: Events, early: bool, spread: bool = True
) -> WeightImage:
    """Run images on the flits alone; every spike, inner fire, A, V, decision and counter as predicted."""
    image = compile_network(network, params, spread=spread)
    assert [*sound.faults(image)] == []
    machine = FlitMachine(params)
    machine.load(image.load_flits())
    for (x, y), pe in machine.nodes.items():
        assert [pe.count[counter] for counter in Counter] == predict_load_counters(image)[y, x].tolist()
        pe.count.clear()
    golden = run(network, images, params=params, early_exit=early)
    for b in range(len(images)):
        decided, spikes = machine.run(image.image_flits(images[b], early))
        assert decided == (golden.decisions[b], golden.decision_steps[b], golden.spiked[b])
        seen = [(*image.spike_of(x, y, flit), step) for x, y, step, flit in spikes]
        assert len({*seen}) == len(seen) and {*seen} == outputs_fired(golden, b)
        inner = [
            (image.neurons_at(y * params.cols + x, word, lanes), step)
            for x, y, step, word, lanes in machine.inner
        ]
        found = {(layer, int(j), step) for (layer, neurons), step in inner for j in neurons}
        assert found == {
            (layer, int(j), int(step))
            for layer, fired in enumerate(golden.spikes)
            for step, j in zip(fired[b].step, fired[b].axon, strict=True)
            if image.layers[layer].pool
        }
        for layer, own in enumerate(image.layers):
            for part in own.slices:
                state, held = machine.nodes[part.x, part.y], own.held(part, params.lanes).ravel()
                where = held >= 0
                np.testing.assert_array_equal(
                    np.array(state.a)[where], golden.accumulated[layer][b][held[where]]
                )
                np.testing.assert_array_equal(
                    np.array(state.v)[where], golden.potentials[layer][b][held[where]]
                )
    if network.rel_psp:
        assert all(own.per_image.sum() > 0 for own in golden.sent[:-1]), "a hidden layer is silent"
    predicted = predict_counters(image, golden)
    for (x, y), pe in machine.nodes.items():
        for counter in PREDICTED:
            assert pe.count[counter] == predicted[y, x, counter], (x, y, counter.name)
    return image


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
@pytest.mark.parametrize("order", ORDERS)
def test_the_flits_compute_convolutions_in_any_order_of_layers(order, lanes):
    rng = np.random.default_rng([3, lanes, *order.encode()])
    params = dataclasses.replace(PARAMS, lanes=lanes, weights=2048, neurons=128)
    network = random_convolutions(rng, order, 20, decision="softmax" if rng.integers(2) else "ttfs")
    compare(network, params, random_events(rng, 3, network), early=bool(lanes % 4), spread=lanes != 4)


@pytest.mark.parametrize("decision", ["ttfs", "softmax", "count"])
@pytest.mark.parametrize("order", ORDERS)
def test_the_flits_compute_convolutions_of_the_whole_family(order, decision):
    rng = np.random.default_rng([len(decision), *order.encode()])
    params = dataclasses.replace(PARAMS, neuron="all", weights=2048, neurons=128)
    network = random_convolutions(rng, order, 16, family=True, decision=decision)
    compare(network, params, random_events(rng, 2, network), early=True)
