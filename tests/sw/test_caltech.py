"""Caltech faces and motorbikes: splits that repeat, and clear words about what is missing."""

import dataclasses
import io
import tarfile

import numpy as np
import pytest
from PIL import Image
from yoso_sw.data import caltech, places, registry
from yoso_sw.data.parts import Data
from yoso_sw.data.samples import SPLITS, DatasetError
from yoso_sw.data.views import VIEWS, see
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig

COUNTS = {"Faces": 435, "Motorbikes": 798}


def jpeg(value, size=(50, 32)):
    file = io.BytesIO()
    Image.new("RGB", size, (value,) * 3).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A folder with an archive of flat pictures: faces of grey 10 .. 106, motorbikes of 150 .. 246."""
    folder = tmp_path_factory.mktemp("data")
    greys = {value: jpeg(value) for value in range(256)}
    with tarfile.open(folder / caltech.ARCHIVE, "w") as tar:
        for (name, count), dark in zip(COUNTS.items(), (10, 150), strict=True):
            for i in range(count):
                content = greys[dark + i % 97]
                entry = tarfile.TarInfo(f"caltech101/{name}/image_{i:04}.jpg")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return folder


def load(rows, cols, seed, dataset="caltech"):
    """(images, labels) of the three parts."""
    return [registry.load(dataset, part, seed=seed, shape=(rows, cols)).pair for part in SPLITS]


@pytest.fixture
def placed(archive, monkeypatch):
    monkeypatch.setattr(places, "folders", lambda: [archive])


def test_a_split_has_200_and_50_of_each_class_and_733_to_test(placed):
    parts = load(4, 6, seed=3)
    assert [images.shape for images, _ in parts] == [(400, 24), (100, 24), (733, 24)]
    assert [np.bincount(labels).tolist() for _, labels in parts] == [[200, 200], [50, 50], [185, 548]]
    for images, labels in parts:
        assert images.dtype == labels.dtype == np.uint8
        assert ((images.mean(1) > 130) == labels).all()
    values = np.sort(np.concatenate([images[:, 0] for images, _ in parts]))
    assert len(values) == sum(COUNTS.values())


def test_the_seed_chooses_the_split(placed):
    ours, same, other = (load(2, 3, seed)[0][0] for seed in (1, 1, 2))
    assert np.array_equal(ours, same) and not np.array_equal(ours, other)


@pytest.mark.parametrize("views", ["", *VIEWS, "-contrast-negative"])
def test_a_view_is_of_the_same_split(placed, views):
    name = f"caltech{views}"
    for (images, labels), (seen, same) in zip(load(2, 3, 1), load(2, 3, 1, name), strict=True):
        assert np.array_equal(seen, see(images, 2, name)) and np.array_equal(labels, same)


def test_a_configuration_gets_its_size_and_split(placed):
    layers = (LayerConfig(2, NeuronConfig(end=8)),)
    config = TrainConfig("faces", layers, 8, 8, 1, 1, dataset="caltech", seed=2, inputs=6, rows=2)
    assert np.array_equal(Data.load(config).test[0], load(2, 3, 2)[2][0])
    config = dataclasses.replace(config, dataset="caltech-negative")
    assert np.array_equal(Data.load(config).test[0], 255 - load(2, 3, 2)[2][0])
    assert "images as negatives" in config.strategies


def test_an_unpacked_folder_serves_as_well(archive, placed, tmp_path, monkeypatch):
    with tarfile.open(archive / caltech.ARCHIVE) as tar:
        for member in tar.getmembers():
            tar.extract(member, tmp_path)
    packed = load(2, 3, 1)
    monkeypatch.setattr(places, "folders", lambda: [tmp_path])
    for (a, b), (c, d) in zip(packed, load(2, 3, 1), strict=True):
        assert np.array_equal(a, c) and np.array_equal(b, d)


def test_a_missing_set_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "folders", lambda: [tmp_path])
    with pytest.raises(DatasetError, match=r"neither.*Put|neither.*put its folders Faces and Motorbikes"):
        load(2, 3, 1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"Faces/image_0001.jpg": jpeg(3)}, "has 1 images in Faces/, not 435"),
        ({"Faces/image_0001.jpg": b"no picture"}, "cannot be read"),
    ],
)
def test_a_damaged_set_is_named(tmp_path, monkeypatch, content, says):
    for name, data in content.items():
        (tmp_path / caltech.FOLDER / name).parent.mkdir(parents=True)
        (tmp_path / caltech.FOLDER / name).write_bytes(data)
    monkeypatch.setattr(places, "folders", lambda: [tmp_path])
    with pytest.raises(DatasetError, match=says):
        load(2, 3, 1)
    (tmp_path / caltech.ARCHIVE).write_bytes(b"no archive")
    with pytest.raises(DatasetError, match="cannot be read"):
        load(2, 3, 1)
