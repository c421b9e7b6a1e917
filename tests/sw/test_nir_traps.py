"""Hand-made hostile NIR files: HDF5 that promises too much, goes round in a circle, or leads elsewhere."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from support.small_files import dense_network
from yoso_sw.network.errors import NetworkError
from yoso_sw.nir import NirError, files, from_nir, read, to_nir, write

WEIGHT = "node/nodes/weights0/weight"


def replaced(name: str, **dataset: object) -> Callable[[h5py.File], None]:
    """A change of a file: another dataset under a name."""

    def change(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **dataset)

    return change


def linked(name: str, link: object) -> Callable[[h5py.File], None]:
    """A change of a file: a link in the place of what was there."""

    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = link

    return change


def circle(file: h5py.File) -> None:
    file["node/nodes/fire0/again"] = file["node/nodes"]


def doubling(file: h5py.File) -> None:
    """Forty groups that each hold the next one twice: 2^40 ways to the last."""
    group = file["node/nodes/fire0"]
    for _ in range(40):
        inner = group.create_group("left")
        group["right"] = inner
        group = inner


HOSTILE_HDF5 = {
    "10^12 weights that take no room": replaced(
        WEIGHT, shape=(10**6, 10**6), chunks=(1000, 1000), dtype="i1"
    ),
    "10^10 weights of zeros, packed": replaced(
        WEIGHT, shape=(10**5, 10**5), chunks=(10**5, 10), dtype="i1", compression="gzip"
    ),
    "a group that holds itself": circle,
    "2^40 ways to a group": doubling,
    "weights in a file that is not there": linked(WEIGHT, h5py.ExternalLink("elsewhere.h5", "/weight")),
    "a link to nothing": linked(WEIGHT, h5py.SoftLink("/nowhere")),
    "text for weights": replaced(WEIGHT, data="many"),
    "no weights": lambda file: file.pop(WEIGHT),
    "a number for the nodes": replaced("node/nodes", data=3),
    "edges of numbers": replaced("node/edges", data=np.arange(6).reshape(3, 2)),
    "an edge of three ends": replaced("node/edges", data=np.array([[b"input", b"fire0", b"output"]])),
    "a node of a kind that is no node": replaced("node/nodes/fire0/type", data="read"),
    "a kind that is a number": replaced("node/nodes/fire0/type", data=7),
    "nothing": lambda file: file.clear(),
}


@pytest.mark.parametrize("change", HOSTILE_HDF5.values(), ids=HOSTILE_HDF5)
def test_a_nir_file_that_is_a_trap_is_refused(change, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE", 5)  # of 2^40 ways none comes to an end
    path = tmp_path / "net.nir"
    write(path, to_nir(dense_network()))
    with h5py.File(path, "r+") as file:
        del file.attrs[files.CHECKSUM]
        change(file)
    with pytest.raises((NirError, NetworkError)) as caught:
        from_nir(read(path))
    assert len(str(caught.value).splitlines()) == 1
