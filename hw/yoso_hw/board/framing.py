"""Flits over a serial line: bytes, notices, credits. Pure Python, the only definition of the protocol.

A flit travels as `frame_bytes` bytes, low bits first, seven bits a byte; bit 7 marks the first byte of a
frame and no other. So a lost or broken byte costs the frame it belongs to and no more: the next marked byte
begins a frame whatever came before.

A frame whose `kind` is `NOTICE` goes no further than the bridge on the board, or comes from it.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum

from yoso_hw.packet import KIND_BITS, Packets
from yoso_hw.params import ChipParams

#: Bits of a flit in one byte.
FRAME_BITS = 7

#: Bit of a byte that begins a frame.
FIRST = 1 << FRAME_BITS

#: `kind` of a notice; no packet has it (`yoso_hw.packet.Kind`).
NOTICE = 7

#: Fields of a notice: kind, code, and the rest of the flit.
CODE_BITS = 4

#: Flits that the bridge holds for the chip. The host may have so many on their way.
BUFFER = 1024

#: Flits after which the bridge gives credit back.
CREDIT = 128


class Notice(IntEnum):
    """What a notice says."""

    RESET = 0  #: to the board: reset the chip, forget what is buffered; answered by READY
    READY = 1  #: from the board: the chip is reset; data are its `identity`
    LOST = 2  #: from the board: a frame was broken, or one came without credit
    CREDIT = 3  #: from the board: the chip took so many flits (data) since the last CREDIT


def frame_bytes(flit_bits: int) -> int:
    """Bytes of a frame."""
    return -(-flit_bits // FRAME_BITS)


def data_bits(flit_bits: int) -> int:
    """Bits of a notice's data."""
    return flit_bits - KIND_BITS - CODE_BITS


def identity(params: ChipParams) -> int:
    """What a chip is known by: a hash of its parameters, as wide as a notice's data."""
    digest = int.from_bytes(hashlib.sha256(params.to_json().encode()).digest())
    return digest & (1 << data_bits(Packets(params).flit_bits)) - 1


def notice(code: Notice, data: int = 0) -> int:
    """The flit of a notice."""
    return NOTICE | code << KIND_BITS | data << KIND_BITS + CODE_BITS
