"""Damaged and hostile files: every reader refuses them by its own error, which names the file, or by none.

A format with a checksum must also not be read as anything but what was written. IDX, TOML, JPEG and NIR have
none of their own: MNIST is known by its SHA-256 (`test_datasets.py`), the rest must be well-formed.
"""

import gzip
import io
import json
import random
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from yoso_hw.params import ChipParams
from yoso_sim.job import read_chunk, read_result, write_result
from yoso_sw import caltech
from yoso_sw.compiler import compile_network
from yoso_sw.config import NETWORKS, ConfigError, LayerConfig, TrainConfig, load_config
from yoso_sw.idx import LARGEST_FILE, DatasetError, encode_idx, read_idx
from yoso_sw.image import ImageError, WeightImage
from yoso_sw.modules import TrainingError
from yoso_sw.network import Layer, Network, NetworkError, Window
from yoso_sw.nir import NirError, from_nir, read, to_nir, write
from yoso_sw.trainer import Data, Trainer

# ---- the readers -----------------------------------------------------------------------------------------


def small_network() -> Network:
    rng = np.random.default_rng(3)
    weights = [rng.integers(-8, 8, shape).astype(np.int8) for shape in ((2 * 2 * 1 + 1, 3), (12, 4))]
    window = Window(3, 3, 1, 2)
    layers = (
        Layer(weights[0], 9, 0, 20, bias=True, window=window),
        Layer(weights[1], 8, 2, 19, slope=3),
    )
    return Network("small", layers, 20, 16, "ttfs", 5, {"seed": 3, "note": "é"})


def dense_network() -> Network:
    weights = np.arange(12, dtype=np.int8).reshape(4, 3) - 5
    return Network("dense", (Layer(weights, 7, 0, 8),), 8, 8)


def of_network(network: Network) -> Any:
    """All that a network says, comparable."""
    layers = [
        (layer.weights.tolist(), replace(layer, weights=np.zeros((1, 1))).__dict__ | {"weights": None})
        for layer in network.layers
    ]
    return [layers, *(getattr(network, name) for name in ("name", "steps", "levels", "decision", "about"))]


CONFIG = TrainConfig("tiny", (LayerConfig(2, end=8),), 8, 8, 1, 1, batch=4, validation=4, inputs=6, rows=2)


def tiny_data() -> Data:
    rng = np.random.default_rng(1)
    part = rng.integers(0, 256, (8, 6)).astype(np.uint8), rng.integers(0, 2, 8).astype(np.uint8)
    return Data(part, part, part)


def train(path: Path) -> None:
    Trainer(CONFIG, tiny_data(), path).run()


def of_trainer(path: Path) -> Any:
    trainer = Trainer(CONFIG, tiny_data(), path)
    weights = [own.tolist() for own in trainer.model.parameters()]
    return weights, trainer.epoch, trainer.history, trainer.optimizer.state_dict()["param_groups"]


RESULT = {"labels": [1, 2, 3], "seconds": 0.25, "notes": ["é"], "counters": [[0, 1 << 40]]}


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


# ---- hand-made files -------------------------------------------------------------------------------------


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def changed(path: Path, change: Callable[[dict], Any]) -> Path:
    """A network's file with something else in its JSON, and checksums that fit."""
    network = dense_network()
    network.save(path)
    with np.load(path) as arrays:
        contents = dict(arrays)
    meta = json.loads(contents["network"].tobytes())
    change(meta)
    text = json.dumps(meta).encode()
    return npz(path, **{**contents, "network": np.frombuffer(text, np.uint8)})


HOSTILE_JSON = {
    "a fraction": lambda meta: meta["layers"][0].update(threshold=7.5),
    "a number as text": lambda meta: meta.update(steps="8"),
    "true as a number": lambda meta: meta["layers"][0].update(threshold=True),
    "a number as truth": lambda meta: meta["layers"][0].update(bias=1),
    "NaN": lambda meta: meta["layers"][0].update(threshold=float("nan")),
    "infinity": lambda meta: meta["layers"][0].update(threshold=float("inf")),
    "a start beyond any step": lambda meta: meta["layers"][0].update(start=10**30),
    "a negative start": lambda meta: meta["layers"][0].update(start=-1),
    "a list as the name": lambda meta: meta.update(name=["n"]),
    "pairs as a table": lambda meta: meta.update(about=[["a", 1]]),
    "more layers than weights": lambda meta: meta["layers"].append(meta["layers"][0]),
    "a window of 10^9 rows": lambda meta: meta["layers"][0].update(
        window={"rows": 10**9, "cols": 10**9, "channels": 1, "kernel": 2}
    ),
    "a window with a negative side": lambda meta: meta["layers"][0].update(
        window={"rows": -3, "cols": 3, "channels": 1, "kernel": 2}
    ),
    "a window of another shape": lambda meta: meta["layers"][0].update(window=[1, 2]),
    "a window with another key": lambda meta: meta["layers"][0].update(window={"rows": 2, "depth": 2}),
}


@pytest.mark.parametrize("change", HOSTILE_JSON.values(), ids=HOSTILE_JSON)
def test_a_network_that_says_nonsense_is_refused(change, tmp_path):
    path = changed(tmp_path / "net.npz", change)
    with pytest.raises(NetworkError, match=r"net\.npz"):
        Network.load(path)


class Evil:
    """Unpickled, it would leave a file behind."""

    def __reduce__(self):
        return (open, ("unpickled", "w"))


def npy_header(shape: str, dtype: str = "|i1") -> bytes:
    """A .npy file that promises an array and has one byte of it."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0"


HOSTILE_ARRAYS = {
    "more than there is": npy_header("(4, 300)"),
    "10^15 weights": npy_header("(1000000000000000,)"),
    "10^30 weights": npy_header(f"({10**30},)"),
    "a negative size": npy_header("(-4, 3)"),
    "1000 axes": npy_header(repr((1,) * 1000)),
    "no shape": npy_header("None"),
    "a call for a shape": npy_header("(print(1),)"),
    "objects": npy_header("(4, 3)", "|O"),
    "no array": b"hello",
    "nothing": b"",
}


@pytest.mark.parametrize("array", HOSTILE_ARRAYS.values(), ids=HOSTILE_ARRAYS)
def test_a_network_whose_weights_are_a_trap_is_refused(array, tmp_path):
    dense_network().save(tmp_path / "right.npz")
    with (
        zipfile.ZipFile(tmp_path / "right.npz") as right,
        zipfile.ZipFile(tmp_path / "net.npz", "w") as wrong,
    ):
        wrong.writestr("network.npy", right.read("network.npy"))
        wrong.writestr("weights0.npy", array)
    with pytest.raises(NetworkError, match=r"net\.npz"):
        Network.load(tmp_path / "net.npz")


def test_weights_of_another_kind_are_refused(tmp_path):
    right = dense_network()
    right.save(tmp_path / "right.npz")
    with np.load(tmp_path / "right.npz") as arrays:
        meta = arrays["network"]
    for weights in (
        *(right.layers[0].weights.astype(kind) for kind in (np.uint8, np.int64, np.float32, np.bool_, "S1")),
        *(right.layers[0].weights[0], right.layers[0].weights[None], np.int8(3), np.zeros((4, 0), np.int8)),
    ):
        with pytest.raises(NetworkError, match=r"net\.npz"):
            Network.load(npz(tmp_path / "net.npz", network=meta, weights0=weights))


def test_pickled_objects_are_not_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evil = np.array([Evil()], object)
    with pytest.raises(NetworkError):
        Network.load(npz(tmp_path / "net.npz", network=evil, weights0=evil))
    torch.save({"version": 2, "config": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(TrainingError, match=r"evil\.pt is damaged"):
        Trainer(CONFIG, tiny_data(), tmp_path / "evil.pt")
    assert not (tmp_path / "unpickled").exists()


def test_an_archive_that_swells_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("network.npy", "w") as file,
    ):
        for _ in range((LARGEST_FILE >> 24) + 1):
            file.write(bytes(1 << 24))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(NetworkError, match=r"bomb\.npz unpacks to \d+ bytes"):
        Network.load(path)
    packed = tmp_path / "bomb.gz"
    with gzip.open(packed, "wb", compresslevel=1) as file:
        for _ in range((LARGEST_FILE >> 24) + 1):
            file.write(bytes(1 << 24))
    with pytest.raises(DatasetError, match=r"bomb\.gz has more than"):
        read_idx(packed)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_packed_by_another_method_is_refused(method, tmp_path):
    dense_network().save(tmp_path / "right.npz")
    with zipfile.ZipFile(tmp_path / "right.npz") as right:
        with zipfile.ZipFile(tmp_path / "net.npz", "w", method) as wrong:
            for name in right.namelist():
                wrong.writestr(name, right.read(name))
    with pytest.raises(NetworkError, match=r"net\.npz.*method"):
        Network.load(tmp_path / "net.npz")


@pytest.mark.parametrize(
    "header",
    [
        b"\x00\x00\x08\xff" + b"\x00\x00\x00\x01" * 255 + b"\x07",
        b"\x00\x00\x08\x40" + b"\x00\x00\x00\x01" * 64 + b"\x07",
        b"\x00\x00\x08\x03" + b"\xff" * 12,
        b"\x00\x00\x08\x04" + b"\x00\x00\x00\x00" + b"\xff" * 12,
        b"\x00\x00\x08\x08" + b"\xff" * 28 + b"\x00" * 4,
        b"\x00\x00\x08\x00",
    ],
    ids=["255 axes", "64 axes", "2^96 pixels", "no images of 2^96 pixels", "2^224 by 0", "no axes"],
)
def test_an_idx_header_that_promises_the_impossible_is_refused(header, tmp_path):
    (tmp_path / "labels").write_bytes(header)
    with pytest.raises(DatasetError, match="labels"):
        read_idx(tmp_path / "labels")


HOSTILE_TOML = {
    "nested without end": "a = " + "[" * 100_000,
    "a number of 5000 digits": "steps = " + "9" * 5000,
    "NaN": "unit = nan",
    "infinity": "unit = inf",
    "no rows": "rows = 0",
    "negative pixels": "inputs = -784",
    "a negative seed": "seed = -1",
    "steps beyond NEVER": "steps = 40000",
    "a negative rate": "float_rate = -1e-3",
    "a table for a number": "steps = {}",
    "text for a table": 'augment = "much"',
    "a truth for a number": "batch = true",
    "10^12 neurons": "[[layers]]\nneurons = 1000000000000",
    "an infinite threshold": "[[layers]]\nneurons = 3\nthreshold = inf",
    "layers that are no tables": "layers = [1, 2]",
    "bytes that are no text": b"name = \xff\xfe",
}


@pytest.mark.parametrize("line", HOSTILE_TOML.values(), ids=HOSTILE_TOML)
def test_a_configuration_that_says_nonsense_is_refused(line, tmp_path):
    right = (NETWORKS / "mnist-784-800-10.toml").read_text()
    line = line if isinstance(line, bytes) else line.encode()
    key = line.partition(b" ")[0].decode(errors="ignore")
    lines = [kept for kept in right.splitlines() if not kept.startswith(f"{key} =")]
    text = "\n".join(lines).encode()
    wrong = text + b"\n" + line if line.startswith(b"[[") else line + b"\n" + text
    if line.startswith((b"layers", b"augment")):
        wrong = line + b"\n" + text.partition(b"[")[0]
    (tmp_path / "net.toml").write_bytes(wrong)
    with pytest.raises(ConfigError, match=r"net\.toml|mnist-784-800-10"):
        load_config(tmp_path / "net.toml")


# ---- checkpoints, results --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state["model"].update({key: value * np.nan for key, value in state["model"].items()}),
        lambda state: state.update(model={}),
        lambda state: state.update(epoch=-1),
        lambda state: state.update(epoch=10**9),
        lambda state: state.update(epoch="one"),
        lambda state: state.update(history=[]),
        lambda state: state.update(history=3),
        lambda state: state.update(scales=3),
        lambda state: state.update(optimizer={"state": {}, "param_groups": []}),
        lambda state: state.update(optimizer=[]),
        lambda state: state.pop("float_accuracy"),
        lambda state: state.clear(),
    ],
)
def test_a_checkpoint_with_other_contents_is_refused(change, tmp_path):
    path = tmp_path / "net.pt"
    train(path)
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)
    with pytest.raises(TrainingError, match=r"net\.pt is damaged"):
        Trainer(CONFIG, tiny_data(), path)


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "{}", '{"result": {}}', '{"checksum": 0, "result": null}', "[" * 10**5]
)
def test_results_that_are_none_count_as_not_there(text, tmp_path):
    path = tmp_path / "images-000000-000003.json"
    path.write_text(text)
    assert read_result(path) is None and read_chunk(tmp_path, (0, 3)) is None
    write_result(path, RESULT)
    assert read_chunk(tmp_path, (0, 3)) == RESULT
    write_result(path, {**RESULT, "labels": [1]})
    assert read_chunk(tmp_path, (0, 3)) is None


# ---- Caltech ---------------------------------------------------------------------------------------------


def jpeg(size=(12, 8)) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def few(monkeypatch):
    """A set of two images a class is whole."""
    monkeypatch.setattr(caltech, "CLASSES", {"Faces": 2, "Motorbikes": 2})


def archive(entries: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file.getvalue()


FOUR = {f"caltech101/{name}/image_{i}.jpg": jpeg() for name in ("Faces", "Motorbikes") for i in range(2)}


def read_caltech(contents: bytes, folder: Path) -> dict[str, np.ndarray] | None:
    """Images of an archive, None if it is refused."""
    path = folder / "set.tar"
    path.write_bytes(contents)
    caltech.images.cache_clear()
    try:
        return caltech.images(2, 3, path)
    except DatasetError as error:
        assert str(path) in str(error)
        return None


def test_a_damaged_archive_of_images_is_refused_or_has_all_images(few, tmp_path):
    whole, rng = archive(FOUR), random.Random(4)
    assert {name: len(own) for name, own in read_caltech(whole, tmp_path).items()} == caltech.CLASSES
    refused = 0
    for number in range(600):
        wrong = bytearray(whole)
        if number < 100:
            del wrong[number * len(wrong) // 100 :]
        else:
            wrong[rng.randrange(len(wrong))] ^= 1 << rng.randrange(8)
        images = read_caltech(bytes(wrong), tmp_path)
        refused += images is None
        assert images is None or all(own.shape == (2, 6) for own in images.values())
    assert refused > 100


def link(kind: bytes, target: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in FOUR:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            tar.addfile(entry)
    return file.getvalue()


def huge_jpeg() -> bytes:
    """A picture whose header says 65,500 x 65,500."""
    data = jpeg()
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + b"\xff\xdc\xff\xdc" + data[at + 4 :]


def as_gif() -> bytes:
    file = io.BytesIO()
    Image.new("L", (3, 3)).save(file, "GIF")
    return file.getvalue()


HOSTILE_ARCHIVES = {
    "links to themselves": link(tarfile.SYMTYPE, "caltech101/Faces/image_0.jpg"),
    "hard links round": link(tarfile.LNKTYPE, "caltech101/Faces/image_0.jpg"),
    "devices": link(tarfile.CHRTYPE, ""),
    "a picture of 4 gigapixels": archive({**FOUR, "caltech101/Faces/image_0.jpg": huge_jpeg()}),
    "a picture that is none": archive({**FOUR, "caltech101/Faces/image_0.jpg": b""}),
    "a picture of another format": archive({**FOUR, "caltech101/Faces/image_0.jpg": as_gif()}),
    "a file beyond any image": archive({**FOUR, "caltech101/Faces/image_0.jpg": bytes(1 << 22)}),
    "one image too many": archive({**FOUR, "caltech101/Faces/image_9.jpg": jpeg()}),
    "the same image twice": archive(
        {**FOUR, "other/Faces/image_1.jpg": jpeg(), "caltech101/Faces/image_0.jpg": b""}
    ),
}


@pytest.mark.parametrize("contents", HOSTILE_ARCHIVES.values(), ids=HOSTILE_ARCHIVES)
def test_an_archive_that_is_a_trap_is_refused(contents, few, tmp_path):
    assert read_caltech(contents, tmp_path) is None


# ---- NIR -------------------------------------------------------------------------------------------------


def test_a_nir_file_that_is_cut_or_no_hdf5_is_refused(tmp_path):
    """Wrong bits are not tried: HDF5 keeps no checksum of what NIR writes, and its library may not return."""
    path, rng = tmp_path / "net.nir", random.Random(5)
    write(path, to_nir(dense_network()))
    contents = path.read_bytes()
    for size in (*spread(len(contents), 40), len(contents) - 1):
        path.write_bytes(contents[:size])
        with pytest.raises((NirError, NetworkError), match=r"net\.nir"):
            from_nir(read(path))
    path.write_bytes(rng.randbytes(3000))
    with pytest.raises(NirError, match=r"net\.nir"):
        read(path)
