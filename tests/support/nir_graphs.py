"""Networks that NIR can say, and a graph of another tool, for the tests of NIR."""

import dataclasses

import nir
import numpy as np
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron


def weights(rng, axons, neurons, bias=False):
    return np.clip(rng.normal(1, 4, (axons + bias, neurons)), -8, 7).astype(np.int8)


def dense(seed=1, decision="ttfs", bias=True, steps=20):
    rng = np.random.default_rng(seed)
    output = (40, 0, steps) if decision == "ttfs" else (1, 0, 0)
    layers = (
        Layer(weights(rng, 9, 7, bias), Neuron(50, 0, steps), bias=bias),
        Layer(weights(rng, 7, 6), Neuron(30, 0, steps)),
        Layer(weights(rng, 6, 3, bias), Neuron(*output), bias=bias),
    )
    return Network("dense", layers, steps, 10, decision, 4, {"seed": seed})


PLAIN = Window(6, 5, 2, 3), Window(4, 3, 3, 2)


def strided(seed=1, decision="ttfs", steps=24):
    """`convolution` with a padded first layer of stride 2 and a padded second one."""
    return convolution(seed, decision, steps, (Window(6, 5, 2, 3, 2, 1), Window(3, 3, 3, 2, padding=1)))


def convolution(seed=1, decision="ttfs", steps=24, windows=PLAIN):
    """Two channels in, two convolutions, the first with a bias, then dense: every order of axons counts."""
    rng = np.random.default_rng(seed)
    first, second = windows
    output = (60, 0, steps) if decision == "ttfs" else (1, 0, 0)
    layers = (
        Layer(weights(rng, first.axons, 3, True), Neuron(60, 0, steps), bias=True, window=first),
        Layer(weights(rng, second.axons, 4), Neuron(40, 0, steps), window=second),
        Layer(weights(rng, 4 * second.positions, 3), Neuron(*output)),
    )
    return Network("convolution", layers, steps, 12, decision, 4)


def foreign(**changes):
    """A graph of another tool: other names, no metadata, a whole threshold."""
    values = {
        "arrived": nir.I(np.ones(3)),
        "weights": nir.Linear(np.array([[3.0, -2.0, 5.0], [1.0, 1.0, 1.0]])),
        "fire": nir.IF(np.ones(2), np.full(2, 7.0), np.full(2, -1000.0)),
        **changes,
    }
    nodes = {"in": nir.Input(np.array([3])), **values, "out": nir.Output(np.array([2]))}
    names = list(nodes)
    return nir.NIRGraph(nodes, list(zip(names, names[1:], strict=False)))


def same(ours, theirs):
    """Two networks are equal."""
    assert len(ours.layers) == len(theirs.layers)
    for a, b in zip(ours.layers, theirs.layers, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)
        assert a.weights.dtype == b.weights.dtype
        for field in dataclasses.fields(Layer):
            if field.name != "weights":
                assert getattr(a, field.name) == getattr(b, field.name), field.name
    for field in dataclasses.fields(Network):
        if field.name != "layers":
            assert getattr(ours, field.name) == getattr(theirs, field.name), field.name
