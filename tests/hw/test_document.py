"""The committed tables of packets and memories are what the code says."""

from enum import IntEnum
from pathlib import Path

import pytest
from yoso_hw.document import diagram, meanings, pages
from yoso_hw.packet import FIELD_MEANINGS, PACKET_CYCLES, ChipError, Kind, Op, Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Memory, PeError, Register, register_fields

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", pages())
def test_the_committed_page_is_what_the_generator_writes(name):
    assert (DOCS / name).read_text() == pages()[name], "run python -m yoso_hw.document"


@pytest.mark.parametrize("enumeration", [Kind, Op, ChipError, Memory, Register, PeError, Counter])
def test_every_member_has_a_meaning(enumeration):
    assert list(meanings(enumeration)) == [member.name for member in enumeration]


def test_a_member_without_a_meaning_is_named():
    class Colour(IntEnum):
        RED = 0  #: of blood
        BLUE = 1

    with pytest.raises(ValueError, match="BLUE"):
        meanings(Colour)


def test_every_field_and_packet_is_described_and_nothing_else():
    formats = Packets(ChipParams()).formats
    assert set(FIELD_MEANINGS) == {field.name for format in formats.values() for field in format.fields}
    assert set(PACKET_CYCLES) == set(formats)


def test_a_diagram_has_each_field_under_its_bits():
    assert diagram([("kind", 0, 3), ("x", 3, 1)]) == [
        "```",
        "  3   2:0",
        "+---+------+",
        "| x | kind |",
        "+---+------+",
        "```",
        "",
    ]


@pytest.mark.parametrize(
    "params",
    [ChipParams(cols=1, rows=1, lanes=1, neurons=1, weights=1), ChipParams(lanes=8, pot_bits=32, cols=16)],
)
def test_other_chips_have_pages_too_and_registers_fit_their_words(params):
    assert all(text.endswith("|\n") for text in pages(params).values())
    for fields in register_fields(params).values():
        end = 0
        for field in fields:
            assert end <= field.offset and field.width >= 1
            end = field.offset + field.width
        assert end <= 32
