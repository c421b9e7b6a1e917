"""NIR files: HDF5, written and read by the package nir."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yoso_sw.nir.common import NirError, package


def read(path: Path) -> Any:
    """The graph in a NIR file (HDF5). Raises `NirError` for anything but a whole graph of known nodes."""
    nir = package()
    import h5py  # comes with nir

    if not path.is_file():
        raise NirError(f"there is no NIR file {path}")
    try:
        with h5py.File(path) as file:
            kinds = {label: node["type"][()].decode() for label, node in file["node/nodes"].items()}
        for label, kind in kinds.items():
            if not isinstance(getattr(nir, kind, None), type):
                raise NirError(f"node {label!r} ({kind}): nir {nir.__version__} has no such node")
        return nir.read(path)
    except NirError:
        raise
    except Exception as error:  # nir and h5py raise whatever their readers raise
        raise NirError(f"{path} is not a whole NIR graph: {error or type(error).__name__}") from None


def write(path: Path, graph: Any) -> None:
    """Write a graph; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    package().write(partial, graph)
    partial.replace(path)
