"""N-MNIST: MNIST's digits on a screen, recorded by an event camera that is tilted three times.

It is looked for in `places.folders`, in each as ``n-mnist-small.tar.gz``, 1,000 training and 100 test
recordings with a list of each, or as a folder ``n-mnist`` with ``train/DIGIT/*.bin`` and
``test/DIGIT/*.bin``, the whole set's own form. It is not fetched: its home hands it out through a web page.
"""

from __future__ import annotations

import functools
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yoso_sw.data import aer, places
from yoso_sw.data.recordings import Recordings
from yoso_sw.data.samples import DatasetError, Samples
from yoso_sw.data.source import Facts, Resolution
from yoso_sw.data.streams import POLARITIES, binned

NAME = "n-mnist"
ARCHIVE = "n-mnist-small.tar.gz"
FOLDER = "n-mnist"
HOME = "https://www.garrickorchard.com/datasets/n-mnist"

ROWS = COLS = 34

#: The archive's lists of recordings, a number and a digit a line.
LISTS = {"train": "train1K.txt", "test": "test100.txt"}

#: Bytes of a file in the archive; the longest recording has 36 kB.
LARGEST_FILE = 1 << 20


@functools.cache
def contents(archive: Path) -> dict[str, bytes]:
    """The archive's files by name. Raises `DatasetError`."""
    found = {}
    try:
        with tarfile.open(archive) as opened:
            for member in opened:
                if member.isfile():
                    if member.size > LARGEST_FILE:
                        raise ValueError(f"{member.name} has {member.size} bytes, more than any recording")
                    file = opened.extractfile(member)
                    assert file is not None  # it is a file
                    found[Path(member.name).name] = file.read()
    except Exception as error:  # tarfile raises whatever its readers raise
        raise DatasetError(f"{NAME}: {archive} cannot be read ({error}); replace it") from None
    return found


def listed(archive: Path, part: str) -> list[tuple[str, int]]:
    """File and digit of each recording of a part, in the list's order. Raises `DatasetError`."""
    name = LISTS[part]
    text = contents(archive).get(name)
    if text is None:
        raise DatasetError(f"{NAME}: {archive} has no {name}; replace it")
    try:
        rows = [line.split() for line in text.decode().splitlines() if line.strip() and line[0] != "#"]
        return [(f"{int(number)}.bs2", int(digit)) for number, digit in rows]
    except ValueError as error:
        raise DatasetError(
            f"{NAME}: {name} in {archive} is no list of recordings ({error}); replace it"
        ) from None


def locate() -> Path:
    """The archive or folder. Raises `DatasetError` that says what to put where."""
    remedy = (
        f"Get Train.zip and Test.zip from {HOME}, unpack them as train and test in "
        f"<folder>/{FOLDER} and set YOSO_DATA=<folder>"
    )
    return places.find(NAME, (ARCHIVE, FOLDER), remedy)


@dataclass(frozen=True)
class NMnist:
    """The archive's lists, or the folder's parts; the last training recordings validate."""

    facts = Facts(
        "N-MNIST: events of a 34 x 34 camera with two polarities that is tilted before MNIST's digits",
        "reading single digits from the events of a camera that moves as this one did",
        "Every recording has the same three tilts: digits that move otherwise, or rest, were not measured.",
        "the set's own parts: 1,000 and 100 recordings in the small archive; the last training ones validate",
    )
    drawn = False
    parts = tuple(LISTS)

    def where(self) -> Path | None:
        """The archive or folder; None if neither is here."""
        return places.here(locate)

    def read(self, part: str, seed: int, resolution: Resolution) -> Samples:
        """A part, binned; the archive's in its own order. Raises `DatasetError`."""
        place = locate()
        if place.is_dir():
            return Recordings(place, (ROWS, COLS)).read(part, seed, resolution)
        files = contents(place)
        streams, labels = [], []
        for name, digit in listed(place, part):
            if name not in files:
                raise DatasetError(f"{NAME}: {place} has no {name}, which {LISTS[part]} lists; replace it")
            stream = aer.decode(files[name], f"{place}, {name}")
            stream.check(f"{place}, {name}", ROWS, COLS)
            streams.append((stream.time, stream.axons(COLS)))
            labels.append(digit)
        events = binned(streams, ROWS * COLS * POLARITIES, resolution, NAME)
        return Samples(NAME, events, np.array(labels), (ROWS, COLS, POLARITIES))


N_MNIST = NMnist()
