"""Layers and loss as torch modules, as a user of PyTorch composes them."""

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.layer_config import NeuronConfig
from yoso_sw.learn.stdbp import layers
from yoso_sw.learn.stdbp.layers import Conv2d, Dense, EarliestPool2d, Extras
from yoso_sw.learn.times import Spikes, SpikeTimeLoss, TemporalEncoder
from yoso_sw.network.layer import Window

INF = float("inf")
NEURON = NeuronConfig(threshold=8.0, end=16)


def test_the_modules_learn_in_a_loop_of_ones_own():
    rng = np.random.default_rng(0)
    labels = torch.from_numpy(rng.integers(0, 10, 200))
    pixels = rng.integers(0, 100, (200, 784))
    pixels[np.arange(200)[:, None], 70 * labels.numpy()[:, None] + np.arange(70)] += 150
    images = torch.from_numpy(pixels.astype(np.uint8))
    neuron, generator = NeuronConfig(threshold=16, end=40), torch.Generator().manual_seed(0)
    encoder = TemporalEncoder(levels=16)
    hidden = Dense(784, 50, neuron, Normal(0.02, 0.06, generator))
    output = Dense(50, 10, neuron, Normal(0.1, 0.2, generator), Extras(revive=True))
    loss = SpikeTimeLoss(end=40)
    optimizer = torch.optim.Adam([*hidden.parameters(), *output.parameters()], lr=1e-2)
    losses = []
    for _ in range(15):
        value = loss(output(hidden(encoder(images)).times).times, labels)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(float(value.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_the_example_of_the_documentation_learns_as_it_stands():
    page = (Path(__file__).parents[2] / "docs" / "learning.md").read_text()
    example = re.search(r"## As modules\n\n[^\n]*\n\n((?:    [^\n]*\n)+)", page)[1]
    names = {
        own.__name__: own for own in (NeuronConfig, Normal, Dense, Extras, SpikeTimeLoss, TemporalEncoder)
    }
    rng = np.random.default_rng(0)
    names["images"] = torch.from_numpy(rng.integers(0, 256, (20, 784)).astype(np.uint8))
    names["labels"] = torch.from_numpy(rng.integers(0, 10, 20))
    exec(textwrap.dedent(example), names)
    assert names["hidden"].weight.grad.any() and names["output"].weight.grad.any()
    assert re.search(r"::\n\n((?:    .*\n)+)", layers.__doc__)[1] == example


@pytest.mark.parametrize("layer", [Dense(6, 600, NEURON), Dense(1, 1, NEURON)])
def test_an_empty_batch_gives_no_spikes_and_a_gradient_of_zero(layer):
    spikes = layer(torch.empty(0, len(layer.weight)))
    assert spikes.times.shape == spikes.potentials.shape == (0, layer.neurons)
    spikes.times.sum().backward()
    assert not layer.weight.grad.any()


def test_an_empty_batch_of_pictures_gives_none():
    spikes = Conv2d(Window(6, 8, 2, 3), 5, NEURON, pool=True)(torch.empty(0, 2, 6, 8))
    assert spikes.times.shape == (0, 5, 2, 3)


def test_pooling_passes_on_the_earliest_spike_of_each_window_with_its_potential():
    times = torch.tensor([[[[3.0, INF, INF, INF], [1.0, 2.0, INF, INF]]]], requires_grad=True)
    potentials = torch.arange(8.0).reshape(1, 1, 2, 4)
    pooled = EarliestPool2d()(Spikes(times, potentials))
    assert pooled.times.tolist() == [[[[1.0, INF]]]] and pooled.potentials[0, 0, 0, 0] == 4
    pooled.times[0, 0, 0, 0].backward()
    assert times.grad.flatten().tolist() == [0, 0, 0, 0, 1, 0, 0, 0]
