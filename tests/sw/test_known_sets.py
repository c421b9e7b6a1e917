"""Public data sets: what is read, from where, and what is said when it is missing or damaged."""

import gzip
import hashlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
from support.faults import disk
from yoso_sw.data import fetch, places, registry
from yoso_sw.data.idx import decode_idx, encode_idx, read_idx
from yoso_sw.data.samples import DatasetError
from yoso_sw.data.views import VIEWS


@pytest.fixture
def nothing_answers(monkeypatch, tmp_path):
    """No folder has anything and nothing can be fetched; returns the folder that YOSO_DATA names."""

    def refuse(*_):
        raise fetch.FetchError("no network here")

    monkeypatch.setenv("YOSO_DATA", str(tmp_path))
    monkeypatch.setattr(fetch, "into", refuse)
    monkeypatch.setattr(places, "folders", lambda: [tmp_path, tmp_path / "cache"])
    return tmp_path


@pytest.mark.parametrize(("split", "count"), [("train", 60_000), ("test", 10_000)])
def test_mnist_is_the_standard_one(split, count):
    images, labels = registry.load("mnist", split).pair
    assert images.shape == (count, 784) and images.dtype == np.uint8
    assert labels.shape == (count,) and labels.dtype == np.uint8
    first = {"train": [5, 0, 4, 1, 9], "test": [7, 2, 1, 0, 4]}[split]
    assert labels[:5].tolist() == first


@pytest.mark.parametrize("shape", [(0,), (7,), (3, 2, 4)])
def test_an_array_survives_the_idx_format(shape, tmp_path):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (tmp_path / "plain").write_bytes(encode_idx(array))
    (tmp_path / "packed.gz").write_bytes(gzip.compress(encode_idx(array)))
    for name in ("plain", "packed.gz"):
        assert np.array_equal(read_idx(tmp_path / name), array)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "nothing"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x00", "not an IDX file"),
        (b"\x00\x00\x08\x03\x00\x00", "within its header"),
        (encode_idx(np.zeros((2, 3), np.uint8))[:-1], "17 bytes.*needs 18"),
        (encode_idx(np.zeros((2, 3), np.uint8)) + b"x", "19 bytes.*needs 18"),
    ],
)
def test_a_damaged_idx_file_is_named(data, says):
    with pytest.raises(DatasetError, match=f"some file.*{says}"):
        decode_idx(data, "some file")


def test_a_truncated_packed_file_is_named(tmp_path):
    path = tmp_path / "short.gz"
    path.write_bytes(gzip.compress(encode_idx(np.zeros((50, 50), np.uint8)))[:-9])
    with pytest.raises(DatasetError, match=r"short\.gz cannot be read"):
        read_idx(path)


def test_a_missing_set_says_what_to_put_where(nothing_answers):
    with pytest.raises(DatasetError, match=r"(?s)mnist.*train-images-idx3-ubyte.*no network here.*YOSO_DATA"):
        registry.load("mnist", "train")


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_has_the_labels_of_its_set_and_other_pixels(view):
    images, labels = registry.load("mnist", "test").pair
    seen, same = registry.load(f"mnist{view}", "test").pair
    assert np.array_equal(seen, VIEWS[view].see(images, 28)) and not np.array_equal(seen, images)
    assert np.array_equal(labels, same)


def test_another_file_in_the_place_of_the_right_one_is_refused(nothing_answers):
    folder = nothing_answers / "mnist"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").write_bytes(encode_idx(np.zeros((5, 28, 28), np.uint8)))
    with pytest.raises(DatasetError, match="SHA-256"):
        registry.load("mnist", "train")


def test_the_users_folder_comes_first(monkeypatch, tmp_path):
    monkeypatch.setenv("YOSO_DATA", str(tmp_path))
    assert places.folders()[0] == tmp_path and len(places.folders()) == 3


def test_the_cache_is_filled_once_from_a_source_that_answers(monkeypatch, tmp_path):
    labels = encode_idx(np.arange(4, dtype=np.uint8))
    digests = {"labels": hashlib.sha256(labels).hexdigest()}

    def mirror(url, digests):
        if "dead" in url:
            raise OSError("no route")
        return {"labels": labels if "good" in url else b"something else"}

    monkeypatch.setattr(fetch, "_from_mirror", mirror)
    fetch.into(tmp_path / "a", ("dead", "liar", "good"), digests, wheel=False)
    assert (tmp_path / "a" / "labels").read_bytes() == labels
    with pytest.raises(fetch.FetchError, match=r"dead: no route; liar: labels has the wrong SHA-256"):
        fetch.into(tmp_path / "b", ("dead", "liar"), digests, wheel=False)


def test_a_download_that_cannot_be_written_leaves_nothing(monkeypatch, tmp_path):
    content = bytes(1 << 17)
    digests = {"labels": hashlib.sha256(content).hexdigest()}
    monkeypatch.setattr(fetch, "_from_mirror", lambda url, digests: {"labels": content})
    with disk(tmp_path / "small", 64) as small:
        with pytest.raises(fetch.FetchError, match=r"^\S*/small/labels: the disk is full$"):
            fetch.into(small, ("good",), digests, wheel=False)
        assert list(small.iterdir()) == []


@pytest.mark.parametrize(("name", "split"), [("cifar", "test"), ("mnist", "all")])
def test_an_unknown_set_or_split_is_refused(name, split):
    with pytest.raises(DatasetError, match="there are"):
        registry.load(name, split)


def test_the_wheels_pickle_becomes_idx_files():
    def part(images):
        pixels = np.arange(images * 784, dtype=np.uint8).reshape(images, 784)
        return (pixels / np.float32(256)).astype(np.float32), np.arange(images)

    content = pickle.dumps((part(3), part(1), part(2)), protocol=3)
    content = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    files = fetch.idx_files(gzip.compress(content))
    images = decode_idx(files["train-images-idx3-ubyte"], "images")
    assert images.shape == (4, 28, 28)
    assert np.array_equal(images[:3].ravel(), np.arange(3 * 784).astype(np.uint8))
    assert decode_idx(files["train-labels-idx1-ubyte"], "labels").tolist() == [0, 1, 2, 0]
    assert decode_idx(files["t10k-labels-idx1-ubyte"], "labels").tolist() == [0, 1]


def test_a_pickle_that_wants_more_than_arrays_is_refused():
    for evil in (print, subprocess.Popen, np.load):
        with pytest.raises(pickle.UnpicklingError, match="asks for"):
            fetch.idx_files(gzip.compress(pickle.dumps(evil)))


def test_reading_a_data_set_needs_no_torch():
    code = "import sys, yoso_sw.data.recorded, yoso_sw.data.parts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
