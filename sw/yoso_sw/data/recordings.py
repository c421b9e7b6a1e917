"""A folder of event files by class: ``train/CLASS/*.bin`` and ``test/CLASS/*.bin``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yoso_sw.data import aedat, aer, splits
from yoso_sw.data.samples import SPLITS, DatasetError, Samples
from yoso_sw.data.source import Resolution
from yoso_sw.data.streams import POLARITIES, Stream, binned

#: Ends of the files' names: N-MNIST's format, and AEDAT.
AER = (".bin", ".bs2")
AEDAT = (".aedat", ".aedat4")

#: Bytes of a recording's file.
LARGEST_FILE = 1 << 28


def files(folder: Path) -> list[Path]:
    """The recordings of a folder in the order of their names."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in AER + AEDAT and path.is_file())


def classes(folder: Path) -> list[str]:
    """The folders in it that hold recordings, by name."""
    return sorted(own.name for own in folder.glob("*") if own.is_dir() and files(own))


def parts_in(folder: Path) -> tuple[str, ...]:
    """The parts of which it has recordings."""
    return tuple(part for part in SPLITS if classes(folder / part))


@dataclass(frozen=True)
class Recordings:
    """The folder; classes are numbered in the order of the training folders' names.

    Parts come in a random order, so that the last training recordings are of all classes.

    Parameters
    ----------
    sensor
        Rows and columns. None: those of a network with (rows, columns, 2) inputs, else up to the last row and
        column of any event in any part.
    """

    path: Path
    sensor: tuple[int, int] | None = None

    drawn = False

    @property
    def parts(self) -> tuple[str, ...]:
        return parts_in(self.path)

    def read(self, part: str, seed: int, resolution: Resolution) -> Samples:
        """A part, binned. Raises `DatasetError`."""
        names = classes(self.path / ("train" if "train" in self.parts else part))
        if strange := sorted(set(classes(self.path / part)) - set(names)):
            raise DatasetError(
                f"{self.path / part / strange[0]}: there is no class {strange[0]!r} in train, which has "
                f"{', '.join(names)}; rename or remove it"
            )
        paths = [(path, label) for label, name in enumerate(names) for path in files(self.path / part / name)]
        streams = [_read(path) for path, _ in paths]
        rows, cols = self._sides(streams, part, resolution)
        for (path, _), stream in zip(paths, streams, strict=True):
            stream.check(str(path), rows, cols)
        events = binned(
            ((own.time, own.axons(cols)) for own in streams),
            rows * cols * POLARITIES,
            resolution,
            str(self.path),
        )
        labels = np.array([label for _, label in paths])
        return splits.mixed(Samples(str(self.path), events, labels, (rows, cols, POLARITIES)), seed)

    def _sides(self, streams: list[Stream], part: str, resolution: Resolution) -> tuple[int, int]:
        """Rows and columns of the sensor; `streams` are those of `part`."""
        if self.sensor is not None:
            return self.sensor
        shape = resolution.shape
        if shape is not None and shape[2:] == (POLARITIES,):
            return shape[0], shape[1]
        folders = [
            self.path / own / name for own in self.parts if own != part for name in classes(self.path / own)
        ]
        every = streams + [_read(path) for folder in folders for path in files(folder)]
        return max(int(own.row.max()) for own in every) + 1, max(int(own.col.max()) for own in every) + 1


def _read(path: Path) -> Stream:
    if path.suffix.lower() in AEDAT:
        return aedat.read(path)
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise DatasetError(f"{path} has {size} bytes; {LARGEST_FILE} are the most")
        return aer.decode(path.read_bytes(), str(path))
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error}); replace or remove it") from None
