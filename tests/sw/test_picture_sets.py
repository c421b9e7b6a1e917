"""Folders of pictures by class: numbered, split, made grey or kept in colours, and refused in one line."""

import re

import numpy as np
import pytest
from PIL import Image
from support.own_sets import quadrants, write_pictures
from support.set_forms import parts, refusal
from yoso_sw.data import places, registry
from yoso_sw.data.pictures import pixels

NAMES = ["ant", "bee", "cat", "dog"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, and one in which sets are looked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(places, "folders", lambda: [tmp_path / "places"])
    return tmp_path


def test_pictures_by_class_are_numbered_by_the_names_of_the_classes(folder):
    images, labels = quadrants(80, 3)
    write_pictures(folder / "beasts" / "train", images[:60], labels[:60], NAMES)
    write_pictures(folder / "beasts" / "test", images[60:], labels[60:], NAMES)
    (folder / "beasts" / "train" / "ant" / "notes.txt").write_text("passed over")
    train, validation, test = parts("beasts", validation=10)
    assert (len(train), len(validation), len(test)) == (50, 10, 20) and test.shape == (12, 12)
    known = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    for part in (train, validation, test):
        assert all(known[row.tobytes()] == label for row, label in zip(*part.pair, strict=True))
        assert len(set(part.labels)) == 4
    assert not registry.find("beasts").source.drawn


def test_pictures_without_parts_are_split_by_the_seed(folder):
    write_pictures(folder / "beasts", *quadrants(80, 3), NAMES)
    ours, again, other = (parts("beasts", seed=seed) for seed in (1, 1, 2))
    assert [part.digest for part in ours] == [part.digest for part in again]
    assert ours[2].digest != other[2].digest and registry.find("beasts").source.drawn
    assert sum(map(len, ours)) == 80 and all(len(set(part.labels)) == 4 for part in ours)


def test_pictures_are_made_grey_and_as_large_as_the_network_wants(folder):
    (folder / "beasts" / "ant").mkdir(parents=True)
    for number, (size, colour) in enumerate([((8, 6), (255, 0, 0)), ((30, 20), (0, 255, 0))] * 5):
        Image.new("RGB", size, colour).save(folder / "beasts" / "ant" / f"{number}.png")
    found = registry.load("beasts", "train", shape=(4, 5))
    assert found.inputs.shape == (7, 20) and found.shape == (4, 5)
    assert set(np.unique(found.inputs)) == {76, 150}  # ITU-R 601: 0.299 and 0.587 of 255


def test_pictures_are_in_colours_for_a_network_of_three_channels(folder):
    (folder / "beasts" / "ant").mkdir(parents=True)
    for number in range(10):
        Image.new("RGB", (8, 6), (250, 20 * number, 0)).save(folder / "beasts" / "ant" / f"{number}.png")
    found = registry.load("beasts", "train", shape=(4, 5, 3))
    assert found.inputs.shape == (7, 60) and found.shape == (4, 5, 3)
    colours = found.inputs.reshape(7, 20, 3)
    assert (colours[:, :, 0] == 250).all() and (colours[:, :, 2] == 0).all()
    assert len(np.unique(colours[:, :, 1])) == 7


def test_jpeg_pictures_serve_as_well(folder):
    write_pictures(folder / "beasts", *quadrants(40, 3), NAMES, suffix="jpg")
    path = folder / "beasts" / "ant"
    one = pixels(next(path.iterdir()).read_bytes(), None, ("JPEG",))
    assert one.ravel().tobytes() in {
        row.tobytes() for part in parts("beasts") for row in part.inputs[part.labels == 0]
    }


def test_pictures_of_several_sizes_are_refused_by_the_first_odd_one(folder):
    write_pictures(folder / "beasts", *quadrants(20, 3), NAMES)
    write_pictures(folder / "beasts" / "x", *quadrants(4, 3, side=10), ["", "", "", ""])
    said = refusal("beasts")
    assert re.search(r"beasts/x/0000\.png has 10 x 10 pixels, and those before it have 12 x 12; resize", said)


def wide(path):
    Image.fromarray(np.full((4, 4), 60000, np.uint16)).save(path)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.write_bytes(b"no picture"), "is no readable picture"),
        (lambda path: path.write_bytes(path.read_bytes()[:60]), "is no readable picture"),
        (lambda path: Image.new("L", (4, 4)).save(path, "GIF"), "is no readable picture"),
        (
            lambda path: Image.new("L", (5000, 1)).save(path),
            r"\(5000, 1\) pixels are more than any image",
        ),
        (wide, "more than 8 bits a pixel .*save it with 8"),
    ],
)
def test_an_unreadable_picture_is_named(folder, spoil, says):
    write_pictures(folder / "beasts", *quadrants(20, 3), NAMES)
    path = sorted((folder / "beasts" / "bee").iterdir())[1]
    spoil(path)
    said = refusal("beasts")
    assert f"beasts/bee/{path.name} is no readable picture (" in said and re.search(says, said)
    assert "replace or remove it" in said
