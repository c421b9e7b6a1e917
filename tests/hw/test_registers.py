"""Registers: every field survives pack and unpack, and what does not fit is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yoso_hw.fields import FieldError
from yoso_hw.params import ChipParams
from yoso_hw.registers import REGISTER_BITS, Register, neuron_fields, pack, pack_all, register_fields, unpack

CHIPS = [
    ChipParams(neuron="all"),
    ChipParams(cols=1, rows=1, lanes=1, neurons=1, weights=1, steps=2, layers=2, classes=2, neuron="all"),
    ChipParams(cols=16, rows=16, lanes=8, pot_bits=32, steps=1024, layers=64, classes=4096, neuron="all"),
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


def test_a_chip_without_the_family_has_the_registers_of_old_images_alone():
    old = [*Register][: Register.ERRORS + 1]
    assert list(register_fields(ChipParams())) == old
    assert list(register_fields(CHIPS[0])) == [*Register] and len(old) == 11


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
