"""Hand-made hostile files: huge sizes, NaN, pickles, bombs. Each is refused by the reader's own error."""

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.small_files import CONFIG, RESULT, dense_network, tiny_data, train
from yoso_sim.job import read_chunk, read_result, write_result
from yoso_sw.data.idx import LARGEST_FILE, read_idx
from yoso_sw.data.samples import DatasetError
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import NETWORKS

# ---- networks, images, configurations ---------------------------------------------------------------------


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


def test_a_network_with_two_members_of_one_name_is_refused(tmp_path):
    path = tmp_path / "net.npz"
    dense_network().save(path)
    with zipfile.ZipFile(path) as archive:
        again = archive.read("weights0.npy")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("weights0.npy", again)
    with pytest.raises(NetworkError, match=r"net\.npz is not a whole .*: it has weights0\.npy twice"):
        Network.load(path)


HOSTILE_JSON = {
    "a fraction": lambda meta: meta["layers"][0]["neuron"].update(threshold=7.5),
    "a number as text": lambda meta: meta.update(steps="8"),
    "true as a number": lambda meta: meta["layers"][0]["neuron"].update(threshold=True),
    "a key of a neuron to come": lambda meta: meta["layers"][0]["neuron"].update(refractory=3),
    "a neuron without a threshold": lambda meta: meta["layers"][0]["neuron"].pop("threshold"),
    "no neuron": lambda meta: meta["layers"][0].update(neuron=None),
    "an accuracy in words": lambda meta: meta["about"].update(float_accuracy="hi"),
    "an accuracy that is true": lambda meta: meta["about"].update(golden_accuracy=True),
    "a number as truth": lambda meta: meta["layers"][0].update(bias=1),
    "NaN": lambda meta: meta["layers"][0]["neuron"].update(threshold=float("nan")),
    "infinity": lambda meta: meta["layers"][0]["neuron"].update(threshold=float("inf")),
    "a start beyond any step": lambda meta: meta["layers"][0]["neuron"].update(start=10**30),
    "a negative start": lambda meta: meta["layers"][0]["neuron"].update(start=-1),
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
    "NaN": "temperature = nan",
    "infinity": "temperature = inf",
    "no rows": "rows = 0",
    "negative pixels": "inputs = -784",
    "a negative seed": "seed = -1",
    "steps beyond NEVER": "steps = 40000",
    "a negative rate": "lr = -1e-3",
    "a table for a number": "steps = {}",
    "text for a table": 'augment = "much"',
    "a truth for a number": "batch_size = true",
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
