"""The IDX file format of MNIST and its relatives: unsigned bytes in a big-endian array of any rank."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

#: Bytes that an IDX file may have, unpacked; MNIST's largest has 47 MB.
LARGEST_FILE = 1 << 28

#: Axes of an array.
MOST_AXES = 8


class DatasetError(RuntimeError):
    """A data set is missing or damaged; the message names it and says what to put where."""


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
