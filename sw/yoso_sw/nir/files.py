"""NIR files: HDF5, written and read by the package nir.

HDF5 keeps no checksum of what it stores, and its library may crash in a damaged file, never return, or fill
the memory. So `write` adds a checksum of the graph, which other tools pass over and drop when they write the
graph anew; and `read` reads a file first in a process of its own, bounded in time and room.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import resource
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw.writing import write_whole

from yoso_sw.nir.common import NirError, package

#: Attribute of the file that holds the checksum.
CHECKSUM = "yoso_sha256"

#: Seconds after which a file counts as one that is never read; a whole one takes one or two.
PATIENCE = 60

#: Bytes of addresses that a reader may have: more than libraries and any network that a chip holds take.
ROOM = 4 << 30

_TRIAL = "import pathlib, sys; from yoso_sw.nir import files; files.trial(pathlib.Path(sys.argv[1]))"


def read(path: Path) -> Any:
    """The graph in a NIR file (HDF5).

    Raises
    ------
    NirError
        For anything but a whole graph of known nodes, and for a graph that is not what its checksum says.
    """
    package()
    if not path.is_file():
        raise NirError(f"there is no NIR file {path}")
    try:
        ran = subprocess.run(
            [sys.executable, "-c", _TRIAL, path], capture_output=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise NirError(f"{path} is not a whole NIR graph: it is not read in {PATIENCE} s") from None
    if ran.returncode < 0:
        raise NirError(f"{path} is not a whole NIR graph: its reader ends by signal {-ran.returncode}")
    if ran.returncode:
        said = ran.stdout.decode(errors="replace").strip()
        raise NirError(said or f"{path} is not a whole NIR graph: its reader fails")
    graph, checksum = load(path)
    if checksum not in (None, _checksum(graph)):
        raise NirError(f"{path} is damaged: its graph is not the one of its checksum")
    return graph


def trial(path: Path) -> None:
    """Load a file in bounded room; if that fails, print why and end this process with status 1."""
    with contextlib.suppress(OSError, ValueError):  # not every system has such a bound
        resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
    try:
        load(path)
    except NirError as error:
        print(error)
        sys.exit(1)


def load(path: Path | io.BytesIO) -> tuple[Any, str | None]:
    """The graph of a file, and its checksum if it has one; may not return. Raises `NirError`."""
    nir = package()
    import h5py  # comes with nir

    try:
        with h5py.File(path) as file:
            kinds = {label: node["type"][()].decode() for label, node in file["node/nodes"].items()}
            checksum = str(file.attrs[CHECKSUM]) if CHECKSUM in file.attrs else None
        for label, kind in kinds.items():
            if not isinstance(getattr(nir, kind, None), type):
                raise NirError(f"{path}: node {label!r} ({kind}): nir {nir.__version__} has no such node")
        graph = nir.read(path)
        _drop_inferred(graph, kinds.keys())
        return graph, checksum
    except NirError:
        raise
    except Exception as error:  # nir and h5py raise whatever their readers raise
        raise NirError(f"{path} is not a whole NIR graph: {error or type(error).__name__}") from None


def _drop_inferred(graph: Any, labels: Collection[str]) -> None:
    """Take out the inputs and outputs that nir adds where a file has none."""
    for label in graph.nodes.keys() - labels:
        del graph.nodes[label]
    graph.edges = [edge for edge in graph.edges if not {*edge} - graph.nodes.keys()]


def write(path: Path, graph: Any) -> None:
    """Write a graph with its checksum; the file appears whole or not at all."""
    nir = package()
    import h5py

    path.parent.mkdir(parents=True, exist_ok=True)
    contents = io.BytesIO()  # HDF5, given a file, loses its head on a full disk
    nir.write(contents, graph)
    checksum = _checksum(load(contents)[0])
    with h5py.File(contents, "r+") as file:
        file.attrs[CHECKSUM] = checksum
    write_whole(path, contents.getvalue())


def _checksum(graph: Any) -> str:
    """SHA-256 of all that a graph says, as it is read from a file."""
    digest = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, dict):
            for key in sorted(value):
                add(key)
                add(value[key])
        elif isinstance(value, np.ndarray):
            digest.update(f"{value.dtype} {value.shape} ".encode() + value.tobytes())
        else:
            digest.update(f"{value!r} ".encode())

    add(graph.to_dict())
    return digest.hexdigest()
