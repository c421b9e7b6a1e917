"""Packets as Amaranth sees them: views of a flit, and flits made of signals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from amaranth.hdl import Cat, Const, Shape, Value
from amaranth.lib import data, stream

from yoso_hw.fields import Field, destination_fields, side_by_side
from yoso_hw.packet import Format, Packets
from yoso_hw.params import ChipParams


def struct_of(fields: Iterable[Field]) -> data.StructLayout:
    """Fields as a struct, one right above the other even if they are not in their word."""
    return data.StructLayout({field.name: Shape(field.width, field.signed) for field in fields})


def flit_stream(packets: Packets) -> stream.Signature:
    """Stream of whole flits."""
    return stream.Signature(packets.flit_bits)


def flit_layout(packets: Packets, name: str) -> data.FlexibleLayout:
    """Layout of the packet called `name`, as wide as a flit."""
    return data.FlexibleLayout(
        packets.flit_bits,
        {
            field.name: data.Field(Shape(field.width, field.signed), field.offset)
            for field in packets.formats[name].fields
        },
    )


def unpack(packets: Packets, name: str, flit: Value) -> Any:
    """The fields of `flit`, read as the packet called `name`."""
    return data.View(flit_layout(packets, name), flit)


def pack(packets: Packets, name: str, **fields: Any) -> Value:
    """A flit of the packet called `name`; fields are signals or integers, cut to their width."""
    format: Format = packets.formats[name]
    fields = {**format.header, **fields}
    parts = []
    for field in format.fields:
        value = fields.pop(field.name)
        parts.append(Const(value, field.width) if isinstance(value, int) else _resize(value, field.width))
    if fields:
        raise ValueError(f"packet {name} has no fields {sorted(fields)}")
    return Cat(*parts, Const(0, packets.flit_bits - format.bits))


def _resize(value: Any, width: int) -> Value:
    value = Value.cast(value)
    missing = width - len(value)
    if missing <= 0:
        return value[:width]
    return Cat(value, value[-1].replicate(missing) if value.shape().signed else Const(0, missing))


def rectangle_layout(params: ChipParams) -> data.StructLayout:
    """A destination rectangle, as in packets and in `Register.DESTINATION`."""
    return struct_of(side_by_side(destination_fields(params)))
