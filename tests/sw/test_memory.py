"""Data that a program has: its parts, forms and refusals; and what a training makes of them."""

import dataclasses

import numpy as np
import pytest
import torch
import yoso
from support.own_sets import configure, quadrants
from yoso_sw.data.memory import data_of
from yoso_sw.data.parts import Data
from yoso_sw.data.samples import DatasetError
from yoso_sw.learn.config import ConfigError

IMAGES, LABELS = quadrants(200, 1)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return yoso.config(configure(tmp_path_factory.mktemp("config")))


def sizes(data: Data) -> dict[str, int]:
    return {part: len(images) for part, (images, _) in data.pairs().items()}


def test_a_pair_is_divided_as_a_file_of_it_would_be(config, tmp_path):
    np.savez(tmp_path / "own.npz", images=IMAGES, labels=LABELS)
    data = data_of((IMAGES, LABELS), config)
    other = Data.load(dataclasses.replace(config, dataset=str(tmp_path / "own.npz")))
    assert sizes(data) == {"train": 140, "validation": 20, "test": 40}
    for mine, theirs in zip(data.pairs().values(), other.pairs().values(), strict=True):
        assert all(np.array_equal(*both) for both in zip(mine, theirs, strict=True))


def test_parts_of_ones_own_stay_what_they_are(config):
    given = {"train": (IMAGES[:100], LABELS[:100]), "test": (IMAGES[100:], LABELS[100:])}
    data = data_of(given, config)
    assert sizes(data) == {"train": 50, "validation": 50, "test": 100}
    assert np.array_equal(data.validation[1], LABELS[50:100])
    whole = data_of({**given, "validation": (IMAGES[:7], LABELS[:7])}, config)
    assert sizes(whole) == {"train": 100, "validation": 7, "test": 100}


@pytest.mark.parametrize("form", ["tensors", "lists", "events", "steps"])
def test_data_come_in_several_forms(config, form):
    flat = IMAGES.reshape(len(IMAGES), -1)
    steps = np.where(flat > 100, 3, yoso.NEVER).astype(np.int16)
    given = {
        "tensors": (torch.from_numpy(IMAGES), torch.from_numpy(LABELS)),
        "lists": (IMAGES.tolist(), LABELS.tolist()),
        "events": (yoso.Events.of_steps(steps), LABELS),
        "steps": (steps, LABELS),
    }[form]
    data = data_of(given, config)
    assert sizes(data)["test"] == 40
    if form in ("tensors", "lists"):
        assert data.train[0].dtype == np.uint8
        assert np.array_equal(data.train[0], data_of((IMAGES, LABELS), config).train[0])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (IMAGES, r"own, given: it is ndarray; give \(images, labels\)"),
        ((IMAGES, LABELS[:9]), "200 images and labels of shape"),
        ((IMAGES / 255, LABELS), "they must be uint8, 0..255"),
        ((IMAGES, LABELS / 2), "labels are float64; quadrants needs whole numbers"),
        ((IMAGES, LABELS + 9), r"label \d+ is outside 0..3; quadrants"),
        ((IMAGES[:, :6], LABELS), "72 pixels, not inputs=144"),
        ({"train": (IMAGES, LABELS)}, "own has no test images"),
        ({"train": (IMAGES, LABELS), "dev": (IMAGES, LABELS)}, "own has a part 'dev'"),
        (
            {"train": (IMAGES[:9], LABELS[:9]), "test": (IMAGES, LABELS)},
            "leave none beside validation=50; lower it",
        ),
    ],
)
def test_what_cannot_be_learnt_from_is_one_line(config, given, said):
    with pytest.raises(DatasetError, match=said) as caught:
        data_of(given, config)
    assert "\n" not in str(caught.value)


def test_a_configuration_trains_on_arrays_as_the_command_does_on_their_file(config, tmp_path):
    np.savez(tmp_path / "own.npz", images=IMAGES, labels=LABELS)
    lines = []
    ours = yoso.train(config, (IMAGES, LABELS), say=lines.append)
    theirs = yoso.train(config, tmp_path / "own.npz", say=None)
    assert [line.split()[:3] for line in lines] == [
        ["epoch", "1", "float"],
        ["epoch", "2", "float"],
        ["epoch", "3", "integer"],
    ]
    for mine, other in zip(ours.network.layers, theirs.network.layers, strict=True):
        assert (mine.weights == other.weights).all() and mine.neuron == other.neuron
    assert theirs.network.about["dataset"] == "own"
    assert ours.figures["golden_accuracy"] == theirs.figures["golden_accuracy"] > 40


def test_settings_change_a_configuration_and_are_checked(config):
    assert yoso.config(config, seed=5, lr=0.5).lr == 0.5
    assert yoso.config("mnist-784-100-10", seed=5).seed == 5
    with pytest.raises(ConfigError, match="there is no key 'speed'"):
        yoso.config(config, speed=3)
    with pytest.raises(ConfigError, match="seed='x' is not int"):
        yoso.config(config, seed="x")
    with pytest.raises(ConfigError, match="int is no configuration"):
        yoso.config(3)
    table = {"name": "mine", "steps": 8, "levels": 4, "float_epochs": 1, "integer_epochs": 1, "inputs": 6}
    layer = {"neurons": 2, "end": 8}
    assert yoso.config({**table, "layers": [layer]}).layers[0].neurons == 2


def test_a_gpu_that_is_not_there_is_one_line(config):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(yoso.ERRORS, match="this torch finds no GPU"):
        yoso.train(config, (IMAGES, LABELS), device="cuda", say=None)
