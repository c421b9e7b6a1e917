"""Modules of every rule that has any: one way to compose, train in place, keep, and take as a network."""

import io

import numpy as np
import pytest
import torch
import yoso
from support.own_sets import quadrants
from torch import nn
from yoso import nn as own
from yoso_sw.learn import rules
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.modules import config_of, layers_of
from yoso_sw.network import golden

LEVELS, T = 16, 10
BITS = own.Quantiser(6)


def stdbp(convolved: bool, bits=BITS) -> list[nn.Module]:
    neuron, last = own.NeuronConfig("constant", 17.0, 16, 32), own.NeuronConfig()
    settings = {"quantiser": bits, "steps": 33}
    if not convolved:
        hidden = own.Dense(144, 12, neuron, own.Normal(0.02, 0.06), own.Extras(0.1), bias=True, **settings)
        return [hidden, own.Dense(12, 5, last, own.Normal(0.0, 0.1), **settings)]
    hidden = own.Conv2d(own.Window(12, 12, 1, 3), 3, neuron, own.Normal(0.1, 0.3), pool=True, **settings)
    return [hidden, own.Dense(75, 5, last, own.Normal(0.0, 0.1), **settings)]


def counted(layer, charged: bool, **more):
    """Of rule count or tandem: fed by a current of `LEVELS`, or by trains of T steps."""

    def made(convolved: bool, bits=BITS) -> list[nn.Module]:
        opens = LEVELS * charged + 1
        neuron = own.NeuronConfig(start=opens, end=opens + T)
        config = own.LayerConfig(12, neuron, bias=True, std=0.3, dropout=0.1, pool=convolved, **more)
        last = own.LayerConfig(5, std=0.3, bias=True)
        window = own.Window(12, 12, 1, 3) if convolved else None
        settings = {"window": window, "unit": LEVELS if charged else 1, "quantiser": bits}
        hidden = layer(9 if convolved else 144, config, T, **settings)
        return [hidden, layer(hidden.outputs, last, T, opens + 1, quantiser=bits)]

    return made


def clif(convolved: bool, bits=BITS) -> list[nn.Module]:
    neuron, last = own.NeuronConfig(start=1, end=17, current=2, leak=3), own.NeuronConfig(current=0)
    std = 0.4 if convolved else 0.1  # of fewer axons
    config = own.LayerConfig(12, neuron, bias=True, mean=0.02, std=std, pool=convolved)
    window = own.Window(12, 12, 1, 3) if convolved else None
    hidden = own.ClifLayer(9 if convolved else 144, config, 16, window=window, quantiser=bits)
    last = own.LayerConfig(5, last, std=0.2)
    return [hidden, own.ClifLayer(hidden.outputs, last, 16, 2, quantiser=bits)]


#: Layers of each rule that has modules; a new one adds its own here.
MADE = {
    "stdbp": stdbp,
    "count": counted(own.CountLayer, charged=True),
    "tandem": counted(own.TandemLayer, charged=True, batch_norm=2.0),
    "clif": clif,
}
EACH = pytest.mark.parametrize("rule", MADE)
SHAPES = pytest.mark.parametrize("convolved", [False, True], ids=["dense", "convolved"])
#: How they are trained.
HOW = {"float_epochs": 6, "integer_epochs": 1, "lr": 1e-2, "warmup": 5, "batch_size": 20, "temperature": 8.0}


def make(rule: str, convolved: bool = False) -> nn.Sequential:
    torch.manual_seed(1)
    torch.set_num_threads(1)
    return nn.Sequential(own.TemporalEncoder(LEVELS), *MADE[rule](convolved))


def pixels(count: int = 40) -> np.ndarray:
    return quadrants(count, 3, classes=5)[0].reshape(count, -1)


def results_of(model: nn.Sequential, inputs: torch.Tensor) -> list:
    """What each layer gives; nothing is drawn."""
    found = [inputs]
    with torch.no_grad():
        for module in model.eval():
            found.append(module(found[-1]))
    return found[2:] if isinstance(model[0], own.TemporalEncoder) else found[1:]


def check_equal(model: nn.Sequential, inputs: torch.Tensor, network, given) -> None:
    """The modules have the golden model's spikes and the potentials that decide."""
    exact = golden.run(network, given, early_exit=False)
    results = results_of(model, inputs)
    flat = [own.Spikes(*(part.permute(0, 2, 3, 1).flatten(1) if part.ndim == 4 else part for part in one))
            if isinstance(one, own.Spikes) else one for one in results]  # fmt: skip
    for result, sent in zip(flat, exact.sent, strict=True):
        assert result.spikes == sent
    assert exact.sent[0].total > 2 * len(given)
    assert results[-1].potentials.numpy().tolist() == exact.potentials[-1].tolist()
    assert results[-1].potentials.abs().sum() > 0


def check_same(ours, theirs) -> None:
    """Two networks are one, but for what they say about themselves."""
    for name in ("steps", "levels", "decision", "code", "weight_bits", "acc_bits", "pot_bits", "shape"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        assert (one.neuron, one.bias, one.window, one.pool) == (
            *(other.neuron, other.bias, other.window, other.pool),
        )
        assert (one.weights == other.weights).all()


def test_each_rule_with_modules_is_tested_here():
    assert set(MADE) == set(rules.composers())
    exporting = {name for name in rules.RULES if rules.limits(name).EXPORTS}
    assert set(MADE) == exporting  # a rule that ends on the chip has modules


@SHAPES
@EACH
def test_composed_modules_compute_what_their_network_does(rule, convolved):
    model, images = make(rule, convolved), pixels()
    own.quantise(model)
    check_equal(model, torch.from_numpy(images), yoso.network(model), images)


@SHAPES
@EACH
def test_modules_of_each_rule_are_trained_in_place(rule, convolved):
    """And what comes of it is, spike for spike, what the golden model makes of their network."""
    data, model = quadrants(300, 1, classes=5), make(rule, convolved)
    before = model[1].weight.detach().clone()
    trained = yoso.train(model, data, name="quad", **HOW, say=None)
    assert trained.config.rule == rule and trained.figures["golden_accuracy"] > 60
    assert not torch.equal(before, model[1].weight) and model[1].scale is not None
    check_same(yoso.network(model), trained.network)
    check_same(yoso.network(trained.model), trained.network)
    images = pixels()
    check_equal(model, torch.from_numpy(images), trained.network, images)
    assert "# quad" in trained.card
    with pytest.raises(ConfigError, match=r"layer 0: is quantised already"):
        yoso.train(model, data, **HOW, say=None)


@EACH
def test_a_configuration_trains_as_the_modules_of_its_rule_do(rule):
    """Modules with a configuration's own first weights come to its network."""
    data, model = quadrants(300, 1, classes=5), make(rule)
    config = config_of(model, name="quad", **HOW, validation=1)
    started = rules.rule_of(rule)(config)
    with torch.no_grad():
        for ours, theirs in zip(layers_of(model).layers, started.chain, strict=True):
            ours.weight.copy_(theirs.weight)
    check_same(
        yoso.train(model, data, name="quad", **HOW, say=None).network,
        yoso.train(config, data, say=None).network,
    )


@EACH
def test_a_state_dict_goes_out_and_in_in_either_phase(rule):
    model, images = make(rule), torch.from_numpy(pixels())
    torch.manual_seed(9)
    model.train()(images)  # a normalisation then has means of its own
    for phase in ("float", "integer"):
        if phase == "integer":
            own.quantise(model)
        file = io.BytesIO()
        torch.save(model.state_dict(), file)
        file.seek(0)
        other = make(rule)
        with torch.no_grad():
            other[1].weight.zero_()
        other.load_state_dict(torch.load(file, weights_only=True))
        assert [layer.scale for layer in layers_of(other).layers] == [
            layer.scale for layer in layers_of(model).layers
        ]
        for ours, theirs in zip(results_of(other, images), results_of(model, images), strict=True):
            assert torch.equal(ours.potentials, theirs.potentials)
        check_same(yoso.network(other), yoso.network(model))
    assert {key for key in model.state_dict() if key.endswith("scale")} == {"1.scale", "2.scale"}


def test_dropout_of_counts_follows_the_mode_of_a_module():
    model, images = make("count"), torch.from_numpy(pixels())
    still = model.eval()(images).potentials
    assert torch.equal(model(images).potentials, still)
    drawn = []
    for _ in range(2):
        torch.manual_seed(7)
        drawn.append(model.train()(images).potentials)
    assert torch.equal(*drawn) and not torch.equal(drawn[0], still)


def test_the_means_of_a_twins_normalisation_move_in_training_alone():
    model, images = make("tandem"), torch.from_numpy(pixels())
    means = model[1].norm.mean
    model.eval()(images)
    assert not means.any()
    model.train()(images)
    assert means.any()


TRAINS = {
    "count": counted(own.CountLayer, charged=False),
    "tandem": counted(own.TandemLayer, charged=False, batch_norm=2.0),
    "clif": clif,
}


@pytest.mark.parametrize("rule", TRAINS)
def test_without_an_encoder_inputs_are_trains(rule):
    """Events train the modules, tensors of theirs go in; and the network's code is events."""
    torch.manual_seed(1)
    model = nn.Sequential(*TRAINS[rule](False))
    steps = model[0].steps
    images, labels = quadrants(200, 1, classes=5)
    record = np.random.default_rng(2).random((200, steps, 144)) < images.reshape(200, 1, 144) / 400
    events = yoso.Events.of_record(record)
    trained = yoso.train(model, (events, labels), **HOW, say=None)
    assert (trained.network.code, trained.network.levels) == ("events", steps)
    assert trained.figures["golden_accuracy"] > 60
    check_same(yoso.network(model), trained.network)
    check_equal(model, own.trains(events, steps), trained.network, events)


# ---- what does not fit -------------------------------------------------------------------------------------


def layer(neurons=4, start=17, end=27, **more):
    return own.LayerConfig(neurons, own.NeuronConfig(start=start, end=end), **more)


ENCODER = own.TemporalEncoder(LEVELS)
READOUT = own.LayerConfig(3, own.NeuronConfig(current=0))


@pytest.mark.parametrize(
    ("modules", "says"),
    [
        (
            [ENCODER, own.CountLayer(6, layer(start=1, end=11), T, unit=16)],
            r"layer 0: start=1; it can only have start=17, after 16 levels",
        ),
        (
            [own.CountLayer(6, layer(start=3, end=13), T)],
            r"layer 0: start=3; it can only have start=1, inputs begin at step 0",
        ),
        (
            [own.TandemLayer(6, layer(start=1, end=11), T), own.TandemLayer(4, READOUT, T)],
            r"layer 1: start=1; it can only have start=2, a step after the layer before",
        ),
        (
            [own.ClifLayer(6, layer(start=1, end=9), T)],
            r"layer 0: window 1\.\.9 of its neurons; it can only be 1\.\.11, steps=10 from 1 on",
        ),
        (
            [own.ClifLayer(6, layer(start=1, end=11), T), own.ClifLayer(4, READOUT, 9, 2)],
            r"layer 1: steps=9; each layer sees as many, 10 as the first one",
        ),
        (
            [ENCODER, own.CountLayer(6, layer(), T)],
            r"layer 0: unit=1; the levels=16 of its encoder .*unit=16",
        ),
        (
            [ENCODER, own.CountLayer(6, layer(), T, unit=16), own.CountLayer(4, READOUT, T, 18, unit=2)],
            r"layer 1: unit=2; spikes of a layer bring 1 each: unit=1",
        ),
        ([ENCODER, own.ClifLayer(6, layer(start=1, end=11), T)], r"levels=16 are beyond the steps=10"),
        (
            [own.ClifLayer(6, READOUT, T, 1), own.ClifLayer(3, READOUT, T, 2)],
            r"layer 0 never fires, and nothing goes on",
        ),
        (
            [own.CountLayer(6, layer(start=1, end=11), T), own.EarliestPool2d()],
            r"module 1 \(EarliestPool2d\): it pools no convolution",
        ),
        (
            [own.Dense(6, 4, own.NeuronConfig(end=9), extras=own.Extras(batch_norm=2.0))],
            r"layer 0: its batch_norm needs slope='constant' and bias=True",
        ),
    ],
)
def test_modules_that_are_no_network_are_refused_with_what_to_do(modules, says):
    with pytest.raises(ConfigError, match=says) as caught:
        yoso.network(nn.Sequential(*modules))
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(ConfigError, match=says):
        config_of(nn.Sequential(*modules), **HOW)


def test_all_that_does_not_fit_is_told_at_once():
    modules = [
        own.CountLayer(6, layer(start=2, end=12), T, quantiser=own.Quantiser(4)),
        own.CountLayer(4, READOUT, 9, unit=2, chip=yoso.ChipParams(pot_bits=24)),
    ]
    with pytest.raises(ConfigError) as caught:
        yoso.network(nn.Sequential(*modules), name="mine")
    assert str(caught.value).splitlines()[0] == "mine: 3 obstacles:"
    with pytest.raises(ConfigError) as caught:
        config_of(nn.Sequential(*modules), **HOW, weight_bits=3)
    said = str(caught.value)
    assert said.splitlines()[0] == "modules: 6 obstacles:"
    for part in (
        *("layer 0: start=2", "layer 1: steps=9", "layer 1: unit=2", "several weight_bits, 4, 8"),
        *("several pot_bits, 20, 24", "weight_bits=3; the modules have weight_bits=8"),
    ):
        assert part in said


@EACH
def test_settings_that_the_modules_say_otherwise_are_refused(rule):
    says = "weight_bits=4; the modules have weight_bits=6"
    with pytest.raises(ConfigError, match=says) as caught:
        yoso.train(make(rule), quadrants(30, 1, classes=5), **HOW, weight_bits=4, say=None)
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(ConfigError, match=r"levels=8; the modules have levels=16"):
        config_of(make(rule), **HOW, levels=8)
    assert config_of(make(rule), **HOW, weight_bits=6, validation=1).weight_bits == 6


@EACH
def test_weights_that_do_not_follow_one_another_are_refused(rule):
    model = make(rule)
    with torch.no_grad():
        model[2].weight = nn.Parameter(model[2].weight[1:].clone())
    says = r"layer 1: weights \(1[12], 5\), not \(1[23], 5\) after the one before"
    with pytest.raises(ConfigError, match=says):
        yoso.train(model, quadrants(30, 1, classes=5), **HOW, say=None)
    own.quantise(model)
    with pytest.raises(yoso.ERRORS, match=r"1[12]"):
        yoso.network(model)


@pytest.mark.parametrize("second", MADE)
@pytest.mark.parametrize("first", MADE)
def test_layers_of_two_rules_are_one_refusal_in_one_line(first, second):
    if first == second:
        return
    model = nn.Sequential(make(first)[:2], *MADE[second](False), *MADE[first](False))
    says = rf"module 1 \(\w+\): a layer of rule {second} after one of rule {first}"
    for refused in (lambda: yoso.network(model), lambda: yoso.train(model, None, **HOW)):
        with pytest.raises(ConfigError, match=says) as caught:
            refused()
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("stdbp", "a potential may reach|weights of a neuron add up"),
        ("count", "layer 0: weights of a neuron, times its levels, add up to"),
        ("tandem", "layer 0: weights of a neuron, times its levels, add up to"),
        ("clif", "layer 0: A may reach"),
    ],
)
def test_modules_that_a_chip_could_part_from_are_no_network(rule, says):
    """A sum that saturates on the chip is a plain one in the modules."""
    chip = yoso.ChipParams(weight_bits=6, acc_bits=8, pot_bits=10)
    model = make(rule)
    for one in layers_of(model).layers:
        one.chip = chip
        one.quantiser = own.Quantiser(6, chip=chip)
    with pytest.raises(ConfigError, match=says):
        yoso.network(model)


def test_a_module_says_what_its_arguments_lack():
    with pytest.raises(ValueError, match=r"batch_norm=2\.0 needs bias=True, into which it is folded"):
        own.TandemLayer(6, layer(batch_norm=2.0), T)
    with pytest.raises(ValueError, match="never fires has no window: give start, one more than its input's"):
        own.ClifLayer(6, READOUT, T)


def test_inputs_that_are_no_trains_of_a_layer_are_refused():
    images = torch.from_numpy(np.arange(6, dtype=np.uint8)[None] * 40)
    times = own.TemporalEncoder(16)(images)
    with pytest.raises(ValueError, match="after the levels that charge, unit=4: give those of the encoder"):
        own.CountLayer(6, layer(), T, unit=4)(times)
    with pytest.raises(ValueError, match=r"there is a spike at step 13; trains have 10 steps"):
        own.ClifLayer(6, layer(start=1, end=11), T)(times)
    with pytest.raises(ValueError, match=r"inputs of shape \(1, 7, 6\) are no trains of steps=10"):
        own.CountLayer(6, layer(start=1, end=11), T)(torch.zeros(1, 7, 6))


def test_a_charged_current_is_what_the_golden_model_charges():
    """Spike times through `CountLayer`, by hand: a pixel of step s brings levels - s, silent ones nothing."""
    config = own.LayerConfig(1, own.NeuronConfig(threshold=0.25, start=5, end=7))
    made = own.CountLayer(2, config, 2, unit=4)
    with torch.no_grad():
        made.weight.fill_(0.5)
    found = made(torch.tensor([[1.0, float("inf")], [3.0, 2.0]]))
    assert found.potentials.tolist() == [[0.5 * 3 * 2], [0.5 * (1 + 2) * 2]]


def test_training_errors_are_among_those_of_the_package():
    assert TrainingError in yoso.ERRORS and ConfigError in yoso.ERRORS
