"""Caltech-101 faces and motorbikes as grey images of any size, in random splits (paper, section V.D).

The set is looked for in ``$YOSO_DATA``, then in ``../shared/data`` beside the repository, then in the cache;
in each as ``caltech101-faces-motorbikes.tar`` or as a folder ``caltech101``, with the images in
``Faces/*.jpg`` and ``Motorbikes/*.jpg``. It is not fetched: its home offers only all 101 categories in one
archive.
"""

from __future__ import annotations

import functools
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from yoso_sw.data.datasets import folders
from yoso_sw.data.idx import DatasetError
from yoso_sw.data.views import see

NAME = "caltech"
ARCHIVE = "caltech101-faces-motorbikes.tar"
FOLDER = "caltech101"
HOME = "https://data.caltech.edu/records/mzrjq-6wc02"

#: Images of each class, in the order of the labels.
CLASSES = {"Faces": 435, "Motorbikes": 798}

#: Pixels of an image's longer side, far above Caltech-101's.
LARGEST_SIDE = 4096

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
    try:
        from PIL import Image
    except ImportError:
        raise DatasetError(f'{NAME}: reading JPEG needs Pillow: pip install "yoso[train]"') from None
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in CLASSES}
    try:
        for name, content in _files(place):
            folder = Path(name).parent.name
            if folder in found:
                picture = Image.open(io.BytesIO(content), formats=("JPEG",))
                if max(picture.size) > LARGEST_SIDE:
                    raise ValueError(f"{name} has {picture.size} pixels, more than any image")
                grey = picture.convert("L").resize((cols, rows))
                found[folder][Path(name).name] = np.asarray(grey).ravel()
    except Exception as error:  # tarfile and Pillow raise whatever their readers raise
        raise DatasetError(f"{NAME}: {place} cannot be read ({error}); replace it") from None
    for name, count in CLASSES.items():
        if len(found[name]) != count:
            raise DatasetError(f"{NAME}: {place} has {len(found[name])} images in {name}/, not {count}")
    return {name: np.stack([own[file] for file in sorted(own)]) for name, own in found.items()}


def locate() -> Path:
    """The archive or folder. Raises `DatasetError` that says what to put where."""
    places = [folder.parent for folder in folders(NAME)]
    for place in places:
        for candidate in (place / ARCHIVE, place / FOLDER):
            if candidate.exists():
                return candidate
    listed = ", ".join(str(place) for place in places)
    raise DatasetError(
        f"{NAME}: neither {ARCHIVE} nor {FOLDER}/ is in any of {listed}. Get Caltech-101 from {HOME}, put "
        f"its folders Faces and Motorbikes into <folder>/{FOLDER} and set YOSO_DATA=<folder>"
    )


def load(rows: int, cols: int, seed: int, dataset: str = NAME) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """A random split: (images, labels) of training, validation and test.

    Parameters
    ----------
    rows, cols
        Size of the images.
    seed
        Chooses `TRAIN` images of each class to train, `VALIDATION` to validate and the rest, 733, to test.
    dataset
        Its name, with the views of its images after it (`views.VIEWS`).

    Returns
    -------
    Images uint8 (n, rows * cols) and labels uint8 (n,), 0 for faces, 1 for motorbikes; in random order.

    Raises
    ------
    DatasetError
        If the set is missing or damaged.
    """
    rng = np.random.default_rng(seed)
    parts: list[list[tuple[np.ndarray, int]]] = [[], [], []]
    for label, own in enumerate(images(rows, cols, locate()).values()):
        mixed = own[rng.permutation(len(own))]
        for part, piece in zip(parts, np.split(mixed, [TRAIN, TRAIN + VALIDATION]), strict=True):
            part.append((piece, label))
    splits = []
    for part in parts:
        pixels = np.concatenate([piece for piece, _ in part])
        labels = np.concatenate([np.full(len(piece), label, np.uint8) for piece, label in part])
        order = rng.permutation(len(labels))
        splits.append((see(pixels[order], rows, dataset), labels[order]))
    return tuple(splits)
