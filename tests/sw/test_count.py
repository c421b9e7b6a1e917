"""Rule count: the gradient, the chip's spikes without the delay between layers, and what it refuses."""

import dataclasses

import numpy as np
import pytest
import torch
from support.quarters import COUNT, load, patterns, small_config
from yoso_sw.compile.compiler import compile_network
from yoso_sw.data.encoding import rate, ttfs
from yoso_sw.data.parts import Data
from yoso_sw.learn import family
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.count.layer import counted, fire
from yoso_sw.learn.count.rule import Count
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.trainer import Trainer
from yoso_sw.learn.trains import of_events
from yoso_sw.network import golden
from yoso_sw.network.events import Events


def deep(code, **changes):
    """A configuration of three layers, T = 12, fed by a current of 8 levels or by trains."""
    first = 9 if code == "ttfs" else 1
    layers = (
        LayerConfig(20, NeuronConfig(start=first, end=first + 12), std=0.3, bias=True),
        LayerConfig(15, NeuronConfig(start=first + 1, end=first + 13, threshold=0.7), std=0.4, bias=True),
        LayerConfig(4, std=0.3, bias=True),
    )
    values = {**COUNT, "layers": layers, "code": code, "levels": 8, "steps": first + 14, **changes}
    return small_config(**values)


def spikes(code, images):
    """What a network of a code takes."""
    return images if code == "ttfs" else rate.encode(images, 8, 1, 0)


CODES = pytest.mark.parametrize("code", ["ttfs", "events"])


# ---- spikes ------------------------------------------------------------------------------------------------


def test_a_neuron_keeps_the_remainder_and_spikes_once_a_step():
    current = torch.tensor([3.0, 10.0, -1.0, 25.0]).expand(1, 6, 4)
    trains = fire(current, 10, small_config().chip)[0].T
    assert trains.tolist() == [[0, 0, 0, 1, 0, 0], [1] * 6, [0] * 6, [1] * 6]


@CODES
def test_three_layers_are_the_golden_models_spike_for_spike_and_the_chip_takes_them(code):
    model = Count(deep(code))
    model.quantise()
    network = model.export({})
    compile_network(network, network.chip)
    given = spikes(code, patterns(200, 5)[0])
    exact = golden.run(network, given, early_exit=False)
    with torch.no_grad():
        results = model(model.encode(given))
    for own, sent in zip(results, exact.sent, strict=True):
        assert own.spikes == sent and own.sent == sent.total
    assert exact.sent[0].total > 1000 and exact.sent[1].total > 1000
    np.testing.assert_array_equal(results[-1].potentials.numpy(), exact.potentials[-1])
    np.testing.assert_array_equal(model.decide(results).numpy(), exact.decisions)


@CODES
def test_the_shared_forward_pass_of_the_family_has_the_same_trains_a_step_a_layer_later(code):
    model = Count(deep(code))
    model.quantise()
    network = model.export({})
    images = patterns(50, 5)[0]
    events = ttfs.encode(images, 8, 1, 0) if code == "ttfs" else spikes(code, images)
    with torch.no_grad():
        results = model(model.encode(spikes(code, images)))
    for own, delayed in zip(results, family.run(network, of_events(events, network.steps)), strict=True):
        window = slice(own.start, own.start + 12)
        assert torch.equal(own.trains, delayed.fired[:, window])
        assert own.sent == delayed.sent


def test_inhibited_neurons_clamp_as_the_chip_does():
    """Half of the axons hold V at its smallest; when the others lift it, it spikes earlier for that."""
    config = deep("events", levels=12, weight_bits=4, acc_bits=10, pot_bits=10)
    layers = (dataclasses.replace(config.layers[0], clip=1.1), *config.layers[1:])
    model = Count(dataclasses.replace(config, layers=layers))
    with torch.no_grad():
        model.chain[0].weight[:32], model.chain[0].weight[32:] = -0.6, 0.6
    model.quantise()
    network = model.export({})
    record = np.random.default_rng(1).random((50, 12, 64)) < 0.5
    record[:, :6, 32:] = record[:, 6:, :32] = False
    given = Events.of_record(record)
    exact = golden.run(network, given, early_exit=False)
    with torch.no_grad():
        results = model(model.encode(given))
    assert all(own.spikes == sent for own, sent in zip(results, exact.sent, strict=True))
    wide = golden.run(dataclasses.replace(network, pot_bits=20), given, early_exit=False)
    assert exact.sent[0].unlike(wide.sent[0]) > 100


# ---- the gradient ------------------------------------------------------------------------------------------


def test_a_count_follows_the_total_by_1_over_theta_where_it_can():
    total = torch.tensor([[-5.0, 0.0, 0.1, 7.0, 39.9, 40.0, 60.0]], requires_grad=True)
    trains = torch.zeros(1, 10, 7)
    trains[0, 3, 3] = trains[0, 5, 4] = 1
    counts = counted(total, 4.0, trains, 40.0)
    assert torch.equal(counts.detach(), trains.sum(1))
    counts.sum().backward()
    assert total.grad.tolist() == [[0, 0, 0.25, 0.25, 0.25, 0, 0]]


def test_counts_stay_whole_with_the_gradient_on_them():
    total = torch.rand(100, 50, requires_grad=True) * 30
    trains = (torch.rand(100, 9, 50) < 0.4).float()
    assert torch.equal(counted(total, 3.7, trains, 9 * 3.7), trains.sum(1))


def test_the_gradient_of_a_readout_is_that_of_counts_and_weights():
    """By hand: V = sum_j c_j w_j + T b, and c_j follows V_total / theta."""
    hidden = LayerConfig(15, NeuronConfig(start=9, end=21, threshold=0.7), std=0.4, bias=True)
    model = Count(deep("ttfs", layers=(hidden, COUNT["layers"][1]), steps=22))
    inputs = model.encode(patterns(30, 5)[0])
    hidden, output = model(inputs)
    output.potentials.sum().backward()
    follows = (hidden.potentials > 0) & (hidden.potentials < 12 * 0.7 * 8)
    assert 0.1 < follows.float().mean() < 0.9
    read = model.chain[1].weight.detach()[:-1].sum(1) / (0.7 * 8)
    expected = 12 * inputs[:, 0].T @ (follows * read)
    torch.testing.assert_close(model.chain[0].weight.grad[:-1], expected)
    torch.testing.assert_close(
        model.chain[1].weight.grad[:-1], hidden.counts.detach().sum(0)[:, None].expand(-1, 4)
    )


# ---- learning ----------------------------------------------------------------------------------------------


def test_it_learns_from_trains_as_well():
    pairs = [(spikes("events", images), labels) for images, labels in (patterns(1200, 1), patterns(300, 2))]
    train, rest = pairs[0][0][:1000], pairs[0][0][1000:]
    data = Data((train, pairs[0][1][:1000]), (rest, pairs[0][1][1000:]), pairs[1])
    trainer = Trainer(deep("events", float_epochs=4), data)
    trainer.run()
    network = trainer.network("")
    assert network.about["golden_accuracy"] >= 90 and network.code == "events"
    assert trainer.evaluate(data.test)[0] == pytest.approx(network.about["golden_accuracy"], abs=0.01)


def test_a_price_on_spikes_makes_them_fewer():
    data, sent = load(), {}
    for price in (0.0, 1e-3):
        layers = (dataclasses.replace(COUNT["layers"][0], spike_penalty=price), COUNT["layers"][1])
        trainer = Trainer(small_config(**{**COUNT, "layers": layers, "float_epochs": 4}), data)
        trainer.run()
        sent[price] = trainer.history[-1].spikes[0]
        assert trainer.history[-1].accuracy >= 90
    assert sent[1e-3] < 0.8 * sent[0.0]


def test_dropout_is_of_training_alone():
    config = deep("ttfs")
    layers = (dataclasses.replace(config.layers[0], dropout=0.5), *config.layers[1:])
    model = Count(dataclasses.replace(config, layers=layers))
    inputs = model.encode(patterns(20, 5)[0])
    plain, again = model(inputs)[0], model(inputs)[0]
    assert torch.equal(plain.potentials, again.potentials)
    dropped = [model(inputs, torch.Generator().manual_seed(1))[0].potentials for _ in range(2)]
    assert torch.equal(*dropped) and not torch.equal(plain.potentials, dropped[0])


# ---- what it refuses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"decision": "count"}, r"decision='count'; it can only have decision='softmax'"),
        ({"steps": 34}, r"layer 0: start=17, end=32; it can only have start=17, end=33: T = 16 steps"),
        ({"levels": 15}, r"layer 0: start=17, end=32; it can only have start=16, end=32: T = 16 steps"),
        ({"levels": 32}, r"steps=33 less 32 charged levels and 2 layers leaves layers -1 steps; they need 1"),
        (
            {"code": "events", "levels": 32},
            r"steps=33 less 0 charged levels and 2 layers leaves layers 31 steps; they need 32",
        ),
    ],
)
def test_what_it_cannot_train_is_one_line(changes, says):
    with pytest.raises(ConfigError, match=rf"quarters: rule count: {says}"):
        small_config(**{**COUNT, **changes})


def test_a_readout_has_no_window():
    layers = (COUNT["layers"][0], LayerConfig(4, NeuronConfig(start=18, end=33)))
    with pytest.raises(ConfigError, match=r"layer 1: .*start=0, end=0: the output layer never fires"):
        small_config(**{**COUNT, "layers": layers})


def test_weights_that_could_saturate_a_are_refused_with_the_remedy():
    model = Count(small_config(**COUNT, weight_bits=8, acc_bits=12))
    model.quantise()
    with pytest.raises(TrainingError, match=r"layer 0: .* beyond 2047; use fewer weight bits, .*acc_bits"):
        model.export({})


def test_a_threshold_beyond_the_largest_potential_is_refused():
    layers = (
        dataclasses.replace(COUNT["layers"][0], neuron=NeuronConfig(start=17, end=32, threshold=1e4)),
        COUNT["layers"][1],
    )
    model = Count(small_config(**{**COUNT, "layers": layers}))
    model.quantise()
    with pytest.raises(TrainingError, match=r"layer 0: its integer threshold .* lower threshold or raise"):
        model.export({})
