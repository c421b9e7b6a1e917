"""Our torch modules as others compose them: nn.Sequential, state_dict, training in place, refusals."""

import copy

import numpy as np
import pytest
import torch
import yoso
from support.own_sets import quadrants
from torch import nn
from yoso import nn as own
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.modules import config_of, layers_of
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network import golden

#: A layer that fires in a window of constant slope, and one of slope A.
WINDOW = own.NeuronConfig("constant", 17.0, 16, 32)
LITERAL = own.NeuronConfig(threshold=6.0, end=33)
BITS = own.Quantiser(5)


def dense(neuron=WINDOW, **extras) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        own.TemporalEncoder(16),
        own.Dense(144, 12, neuron, own.Normal(0.02, 0.06), own.Extras(**extras), BITS, steps=33, bias=True),
        own.Dense(12, 5, own.NeuronConfig(), own.Normal(0.0, 0.1), quantiser=BITS, steps=33),
    )


def convolution(separate: bool) -> nn.Sequential:
    """A pooled convolution, nested; its pooling a module of its own if `separate`."""
    torch.manual_seed(2)
    first = own.Conv2d(
        *(own.Window(12, 12, 1, 3), 4, LITERAL, own.Normal(0.1, 0.3)),
        **{"quantiser": BITS, "steps": 33, "pool": not separate},
    )
    inner = nn.Sequential(first, *[own.EarliestPool2d()] * separate)
    last = own.Dense(100, 5, LITERAL, own.Normal(0.1, 0.2), quantiser=BITS, steps=33)
    return nn.Sequential(own.TemporalEncoder(16), inner, nn.Identity(), last)


def pixels(count: int = 40) -> np.ndarray:
    return quadrants(count, 3, classes=5)[0].reshape(count, -1)


def spikes_of(model: nn.Sequential, images: np.ndarray) -> own.Spikes:
    with torch.no_grad():
        return model(torch.from_numpy(images))


@pytest.mark.parametrize("make", [dense, lambda: convolution(True), lambda: convolution(False)])
def test_a_sequential_of_our_modules_computes_what_its_network_does(make):
    """Quantised modules against the golden model, spike for spike."""
    model, images = make(), pixels()
    own.quantise(model)
    network, found = yoso.network(model), spikes_of(model, images)
    exact = golden.run(network, images, early_exit=False)
    if network.decision == "softmax":
        assert found.potentials.numpy().tolist() == exact.potentials[-1].tolist()
        assert found.potentials.abs().sum() > 0
    else:
        assert found.spikes == exact.sent[-1] and exact.sent[-1].total > 20
    assert (network.steps, network.levels, network.weight_bits) == (33, 16, 5)


def test_modules_in_the_float_phase_are_quantised_in_a_copy():
    model = dense()
    before = copy.deepcopy(model.state_dict())
    network = yoso.network(model)
    assert all(layer.scale is None for layer in layers_of(model).layers)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    own.quantise(model)
    for ours, theirs in zip(network.layers, yoso.network(model).layers, strict=True):
        assert ours.neuron == theirs.neuron and (ours.weights == theirs.weights).all()


def test_a_state_dict_carries_the_scales_so_that_other_modules_compute_the_same():
    model, images = dense(), pixels()
    own.quantise(model)
    state = model.state_dict()
    assert {key for key in state if key.endswith("scale")} == {"1.scale", "2.scale"}
    other = dense()
    with torch.no_grad():
        other[1].weight.zero_()
    assert other.load_state_dict(state) is not None
    assert torch.equal(spikes_of(other, images).potentials, spikes_of(model, images).potentials)
    # One of the float phase, as checkpoints of before have it, takes modules back to that phase.
    other.load_state_dict({key: value for key, value in state.items() if "scale" not in key})
    assert other[1].scale is None and not torch.equal(
        spikes_of(other, images).potentials, spikes_of(model, images).potentials
    )
    with pytest.raises(RuntimeError, match=r"Unexpected key.*1\.other"):
        other.load_state_dict({**state, "1.other": torch.zeros(1)})


def test_dropout_and_normalisation_follow_the_mode_of_a_module():
    model, images = dense(dropout=0.5), pixels()
    model.eval()
    still = spikes_of(model, images)
    assert torch.equal(still.potentials, spikes_of(model, images).potentials)
    model.train()
    torch.manual_seed(7)
    drawn = spikes_of(model, images)
    assert not torch.equal(drawn.potentials, still.potentials)
    torch.manual_seed(7)
    assert torch.equal(spikes_of(model, images).potentials, drawn.potentials)
    normed = dense(batch_norm=8.0)
    means = normed[1].norm.state_dict()
    kept = {key: value.clone() for key, value in means.items()}
    normed.eval()
    spikes_of(normed, images)
    assert all(torch.equal(kept[key], value) for key, value in means.items())
    normed.train()
    spikes_of(normed, images)
    assert any(not torch.equal(kept[key], value) for key, value in means.items())


#: How the modules below are trained.
HOW = {"float_epochs": 2, "integer_epochs": 1, "lr": 1e-2, "warmup": 5, "batch_size": 20, "temperature": 16.0}


def test_a_training_goes_on_from_its_checkpoint(tmp_path):
    images, labels = quadrants(200, 1, classes=5)
    data, path = (images, labels), tmp_path / "quad.pt"
    whole = yoso.train(dense(), data, name="quad", **HOW, say=None)
    model = dense()
    config = config_of(model, name="quad", **HOW, validation=1)
    from yoso_sw.data.memory import data_of
    from yoso_sw.learn.modules import rule_around

    Trainer(config, data_of(data, config), path, model=rule_around(model, config)).run(until=2)
    lines = []
    resumed = yoso.train(dense(), data, name="quad", **HOW, checkpoint=path, say=lines.append)
    assert len(lines) == 1 and "epoch   3 integer" in lines[0]
    for ours, theirs in zip(resumed.network.layers, whole.network.layers, strict=True):
        assert (ours.weights == theirs.weights).all()


def test_modules_that_begin_with_a_convolution_of_several_channels_have_their_configuration():
    window = own.Window(6, 8, 3, 3)
    model = nn.Sequential(
        own.TemporalEncoder(16),
        own.Conv2d(window, 4, LITERAL, own.Normal(0.1, 0.3), quantiser=BITS, steps=33),
        own.Dense(96, 5, LITERAL, own.Normal(0.1, 0.2), quantiser=BITS, steps=33),
    )
    config = config_of(model, name="colours", **HOW, validation=1)
    assert config.shape == (6, 8, 3) and config.windows() == (window, None)


class Skip(nn.Module):
    """A module of someone else's."""


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (nn.LSTM(3, 4), r"module 1 \(LSTM\): it is recurrent"),
        (nn.GRUCell(3, 4), r"module 1 \(GRUCell\): it is recurrent"),
        (nn.Conv2d(4, 8, 3, groups=2), r"module 1 \(Conv2d\): it is grouped, groups=2"),
        (nn.Conv2d(4, 8, 3), "it computes in floats"),
        (nn.Linear(3, 4), r"module 1 \(Linear\): it computes in floats"),
        (nn.AvgPool2d(2), r"module 1 \(AvgPool2d\): it averages spikes"),
        (nn.AdaptiveAvgPool2d(2), "it averages spikes"),
        (nn.MaxPool2d(2), "pooled by the earliest"),
        (nn.Flatten(), "takes the channels of a convolution as they are"),
        (Skip(), r"module 1 \(Skip\): it is no module of yoso\.nn, .* skip connections"),
        (own.EarliestPool2d(), "it pools no convolution"),
    ],
)
def test_foreign_modules_are_refused_by_name(module, said):
    layer = own.Dense(6, 4, LITERAL)
    with pytest.raises(ConfigError, match=said):
        yoso.network(nn.Sequential(layer, module))


def test_all_foreign_modules_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        yoso.network(nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.LSTM(3, 4), nn.AvgPool2d(2))))
    first, *rest = str(caught.value).splitlines()
    assert first == "modules: 3 obstacles:"
    assert [line.split(":")[0].strip() for line in rest] == [
        "module 0 (Linear)",
        "module 1.0 (LSTM)",
        "module 1.1 (AvgPool2d)",
    ]


def test_what_keeps_modules_from_being_trained_is_told_at_once():
    layer = own.Dense(6, 6, LITERAL, steps=33)
    other = own.Dense(6, 6, LITERAL, quantiser=own.Quantiser(4), steps=40)
    with pytest.raises(ConfigError) as caught:
        config_of(nn.Sequential(layer, layer, other), **HOW)
    said = str(caught.value)
    for part in ("stands in two places", "several steps, 33, 40", "several weight_bits, 4, 8", "TemporalEnc"):
        assert part in said
    with pytest.raises(ConfigError, match="float_epochs=0 is below 1"):
        yoso.train(dense(), quadrants(30, 1, classes=5), say=None)
