"""A network of plain arrays: what it becomes, and all that keeps arrays from being one, told at once."""

import dataclasses

import numpy as np
import pytest
import torch
import yoso
from yoso_sw.network import golden
from yoso_sw.network.checks import faults
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import NETWORKS, names

W = np.arange(12).reshape(4, 3) - 5


def of(*layers, **settings):
    return yoso.network(list(layers), **{"steps": 8, **settings})


def test_arrays_become_the_network_that_they_say():
    bias = [1, -2, 3]
    network = of(
        yoso.layer(W, threshold=7, window=(2, 6), bias=bias, slope=4),
        yoso.layer(W.T, threshold=5),
        yoso.layer(W),
        **{"name": "mine", "levels": 4, "weight_bits": 5, "about": {"seed": 3}},
    )
    assert (network.name, network.shape, network.decision, network.levels) == (
        "mine",
        "4-3-4-3",
        "softmax",
        4,
    )
    first, second, last = network.layers
    assert first.weights.dtype == np.int8 and first.weights.tolist() == [*W.tolist(), bias] and first.bias
    assert first.neuron == yoso.Neuron(7, 2, 6, slope=4) and second.neuron == yoso.Neuron(5, 0, 8)
    assert last.neuron == yoso.Neuron(1, 0, 0) and not last.neuron.fires
    assert network.about == {"seed": 3}


def test_what_is_left_out_has_the_plainest_value():
    assert (of(W).levels, of(W, steps=400).levels) == (8, 256)
    assert of(yoso.layer(W, threshold=3)).decision == "ttfs"
    assert of(yoso.layer(W, threshold=3, reset="zero")).decision == "count"
    assert of(yoso.layer(W, threshold=3, reset=yoso.Reset.SUBTRACT)).decision == "count"
    read = of(yoso.layer(W, window=(1, 8), current="cleared", bias=[0, 0, 1])).layers[0].neuron
    assert read.reset is yoso.Reset.NEVER and (read.start, read.end) == (1, 8)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32])
def test_whole_numbers_of_any_type_serve_as_weights(kind):
    weights = np.abs(W).astype(kind)
    assert of(weights).layers[0].weights.tolist() == np.abs(W).tolist()
    assert of(torch.from_numpy(np.abs(W))).layers[0].weights.tolist() == np.abs(W).tolist()


def test_a_convolution_takes_its_geometry_from_the_layer_before():
    kernel = np.random.default_rng(0).integers(-4, 5, (3, 3, 2, 4))
    network = of(
        yoso.layer(kernel, threshold=4, padding=1, pool=True),
        yoso.layer(kernel[:2, :2, :1].repeat(4, 2), threshold=4, stride=2, bias=[1, 2, 3, 4]),
        yoso.layer(np.ones((4 * 2 * 1, 2), int)),
        shape=(8, 4, 2),
    )
    assert network.shape == "8x4x2-4C3p1-P2-4C2s2-2"
    assert network.layers[1].window == yoso.Window(4, 2, 4, 2, 2, 0)
    np.testing.assert_array_equal(network.layers[0].weights[:18].reshape(3, 3, 2, 4), kernel)


def test_a_network_of_arrays_is_the_network_of_its_layers():
    """The committed networks, taken apart into plain arrays and put together again."""
    for name in names(".npz")[:4]:
        whole = Network.load(NETWORKS / f"{name}.npz")
        own = {key: getattr(whole, key) for key in ("name", "steps", "levels", "decision", "code")}
        bits = {key: getattr(whole, key) for key in ("weight_bits", "acc_bits", "pot_bits")}
        layers, shape = [], None
        for layer in whole.layers:
            axons = len(layer.weights) - layer.bias
            weights, window = layer.weights[:axons], layer.window
            geometry = {}
            if window is not None:
                weights = weights.reshape(window.kernel, window.kernel, window.channels, -1)
                geometry = {"stride": window.stride, "padding": window.padding, "pool": layer.pool}
                shape = shape or (window.rows, window.cols, window.channels)
            neuron = dataclasses.asdict(layer.neuron)
            neuron["current"] = "kept"
            bias = layer.weights[-1] if layer.bias else None
            layers.append(yoso.layer(weights, bias=bias, **neuron, **geometry))
        again = yoso.network(layers, **own, **bits, shape=shape)
        images = np.random.default_rng(1).integers(0, 256, (3, whole.inputs)).astype(np.uint8)
        ours, theirs = golden.run(again, images), golden.run(whole, images)
        assert list(ours.spikes) == list(theirs.spikes) and again.shape == whole.shape


@pytest.mark.parametrize(
    ("layers", "settings", "said"),
    [
        ([], {}, "has no layers"),
        ([yoso.layer(W, recurrent=np.eye(3))], {}, "layer 0 is recurrent"),
        ([yoso.layer(W, skip=0)], {}, "layer 0 has a skip connection"),
        ([yoso.layer(W, groups=2)], {}, "layer 0 is a grouped convolution"),
        ([yoso.layer(W, dilation=2)], {}, "layer 0 is a dilated convolution"),
        ([yoso.layer(W, pool="average")], {}, "layer 0 is pooled by 'average': pooling passes the earliest"),
        ([yoso.layer(W, size=2)], {}, "layer 0 has size, which no layer has"),
        ([yoso.layer(W * 0.5)], {}, "layer 0: weights are float64 with fractions"),
        ([yoso.layer(W * 40)], {}, "layer 0: weights -200..240 do not fit 8 bits"),
        ([yoso.layer(W, bias=[1, 2])], {}, r"layer 0: bias has shape \(2,\), not \(3,\)"),
        ([yoso.layer([[1, 2], [3]])], {}, "layer 0: weights are no array"),
        ([yoso.layer([["a"]])], {}, "layer 0: weights are <U1"),
        ([{"threshold": 4}], {}, "layer 0: there are no weights"),
        ([yoso.layer(np.ones(3, int))], {}, r"layer 0: weights have shape \(3,\)"),
        ([yoso.layer(W, window=4)], {}, "layer 0: window=4 is not"),
        ([yoso.layer(W, threshold=2.5)], {}, "layer 0: a neuron's threshold=2.5"),
        ([yoso.layer(W, threshold=3, current="slow")], {}, "layer 0: a neuron's current='slow'"),
        ([yoso.layer(W, stride=2)], {}, "layer 0: stride=2 needs a convolution"),
        ([yoso.layer(np.ones((2, 3, 1, 4), int))], {"shape": (5, 5)}, "a kernel of 2 x 3 is not square"),
        ([yoso.layer(np.ones((2, 2, 1, 4), int))], {}, r"give shape=\(rows, columns\)"),
        (
            [yoso.layer(np.ones((2, 2, 1, 4), int)), yoso.layer(np.ones((2, 2, 2, 4), int))],
            {"shape": (5, 5)},
            "its kernel has 2 channels and its inputs 4: a grouped convolution",
        ),
        ([yoso.layer(np.ones((6, 6, 1, 4), int))], {"shape": (5, 5)}, "kernel=6 is larger"),
        ([W], {"shape": (5,)}, r"shape=\(5,\) is not"),
        ([W], {"shape": 5}, "shape=5 is not"),
        ([W], {"steps": 8.5, "levels": "4"}, "steps=8.5 is no whole number"),
        ([W, W], {}, "layer 1 has 4 inputs and layer 0 3 neurons"),
    ],
)
def test_whatever_is_wrong_is_named(layers, settings, said):
    with pytest.raises(NetworkError, match=f"^network 'own': (.*\n  )*.*{said}"):
        of(*layers, **settings)


def test_all_faults_are_told_at_once():
    with pytest.raises(NetworkError) as caught:
        yoso.network(
            [
                yoso.layer(W * 0.5, threshold=4, recurrent=W),
                yoso.layer(np.ones((2, 2, 3, 4)), pool="average", groups=3),
                yoso.layer(W, threshold=3),
            ],
            steps=1,
            code="morse",
        )
    first, *rest = str(caught.value).splitlines()
    assert first == "network 'own': 7 faults:" and len(rest) == 7
    for said, line in zip(
        ("recurrent", "fractions", "average", "grouped", "shape=", "morse", "steps=1"), rest, strict=True
    ):
        assert said in line


def test_faults_of_neurons_and_of_neighbours_stand_beside_each_other():
    with pytest.raises(NetworkError) as caught:
        of(yoso.layer(W, threshold=0, leak=40), yoso.layer(W, threshold=3, end=9), W)
    said = [line.strip() for line in str(caught.value).splitlines()[1:]]
    assert said == [
        "layer 0: threshold=0 is below 1",
        "layer 0: leak=40 is outside 0..15",
        "layer 1: window ends at 9, not in 0..8",
        "layer 2 has 4 inputs and layer 1 3 neurons",
    ]


def test_a_network_of_several_faults_is_refused_with_all_of_them_and_one_of_one_in_a_line():
    good = of(yoso.layer(W, threshold=3))
    with pytest.raises(NetworkError) as caught:
        dataclasses.replace(good, decision="rate", weight_bits=3, levels=9)
    assert len(str(caught.value).splitlines()) == 4
    with pytest.raises(NetworkError) as caught:
        dataclasses.replace(good, levels=9)
    assert str(caught.value) == "network 'own': levels=9 is outside 1..min(steps, 256)"
    assert [*faults(good)] == []


def test_nothing_that_is_no_network_is_taken_for_one():
    for other, said in ((3, "int is no network"), ("mine.npz", "is no NIR file")):
        with pytest.raises(NetworkError, match=said):
            yoso.network(other)
    network = of(W)
    assert yoso.network(network) is network
