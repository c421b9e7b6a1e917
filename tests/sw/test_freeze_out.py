"""FreezeOut and backward phase skipping of C-LIF: what they leave out, and nothing else."""

import dataclasses

import numpy as np
import pytest
import torch
from support.quarters import CLIF, check_resumes, load, small_config
from yoso_sw.learn.clif.rule import Clif
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.freeze_out import factor, until
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.trainer import Trainer


@pytest.fixture(scope="module")
def data():
    return load()


def deep(**changes):
    """Three layers in 16 steps."""
    layers = [
        LayerConfig(n, NeuronConfig(start=i + 1, end=i + 17, current=2, leak=3), bias=True, std=0.2)
        for i, n in enumerate((20, 40))
    ]
    layers.append(LayerConfig(4, NeuronConfig(current=0), std=0.2, bias=True))
    return small_config(**{**CLIF, "layers": tuple(layers), "steps": 19, **changes})


# ---- FreezeOut -------------------------------------------------------------------------------------------


def test_layers_freeze_at_the_cube_of_what_lies_between_t0_and_the_end():
    assert [until(0.8, i, 2) for i in range(3)] == pytest.approx([0.512, 0.729, 1.0])
    assert until(0.8, 0, 0) == until(1.0, 0, 4) == 1.0


def test_a_layers_rate_begins_higher_the_earlier_it_freezes_and_has_the_same_mean():
    shares = (np.arange(100_000) + 0.5) / 100_000
    for layer in range(3):
        rates = np.array([factor(0.8, layer, 2, own) for own in shares])
        end = until(0.8, layer, 2)
        assert rates[0] == pytest.approx(1 / end) and np.all(np.diff(rates) <= 0)
        assert rates.mean() == pytest.approx(0.5, abs=1e-4)
        assert not rates[shares >= end].any() and rates[shares < end].all()


def test_a_frozen_layer_keeps_its_weights_to_the_bit_and_the_others_go_on(data):
    trainer = Trainer(deep(freeze_out=0.8, float_epochs=4), data)
    seen = []

    def note(_):
        seen.append([layer.weight.detach().clone() for layer in trainer.model.chain])

    trainer.run(tick=note, until=4)
    whole = len(seen)
    for i in range(3):
        frozen = [torch.equal(before[i], after[i]) for before, after in zip(seen, seen[1:], strict=False)]
        first = next((k + 1 for k, same in enumerate(frozen) if same), whole)
        assert first == pytest.approx(until(0.8, i, 2) * whole, abs=1)
        assert all(frozen[first - 1 :])


def test_all_layers_learn_again_in_the_integer_phase(data):
    trainer = Trainer(deep(freeze_out=0.8), data)
    trainer.run(until=trainer.config.float_epochs)
    before = [layer.weight.detach().clone() for layer in trainer.model.chain]
    trainer.run()
    after = [layer.weight.detach() for layer in trainer.model.chain]
    assert not any(map(torch.equal, before, after))


def test_behind_frozen_layers_there_is_no_backward_pass(data):
    model = Clif(deep())
    inputs = model.encode(data.train[0][:20])
    model.chain[0].weight.requires_grad_(False)
    results = model(inputs)
    assert not results[0].fired.requires_grad and results[1].fired.requires_grad
    model.loss(inputs, results, torch.arange(20) % 4).backward()
    assert model.chain[0].weight.grad is None and model.chain[1].weight.grad.any()


def test_with_t0_of_one_all_layers_learn_as_without(data):
    trained = []
    for t0 in (0.0, 1.0):
        trainer = Trainer(deep(freeze_out=t0, float_epochs=1), data)
        trainer.run(until=1)
        trained.append([layer.weight.detach() for layer in trainer.model.chain])
    assert all(map(torch.equal, *trained))


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_killed_training_freezes_on_where_it_was(data, tmp_path, epoch):
    config = deep(freeze_out=0.7, backward_every=2, float_epochs=3, integer_epochs=2)
    check_resumes(config, data, tmp_path / "state.pt", epoch)


# ---- backward phase skipping -----------------------------------------------------------------------------


def gradients(model, inputs, labels):
    model.zero_grad()
    results = model(inputs)
    model.loss(inputs, results, labels).backward()
    return results, [layer.weight.grad.clone() for layer in model.chain]


def test_of_each_k_steps_the_last_takes_the_loss_back_in_every_layer():
    for layer in Clif(deep(backward_every=5)).chain:
        assert layer.learning == [layer.start + 4, layer.start + 9, layer.start + 14]


@pytest.mark.parametrize("every", [2, 5, 16])
def test_skipping_steps_changes_no_spike_and_leaves_the_gradient_of_the_others(data, every):
    """What all steps give is what each of the k ways to skip them gives, added up."""
    labels = torch.arange(30) % 4
    plain = Clif(deep()).double()
    inputs = plain.encode(data.train[0][:30]).double()
    results, whole = gradients(plain, inputs, labels)
    total = [torch.zeros_like(own) for own in whole]
    for place in range(every):
        model = Clif(deep(backward_every=every)).double()
        chosen = [
            [t for t in range(layer.start, layer.end) if (t - layer.start) % every == place]
            for layer in model.chain
        ]
        steps = dict(zip(model.chain, chosen, strict=True))
        own_class = type(model.chain[0])
        original = own_class.learning
        try:
            own_class.learning = property(lambda self, steps=steps: steps[self])
            skipped, own = gradients(model, inputs, labels)
        finally:
            own_class.learning = original
        assert all(torch.equal(a.passed, b.passed) for a, b in zip(skipped, results, strict=True))
        total = [a + b for a, b in zip(total, own, strict=True)]
    for ours, theirs in zip(total, whole, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-6, atol=1e-10) and theirs.abs().max() > 0


def test_steps_skipped_by_a_convolution_and_by_a_dense_layer_of_its_weights_are_the_same():
    """A convolution that sees all of its input is a dense layer, and goes another way through the code."""
    grads = []
    for kernel in (0, 8):
        config = deep(backward_every=3, rows=8)
        first = dataclasses.replace(config.layers[0], kernel=kernel)
        model = Clif(dataclasses.replace(config, layers=(first, *config.layers[1:])))
        inputs = model.encode(load().train[0][:30])
        grads.append(gradients(model, inputs, torch.arange(30) % 4)[1])
    for ours, theirs in zip(*grads, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("whole", [False, True])
def test_a_skipped_step_tells_the_layer_before_nothing(whole):
    model = Clif(deep(backward_every=4))
    if whole:
        model.quantise()
    for i, layer in enumerate(model.chain):
        axons = len(layer.weight) - 1
        trains = torch.ones(2, 19, axons, requires_grad=True)
        result = layer(trains)
        (result.passed if layer.fires else result.potentials).sum().backward()
        assert trains.grad.any((0, 2)).nonzero().flatten().tolist() == [i + 3, i + 7, i + 11, i + 15]


# ---- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"steepness": 0.0}, r"steepness=0\.0 is not positive"),
        ({"backward_every": 0}, r"backward_every=0 is below 1: 1 is every step"),
        ({"backward_every": 17}, r"rule clif: backward_every=17 is beyond the 16 steps that each layer sees"),
        ({"freeze_out": 1.5}, r"freeze_out=1\.5 is outside 0\.\.1; 0: no layer is frozen"),
        ({"freeze_out": -0.5}, r"freeze_out=-0\.5 is outside 0\.\.1"),
        (
            {"freeze_out": 0.8, "schedule": "constant"},
            r"freeze_out=0\.8 and schedule='constant'; it can only have",
        ),
    ],
)
def test_settings_that_mean_nothing_are_refused_in_a_line(changes, says):
    with pytest.raises(ConfigError, match=f"quarters: {says}") as caught:
        deep(**changes)
    assert len(str(caught.value).splitlines()) == 1
