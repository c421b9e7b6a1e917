"""Rule tandem: the twin's gradient, normalisation in the weights, convolutions, and what it refuses."""

import dataclasses
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from support.quarters import ALPHA, CLIF, COUNT, LITERAL, TANDEM, load, patterns, small_config
from torch.nn import functional
from yoso_sw.compile.compiler import compile_network
from yoso_sw.data.encoding import rate
from yoso_sw.learn import bytewise, family, spike_sums
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.count.layer import CountLayer, Counts, given, pooled
from yoso_sw.learn.count.rule import Count
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.rules import rule_of
from yoso_sw.learn.tandem.layer import TandemLayer
from yoso_sw.learn.tandem.rule import Tandem
from yoso_sw.learn.trainer import Trainer
from yoso_sw.learn.trains import of_events
from yoso_sw.network import golden
from yoso_sw.network.layer import Window

STEPS = 12


def neuron(code, i):
    first = (9 if code == "ttfs" else 1) + i
    return NeuronConfig(start=first, end=first + STEPS)


def dense(code):
    return (
        LayerConfig(20, neuron(code, 0), std=0.3, bias=True, batch_norm=3.0),
        LayerConfig(15, neuron(code, 1), std=0.4, bias=True, batch_norm=3.0),
        LayerConfig(4, std=0.3, bias=True),
    )


def convolved(code):
    """8 x 8 pixels, 5 filters of 3 x 3, P2, 6 filters of 2 x 2, a readout."""
    return (
        LayerConfig(5, neuron(code, 0), std=0.4, bias=True, kernel=3, pool=True, batch_norm=3.0),
        LayerConfig(6, neuron(code, 1), std=0.4, bias=True, kernel=2, batch_norm=3.0),
        LayerConfig(4, std=0.3, bias=True),
    )


def centred_maps(code):
    """`convolved` with centred weights."""
    return tuple(dataclasses.replace(layer, centred=True) for layer in convolved(code))


def config_of(code, shape, **changes):
    first = 9 if code == "ttfs" else 1
    sizes = {"levels": 8, "steps": first + STEPS + 2, "rows": 8}
    return small_config(**{**TANDEM, **sizes, "layers": shape(code), "code": code, **changes})


def spikes(code, images):
    """What a network of a code takes."""
    return images if code == "ttfs" else rate.encode(images, 8, 1, 0)


def for_count(layers):
    return tuple(dataclasses.replace(layer, batch_norm=0.0, centred=False) for layer in layers)


CODES = pytest.mark.parametrize("code", ["ttfs", "events"])
SHAPES = pytest.mark.parametrize("shape", [dense, convolved, centred_maps])


# ---- the gradient ------------------------------------------------------------------------------------------


def test_a_count_has_the_gradient_of_relu_and_above_t_spikes_as_well():
    """By hand: one input, three neurons, V_total = 4 w; theta = 2, so 4 steps of 3 send a spike each."""
    layer = TandemLayer(1, LayerConfig(3, NeuronConfig(threshold=2.0, start=1, end=5)), 4)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 1.0, -1.0]]))
    own = layer(given(torch.ones(1, 1, 1), 4))
    assert own.counts.tolist() == [[4, 2, 0]] and own.potentials.tolist() == [[12, 4, -4]]
    (own.counts * torch.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert layer.weight.grad.tolist() == [[4 / 2, 10 * 4 / 2, 0]]


@pytest.mark.parametrize("window", [None, Window(4, 4, 2, 3)])
def test_the_gradient_is_that_of_a_normalised_relu_layer_on_the_actual_counts(window):
    """A layer of torch's own functions on the same counts, given the same gradient."""
    generator = torch.Generator().manual_seed(1)
    neuron = NeuronConfig(threshold=1.5, start=1, end=7)
    config = LayerConfig(5, neuron, bias=True, batch_norm=2.0)
    axons = 32 if window is None else window.axons
    layer = TandemLayer(axons, config, 6, window=window)
    with torch.no_grad():
        layer.norm.gain.uniform_(0.5, 2.0, generator=generator)
        layer.norm.shift.normal_(generator=generator)
    trains = (torch.rand(20, 6, 32, generator=generator) < 0.3).float()
    inputs = given(trains, 6)
    counts = inputs.counts.clone().requires_grad_()
    own = layer(Counts(trains, counts, counts, 0), generator)
    weights, gain, shift, actual = (
        part.detach().clone().requires_grad_()
        for part in (layer.weight, layer.norm.gain, layer.norm.shift, counts)
    )
    if window is None:
        found = actual @ weights[:-1]
    else:
        pictures = actual.reshape(20, 4, 4, 2).permute(0, 3, 1, 2)
        kernels = weights[:-1].reshape(3, 3, 2, 5).permute(3, 2, 0, 1)
        found = functional.conv2d(pictures, kernels)
    found = found + 6 * weights[-1].reshape(1, 5, *[1] * (found.ndim - 2))
    axes = [axis for axis in range(found.ndim) if axis != 1]
    mean, variance = found.mean(axes, keepdim=True), found.var(axes, unbiased=False, keepdim=True)
    sides = 1, 5, *[1] * (found.ndim - 2)
    normal = (found - mean) / (variance + 1e-5).sqrt() * gain.reshape(sides) + shift.reshape(sides)
    twin = torch.relu(2.0 * 1.5 * normal / 1.5)
    twin = twin if window is None else twin.permute(0, 2, 3, 1).flatten(1)
    given_back = torch.randn(twin.shape, generator=generator)
    own.counts.backward(given_back)
    twin.backward(given_back)
    assert not torch.allclose(own.counts, twin, atol=0.1) and 0.1 < (twin > 0).float().mean() < 0.9
    torch.testing.assert_close(counts.grad, actual.grad, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(layer.weight.grad, weights.grad, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(layer.norm.gain.grad, gain.grad, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(layer.norm.shift.grad, shift.grad, rtol=1e-3, atol=1e-3)


def test_pooled_counts_follow_a_neuron_where_the_other_three_are_silent():
    """By hand, T = 5: a spikes in steps 0 and 1, b in 1 and 2, the others never; c has another filter."""
    trains = torch.zeros(1, 5, 2, 2, 2)
    trains[0, [0, 1], 0, 0, 0] = trains[0, [1, 2], 0, 1, 0] = trains[0, 3, 1, 0, 1] = 1
    trains = trains.flatten(2)
    counts = trains.sum(1).requires_grad_()
    passed, own = pooled(trains, counts, Window(3, 3, 1, 2))
    assert passed[0].T.tolist() == [[1, 1, 1, 0, 0], [0, 0, 0, 1, 0]] and own.tolist() == [[3, 1]]
    own.sum().backward()
    expected = torch.tensor([[[3 / 5, 4 / 5], [3 / 5, 4 / 5]], [[2 / 5, 5 / 5], [2 / 5, 4 / 5]]])
    torch.testing.assert_close(counts.grad.reshape(2, 2, 2), expected)


# ---- even spikes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["tandem", "count"])
def test_an_even_layer_has_the_whole_thetas_of_v_total_in_training_alone(rule):
    """By hand, T = 4: an input that spikes last brings three thetas, of which one step can send one."""
    kind = {"tandem": TandemLayer, "count": CountLayer}[rule]
    layer = kind(2, LayerConfig(3, NeuronConfig(threshold=2.0, start=1, end=5)), 4)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[7.0, 30.0, -1.0], [0.0, 0.0, 3.0]]))
    inputs = given(torch.tensor([[[0.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]]), 4)
    generator = torch.Generator().manual_seed(1)
    assert layer(inputs, generator).counts.tolist() == [[1, 1, 1]]
    layer.even = True
    assert layer(inputs, None).counts.tolist() == [[1, 1, 1]]
    own = layer(inputs, generator)
    assert own.counts.tolist() == [[3, 4, 1]] and own.potentials.tolist() == [[7, 30, 2]]
    assert own.trains.sum(1).tolist() == [[3, 4, 1]] and own.sent == 8
    own.counts.sum().backward()  # as without: count's gradient ends where a count does
    late = [1 / 2, 1 / 2 if rule == "tandem" else 0, 1 / 2]
    assert layer.weight.grad.tolist() == [late, late]


@pytest.mark.parametrize("shape", [dense, convolved])
def test_the_first_epochs_are_even_and_what_is_measured_never_is(shape):
    config = config_of("ttfs", shape, even_epochs=3, float_epochs=2, integer_epochs=2)
    trainer, seen = Trainer(config, load()), []

    def note(epoch):
        model = trainer.model
        seen.append([layer.even for layer in model.chain])
        before = [layer.even for layer in model.chain]
        for layer in model.chain:
            layer.even = False
        assert trainer.evaluate(trainer.data.validation)[0] == epoch.accuracy
        for layer, own in zip(model.chain, before, strict=True):
            layer.even = own

    trainer.run(note)
    assert seen == [[True] * 3] * 3 + [[False] * 3]
    assert trainer.network("").about["golden_accuracy"] > 90


def test_even_epochs_are_of_the_epochs_there_are_and_of_rules_that_count():
    says = r"quarters: even_epochs=5 is outside 0\.\.4, all epochs"
    with pytest.raises(ConfigError, match=says):
        small_config(**{**TANDEM, "even_epochs": 5})
    for changes in (LITERAL, ALPHA, CLIF):
        says = r"quarters: rule \w+: even_epochs=1; it can only have even_epochs=0"
        with pytest.raises(ConfigError, match=says):
            small_config(**{**changes, "even_epochs": 1})


# ---- normalisation -----------------------------------------------------------------------------------------


def normalised(code, shape, **changes):
    """A model whose normalisation has seen some batches."""
    model = Tandem(config_of(code, shape, **changes))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in model.chain[:-1]:
            layer.norm.gain.uniform_(0.5, 2.0, generator=generator)
            layer.norm.shift.normal_(0.2, 0.5, generator=generator)
        for seed in range(60):
            model(model.encode(spikes(code, patterns(50, seed)[0])), generator)
    return model


@CODES
@SHAPES
def test_neurons_spike_by_weights_that_have_the_running_normalisation_in_them(code, shape):
    model = normalised(code, shape)
    with torch.no_grad():
        inputs = given(model.encode(spikes(code, patterns(50, 99)[0])), STEPS)
        for layer in model.chain[:-1]:
            twin = layer.total(inputs.counts, False)
            spiking = layer.brought(inputs.counts[:, None], layer.spiking, STEPS)[:, 0]
            torch.testing.assert_close(spiking, twin, rtol=1e-3, atol=1e-2)
            inputs = layer(inputs)
            assert 0.1 < inputs.counts.mean() < STEPS - 1
            if not layer.config.pool:  # what a count is: the whole thetas in V_total, or thereabouts
                expected = (twin / layer.threshold).floor().clamp(0, STEPS)
                assert (inputs.counts - expected).abs().mean() < 0.5


@SHAPES
def test_the_integer_phase_begins_with_the_weights_that_spiked(shape):
    model = normalised("ttfs", shape)
    spiking = [layer.spiking.detach().clone() for layer in model.chain]
    plain = [layer.weight.detach().clone() for layer in model.chain]
    model.quantise()
    for layer, own, before in zip(model.chain[:2], spiking, plain, strict=False):
        assert torch.equal(layer.weight, own) and not torch.allclose(own, before, rtol=0.1)
        assert torch.equal(layer.spiking, layer.working) and torch.equal(layer.working, layer.working.round())


# ---- integers ----------------------------------------------------------------------------------------------


@CODES
@SHAPES
@pytest.mark.parametrize("rule", ["tandem", "count"])
def test_its_layers_are_the_golden_models_spike_for_spike(rule, code, shape):
    own = shape(code) if rule == "tandem" else for_count(shape(code))
    config = config_of(code, shape, rule=rule, layers=own)
    model = normalised(code, shape) if rule == "tandem" else Count(config)
    model.quantise()
    network = model.export({})
    if shape is dense:
        compile_network(network, network.chip)
    images = spikes(code, patterns(100, 5)[0])
    exact = golden.run(network, images, early_exit=False)
    for trainers in (model, rule_of(rule).of(config, network)):
        with torch.no_grad():
            results = trainers(trainers.encode(images))
        for result, sent in zip(results, exact.sent, strict=True):
            assert result.spikes == sent and result.sent == sent.total
        np.testing.assert_array_equal(results[-1].potentials.numpy(), exact.potentials[-1])
        np.testing.assert_array_equal(trainers.decide(results).numpy(), exact.decisions)
    assert exact.sent[0].total > 1000 and exact.sent[1].total > 1000
    if code == "events":
        shared = family.run(network, of_events(images, network.steps))
        assert [delayed.spikes for delayed in shared] == list(exact.sent)


def test_a_convolution_of_images_in_colours_is_the_golden_models():
    """4 x 4 pixels of 4 channels, side by side; 5 filters of 3 x 3 x 4."""
    first, *others = convolved("ttfs")
    layers = (dataclasses.replace(first, padding=1), *others)
    config = config_of("ttfs", convolved, layers=layers, rows=4, channels=4)
    assert config.shape == (4, 4, 4) and config.windows()[0] == Window(4, 4, 4, 3, 1, 1)
    assert config_of("ttfs", convolved).shape == (8, 8)
    model = Tandem(config)
    model.quantise()
    images = patterns(100, 5)[0]
    exact = golden.run(model.export({}), images, early_exit=False)
    with torch.no_grad():
        results = model(model.encode(images))
    for result, sent in zip(results, exact.sent, strict=True):
        assert result.spikes == sent
    assert exact.sent[0].total > 500
    bright = images.reshape(100, 4, 4, 4).copy()
    bright[..., 1] = 255
    other = golden.run(model.export({}), bright.reshape(100, -1), early_exit=False)
    assert other.sent[0] != exact.sent[0]
    with pytest.raises(ConfigError, match=r"inputs=64 pixels are no rows=4 of equal length in channels=3"):
        config_of("ttfs", convolved, rows=4, channels=3)


@pytest.mark.skipif(not bytewise.available(), reason="this processor or torch has no kernels on bytes")
@pytest.mark.parametrize(
    "window",
    [Window(7, 9, 3, 3, 2, 1), Window(6, 6, 2, 5), Window(4, 4, 70, 2, 1, 1)],
    ids=lambda own: own.shape,
)
def test_spikes_are_added_in_bytes_as_exactly_as_in_floats(window):
    generator = torch.Generator().manual_seed(1)
    for share in (0.1, 1.0):
        trains = (torch.rand(5, 3, window.inputs, generator=generator) < share).float()
        weights = torch.randint(-128, 128, (window.axons + 1, 11), generator=generator).float()
        own = spike_sums.convolved(trains, weights[:-1], window, weights[-1])
        assert torch.equal(own, family.synapse(trains, weights[:-1], window, bias=weights[-1]))
    assert own.abs().max() > 255
    own = spike_sums.convolved(trains, weights[:-1], window, None)
    assert torch.equal(own, family.synapse(trains, weights[:-1], window))


def test_only_whole_spikes_of_a_convolution_are_added_in_bytes():
    model = Tandem(config_of("ttfs", convolved))
    first, second, last = model.chain
    trains = torch.zeros(1, STEPS, 8)
    assert not any(layer.in_bytes(trains) for layer in model.chain)
    model.quantise()
    assert not first.in_bytes(trains) and not last.in_bytes(trains)  # levels of a current; dense
    assert second.in_bytes(trains) == bytewise.available()


def test_a_network_of_another_pooling_is_refused():
    model = Count(config_of("ttfs", convolved, rule="count", layers=for_count(convolved("ttfs"))))
    model.quantise()
    network = model.export({})
    first = network.layers[0]
    other = dataclasses.replace(first, window=Window(4, 16, 1, 3))
    with pytest.raises(Exception, match=r"quarters, layer 0: 5C3-P2 is not that of quarters"):
        Count.of(model.config, _with_first(network, other))


def _with_first(network, layer):
    """The network with another first layer, whatever the next one makes of it."""
    changed = object.__new__(type(network))
    changed.__dict__.update(network.__dict__, layers=(layer, *network.layers[1:]))
    return changed


# ---- learning ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["tandem", "count"])
def test_a_convolution_learns(rule):
    layers = convolved("ttfs") if rule == "tandem" else for_count(convolved("ttfs"))
    data = load()
    trainer = Trainer(config_of("ttfs", convolved, rule=rule, layers=layers, float_epochs=7), data)
    trainer.run()
    network = trainer.network("")
    assert network.about["golden_accuracy"] >= 90
    assert trainer.evaluate(data.test)[0] == pytest.approx(network.about["golden_accuracy"], abs=0.01)


def test_the_example_of_the_documentation_learns_as_it_stands():
    page = (Path(__file__).parents[2] / "docs" / "learning.md").read_text()
    example = re.search(r"`TandemLayer`[^\n]*\n\n((?:    [^\n]*\n)+)", page)[1]
    rng = np.random.default_rng(0)
    names = {own.__name__: own for own in (NeuronConfig, LayerConfig, TandemLayer, given)}
    names |= {"torch": torch, "cross_entropy": functional.cross_entropy}
    names["images"] = torch.from_numpy(rng.integers(0, 256, (20, 784)).astype(np.uint8))
    names["labels"] = torch.from_numpy(rng.integers(0, 10, 20))
    exec(textwrap.dedent(example), names)
    assert names["hidden"].weight.grad.any() and names["output"].weight.grad.any()


# ---- what it refuses ---------------------------------------------------------------------------------------


def changed(i, **values):
    layers = list(TANDEM["layers"])
    layers[i] = dataclasses.replace(layers[i], **values)
    return {"layers": tuple(layers)}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (changed(0, bias=False), r"layer 0: batch_norm=2\.0 needs bias=True, into which it is folded"),
        (changed(1, batch_norm=1.0), r"layer 1: batch_norm=1\.0; it can only have batch_norm=0\.0"),
        (changed(0, neuron=NeuronConfig("constant", 1.0, 17, 32)), r"layer 0: slope='constant'; .*'psp'"),
        ({"decision": "count"}, r"decision='count'; it can only have decision='softmax'"),
        ({"levels": 31}, r"steps=33 less 31 charged levels and 2 layers leaves layers 0 steps; they need 1"),
        ({"steps": 34}, r"layer 0: start=17, end=32; it can only have start=17, end=33: T = 16 steps"),
    ],
)
def test_what_it_cannot_train_is_one_line(changes, says):
    with pytest.raises(ConfigError, match=rf"quarters: rule tandem: {says}") as caught:
        small_config(**{**TANDEM, **changes})
    assert len(str(caught.value).splitlines()) == 1


def test_count_has_no_normalisation_and_no_readout_is_a_convolution():
    for key, value, only in (("batch_norm", 1.0, 0.0), ("centred", True, False)):
        layer = dataclasses.replace(COUNT["layers"][0], **{key: value})
        with pytest.raises(ConfigError, match=rf"rule count: layer 0: {key}={value}; it can only .*={only}"):
            small_config(**{**COUNT, "layers": (layer, COUNT["layers"][1])})
    first = dataclasses.replace(convolved("ttfs")[0], neuron=NeuronConfig())
    with pytest.raises(ConfigError, match=r"rule tandem: layer 0: kernel=3; it can only have kernel=0"):
        config_of("ttfs", convolved, layers=(first,), steps=9 + STEPS)
