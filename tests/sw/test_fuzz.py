"""Damaged and hostile files: every reader refuses them by its own error, which names the file, or by none.

A format with a checksum must also not be read as anything but what was written. IDX, TOML and JPEG have none
of their own: MNIST is known by its SHA-256 (`test_datasets.py`), the rest must be well-formed.
"""

import gzip
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.small_files import CONFIG, RESULT, dense_network, tiny_data, train
from yoso_hw.params import ChipParams
from yoso_sim.job import read_result, write_result
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import ImageError, WeightImage
from yoso_sw.data.idx import encode_idx, read_idx
from yoso_sw.data.samples import DatasetError
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron
from yoso_sw.network.zoo import NETWORKS
from yoso_sw.nir import NirError, files, from_nir, read, to_nir, write

# ---- the readers -----------------------------------------------------------------------------------------


def small_network() -> Network:
    rng = np.random.default_rng(3)
    weights = [rng.integers(-8, 8, shape).astype(np.int8) for shape in ((2 * 2 * 1 + 1, 3), (12, 4))]
    window = Window(3, 3, 1, 2)
    layers = (
        Layer(weights[0], Neuron(9, 0, 20), bias=True, window=window),
        Layer(weights[1], Neuron(8, 2, 19, slope=3)),
    )
    return Network("small", layers, 20, 16, "ttfs", 5, {"seed": 3, "note": "é"})


def of_network(network: Network) -> Any:
    """All that a network says, comparable."""
    layers = [
        (layer.weights.tolist(), replace(layer, weights=np.zeros((1, 1))).__dict__ | {"weights": None})
        for layer in network.layers
    ]
    return [layers, *(getattr(network, name) for name in ("name", "steps", "levels", "decision", "about"))]


def of_trainer(path: Path) -> Any:
    trainer = Trainer(CONFIG, tiny_data(), path)
    weights = [own.tolist() for own in trainer.model.parameters()]
    return weights, trainer.epoch, trainer.history, trainer.optimizer.state_dict()["param_groups"]


@dataclass(frozen=True)
class Reader:
    """A reader of files: how one is made, what reading gives (comparable), and the error for any other."""

    write: Callable[[Path], Any]
    read: Callable[[Path], Any]
    error: type[Exception]
    checked: bool  # the format has a checksum
    suffix: str = ""


def read_or_none(path: Path) -> Any:
    """A file of results that is not whole is as if it were not there."""
    result = read_result(path)
    if result is None:
        raise ValueError(path)
    return result


READERS = {
    "network": Reader(
        lambda p: small_network().save(p), lambda p: of_network(Network.load(p)), NetworkError, True, ".npz"
    ),
    "weight image": Reader(
        lambda p: compile_network(dense_network(), ChipParams(cols=2, rows=1, neurons=4, weights=32)).save(p),
        lambda p: WeightImage.load(p).to_bytes(),
        ImageError,
        True,
    ),
    "checkpoint": Reader(train, of_trainer, TrainingError, True, ".pt"),
    "results of a chunk": Reader(lambda p: write_result(p, RESULT), read_or_none, ValueError, True, ".json"),
    "IDX": Reader(
        lambda p: p.write_bytes(encode_idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))),
        lambda p: read_idx(p).tolist(),
        DatasetError,
        False,
    ),
    "packed IDX": Reader(
        lambda p: p.write_bytes(gzip.compress(encode_idx(np.arange(24, dtype=np.uint8)), mtime=0)),
        lambda p: read_idx(p).tolist(),
        DatasetError,
        True,
        ".gz",
    ),
    "configuration": Reader(
        lambda p: p.write_bytes((NETWORKS / "mnist-784-800-10.toml").read_bytes()),
        load_config,
        ConfigError,
        False,
        ".toml",
    ),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, tuple[bytes, Any]]:
    """Of each reader the bytes of a file and what they mean."""
    folder, found = tmp_path_factory.mktemp("whole"), {}
    for name, reader in READERS.items():
        path = folder / f"file{reader.suffix}"
        reader.write(path)
        found[name] = path.read_bytes(), reader.read(path)
    return found


by_reader = pytest.mark.parametrize("name", READERS)


def check(name: str, contents: bytes, means: Any, folder: Path) -> bool:
    """Read a damaged file; whether it was refused. Any exception but the reader's own comes through."""
    reader = READERS[name]
    path = folder / f"damaged{reader.suffix}"
    path.write_bytes(contents)
    try:
        got = reader.read(path)
    except reader.error as error:
        assert str(path) in str(error), f"the message names no file: {error}"
        return True
    assert not reader.checked or got == means, "a damaged file was read as something else"
    return False


# ---- damage ----------------------------------------------------------------------------------------------


@by_reader
def test_a_file_cut_anywhere_is_refused(name, whole, tmp_path):
    contents, means = whole[name]
    refused = [check(name, contents[:size], means, tmp_path) for size in spread(len(contents), 150)]
    # A configuration may end after any setting that has no other behind it.
    assert all(refused) or name == "configuration"


def spread(size: int, most: int) -> range:
    """Places over a whole file."""
    return range(0, size, max(1, size // most))


@by_reader
def test_a_file_with_a_wrong_byte_is_refused_or_means_the_same(name, whole, tmp_path):
    """Every byte of small files, one of a few hundred of a large one; every bit in turn."""
    contents, means = whole[name]
    refused = 0
    places = spread(len(contents), 250 if name in ("checkpoint", "configuration") else 3000)
    for number, place in enumerate(places):
        wrong = bytearray(contents)
        wrong[place] ^= 1 << number % 8
        refused += check(name, bytes(wrong), means, tmp_path)
    assert refused > len(places) // 20 or name == "IDX"


@by_reader
def test_a_file_shuffled_spliced_or_filled_with_noise_is_refused_or_means_the_same(name, whole, tmp_path):
    contents, means = whole[name]
    rng = random.Random(name)
    for _ in range(60 if name == "checkpoint" else 200):
        wrong = bytearray(contents)
        start, length = rng.randrange(len(wrong)), rng.randrange(1, 40)
        kind = rng.randrange(4)
        if kind == 0:
            wrong[start : start + length] = rng.randbytes(length)
        elif kind == 1:
            del wrong[start : start + length]
        elif kind == 2:
            at = rng.randrange(len(wrong))
            wrong[at:at] = wrong[start : start + length]
        else:
            wrong[start : start + length] = rng.choice([b"\0", b"\xff"]) * length
        check(name, bytes(wrong), means, tmp_path)


@by_reader
@given(noise=st.binary(max_size=300))
def test_noise_is_refused(name, noise, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    if not check(name, noise, None if READERS[name].checked else ..., folder):
        assert name in ("IDX", "configuration")


# ---- NIR -------------------------------------------------------------------------------------------------


def nir_file(folder: Path) -> tuple[Path, bytes]:
    path = folder / "net.nir"
    write(path, to_nir(dense_network()))
    return path, path.read_bytes()


def refused(path: Path) -> bool:
    """Whether a NIR file is refused by an error of its own; else it must mean the network."""
    try:
        got = of_network(from_nir(read(path)))
    except (NirError, NetworkError) as error:
        assert path.name in str(error), f"the message names no file: {error}"
        return True
    assert got == of_network(dense_network()), "a damaged file was read as something else"
    return False


@pytest.mark.parametrize("cuts", [6, pytest.param(25, marks=pytest.mark.long)])
def test_a_nir_file_that_is_cut_or_noise_is_refused(cuts, tmp_path):
    """Each is read by a process of its own, which takes a while."""
    path, contents = nir_file(tmp_path)
    for size in (*spread(len(contents), cuts), len(contents) - 1):
        path.write_bytes(contents[:size])
        assert refused(path), size
    path.write_bytes(random.Random(5).randbytes(3000))
    assert refused(path)


@pytest.mark.parametrize(
    ("bits", "runs", "least"), [(10, 4, 4), pytest.param(40, 12, 15, marks=pytest.mark.long)]
)
def test_a_nir_file_with_wrong_bits_or_bytes_is_refused_or_means_the_same(
    bits, runs, least, tmp_path, monkeypatch
):
    """Most of a small HDF5 file is 0 and never read: bits turn in the rest, runs of bytes anywhere."""
    import h5py

    monkeypatch.setattr(files, "PATIENCE", 5)  # in one of these files HDF5 never comes to an end
    path, contents = nir_file(tmp_path)
    with h5py.File(path) as file:
        number = file["node/metadata/levels"].id.get_offset()
    rng, found = random.Random(6), 0
    for place in (number, *rng.sample([i for i, byte in enumerate(contents) if byte], bits)):
        wrong = bytearray(contents)
        wrong[place] ^= 1 << rng.randrange(8)
        path.write_bytes(wrong)
        found += refused(path)
    for _ in range(runs):
        wrong, start = bytearray(contents), rng.randrange(len(contents))
        wrong[start : start + 300] = rng.choice([rng.randbytes(300), bytes(300), b""])
        path.write_bytes(wrong)
        found += refused(path)
    assert found > least


def test_a_nir_file_with_other_contents_than_its_checksum_is_refused(tmp_path):
    import h5py

    path, _ = nir_file(tmp_path)
    with h5py.File(path, "r+") as file:
        file["node/metadata/levels"][...] = 7
    with pytest.raises(NirError, match=r"net\.nir is damaged"):
        read(path)
    with h5py.File(path, "r+") as file:
        del file.attrs[files.CHECKSUM]  # as other tools write it
    assert from_nir(read(path)).levels == 7


@pytest.mark.parametrize(
    ("reader", "says"),
    [
        ("import time; time.sleep(99)", r"net\.nir is not a whole NIR graph: it is not read in 1 s"),
        ("import os; os.abort()", r"net\.nir is not a whole NIR graph: its reader ends by signal 6"),
    ],
    ids=["hangs", "crashes"],
)
def test_a_nir_file_in_which_its_library_hangs_or_crashes_is_refused(reader, says, tmp_path, monkeypatch):
    path, _ = nir_file(tmp_path)
    monkeypatch.setattr(files, "_TRIAL", reader)
    monkeypatch.setattr(files, "PATIENCE", 1)
    with pytest.raises(NirError, match=says):
        read(path)
