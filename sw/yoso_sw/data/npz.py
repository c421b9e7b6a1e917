"""An npz file of one's own: images, spike steps or events, with their labels and, if fixed, their parts.

``images`` uint8 (n, rows, columns[, channels]) or (n, pixels); or ``steps`` int16 (n, inputs), 32767 for an
input that stays silent; or ``events``, whole numbers (m, 3): image, step, axon, several of an axon if
wanted. ``labels``, whole numbers (n,). If wanted, ``split`` (n,): "train", "validation" or "test", or 0, 1,
2; and ``shape``: rows, columns and channels of what steps, events or flat images are.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from yoso_sw.data import splits
from yoso_sw.data.samples import SPLITS, DatasetError, Inputs, Samples, Shape
from yoso_sw.data.source import Resolution
from yoso_sw.network.events import NEVER, Events, EventsError

#: What inputs may be, one a file.
FORMS = ("images", "steps", "events")

#: Bytes to which a file may unpack.
LARGEST = 1 << 32


@dataclass(frozen=True)
class Npz:
    """The file; without ``split``, the seed draws the parts (`splits.SHARES`)."""

    path: Path

    @property
    def parts(self) -> tuple[str, ...]:
        fixed = self._fixed(self._arrays("split", "labels"))
        if fixed is None:
            return SPLITS
        return tuple(part for number, part in enumerate(SPLITS) if (fixed == number).any())

    @property
    def drawn(self) -> bool:
        return "split" not in self._arrays("split")

    def read(self, part: str, seed: int, resolution: Resolution) -> Samples:
        """A part; where the file has no validation part, its training samples come in random order.

        Raises `DatasetError` if the file is damaged or holds something else.
        """
        whole, fixed = self._samples()
        if fixed is None:
            return splits.drawn(whole, part, seed)
        own = whole[np.flatnonzero(fixed == SPLITS.index(part))]
        return splits.mixed(own, seed) if part == "train" and not (fixed == 1).any() else own

    def _samples(self) -> tuple[Samples, np.ndarray | None]:
        """All samples, and the number of each one's part if the file says it."""
        arrays = self._arrays("labels", "split", "shape", *FORMS)
        forms = [form for form in FORMS if form in arrays]
        if "labels" not in arrays or len(forms) != 1:
            held = ", ".join(sorted(arrays)) or "nothing of use"
            self._refuse(f"holds {held}; labels and one of {', '.join(FORMS)} are wanted")
        labels = arrays["labels"]
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            self._refuse(
                f"labels are {labels.dtype} of shape {labels.shape}; whole numbers (n,) are wanted, not the "
                "values of a regression"
            )
        if not len(labels):
            self._refuse("has no images: labels are empty")
        given, shape = arrays[forms[0]], self._shape(arrays)
        inputs: Inputs = given
        if forms[0] == "images":
            inputs, shape = self._images(given, shape)
        elif forms[0] == "steps":
            self._check_steps(given)
        else:
            inputs = self._events(self._triples(given, len(labels)), len(labels), shape)
        if len(inputs) != len(labels):
            self._refuse(f"has {len(inputs)} {forms[0]} and {len(labels)} labels; each needs one")
        samples = Samples(str(self.path), inputs, labels, shape)
        if shape is not None and int(np.prod(shape, dtype=object)) != samples.axons:
            self._refuse(f"shape is {' x '.join(map(str, shape))}, but there are {samples.axons} inputs")
        return samples, self._fixed(arrays)

    # ---- the three forms --------------------------------------------------------------------------------

    def _images(self, images: np.ndarray, shape: Shape | None) -> tuple[np.ndarray, Shape | None]:
        """Images as (n, pixels), and the shape of one."""
        if images.dtype != np.uint8 or not 2 <= images.ndim <= 4:
            bad = int((~np.isfinite(images)).sum()) if images.dtype.kind == "f" else 0
            found = f", {bad} of them NaN or infinite" if bad else ""
            self._refuse(
                f"images are {images.dtype} of shape {images.shape}{found}; "
                "uint8 (n, rows, columns[, channels]) or (n, pixels) is wanted"
            )
        if images.ndim > 2:
            shape = images.shape[1:3] if images.shape[3:] == (1,) else images.shape[1:]
        return images.reshape(len(images), int(np.prod(images.shape[1:]))), shape

    def _check_steps(self, steps: np.ndarray) -> None:
        if steps.dtype != np.int16 or steps.ndim != 2:
            self._refuse(
                f"steps are {steps.dtype} of shape {steps.shape}; int16 (n, inputs) is wanted, "
                f"{NEVER} for an input that stays silent"
            )

    def _triples(self, events: np.ndarray, n: int) -> np.ndarray:
        """The events as they are, int64 (m, 3): image, step, axon."""
        if events.ndim != 2 or events.shape[1] != 3 or events.dtype.kind not in "iu":
            self._refuse(
                f"events are {events.dtype} of shape {events.shape}; whole numbers (m, 3) are wanted: "
                "image, step, axon"
            )
        for column, (name, most) in enumerate((("image", n), ("step", NEVER), ("axon", 1 << 20))):
            outside = (events[:, column] < 0) | (events[:, column] >= most)
            if outside.any():
                first = int(outside.argmax())
                self._refuse(
                    f"event {first} is of {name} {events[first, column]}, which is outside 0..{most - 1}"
                )
        return events.astype(np.int64)

    def _events(self, triples: np.ndarray, n: int, shape: Shape | None) -> Events:
        """The events of n images. Without a shape, the axons end at the last one that spikes in any image."""
        axons = int(triples[:, 2].max(initial=-1)) + 1
        inputs = axons if shape is None else int(np.prod(shape, dtype=object))
        if axons > inputs:
            self._refuse(f"events go up to axon {axons - 1}, but shape has {inputs} inputs")
        if 2 * n * inputs > LARGEST:
            self._refuse(f"{n} images of {inputs} axons are more than {LARGEST} bytes of steps")
        try:
            image, step, axon = triples.T
            return Events.of_pairs(image, step, axon, n, inputs)
        except EventsError as error:
            self._refuse(f"{error}; keep one of them")

    # ---- the file ---------------------------------------------------------------------------------------

    def _fixed(self, arrays: dict[str, np.ndarray]) -> np.ndarray | None:
        """The number of each sample's part, 0 .. 2; None if the file does not say it."""
        if "split" not in arrays:
            return None
        split, labels = arrays["split"], arrays.get("labels", arrays["split"])
        if split.shape != labels.shape:
            self._refuse(f"split has shape {split.shape}; {labels.size} labels need as many")
        names = {name: number for number, name in enumerate(SPLITS)}
        known: dict[Any, int] = {**names, **{number: number for number in names.values()}}
        known |= {name.encode(): number for name, number in names.items()}
        numbers = np.array([known.get(own, -1) for own in split.ravel().tolist()]).reshape(split.shape)
        if (numbers < 0).any():
            first = split.ravel()[int((numbers < 0).argmax())]
            self._refuse(f"split has {str(first)!r}; {', '.join(SPLITS)} or 0, 1, 2 are wanted")
        return numbers

    def _shape(self, arrays: dict[str, np.ndarray]) -> Shape | None:
        if "shape" not in arrays:
            return None
        shape = arrays["shape"]
        if shape.dtype.kind not in "iu" or shape.shape not in ((2,), (3,)) or (shape < 1).any():
            self._refuse(f"shape is {shape.tolist()}; rows, columns and perhaps channels are wanted")
        return tuple(int(side) for side in shape)

    def _arrays(self, *names: str) -> dict[str, np.ndarray]:
        """Those of these arrays that the file has."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                size = sum(member.file_size for member in archive.infolist())
            if size > LARGEST:
                self._refuse(f"unpacks to {size} bytes; {LARGEST} are the most")
            with np.load(self.path, allow_pickle=False) as file:
                return {name: self._array(file, name) for name in names if name in file}
        except DatasetError:
            raise
        except Exception as error:  # NumPy and zipfile raise whatever their readers raise
            raise DatasetError(
                f"{self.path} is not a whole npz file ({type(error).__name__}: {error}); "
                "write it with numpy.savez"
            ) from None

    def _array(self, file: Any, name: str) -> np.ndarray:
        try:
            return file[name]
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise
            self._refuse(f"{name} holds Python objects, which are not read; save numbers or plain text")

    def _refuse(self, why: str) -> NoReturn:
        raise DatasetError(f"{self.path}: {why}")
