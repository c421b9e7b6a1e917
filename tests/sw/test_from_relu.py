"""A ReLU network keeps its decisions as integrate-and-fire neurons, from training to the compiler."""

import numpy as np
import pytest
from support.from_relu import activations, convert, train
from support.quarters import patterns
from yoso_sw.commands.accuracy import disagreements
from yoso_sw.compile.compiler import compile_network
from yoso_sw.network import golden


@pytest.fixture(scope="module")
def relu():
    images, labels = patterns(1500, 1)
    return train(images, labels, 12, 4, 8), images


def test_the_decisions_are_those_of_the_relu_network(relu):
    layers, images = relu
    tests, labels = patterns(500, 2)
    decisions = activations(layers, tests)[1].argmax(1)
    assert (decisions == labels).mean() > 0.95
    rates = golden.run(convert(layers, images, levels=8, steps=20), tests)
    assert (rates.decisions == decisions).mean() > 0.95 and rates.spiked.mean() > 0.95


def test_rates_are_the_activations(relu):
    """Hidden spikes a step, of activations in units of the one that spikes in every step, within a spike."""
    layers, images = relu
    network = convert(layers, images, levels=64, steps=100, full=100)
    hidden = activations(layers, images)[0]
    rates = golden.run(network, images[:50]).spikes[0].counts / 100
    assert np.abs(rates - (hidden / hidden.max())[:50]).max() < 0.03


def test_the_chip_takes_it_and_the_trainer_s_forward_pass_agrees(relu):
    layers, images = relu
    network = convert(layers, images, levels=8, steps=10)
    compile_network(network, network.chip)
    assert disagreements(None, network, images[:100]) == 0
