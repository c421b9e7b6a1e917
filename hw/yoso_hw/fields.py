"""Bit fields: what packets and registers are made of. Pure Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from yoso_hw.params import ChipParams


class FieldError(ValueError):
    """A field is missing or unknown, or its value does not fit; the message names all of them."""


@dataclass(frozen=True)
class Field:
    """A bit field: `width` bits from bit `offset` up; `meaning` where its owner's does not say it."""

    name: str
    offset: int
    width: int
    signed: bool = False
    meaning: str = ""

    @property
    def range(self) -> tuple[int, int]:
        """Lowest and highest value."""
        top = 1 << (self.width - self.signed)
        return (-top if self.signed else 0), top - 1


def side_by_side(parts: Iterable[tuple[str, int]], signed: Iterable[str] = ()) -> tuple[Field, ...]:
    """Fields of names and widths, the first at bit 0 and each right above the one before."""
    fields: list[Field] = []
    offset = 0
    for name, width in parts:
        fields.append(Field(name, offset, width, name in signed))
        offset += width
    return tuple(fields)


def pack(owner: str, fields: Sequence[Field], values: Mapping[str, int]) -> int:
    """The word in which each field has its value, and all other bits are 0; `owner` is for messages.

    Raises
    ------
    FieldError
        If a field is missing or unknown, or a value does not fit its field.
    """
    names = {field.name for field in fields}
    if set(values) != names:
        raise FieldError(f"{owner} needs the fields {sorted(names)}, not {sorted(values)}")
    word = 0
    for field in fields:
        value = int(values[field.name])
        low, high = field.range
        if not low <= value <= high:
            raise FieldError(f"{owner}: {field.name}={value} is outside {low}..{high}")
        word |= (value & ((1 << field.width) - 1)) << field.offset
    return word


def unpack(fields: Iterable[Field], word: int) -> dict[str, int]:
    """The fields of a word by name; the inverse of `pack`."""
    values = {}
    for field in fields:
        value = (word >> field.offset) & ((1 << field.width) - 1)
        if field.signed and value > field.range[1]:
            value -= 1 << field.width
        values[field.name] = value
    return values


def destination_fields(params: ChipParams) -> tuple[tuple[str, int], ...]:
    """A rectangle of nodes x0..x1, y0..y1, inclusive: names and widths, in packets and registers alike."""
    return (("x0", params.x_bits), ("x1", params.x_bits), ("y0", params.y_bits), ("y1", params.y_bits))
