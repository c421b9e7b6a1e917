"""Convolutions with stride and padding: golden model, reference and trainer on random geometries."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.as_reference import assert_same_as_reference
from support.reference import random_events
from support.windows import random_convolutional, random_window, unrolled
from yoso_hw.params import ChipParams
from yoso_sw.learn import family
from yoso_sw.learn.layer_config import NeuronConfig
from yoso_sw.learn.stdbp import stdbp
from yoso_sw.learn.stdbp.layers import Conv2d, Quantiser
from yoso_sw.learn.stdbp.rule import flat, picture
from yoso_sw.learn.times import input_times
from yoso_sw.learn.trains import of_events
from yoso_sw.network.events import NEVER, Events
from yoso_sw.network.golden import run
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron

SEEDS = 320
CHIPS = (
    ChipParams(weight_bits=4, acc_bits=16, pot_bits=20, neuron="all"),
    ChipParams(weight_bits=4, acc_bits=6, pot_bits=8, neuron="all"),
)


def random_case(seed, family=True):
    """(network, events of three images, chip); every other chip is so narrow that A and V clamp."""
    rng = np.random.default_rng(seed)
    network = random_convolutional(rng, family=family)
    return network, random_events(rng, 3, network), CHIPS[seed % 2]


@pytest.mark.parametrize("part", range(8))
def test_the_golden_model_is_the_reference_on_random_geometries(part):
    for seed in range(part, SEEDS, 8):
        network, events, chip = random_case(seed)
        assert_same_as_reference(network, events, chip, early_exit=seed % 3 == 0)


@pytest.mark.parametrize("part", range(4))
def test_a_strided_and_padded_convolution_is_the_dense_layer_with_its_weights_unrolled(part):
    for seed in range(part, SEEDS, 4):
        network, events, chip = random_case(seed)
        layers = tuple(replace(layer, pool=False) for layer in network.layers[:1])
        output = Layer(np.ones((layers[0].outputs, 2), np.int8), Neuron(1, 0, 0))
        network = replace(network, layers=(*layers, output), decision="softmax")
        ours, theirs = (run(own, events, params=chip) for own in (network, unrolled(network)))
        assert ours.spikes == theirs.spikes
        for name in ("potentials", "accumulated"):
            for a, b in zip(getattr(ours, name), getattr(theirs, name), strict=True):
                np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(ours.spikes_in, theirs.spikes_in)


def test_updates_are_the_places_that_the_unrolled_layer_has_for_a_spike():
    for seed in range(0, SEEDS, 4):
        network, events, chip = random_case(seed)
        layer = network.layers[0]
        marks = replace(layer, weights=np.ones_like(layer.weights)).unrolled().weights.astype(int).sum(1)
        due = events.counts @ marks[: layer.inputs] + layer.bias_axon * layer.neurons
        np.testing.assert_array_equal(run(network, events, params=chip, early_exit=False).updates[:, 0], due)


def test_the_random_geometries_have_every_kernel_stride_and_padding_and_clamp_fire_and_tie():
    """Guards the tests above."""
    seen = {"clamped": 0, "several": 0, "tied": 0, "unseen": 0, "oblong": 0, "two convolutions": 0, "bias": 0}
    windows, pooled = set(), 0
    for seed in range(SEEDS):
        network, events, chip = random_case(seed)
        layer = network.layers[0]
        window = layer.window
        windows |= {(window.kernel, window.stride, window.padding > 0)}
        marks = replace(layer, weights=np.ones_like(layer.weights)).unrolled().weights[: layer.inputs]
        seen["unseen"] += not marks.any(1).all()
        seen["oblong"] += window.rows != window.cols
        seen["two convolutions"] += network.layers[1].window is not None
        seen["bias"] += layer.bias_row
        result = run(network, events, params=chip, early_exit=False)
        seen["clamped"] += any((abs(a) >= chip.acc_max).any() for a in result.accumulated)
        seen["several"] += (result.spikes[0].counts > 1).any()
        pooled += layer.pool
        seen["tied"] += layer.pool and result.spikes[0].total > result.sent[0].total > 0
    assert windows == {(k, s, p) for k in range(1, 6) for s in range(1, 4) for p in (False, k > 1)}
    assert pooled > 60 and min(seen.values()) > 25, seen


# ---- the trainer -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", range(4))
def test_the_trains_of_a_network_are_the_golden_models_on_random_geometries(part):
    """As long as A cannot saturate, so on the wide chip."""
    for seed in range(part, SEEDS, 4):
        network, events, _ = random_case(seed)
        exact = run(network, events, params=CHIPS[0], early_exit=False)
        results = family.run(network, of_events(events, network.steps), CHIPS[0])
        for i, own in enumerate(results):
            assert Events.of_record(own.fired.bool().numpy()) == exact.spikes[i]
            assert own.spikes == exact.sent[i]
            np.testing.assert_array_equal(own.potentials.numpy(), exact.potentials[i])
            np.testing.assert_array_equal(own.accumulated.numpy(), exact.accumulated[i])


def module_of(layer, steps, chip):
    """The quantised module of an integer convolution."""
    own = layer.neuron
    slope = "constant" if own.slope else "psp"
    neuron = NeuronConfig(slope, own.threshold / (own.slope or 1), own.start, own.end)
    module = Conv2d(
        *(layer.window, layer.weights.shape[1], neuron),
        quantiser=Quantiser(4, chip=chip),
        **{"steps": steps, "bias": layer.bias, "pool": layer.pool},
    )
    module.scale = float(own.slope or 1)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(layer.weights) / module.scale)
    return module


@pytest.mark.parametrize("kernels", [True, False], ids=["kernels", "torch alone"])
@pytest.mark.parametrize("part", range(4))
def test_a_module_fires_as_the_golden_model_does_on_random_geometries(monkeypatch, part, kernels):
    monkeypatch.setattr(stdbp, "KERNELS", kernels)
    for seed in range(part, SEEDS, 4):
        network, events, chip = random_case(seed, family=False)
        chip = chip if kernels else CHIPS[0]  # on a GPU no adder may saturate
        layer = network.layers[0]
        result = run(network, events, params=chip, early_exit=False)
        module = module_of(layer, network.steps, chip)
        with torch.no_grad():
            times = flat(module(picture(input_times(events.steps), layer.window)).times)
        assert (
            Events.of_steps(torch.where(times.isinf(), NEVER, times).numpy().astype(np.int16))
            == result.sent[0]
        )


@pytest.mark.parametrize("seed", range(12))
def test_gradients_of_the_kernels_are_those_of_torch_alone_on_random_geometries(monkeypatch, seed):
    """In double precision and continuous time, with spikes that tie with nothing."""
    rng = np.random.default_rng(seed)
    window = random_window(rng)
    module = Conv2d(window, 3, NeuronConfig(threshold=4.0, end=20), steps=20, bias=bool(seed % 2)).double()
    weights = torch.from_numpy(rng.normal(0.5, 0.6, module.weight.shape))
    inputs = torch.from_numpy(rng.uniform(0, 10, (4, window.channels, window.rows, window.cols)))
    found = []
    for kernels in (True, False):
        monkeypatch.setattr(stdbp, "KERNELS", kernels)
        times = inputs.clone().requires_grad_()
        module.weight = torch.nn.Parameter(weights.clone())
        fired = module(times).times
        torch.where(fired.isfinite(), fired, 0).pow(2).sum().backward()
        found.append((fired.detach(), module.weight.grad, times.grad))
    for own, other in zip(*found, strict=True):
        torch.testing.assert_close(own, other)
    assert all(part.isfinite().any() and part.any() for part in found[0])


def test_a_position_sees_the_kernel_from_its_stride_times_its_place_less_the_padding_on():
    """From the definition: A after the image is the sum of the weights that its window's spikes met."""
    rng = np.random.default_rng(0)
    window = Window(7, 5, 2, 3, stride=2, padding=1)
    layer = Layer(rng.integers(-8, 8, (18, 3)).astype(np.int8), Neuron(10**5, 0, 0), window=window)
    output = Layer(np.ones((layer.neurons, 2), np.int8), Neuron(1, 0, 0))
    network = Network("n", (layer, output), 8, 8, "softmax", 4)
    events = random_events(rng, 3, network)
    acc = run(network, events).accumulated[0].reshape(3, 4, 3, 3)
    spiked = np.zeros((3, 9, 7, 2), int)
    spiked[:, 1:8, 1:6] = (events.counts > 0).reshape(3, 7, 5, 2)
    for row in range(4):
        for col in range(3):
            seen = spiked[:, 2 * row : 2 * row + 3, 2 * col : 2 * col + 3].reshape(3, -1)
            np.testing.assert_array_equal(acc[:, row, col], seen @ layer.weights.astype(int))
