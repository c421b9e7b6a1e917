"""Registers: every field survives pack and unpack, and what does not fit is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yoso_hw.fields import FieldError
from yoso_hw.params import ChipParams
from yoso_hw.registers import (
    REGISTER_BITS,
    Memory,
    Register,
    entry_fields,
    memories,
    memory_shape,
    neuron_fields,
    pack,
    pack_all,
    pack_entry,
    register_fields,
    unpack,
    unpack_entry,
)

CHIPS = [
    ChipParams(neuron="all", side=35),
    ChipParams(
        **{"cols": 1, "rows": 1, "lanes": 1, "neurons": 1, "weights": 1, "steps": 2, "layers": 2},
        **{"classes": 2, "neuron": "all", "side": 2},
    ),
    ChipParams(
        cols=16, rows=16, lanes=8, pot_bits=32, steps=1024, layers=64, classes=4096, neuron="all", side=256
    ),
]
every_chip = pytest.mark.parametrize("chip", CHIPS, ids=["default", "smallest", "largest"])
every_register = pytest.mark.parametrize("register", Register, ids=lambda register: register.name)


@every_register
@every_chip
@given(data=st.data())
def test_what_is_packed_is_unpacked(chip, register, data):
    values = {field.name: data.draw(st.integers(*field.range)) for field in register_fields(chip)[register]}
    word = pack(chip, register, **values)
    assert 0 <= word < 1 << REGISTER_BITS and unpack(chip, register, word) == values


def test_words_are_those_of_images_already_written():
    """By hand: a weight image keeps these words, so no field of the default chip may move."""
    chip = ChipParams()
    assert pack(chip, Register.OUTPUT, output=1, base=20) == 0x8000_0014
    assert pack(chip, Register.DESTINATION, x0=1, x1=4, y0=2, y1=6) == 1 | 4 << 3 | 2 << 6 | 6 << 9
    words = pack_all(chip, tag=1, words=2, last_mask=3, threshold=4, slope=5, window_start=6, window_end=7)
    assert words == [1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0]
    assert pack_all(chip, base=9, x1=1, destination_tag=3, errors=4)[7:] == [9, 8, 3, 4]


def test_a_chip_without_the_family_and_convolution_has_the_registers_of_old_images_alone():
    old = [*Register][: Register.ERRORS + 1]
    assert list(register_fields(ChipParams())) == old
    assert list(register_fields(CHIPS[0])) == [*Register] and len(old) == 11
    assert list(register_fields(ChipParams(neuron="all"))) == [*Register][: Register.BIAS_ROW + 1]


def test_registers_that_a_chip_lacks_below_others_are_words_of_0():
    chip = ChipParams(side=35)
    assert memory_shape(chip, Memory.REGISTER) == (Register.POOL + 1, REGISTER_BITS)
    words = pack_all(chip, errors=15, filter_words=3, neuron_pitch=64, weight_pitch=4095, blocks=2)
    assert words[Register.ERRORS :] == [15, 0, 0, 0, 3, 64, 4095, 2]


def test_the_words_of_the_tables_and_of_the_spike_address_memory_are_those_of_images():
    """By hand, for the default chip: rows of 12 bits, words of 6, coordinates of 6."""
    chip = ChipParams(side=35)
    assert pack_entry(chip, Memory.SPIKE, row=5, r=34, q=2) == 5 | 34 << 12 | 2 << 18
    assert (
        pack_entry(chip, Memory.ROWS, lines=35, weight_offset=9, neuron_offset=63) == 35 | 9 << 6 | 63 << 18
    )
    columns = pack_entry(chip, Memory.COLUMNS, run=64, rewind=1, weight_offset=4095, neuron_offset=3)
    assert columns == 64 | 1 << 7 | 4095 << 8 | 3 << 20
    assert unpack_entry(chip, Memory.COLUMNS, columns) == {
        **{"run": 64, "rewind": 1, "weight_offset": 4095, "neuron_offset": 3}
    }
    assert [memory_shape(chip, memory) for memory in (Memory.SPIKE, Memory.ROWS, Memory.COLUMNS)] == [
        *[(256, 24), (35, 24), (35, 26)]
    ]


def test_a_chip_without_convolution_has_the_memories_of_old_images_alone():
    assert memories(ChipParams()) == tuple(Memory)[:6] and memories(CHIPS[0]) == tuple(Memory)
    assert memory_shape(ChipParams(), Memory.SPIKE) == (256, 12)
    with pytest.raises(FieldError, match="memory SPIKE"):
        pack_entry(ChipParams(), Memory.SPIKE, row=0, r=0, q=0)


@every_chip
@pytest.mark.parametrize("memory", [Memory.SPIKE, Memory.ROWS, Memory.COLUMNS])
@given(data=st.data())
def test_what_is_packed_into_a_memory_is_unpacked(chip, memory, data):
    fields = entry_fields(chip)[memory]
    values = {field.name: data.draw(st.integers(*field.range)) for field in fields}
    word = pack_entry(chip, memory, **values)
    assert 0 <= word < 1 << memory_shape(chip, memory)[1] and unpack_entry(chip, memory, word) == values


@every_chip
def test_no_two_registers_have_a_field_of_the_same_name(chip):
    names = [field.name for fields in register_fields(chip).values() for field in fields]
    assert len(set(names)) == len(names)


@every_chip
def test_the_neurons_registers_are_among_all(chip):
    assert neuron_fields(chip).items() <= register_fields(chip).items()


@every_register
def test_a_value_beyond_its_field_is_refused(register):
    chip = CHIPS[0]
    fields = register_fields(chip)[register]
    for field in fields:
        for value in (-1, 1 << field.width):
            values = {other.name: 0 for other in fields} | {field.name: value}
            with pytest.raises(FieldError, match=f"{register.name}: {field.name}={value} is outside"):
                pack(chip, register, **values)
            with pytest.raises(FieldError, match=f"{field.name}={value} is outside"):
                pack_all(chip, **{field.name: value})


def test_missing_and_unknown_fields_are_named():
    with pytest.raises(FieldError, match=r"register OUTPUT needs the fields.*base"):
        pack(ChipParams(), Register.OUTPUT, output=1)
    with pytest.raises(FieldError, match="colour"):
        pack_all(ChipParams(), colour=1)
