"""What bins are said in: streams that move or wait, packets, names."""

from __future__ import annotations

from enum import Enum
from typing import Any

from amaranth.hdl import Const, Value
from yoso_hw.flit import unpack
from yoso_hw.packet import Packets


def moved(stream: Any) -> Value:
    return stream.valid & stream.ready


def refused(stream: Any) -> Value:
    return stream.valid & ~stream.ready


def packet_is(packets: Packets, name: str, flit: Any) -> Value:
    """A flit is the packet called `name`."""
    format = packets.formats[name]
    fields = unpack(packets, name, flit)
    return (fields.kind == format.kind) & (Const(1) if format.op is None else fields.op == format.op)


def named(*parts: object) -> str:
    """Words and names of enumerations as a bin's name."""
    return " ".join((part.name if isinstance(part, Enum) else str(part)).lower() for part in parts)
