"""First weights by ridge regression: what they are, by another way to get them, and where they go."""

import dataclasses

import numpy as np
import pytest
import torch
from support.quarters import LITERAL, check_resumes, load, small_config
from yoso_sw.data.augment import Augment
from yoso_sw.learn import ridge
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.stdbp.rule import Stdbp
from yoso_sw.learn.trainer import Trainer


def by_least_squares(ages, targets, penalty):
    """Ridge regression as plain least squares: the penalty as rows of their own."""
    inputs = ages - ages.mean(1, keepdims=True)
    inputs = inputs - inputs.mean(0)
    root = np.sqrt(penalty * np.square(inputs).sum(1).mean())
    rows = np.concatenate([inputs, root * np.eye(inputs.shape[1])])
    wanted = np.concatenate([targets - targets.mean(0), np.zeros((inputs.shape[1], targets.shape[1]))])
    weights = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    return weights / np.sqrt(np.square(weights).mean(0))


@pytest.fixture(scope="module")
def data():
    return load()


def begun(config, data):
    """First weights of both layers, and those of the same configuration without ridge."""
    weights = []
    for own in (config, dataclasses.replace(config, ridge_penalty=0.0)):
        model = Trainer(own, data).model
        weights.append([layer.weight.detach().clone() for layer in model.chain])
    return weights


@pytest.mark.parametrize(("images", "inputs"), [(12, 40), (40, 12), (20, 20), (30, 1)])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("penalty", [1e-2, 0.3, 10.0])
def test_directions_are_those_of_least_squares(images, inputs, classes, penalty):
    rng = np.random.default_rng((images, inputs, classes))
    ages = rng.random((images, inputs)).astype(np.float32)
    targets = np.eye(classes)[rng.integers(0, classes, images)]
    found = ridge.directions(ages, targets, penalty)
    assert found.shape == (inputs, classes)
    if inputs == 1:  # less the image's mean nothing is left of one pixel
        assert not found.any()
    else:
        assert np.allclose(found, by_least_squares(ages, targets, penalty), atol=1e-3)
        assert np.allclose(np.square(found).mean(0), 1) and np.allclose(found.mean(0), 0, atol=1e-4)


def test_images_that_are_all_alike_and_classes_without_images_give_no_direction():
    targets = np.eye(3)[[0, 1, 0, 1]]
    assert not ridge.directions(np.full((4, 9), 0.5, np.float32), targets, 0.1).any()
    found = ridge.directions(np.random.default_rng(1).random((4, 9)).astype(np.float32), targets, 0.1)
    assert np.isfinite(found).all() and found[:, :2].any(0).all() and not found[:, 2].any()


def test_a_brighter_picture_of_the_same_has_the_same_directions():
    rng = np.random.default_rng(3)
    ages = rng.random((10, 30)).astype(np.float32)
    brighter = ages + rng.random((10, 1)).astype(np.float32)
    targets = np.eye(2)[np.arange(10) % 2]
    found = ridge.directions(ages, targets, 0.2), ridge.directions(brighter, targets, 0.2)
    assert np.allclose(*found, rtol=0.1, atol=0.05)


@pytest.mark.parametrize("changes", [{}, LITERAL], ids=["constant slope", "the paper's"])
def test_hidden_neurons_take_sides_in_turn_and_outputs_believe_them(data, changes):
    config = small_config(ridge_penalty=0.3, **changes)
    (hidden, output), (before, _) = begun(config, data)
    first, last = config.layers
    classes = last.neurons
    towards = ((hidden - before) / first.std)[: config.inputs]
    assert torch.allclose(towards.square().mean(0), torch.ones(first.neurons), atol=1e-4)
    for neuron in range(classes, first.neurons):
        assert torch.allclose(towards[:, neuron], towards[:, neuron % classes], atol=1e-4)
    assert torch.equal(hidden[config.inputs :], before[config.inputs :])
    for neuron in range(first.neurons):
        for target in range(classes):
            sign = 1 if neuron % classes == target else -1
            assert output[neuron, target] == pytest.approx(last.mean + sign * last.std)


def test_no_output_begins_with_a_bias(data):
    first, last = small_config().layers
    config = small_config(ridge_penalty=0.3, layers=(first, dataclasses.replace(last, bias=True)))
    (_, output), (_, before) = begun(config, data)
    assert before[first.neurons :].all() and not output[first.neurons :].any()


def test_mirrored_images_count_where_training_mirrors_them(data):
    mirrored = small_config(ridge_penalty=0.3, rows=8, augment=Augment(mirror=True))
    images, labels = data.train
    both = [
        images.reshape(len(images), mirrored.rows, -1)[:, :, side]
        for side in (slice(None), slice(None, None, -1))
    ]
    doubled = np.concatenate(both).reshape(2 * len(images), -1), np.tile(labels, 2)
    model, other = Stdbp(mirrored), Stdbp(mirrored)
    ridge.begin(model, mirrored, *data.train)
    ridge.begin(other, dataclasses.replace(mirrored, augment=Augment()), *doubled)
    assert torch.allclose(model.chain[0].weight, other.chain[0].weight, atol=1e-5)
    alone = Stdbp(mirrored)
    ridge.begin(alone, dataclasses.replace(mirrored, augment=Augment()), *data.train)
    assert not torch.allclose(model.chain[0].weight, alone.chain[0].weight, atol=1e-3)


def test_a_network_that_begins_so_learns_and_the_golden_model_agrees(data):
    config = small_config(ridge_penalty=0.3)
    assert "first weights by ridge regression" in config.strategies
    assert "ridge" not in small_config().strategies
    trainer = Trainer(config, data)
    trainer.run()
    about = trainer.network("").about
    assert about["golden_accuracy"] >= 95
    assert about["golden_accuracy"] == pytest.approx(trainer.evaluate(data.test)[0], abs=0.01)


def test_it_is_killed_and_resumes_to_the_same_network(data, tmp_path):
    config = small_config(ridge_penalty=0.3, float_epochs=2, integer_epochs=1)
    check_resumes(config, data, tmp_path / "state.pt", 1)


def test_ridge_without_its_two_dense_layers_is_refused():
    layers = small_config().layers
    convolution = dataclasses.replace(layers[0], kernel=3)
    for own in ((layers[1],), (layers[0], *layers), (convolution, layers[1])):
        with pytest.raises(
            ConfigError, match=r"ridge_penalty=0\.3 needs one dense hidden layer and a dense output"
        ):
            small_config(ridge_penalty=0.3, layers=own)
    with pytest.raises(ConfigError, match=r"ridge_penalty=-1 is negative"):
        small_config(ridge_penalty=-1)
