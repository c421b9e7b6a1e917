"""The IDX file format of MNIST and its relatives: unsigned bytes in a big-endian array of any rank."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np


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
    header = 4 + 4 * rank
    if len(data) < header:
        raise DatasetError(f"{name} ends within its header: {len(data)} of {header} bytes")
    shape = struct.unpack(f">{rank}I", data[4:header])
    expected = header + int(np.prod(shape, dtype=object))
    if len(data) != expected:
        raise DatasetError(f"{name} has {len(data)} bytes, but shape {shape} needs {expected}; replace it")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def encode_idx(array: np.ndarray) -> bytes:
    """An IDX file's bytes for a uint8 array; the inverse of `decode_idx`."""
    if array.dtype != np.uint8:
        raise TypeError(f"IDX holds uint8 here, not {array.dtype}")
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def read_bytes(path: Path) -> bytes:
    """A file's content, unpacked if its name ends in ``.gz``. Raises `DatasetError` if it cannot be read."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path} cannot be read ({error}); replace the file") from None


def read_idx(path: str | Path) -> np.ndarray:
    """The array in an IDX file, packed (``.gz``) or plain. Raises `DatasetError`."""
    path = Path(path)
    return decode_idx(read_bytes(path), str(path))
