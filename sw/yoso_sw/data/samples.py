"""Samples: what a network sees, pixels or recorded spikes, with the class of each."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw.writing import write_whole

from yoso_sw.network.events import Events

#: Parts of a data set.
SPLITS = ("train", "validation", "test")

#: uint8 pixels or int16 spike steps (n, inputs), or events of n images.
Inputs = np.ndarray | Events

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
        steps (n, inputs), `NEVER` for an input that stays silent; or events of n images, for inputs
        that spike more than once.
    labels
        Whole numbers (n,), 0 for the first class.
    shape
        Rows and columns of an image, and its channels if there are several; None: not known.
    """

    name: str
    inputs: Inputs
    labels: np.ndarray
    shape: Shape | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, some: slice | np.ndarray) -> Samples:
        """Some of them: a slice, or an array of indices."""
        return replace(self, inputs=self.inputs[some], labels=self.labels[some])

    @property
    def axons(self) -> int:
        """Inputs of one."""
        return self.inputs.axons if isinstance(self.inputs, Events) else int(np.prod(self.inputs.shape[1:]))

    @property
    def pair(self) -> tuple[Any, np.ndarray]:
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
        for array in (*self._arrays().values(), self.labels):
            hashed.update(f"{array.dtype.str} {array.shape}".encode())
            hashed.update(np.ascontiguousarray(array).data)
        return hashed.hexdigest()

    def save(self, path: Path) -> None:
        """Write them for another process; the file appears whole or not at all."""
        contents = io.BytesIO()
        np.savez(contents, name=np.array(self.name), labels=self.labels, **self._arrays())
        write_whole(path, contents.getvalue())

    @classmethod
    def load(cls, path: Path) -> Samples:
        """What `save` wrote, without its shape."""
        with np.load(path, allow_pickle=False) as arrays:
            inputs: Inputs
            if "inputs" in arrays:
                inputs = arrays["inputs"]
            else:
                inputs = Events(arrays["ends"], arrays["step"], arrays["axon"], int(arrays["axons"]))
            return cls(str(arrays["name"]), inputs, arrays["labels"])

    def _arrays(self) -> dict[str, Any]:
        """The inputs as arrays."""
        if not isinstance(self.inputs, Events):
            return {"inputs": self.inputs}
        ends, step, axon = self.inputs.pairs
        return {"ends": ends, "step": step, "axon": axon, "axons": np.array(self.inputs.axons)}
