"""Registers of a PE: each reads back what its fields hold, none disturbs another, errors are sticky."""

import random

import pytest
from support.bench import Bench
from yoso_hw.fields import destination_fields
from yoso_hw.params import ChipParams, bits_for
from yoso_hw.pe_config import PeConfig
from yoso_hw.registers import Memory, PeError, Register, memory_shape, pack

CHIPS = {
    "default": ChipParams(),
    "smallest": ChipParams(cols=1, rows=1, lanes=1, neurons=1, weights=1, steps=2, layers=2, classes=2),
    "largest": ChipParams(cols=16, rows=16, lanes=8, pot_bits=32, steps=1024, layers=64, classes=4096),
    "family": ChipParams(neuron="all"),
    "convolution": ChipParams(side=35),
    "both": ChipParams(neuron="all", side=35),
}
by_chip = pytest.mark.parametrize("params", CHIPS.values(), ids=CHIPS)


def used_bits(params):
    """Bits that each register has a use for; a chip without the family has none for its registers."""
    potential, window = params.pot_bits - 1, bits_for(params.steps + 1)
    widths = {
        Register.TAG: params.tag_bits,
        Register.WORDS: params.word_bits + 1,
        Register.LAST_MASK: params.lanes,
        Register.THRESHOLD: potential,
        Register.SLOPE: potential,
        Register.WINDOW_START: window,
        Register.WINDOW_END: window,
        Register.DESTINATION: sum(width for _, width in destination_fields(params)),
        Register.DESTINATION_TAG: params.tag_bits,
        Register.ERRORS: len(PeError),
    }
    masks = dict.fromkeys(Register, 0) | {register: (1 << width) - 1 for register, width in widths.items()}
    masks[Register.OUTPUT] = 1 << 31 | (1 << params.class_bits) - 1
    if params.neuron == "all":
        masks[Register.DYNAMICS] = (1 << 4 + 1 + 4 + 2) - 1
        masks[Register.CHARGE] = (1 << params.step_bits) - 1
        masks[Register.BIAS_ROW] = 1 << 31 | (1 << params.row_bits) - 1
    if params.side:
        words = (1 << params.word_bits + 1) - 1
        masks |= dict.fromkeys((Register.FILTERS, Register.PITCH, Register.POOL), words)
        masks[Register.KERNEL] = (1 << params.row_bits) - 1
    depth = memory_shape(params, Memory.REGISTER)[0]
    return {register: mask for register, mask in masks.items() if register < depth}


def is_inside(params, word):
    """Whether a DESTINATION names at least one node and none outside the mesh."""
    corners = []
    for _, width in destination_fields(params):
        corners.append(word & (1 << width) - 1)
        word >>= width
    x0, x1, y0, y1 = corners
    return x0 <= x1 < params.cols and y0 <= y1 < params.rows


def read(bench):
    """Every register, holes among them."""
    values = {}
    for register in used_bits(bench.dut.params):
        bench.drive(bench.dut.access, address=register)
        values[register] = bench.get(bench.dut.access.rdata)
    return values


@by_chip
def test_registers_are_0_after_reset(params):
    assert read(Bench(PeConfig(params))) == dict.fromkeys(used_bits(params), 0)


@by_chip
def test_registers_keep_the_bits_that_they_use_and_disturb_no_other(params):
    rng, bench, masks = random.Random(7), Bench(PeConfig(params)), used_bits(params)
    held = dict.fromkeys(masks, 0)
    order = [*masks, *rng.choices(list(masks), k=20)]
    for register in order:
        value = rng.choice([0xFFFF_FFFF, rng.getrandbits(32)])
        bench.pulse(bench.dut.access, address=register, write=1, wdata=value)
        if register is not Register.DESTINATION or is_inside(params, value):
            held[register] = value & masks[register]
        else:
            held[Register.ERRORS] |= 1 << PeError.BAD_DESTINATION
        assert read(bench) == held


def test_fields_carry_what_the_registers_hold():
    params, bench = ChipParams(), Bench(PeConfig(ChipParams()))
    values = {
        Register.TAG: 3,
        Register.WORDS: params.neuron_words,
        Register.LAST_MASK: 0b0111,
        Register.THRESHOLD: params.pot_max,
        Register.SLOPE: 17,
        Register.WINDOW_START: 5,
        Register.WINDOW_END: params.steps,
        Register.OUTPUT: pack(params, Register.OUTPUT, output=1, base=20),
        Register.DESTINATION: pack(params, Register.DESTINATION, x0=1, x1=4, y0=2, y1=6),
        Register.DESTINATION_TAG: 2,
    }
    for register, value in values.items():
        bench.pulse(bench.dut.access, address=register, write=1, wdata=value)
    assert bench.get(bench.dut.config) == {
        "tag": 3,
        "words": params.neuron_words,
        "last_mask": 0b0111,
        "neuron": {"threshold": params.pot_max, "slope": 17, "window_start": 5, "window_end": params.steps},
        "base": 20,
        "output": 1,
        "destination": {"x0": 1, "x1": 4, "y0": 2, "y1": 6},
        "destination_tag": 2,
    }


@pytest.mark.parametrize("error", PeError)
def test_an_error_bit_is_set_by_its_event_and_stays_until_it_is_cleared(error):
    bench = Bench(PeConfig(ChipParams()))
    assert bench.get(bench.dut.error) == 0
    bench.pulse(errors=1 << error)
    bench.step(5)
    assert bench.get(bench.dut.error) == 1 and read(bench)[Register.ERRORS] == 1 << error
    bench.pulse(bench.dut.access, address=Register.ERRORS, write=1, wdata=0)
    assert bench.get(bench.dut.error) == 0 and read(bench)[Register.ERRORS] == 0


def test_errors_gather_and_a_new_one_leaves_the_others_as_they_are():
    """One after the other in any order, and again with all of them set; a refused DESTINATION is one too."""
    params, rng = ChipParams(cols=3, rows=2), random.Random(4)
    bench, gathered = Bench(PeConfig(params)), 0
    for error in [*rng.sample(list(PeError), len(PeError)), *PeError]:
        if error is PeError.BAD_DESTINATION:
            bench.pulse(bench.dut.access, address=Register.DESTINATION, write=1, wdata=0xFFFF_FFFF)
        else:
            bench.pulse(errors=1 << error)
        gathered |= 1 << error
        bench.step(3)
        assert read(bench)[Register.ERRORS] == gathered and bench.get(bench.dut.error) == 1


def test_a_destination_that_is_empty_or_leaves_the_mesh_is_not_taken():
    """Of all destinations: a flit to a column or row beyond the rim would wait there for ever."""
    params = ChipParams(cols=3, rows=2)
    bench, masks, held = Bench(PeConfig(params)), used_bits(params), 0
    for value in range(masks[Register.DESTINATION] + 1):
        bench.pulse(bench.dut.access, address=Register.DESTINATION, write=1, wdata=value)
        held = value if is_inside(params, value) else held
        registers = read(bench)
        assert registers[Register.DESTINATION] == held
        refused = registers[Register.ERRORS] == 1 << PeError.BAD_DESTINATION
        assert refused == (not is_inside(params, value)) and bench.get(bench.dut.error) == refused
        bench.pulse(bench.dut.access, address=Register.ERRORS, write=1, wdata=0)
