"""Runs of flits as NumPy arrays: what a host sends to write and read memories and to send spikes.

`yoso_hw.packet.Packets` packs one flit; here its formats pack whole arrays at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from yoso_hw.fields import Field, FieldError
from yoso_hw.packet import Packets
from yoso_hw.registers import Memory, chunks

from yoso_sw.compile.layout import Rectangle


def rectangle_fields(rectangle: Rectangle) -> dict[str, int]:
    """(x0, x1, y0, y1) as the destination fields of a packet."""
    return dict(zip(("x0", "x1", "y0", "y1"), rectangle, strict=True))


def pack_words(fields: Iterable[Field], values: Mapping[str, np.ndarray | int]) -> np.ndarray:
    """Words whose unsigned fields have these values, numbers or arrays (n,): uint64 (n,).

    Raises
    ------
    FieldError
        If a value does not fit its field.
    """
    word = np.zeros(1, np.uint64)
    for field in fields:
        value = np.atleast_1d(np.asarray(values[field.name], np.int64))
        low, high = field.range
        if len(value) and not low <= value.min() <= value.max() <= high:
            raise FieldError(f"{field.name}={value.min()}..{value.max()} is outside {low}..{high}")
        word = word | value.astype(np.uint64) << np.uint64(field.offset)
    return word


def one_node(x: int, y: int) -> Rectangle:
    """The rectangle that is node (x, y) alone."""
    return (x, x, y, y)


def write_flits(
    packets: Packets, rectangle: Rectangle, memory: Memory, address: int, data: np.ndarray
) -> np.ndarray:
    """SEEK to `address`, then WRITE the words of `data`, uint16 (words, chunks), low chunk first.

    Returns uint64 (1 + words * chunks,). All nodes of the rectangle get the same words.
    """
    to = rectangle_fields(rectangle)
    field = packets.formats["WRITE"].field("data")
    flits = np.empty(1 + data.size, np.uint64)
    flits[0] = packets.pack("SEEK", **to, memory=memory, address=address)
    flits[1:] = data.ravel().astype(np.uint64) << np.uint64(field.offset)
    flits[1:] |= np.uint64(packets.pack("WRITE", **to, data=0))
    return flits


def read_flits(packets: Packets, x: int, y: int, memory: Memory, address: int, words: int) -> np.ndarray:
    """SEEK to `address` of the PE at node (x, y), then READ `words` words; uint64 (1 + words,)."""
    to = rectangle_fields(one_node(x, y))
    flits = np.full(1 + words, packets.pack("READ", **to), np.uint64)
    flits[0] = packets.pack("SEEK", **to, memory=memory, address=address)
    return flits


def to_chunks(packets: Packets, memory: Memory, words: np.ndarray) -> np.ndarray:
    """Memory words, unsigned (n,), as the chunks that carry them: uint16 (n, chunks), low chunk first."""
    count = chunks(packets.params, memory)
    shifts = np.arange(count, dtype=np.uint64) * np.uint64(16)
    return ((words.astype(np.uint64)[:, None] >> shifts) & np.uint64(0xFFFF)).astype(np.uint16)
