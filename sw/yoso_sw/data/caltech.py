"""Caltech-101 faces and motorbikes as grey images of any size, in random splits (paper, section V.D).

The set is looked for in `places.folders`, in each as ``caltech101-faces-motorbikes.tar`` or as a folder
``caltech101``, with the images in ``Faces/*.jpg`` and ``Motorbikes/*.jpg``. It is not fetched: its home
offers only all 101 categories in one archive.
"""

from __future__ import annotations

import functools
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yoso_sw.data import places
from yoso_sw.data.pictures import pixels
from yoso_sw.data.samples import SPLITS, DatasetError, Samples
from yoso_sw.data.source import Facts, Resolution

NAME = "caltech"
ARCHIVE = "caltech101-faces-motorbikes.tar"
FOLDER = "caltech101"
HOME = "https://data.caltech.edu/records/mzrjq-6wc02"

#: Images of each class, in the order of the labels.
CLASSES = {"Faces": 435, "Motorbikes": 798}

#: Bytes of an image's file; Caltech-101's largest has a tenth of that.
LARGEST_FILE = 1 << 21

TRAIN = 200  # images a class
VALIDATION = 50


def _files(place: Path) -> Iterator[tuple[str, bytes]]:
    """(name, content) of each image at `place`, the archive or the folder."""
    if place.is_file():
        with tarfile.open(place) as archive:
            for member in archive:
                if member.name.endswith(".jpg") and member.isfile():
                    _check_size(member.name, member.size)
                    file = archive.extractfile(member)
                    assert file is not None  # it is a file
                    yield member.name, file.read()
    else:
        for path in place.glob("*/*.jpg"):
            _check_size(str(path), path.stat().st_size)
            yield str(path), path.read_bytes()


def _check_size(name: str, size: int) -> None:
    if size > LARGEST_FILE:
        raise ValueError(f"{name} has {size} bytes, more than any image")


@functools.cache
def images(rows: int, cols: int, place: Path) -> dict[str, np.ndarray]:
    """Images of each class in the order of their file names, uint8 (n, rows * cols).

    Grey by ITU-R 601, resized without regard to their proportions.

    Raises
    ------
    DatasetError
        If Pillow is missing, an image is damaged, or there are not as many as `CLASSES` says.
    """
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in CLASSES}
    name = ""
    try:
        for name, content in _files(place):
            folder = Path(name).parent.name
            if folder in found:
                found[folder][Path(name).name] = pixels(content, (rows, cols), ("JPEG",)).ravel()
    except DatasetError:
        raise
    except Exception as error:  # tarfile and Pillow raise whatever their readers raise
        raise DatasetError(f"{NAME}: {place} cannot be read ({name}: {error}); replace it") from None
    for name, count in CLASSES.items():
        if len(found[name]) != count:
            raise DatasetError(f"{NAME}: {place} has {len(found[name])} images in {name}/, not {count}")
    return {name: np.stack([own[file] for file in sorted(own)]) for name, own in found.items()}


def locate() -> Path:
    """The archive or folder. Raises `DatasetError` that says what to put where."""
    remedy = (
        f"Get Caltech-101 from {HOME}, put its folders Faces and Motorbikes into "
        f"<folder>/{FOLDER} and set YOSO_DATA=<folder>"
    )
    return places.find(NAME, (ARCHIVE, FOLDER), remedy)


@dataclass(frozen=True)
class Caltech:
    """The seed chooses `TRAIN` images of each class to train, `VALIDATION` to validate, 733 to test."""

    facts = Facts(
        "Caltech-101, two of its categories: 435 faces and 798 motorbikes, made grey and resized",
        "telling pictures of faces from pictures of motorbikes, a benchmark of two easy classes",
        "It neither finds nor recognises faces: every picture is called one of the two. Twice as many "
        "motorbikes as faces, many with plain backgrounds, and faces of 27 or so persons, who appear in "
        "training and test alike.",
        "by chance, from the seed: 200 images of each class to train, 50 to validate, 733 to test",
    )
    drawn = True
    parts = SPLITS

    def where(self) -> Path | None:
        """The archive or folder; None if neither is here."""
        return places.here(locate)

    def read(self, part: str, seed: int, resolution: Resolution) -> Samples:
        """A part of the split of `seed`, resized to its shape, in random order: 0 faces, 1 motorbikes.

        Raises `DatasetError` if the set is missing or damaged, or there is no shape.
        """
        shape = resolution.shape
        if shape is None:
            raise DatasetError(
                f"{NAME}: its pictures have any size, and the network does not say its own: rows and columns "
                "come from its record, or from the TOML file beside it with inputs a multiple of rows"
            )
        rng = np.random.default_rng(seed)
        parts: list[list[tuple[np.ndarray, int]]] = [[], [], []]
        for label, own in enumerate(images(shape[0], shape[1], locate()).values()):
            mixed = own[rng.permutation(len(own))]
            for some, piece in zip(parts, np.split(mixed, [TRAIN, TRAIN + VALIDATION]), strict=True):
                some.append((piece, label))
        found = {}
        for name, some in zip(SPLITS, parts, strict=True):
            pixels = np.concatenate([piece for piece, _ in some])
            labels = np.concatenate([np.full(len(piece), label, np.uint8) for piece, label in some])
            found[name] = pixels, labels, rng.permutation(len(labels))
        pixels, labels, order = found[part]
        return Samples(NAME, pixels[order], labels[order], shape[:2])


CALTECH = Caltech()
