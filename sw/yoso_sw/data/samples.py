"""Samples: what a network sees, pixels or spike steps, with the class of each."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from yoso_hw.writing import write_whole

#: Parts of a data set.
SPLITS = ("train", "validation", "test")

#: Rows and columns of an image, and its channels where it has more than one.
Shape = tuple[int, ...]


class DatasetError(RuntimeError):
    """A data set is missing, damaged or of no use; the message names it and says what to do."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Images, or recorded spikes, with their classes.

    Parameters
    ----------
    name
        Of the data set, with the views that they are seen in.
    inputs
        uint8 pixels (n, inputs), 0 black .. 255 white, in the order (row, column, channel); or int16 spike
        steps (n, inputs), `NEVER` for an input that stays silent.
    labels
        Whole numbers (n,), 0 for the first class.
    shape
        Rows and columns of an image, and its channels if there are several; None: not known.
    """

    name: str
    inputs: np.ndarray
    labels: np.ndarray
    shape: Shape | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, some: slice | np.ndarray) -> Samples:
        """Some of them: a slice, or an array of indices."""
        return replace(self, inputs=self.inputs[some], labels=self.labels[some])

    @property
    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and labels."""
        return self.inputs, self.labels

    def first(self, count: int) -> Samples:
        """The first `count`. Raises `DatasetError` if there are not as many."""
        if not 1 <= count <= len(self):
            raise DatasetError(f"--images {count} is outside 1..{len(self)}, the test images of {self.name}")
        return self[:count]

    @property
    def digest(self) -> str:
        """SHA-256 of inputs and labels, whatever their set is called."""
        hashed = hashlib.sha256()
        for array in (self.inputs, self.labels):
            hashed.update(f"{array.dtype.str} {array.shape}".encode())
            hashed.update(np.ascontiguousarray(array).data)
        return hashed.hexdigest()

    def save(self, path: Path) -> None:
        """Write them for another process; the file appears whole or not at all."""
        contents = io.BytesIO()
        np.savez(contents, name=np.array(self.name), inputs=self.inputs, labels=self.labels)
        write_whole(path, contents.getvalue())

    @classmethod
    def load(cls, path: Path) -> Samples:
        """What `save` wrote, without its shape."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(str(arrays["name"]), arrays["inputs"], arrays["labels"])
