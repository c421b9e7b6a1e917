"""The IDX file format of MNIST and its relatives: unsigned bytes in a big-endian array of any rank."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yoso_sw.data.samples import DatasetError, Samples
from yoso_sw.data.source import Resolution

#: The files of images and of labels of each part, as MNIST has named them.
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}

#: Bytes that an IDX file may have, unpacked; MNIST's largest has 47 MB.
LARGEST_FILE = 1 << 28

#: Axes of an array.
MOST_AXES = 8


def decode_idx(data: bytes, name: str) -> np.ndarray:
    """The array in an IDX file's bytes: uint8, shape as the header says.

    `name` stands for the bytes in messages. Raises `DatasetError` for anything but one whole IDX file.
    """
    if len(data) < 4 or data[:3] != b"\x00\x00\x08":
        start = data[:4].hex() or "nothing"
        raise DatasetError(f"{name} is not an IDX file of unsigned bytes: it starts with {start}")
    rank = data[3]
    if rank > MOST_AXES:
        raise DatasetError(f"{name} has {rank} axes; {MOST_AXES} are the most; replace it")
    header = 4 + 4 * rank
    if len(data) < header:
        raise DatasetError(f"{name} ends within its header: {len(data)} of {header} bytes")
    shape = struct.unpack(f">{rank}I", data[4:header])
    expected = header + int(np.prod(shape, dtype=object))
    if len(data) != expected:
        raise DatasetError(f"{name} has {len(data)} bytes, but shape {shape} needs {expected}; replace it")
    try:
        return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
    except ValueError as error:  # such as no images of a size beyond any memory
        raise DatasetError(f"{name} has shape {shape}, which is no array's ({error}); replace it") from None


def encode_idx(array: np.ndarray) -> bytes:
    """An IDX file's bytes for a uint8 array; the inverse of `decode_idx`."""
    if array.dtype != np.uint8:
        raise TypeError(f"IDX holds uint8 here, not {array.dtype}")
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def read_bytes(path: Path) -> bytes:
    """A file's content, unpacked if its name ends in ``.gz``. Raises `DatasetError` if it cannot be read."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path} cannot be read ({error}); replace the file") from None
    if len(data) > LARGEST_FILE:
        raise DatasetError(f"{path} has more than {LARGEST_FILE} bytes; it is no data set file; replace it")
    return data


def read_idx(path: str | Path) -> np.ndarray:
    """The array in an IDX file, packed (``.gz``) or plain. Raises `DatasetError`."""
    path = Path(path)
    return decode_idx(read_bytes(path), str(path))


def file_in(folder: Path, name: str) -> Path | None:
    """A file of `FILES` in a folder, plain or packed; None if it is not there."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def arrays(name: str, images: np.ndarray, labels: np.ndarray) -> Samples:
    """Images, uint8 (n, rows, columns[, channels]), with their labels, uint8 (n,), as samples of set `name`.

    Raises `DatasetError` if one of them is something else.
    """
    if images.ndim < 2 or labels.shape != images.shape[:1]:
        raise DatasetError(
            f"{name}: images have shape {images.shape} and labels {labels.shape}; "
            "a label an image is wanted: (n, rows, columns) and (n,)"
        )
    shape = images.shape[1:] if images.ndim > 2 else None
    return Samples(name, images.reshape(len(images), int(np.prod(images.shape[1:]))), labels, shape)


@dataclass(frozen=True)
class IdxFolder:
    """A folder of one's own with MNIST's four files, packed or plain; no digest is known."""

    path: Path

    drawn = False
    parts = tuple(FILES)

    def read(self, part: str, seed: int, resolution: Resolution) -> Samples:
        """A part as it stands; neither seed nor resolution changes it. Raises `DatasetError`."""
        found = []
        for name in FILES[part]:
            path = file_in(self.path, name)
            if path is None:
                raise DatasetError(f"{self.path} has no {name} (.gz or plain); put it there")
            found.append(read_idx(path))
        return arrays(str(self.path), *found)
