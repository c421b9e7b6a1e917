"""The 5-byte events of N-MNIST and N-Caltech101: column, row, then polarity and microseconds in 24 bits.

The highest of the 24 bits is the polarity. A row of 240 is no event: it says that all later times, 13 bits in
the recorder, have overflowed once more (Orchard et al. 2015, and the reader that came with the set).
"""

from __future__ import annotations

import numpy as np

from yoso_sw.data.samples import DatasetError
from yoso_sw.data.streams import Stream

BYTES = 5

#: Row that marks an overflow, and the microseconds that it adds.
OVERFLOW_ROW = 240
OVERFLOW = 1 << 13


def decode(data: bytes, name: str) -> Stream:
    """A file's recording. Raises `DatasetError`, with `name`, if one is cut short or there is none."""
    if len(data) % BYTES:
        raise DatasetError(
            f"{name} has {len(data)} bytes, not a multiple of {BYTES} an event; it is cut short: replace it"
        )
    fields = np.frombuffer(data, np.uint8).reshape(-1, BYTES).astype(np.int64)
    col, row = fields[:, 0], fields[:, 1]
    word = fields[:, 2] << 16 | fields[:, 3] << 8 | fields[:, 4]
    overflows = row == OVERFLOW_ROW
    time = (word & 0x7FFFFF) + OVERFLOW * np.cumsum(overflows)
    own = ~overflows
    if not own.any():
        raise DatasetError(f"{name} holds no event; replace or remove it")
    return Stream(time[own], row[own], col[own], word[own] >> 23)


def encode(stream: Stream) -> bytes:
    """The file of a recording whose times have 23 bits; the inverse of `decode`."""
    word = stream.polarity << 23 | stream.time
    fields = (stream.col, stream.row, word >> 16, word >> 8 & 255, word & 255)
    return np.stack(fields, axis=1).astype(np.uint8).tobytes()
