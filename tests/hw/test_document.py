"""The committed tables of packets and memories are what the code says."""

from enum import IntEnum
from pathlib import Path

import pytest
from yoso_hw.document import diagram, meanings, pages
from yoso_hw.packet import FIELD_MEANINGS, PACKET_CYCLES, ChipError, Kind, Op, Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Memory, PeError, Register, Reset, memories, register_fields

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", pages())
def test_the_committed_page_is_what_the_generator_writes(name):
    assert (DOCS / name).read_text() == pages()[name], "run python -m yoso_hw.document"


@pytest.mark.parametrize("enumeration", [Kind, Op, ChipError, Memory, Register, Reset, PeError, Counter])
def test_every_member_has_a_meaning(enumeration):
    assert list(meanings(enumeration)) == [member.name for member in enumeration]


def test_a_member_without_a_meaning_is_named():
    class Colour(IntEnum):
        RED = 0  #: of blood
        BLUE = 1

    with pytest.raises(ValueError, match="BLUE"):
        meanings(Colour)


def test_every_field_and_packet_is_described_and_nothing_else():
    formats = Packets(ChipParams(neuron="all", side=35)).formats
    assert set(FIELD_MEANINGS) == {field.name for format in formats.values() for field in format.fields}
    assert set(PACKET_CYCLES) == set(formats)


def rows_of(page: str, name: str) -> list[list[str]]:
    """Cells of the tables' rows that begin with, or have in their second cell, a name."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line[:1] == "|"]
    return [row for row in rows if any(name in cell.strip("[`").split("`")[0] for cell in row[:2])]


@pytest.mark.parametrize(
    "name",
    [
        *("DYNAMICS", "CHARGE", "BIAS_ROW", "COUNT", "TAG", "START"),
        *("FILTERS", "PITCH", "KERNEL", "POOL", "ROWS", "COLUMNS", "WEIGHT"),
    ],
)
def test_each_register_memory_and_packet_says_which_chips_have_it(name):
    def names(params):
        own = [*register_fields(params), *memories(params)]
        return {each.name for each in own} | set(Packets(params).formats)

    page = "packets.md" if name in Packets(ChipParams(neuron="all")).formats else "memory-map.md"
    row = next(row for row in rows_of(pages()[page], name))
    plain, family = names(ChipParams()), names(ChipParams(neuron="all"))
    assert ("all" if name in plain else "neuron=all" if name in family else "side > 0") in row


def test_what_a_chip_without_convolution_lacks_is_marked_wherever_it_stands():
    page = pages()["packets.md"]
    assert "31; 43 with side > 0" in rows_of(page, "SPIKE")[0] and "one flit: 31 bits on the" in page
    for name in ("r", "q"):
        (row,) = [line for line in page.splitlines() if f"| `{name}` |" in line]
        assert row.endswith("; chips with side > 0 |")
    page = pages()["memory-map.md"]
    assert {"12; 24 with side > 0", "1; 2 with side > 0"} <= {*rows_of(page, "SPIKE")[0]}
    assert "11; 14 with neuron=all; 18 with side > 0" in rows_of(page, "REGISTER")[0]


def test_what_a_chip_without_the_family_lacks_is_marked_wherever_it_stands():
    page = pages()["packets.md"]
    assert "16; 17 with neuron=all" in rows_of(page, "START")[0]
    (row,) = [line for line in page.splitlines() if "| `count` |" in line]
    assert row.endswith("; chips with neuron=all |")
    assert rows_of(pages()["memory-map.md"], "REGISTER")[0][3].startswith("11; 14 with neuron=all")


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
