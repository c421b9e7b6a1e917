"""CIFAR-10: small photographs of ten classes, in colours.

It is looked for in `places.folders`, in each as ``cifar10-jpeg.tar.gz``, the same pictures after a lossy
compression, ``train/CLASS/*.jpg`` and ``test/CLASS/*.jpg``, or as a folder ``cifar-10-batches-bin``, which is
what the published ``cifar-10-binary.tar.gz`` holds. It is not fetched: figures of the one are not comparable
with figures of the other, so it is for the user to say which.
"""

from __future__ import annotations

import functools
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yoso_sw.data import places
from yoso_sw.data.pictures import COLOURS, pixels
from yoso_sw.data.samples import DatasetError, Samples
from yoso_sw.data.source import Facts, Resolution

NAME = "cifar10"
ARCHIVE = "cifar10-jpeg.tar.gz"
FOLDER = "cifar-10-batches-bin"
HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"

#: In the order of the labels, which is that of their names as well.
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

#: Images of a class in each part.
COUNTS = {"train": 5000, "test": 1000}

SHAPE = ROWS, COLS, CHANNELS = 32, 32, COLOURS

#: The folder's files of each part: records of a label and three planes, red, green and blue.
FILES = {"train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test": ("test_batch.bin",)}

RECORD = 1 + ROWS * COLS * CHANNELS

#: Bytes of a picture's file in the archive; its longest has 3 kB.
LARGEST_FILE = 1 << 16


def _pictures(archive: Path, part: str) -> Iterator[tuple[str, str, bytes]]:
    """Class, file name and content of each picture of a part."""
    with tarfile.open(archive) as opened:
        for member in opened:
            path = Path(member.name)
            if member.isfile() and path.suffix == ".jpg" and path.parent.parent.name == part:
                if member.size > LARGEST_FILE:
                    raise ValueError(f"{member.name} has {member.size} bytes, more than any picture")
                file = opened.extractfile(member)
                assert file is not None  # it is a file
                yield path.parent.name, path.name, file.read()


def of_archive(archive: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a part, one of each class in turn, in the order of their names.

    So the last ones, which validate, have as many of each class. Raises `DatasetError`.
    """
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in CLASSES}
    name = ""
    try:
        for kind, name, content in _pictures(archive, part):
            if kind in found:
                picture = pixels(content, None, ("JPEG",), COLOURS)
                if picture.shape != SHAPE:
                    raise ValueError(
                        f"{picture.shape[0]} x {picture.shape[1]} pixels are not {ROWS} x {COLS}"
                    )
                found[kind][name] = picture.ravel()
    except DatasetError:
        raise
    except Exception as error:  # tarfile and Pillow raise whatever their readers raise
        raise DatasetError(f"{NAME}: {archive} cannot be read ({name}: {error}); replace it") from None
    for kind, own in found.items():
        if len(own) != COUNTS[part]:
            raise DatasetError(
                f"{NAME}: {archive} has {len(own)} images in {part}/{kind}/, not {COUNTS[part]}; replace it"
            )
    images = np.stack([[own[file] for file in sorted(own)] for own in found.values()], axis=1)
    return images.reshape(-1, images.shape[-1]), np.tile(np.arange(len(CLASSES)), COUNTS[part])


def of_folder(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a part, in the order of the published files. Raises `DatasetError`."""
    images, labels = [], []
    expected = COUNTS[part] * len(CLASSES) // len(FILES[part])
    for name in FILES[part]:
        path = folder / name
        try:
            content = np.fromfile(path, np.uint8, (expected + 1) * RECORD)
        except OSError as error:
            raise DatasetError(f"{NAME}: {path} cannot be read ({error.strerror}); replace it") from None
        if len(content) != expected * RECORD:
            raise DatasetError(
                f"{NAME}: {path} has {path.stat().st_size} bytes, not {expected * RECORD} of {expected} "
                "images; replace it"
            )
        records = content.reshape(expected, RECORD)
        if (most := int(records[:, 0].max())) >= len(CLASSES):
            raise DatasetError(f"{NAME}: {path} has a label {most}, outside 0..9; replace it")
        labels.append(records[:, 0])
        planes = records[:, 1:].reshape(expected, CHANNELS, ROWS * COLS)
        images.append(planes.transpose(0, 2, 1).reshape(expected, -1))
    return np.concatenate(images), np.concatenate(labels).astype(np.int64)


@functools.cache
def part_of(place: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (n, 3072), in the order (row, column, colour), and labels (n,). Raises `DatasetError`."""
    return of_folder(place, part) if place.is_dir() else of_archive(place, part)


def locate() -> Path:
    """The archive or folder. Raises `DatasetError` that says what to put where."""
    remedy = (
        f"Get cifar-10-binary.tar.gz from {HOME}, unpack it as <folder>/{FOLDER} and set YOSO_DATA=<folder>"
    )
    return places.find(NAME, (ARCHIVE, FOLDER), remedy)


@dataclass(frozen=True)
class Cifar10:
    """The set's own parts; the last training images validate."""

    facts = Facts(
        "CIFAR-10: photographs of ten classes, 32 x 32 pixels in colours; in `cifar10-jpeg.tar.gz` after a "
        "lossy compression (JPEG), whose figures are not comparable with published ones",
        "telling ten kinds of animals and vehicles from each other, a benchmark",
        "Every picture is called one of the ten; other things, sizes and cameras were not measured. "
        "Figures are of the files that were at hand: of the JPEG pictures if the command found those.",
        train=COUNTS["train"] * len(CLASSES),
        test=COUNTS["test"] * len(CLASSES),
    )
    drawn = False
    parts = tuple(COUNTS)

    def where(self) -> Path | None:
        """The archive or folder; None if neither is here."""
        return places.here(locate)

    def read(self, part: str, seed: int, resolution: Resolution) -> Samples:
        """A part; neither seed nor resolution changes it. Raises `DatasetError`."""
        images, labels = part_of(locate(), part)
        return Samples(NAME, images, labels, SHAPE)


CIFAR10 = Cifar10()
