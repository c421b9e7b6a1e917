"""Centred weights: a mean of zero in the float phase, and what inputs have in common adds nothing."""

import dataclasses

import pytest
import torch
from support.quarters import load, small_config
from yoso_sw.learn.centring import centred
from yoso_sw.learn.count.layer import given
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.stdbp.layers import Conv2d, Dense, Extras, Quantiser
from yoso_sw.learn.tandem.layer import TandemLayer
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.layer import Window

NEURON = NeuronConfig("constant", 17.0, 16, 32)
MEAN, CENTRED = Normal(mean=0.3), Extras(centred=True)
PSP = NeuronConfig("psp", 17.0, 0, 32), Normal(mean=0.2)
KINDS = {
    "dense": lambda *rest, **bias: (Dense(30, 12, NEURON, MEAN, *rest, **bias), (40, 30)),
    "dense, slope A": lambda *rest, **bias: (Dense(30, 12, *PSP, *rest, steps=33, **bias), (40, 30)),
    "convolution": lambda *rest, **bias: (
        Conv2d(Window(8, 6, 2, 3), 5, NEURON, MEAN, *rest, **bias),
        (40, 2, 8, 6),
    ),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def centred_config(**changes):
    layers = small_config().layers
    first = dataclasses.replace(layers[0], bias=True, batch_norm=5.0, centred=True, mean=0.05)
    return small_config(layers=(first, layers[1]), **changes)


@pytest.mark.parametrize("bias", [False, True])
def test_each_neurons_weights_have_a_mean_of_zero_and_the_bias_stays(bias):
    weight = torch.randn(21, 7, dtype=torch.double) + 3
    even = centred(weight, bias)
    axons = 21 - bias
    assert even.shape == weight.shape and even[:axons].mean(0).abs().max() < 1e-12
    assert torch.equal(even[axons:], weight[axons:])
    assert torch.allclose(weight[:axons] - even[:axons], (weight - even)[:1].expand(axons, 7))


@pytest.mark.parametrize("bias", [False, True])
def test_one_axon_keeps_its_bias_alone(bias):
    weight = torch.randn(1 + bias, 3)
    assert torch.equal(centred(weight, bias), torch.cat([torch.zeros(1, 3), weight[1:]]))


def test_the_gradient_has_a_mean_of_zero_as_well():
    weight = torch.randn(9, 4, requires_grad=True)
    (centred(weight, True) * torch.randn(9, 4)).sum().backward()
    assert weight.grad[:8].mean(0).abs().max() < 1e-6 and weight.grad[8].abs().min() > 0


@pytest.mark.parametrize("bias", [False, True])
def test_what_all_inputs_have_in_common_adds_nothing(bias):
    layer = Dense(30, 12, NEURON, MEAN, CENTRED, bias=bias)
    times = torch.randint(4, 16, (40, 30)).float()
    with torch.no_grad():
        early, late = layer(times - 4).potentials, layer(times).potentials
        assert torch.allclose(early, late, atol=1e-3)
        layer.extras = Extras()
        assert not torch.allclose(layer(times - 4).potentials, layer(times).potentials, atol=1.0)


@pytest.mark.parametrize("bias", [False, True])
def test_the_integers_are_those_of_the_centred_weights(kind, bias):
    layer, _ = kind(CENTRED, Quantiser(clip=8.0), bias=bias)
    even = layer.working.detach().clone()
    layer.quantise()
    assert torch.equal(layer.weight, even)
    assert (layer.integers.detach() - even * layer.scale).abs().max() <= 0.5 + 1e-4


def test_a_layer_that_is_not_centred_keeps_its_weights(kind):
    layer, shape = kind()
    times = torch.randint(0, 24, shape).float()
    weight = layer.weight.detach().clone()
    with torch.no_grad():
        before = layer(times).potentials
        layer.extras = CENTRED
        assert not torch.allclose(before, layer(times).potentials)
        layer.extras = Extras()
    layer.quantise()
    assert torch.equal(layer.weight, weight)


def test_many_axons_leave_the_bias_in_its_bits():
    """Without: a mean of 0.01 of 4,000 weights adds 400 units, of which the bias takes back a few."""
    times = torch.randint(0, 16, (200, 4000), generator=torch.Generator().manual_seed(1)).float()
    apart = {}
    for even in (False, True):
        init = Normal(0.01, generator=torch.Generator().manual_seed(2))
        extras, quantiser = Extras(batch_norm=8.0, centred=even), Quantiser(weight_bits=8, clip=5.0)
        layer = Dense(4000, 3, NEURON, init, extras, quantiser, bias=True)
        generator = torch.Generator().manual_seed(3)
        for _ in range(100):
            layer(times, generator)
        with torch.no_grad():
            before = layer(times).potentials
            layer.quantise()
            apart[even] = (layer(times).potentials / layer.scale - before).abs().max()
    assert apart[True] < 1 < 20 < apart[False]


def test_a_centred_network_learns_and_the_golden_model_agrees():
    data = load()
    config = centred_config()
    assert "centred weights" in config.strategies and "centred" not in small_config().strategies
    trainer = Trainer(config, data)
    assert trainer.model.chain[0].working[:-1].mean(0).abs().max() < 1e-6
    trainer.run()
    network = trainer.network("")
    assert network.about["golden_accuracy"] >= 95
    assert network.about["golden_accuracy"] == pytest.approx(trainer.evaluate(data.test)[0], abs=0.01)


def test_what_the_inputs_of_a_centred_layer_have_in_common_adds_nothing_and_its_bias_fits_the_weights_bits():
    """Counts about 5: of 400 axons a mean weight of a thirtieth of theta is more than 60 thetas of bias."""
    generator, kept = torch.Generator().manual_seed(1), {}
    for centre in (False, True):
        config = LayerConfig(
            20, NeuronConfig(start=1, end=9), bias=True, batch_norm=2.0, centred=centre, clip=6.0
        )
        layer = TandemLayer(400, config, 8, init=Normal(mean=1 / 30, std=0.05))
        trains = (torch.rand(200, 8, 400, generator=generator) < 0.6).float()
        with torch.no_grad():
            for _ in range(60):
                layer(given(trains, 8), generator)
            counts = given(trains, 8).counts
            twin = layer.total(counts, False)
            if centre:  # a constant over all inputs changes nothing
                torch.testing.assert_close(layer.total(counts + 3, False), twin, rtol=1e-3, atol=2e-2)
            layer.quantise()
            ratio = layer.total(counts, False) / layer.threshold - twin
        kept[centre] = float(ratio.abs().mean()), float((layer.working[-1].abs() >= 127).float().mean())
    assert kept[True][0] < 0.1 and kept[True][1] == 0
    assert kept[False][0] > 1 and kept[False][1] > 0.9
