"""Spike recordings of one's own in HDF5, in the form of the Spiking Heidelberg Digits.

A folder with ``train.h5`` and ``test.h5``, and ``validation.h5`` if wanted. Each has ``labels`` (n,), and for
each of n recordings ``spikes/times``, in seconds, and ``spikes/units``, the axon of each spike.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from yoso_hw.extras import advice

from yoso_sw.data.samples import SPLITS, DatasetError, Samples
from yoso_sw.data.source import Resolution
from yoso_sw.data.streams import binned

FILES = {part: f"{part}.h5" for part in SPLITS}

Recording = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Hdf5Folder:
    """The folder; its axons end at the last one that spikes in any part, if the network does not say."""

    path: Path

    drawn = False

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in SPLITS if (self.path / FILES[part]).is_file())

    def read(self, part: str, seed: int, resolution: Resolution) -> Samples:
        """A part in its order. Raises `DatasetError`."""
        read = {own: _read(self.path / FILES[own]) for own in self.parts}
        highest = max(int(unit.max(initial=-1)) for recordings, _ in read.values() for _, unit in recordings)
        axons = highest + 1 if resolution.shape is None else int(np.prod(resolution.shape, dtype=object))
        if highest >= axons:
            raise DatasetError(f"{self.path}: unit {highest} is outside 0..{axons - 1}, the network's inputs")
        recordings, labels = read[part]
        return Samples(str(self.path), binned(recordings, axons, resolution, str(self.path)), labels)


def _read(path: Path) -> tuple[list[Recording], np.ndarray]:
    """(microseconds, axons) of each recording of a file, and the labels."""
    try:
        import h5py
    except ImportError:
        raise DatasetError(advice("h5py", what=f"reading {path.name}")) from None
    try:
        with h5py.File(path) as file:
            labels = np.asarray(file["labels"])
            times, units = file["spikes"]["times"], file["spikes"]["units"]
            recordings = [
                (np.rint(1e6 * np.asarray(time, np.float64)).astype(np.int64), np.asarray(unit, np.int64))
                for time, unit in zip(times, units, strict=True)
            ]
        wrong = next((i for i, (t, u) in enumerate(recordings) if len(t) != len(u) or (t < 0).any()), None)
        if wrong is not None or len(recordings) != len(labels) or labels.dtype.kind not in "iu":
            raise ValueError(
                f"recording {wrong} has times and units that do not match"
                if wrong is not None
                else f"{len(recordings)} recordings and {len(labels)} labels of {labels.dtype}"
            )
    except Exception as error:  # h5py raises whatever its readers raise
        raise DatasetError(
            f"{path} has not the form spikes/times, spikes/units, labels ({error}); see docs/data.md"
        ) from None
    return recordings, labels
