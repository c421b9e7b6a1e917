"""Teachers of constant-slope windows are asked in bytes: the golden model's potentials, to the last unit."""

import dataclasses

import numpy as np
import pytest
import torch
from yoso_sw.learn import bytewise, rules
from yoso_sw.learn.bytewise import Bytewise, suits
from yoso_sw.learn.config_file import load_config
from yoso_sw.network import golden, zoo
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron, Reset

needs_kernels = pytest.mark.skipif(not bytewise.available(), reason="oneDNN's kernels of bytes are of x86-64")


def network(seed, slopes=(33, 8), stride=1, padding=0, pool=False, levels=16):
    """A convolution of 8 x 8 pixels, a dense layer and a readout of 4, with random weights."""
    rng = np.random.default_rng(seed)
    window = Window(8, 8, 1, 3, stride, padding)
    outputs = 6 * window.positions // (4 if pool else 1)

    def weights(axons, neurons):
        return rng.integers(-20, 24, (axons, neurons)).astype(np.int8)

    theta = [int(slope * levels * 1.1) for slope in slopes]
    return Network(
        name="random",
        layers=(
            Layer(weights(10, 6), Neuron(theta[0], levels, 2 * levels, slopes[0]), True, window, pool),
            Layer(weights(outputs + 1, 20), Neuron(theta[1], 2 * levels, 3 * levels, slopes[1]), True),
            Layer(weights(20, 4), Neuron(1, 0, 0)),
        ),
        steps=3 * levels + 1,
        levels=levels,
        decision="softmax",
        weight_bits=8,
        acc_bits=20,
        pot_bits=24,
    )


def pixels(count=70, seed=7):
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 256, (count, 64)) * (rng.random((count, 64)) < 0.7)).astype(np.uint8)


@needs_kernels
@pytest.mark.parametrize("slopes", [(33, 8), (1, 1), (2, 3), (7, 64), (100, 31)], ids=str)
@pytest.mark.parametrize(
    "shape", [{}, {"pool": True}, {"stride": 2}, {"padding": 1, "pool": True}, {"levels": 64}], ids=str
)
def test_bytes_have_the_golden_models_potentials(slopes, shape):
    own = network(3, slopes, **shape)
    exact = golden.run(own, pixels(), early_exit=False)
    assert suits(own)
    assert np.array_equal(Bytewise(own)(pixels()).numpy(), exact.potentials[-1])
    assert exact.sent[0].total > 500 and len(np.unique(exact.sent[1].step)) > 1


@needs_kernels
def test_a_batch_more_than_goes_at_once_has_the_same_potentials():
    own, images = network(4), pixels(2 * bytewise.BATCH + 3)
    whole = Bytewise(own)(images)
    assert torch.equal(whole, torch.cat([Bytewise(own)(part) for part in np.array_split(images, 5)]))


@needs_kernels
@pytest.mark.parametrize("name", ["mnist-784-800-10", "mnist-csnn", "fashion-mnist-784-1000-10"])
def test_committed_teachers_have_the_potentials_of_their_rule(name):
    config, own = load_config(zoo.locate(name)), Network.load(zoo.locate(name, ".npz"))
    images = np.random.default_rng(1).integers(0, 256, (20, 784)).astype(np.uint8)
    images[:, ::2] = 0
    model = rules.rule_of(config.rule).of(config, own)
    with torch.no_grad():
        assert torch.equal(Bytewise(own)(images), model(model.encode(images))[-1].potentials)


def test_the_teachers_of_all_committed_networks_suit():
    taught = {load_config(zoo.locate(name)).teacher for name in zoo.names()} - {""}
    assert len(taught) >= 4
    assert all(suits(Network.load(zoo.locate(name, ".npz"))) for name in taught)


@pytest.mark.parametrize(
    "change",
    [
        {"slope": 0},
        {"end": 30},  # what fires later is nothing to the layer behind it
        {"start": 15},  # pixels still spike
    ],
    ids=str,
)
def test_a_layer_that_bytes_cannot_have_does_not_suit(change):
    own = network(3)
    first = own.layers[0]
    assert suits(own)
    other = dataclasses.replace(first, neuron=dataclasses.replace(first.neuron, **change))
    assert not suits(dataclasses.replace(own, layers=(other, *own.layers[1:])))


def test_ages_beyond_what_sixteen_bits_can_add_do_not_suit():
    assert suits(network(3, levels=100)) and not suits(network(3, levels=200))


@pytest.mark.parametrize(
    ("decision", "neuron"),
    [("ttfs", Neuron(1, 48, 49)), ("softmax", Neuron(1, 0, 0, current=0, reset=Reset.NEVER))],
    ids=["fires", "forgets"],
)
def test_a_readout_that_fires_or_forgets_does_not_suit(decision, neuron):
    own = network(3)
    last = dataclasses.replace(own.layers[-1], neuron=neuron)
    assert not suits(dataclasses.replace(own, decision=decision, layers=(*own.layers[:-1], last)))
