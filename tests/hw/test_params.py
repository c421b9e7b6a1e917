"""Chip parameters: ranges are enforced by name, sizes follow, and a chip survives its JSON."""

import dataclasses
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yoso_hw.params import NEURONS, ROUTERS, ChipParams, ParamError, bits_for
from yoso_hw.registers import CHUNK_BITS, chunks, memories, memory_shape

RANGES = {
    "cols": (1, 16),
    "rows": (1, 16),
    "weight_bits": (2, 8),
    "acc_bits": (8, 20),
    "pot_bits": (16, 32),
    "steps": (2, 1024),
    "layers": (2, 64),
    "classes": (2, 4096),
    "link_fifo": (2, 64),
    "spike_fifo": (2, 64),
}


@pytest.mark.parametrize("name", RANGES)
def test_each_parameter_takes_its_whole_range_and_no_more(name):
    low, high = RANGES[name]
    for value in (low, high):
        assert getattr(ChipParams(**{name: value}), name) == value
    for value in (low - 1, high + 1):
        with pytest.raises(ParamError, match=f"{name}={value} is outside|pot_bits=20 is outside 21"):
            ChipParams(**{name: value})


@pytest.mark.parametrize("kind", ["", "Bus", "mesh"])
def test_a_router_has_a_crossbar_or_a_bus(kind):
    assert [ChipParams(router=kind).link_cycles for kind in ("crossbar", "bus")] == [1, 2]
    with pytest.raises(ParamError, match=f"router='{kind}' is not crossbar or bus"):
        ChipParams(router=kind)
    with pytest.raises(ParamError, match=f"router='{kind}' is not crossbar or bus"):
        ChipParams.with_settings([f"router={kind}"])


@pytest.mark.parametrize(("side", "bits"), [(2, 1), (3, 2), (35, 6), (256, 8)])
def test_the_side_of_the_largest_map_says_the_bits_of_a_coordinate(side, bits):
    assert ChipParams(side=side).coord_bits == bits


@pytest.mark.parametrize("side", [-1, 1, 257])
def test_a_side_is_0_or_within_2_to_256(side):
    with pytest.raises(ParamError, match=f"side={side} is neither 0 nor within 2..256"):
        ChipParams(side=side)


@pytest.mark.parametrize("lanes", [0, 3, 5, 6, 7, 16, -1])
def test_lanes_are_a_power_of_two_up_to_eight(lanes):
    with pytest.raises(ParamError, match=f"lanes={lanes}"):
        ChipParams(lanes=lanes)


@pytest.mark.parametrize(
    ("name", "value"), [("neurons", 255), ("weights", 16385), ("neurons", 4097), ("weights", 0)]
)
def test_capacities_are_whole_words_within_range(name, value):
    with pytest.raises(ParamError, match=f"{name}={value}"):
        ChipParams(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("cols", 6.0), ("cols", "6"), ("cols", True), ("multicast", 1), ("router", None)]
)
def test_a_value_of_another_type_is_refused(name, value):
    with pytest.raises(ParamError, match=f"{name}="):
        ChipParams(**{name: value})


@pytest.mark.parametrize(("count", "bits"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (256, 8), (257, 9)])
def test_bits_for_numbers_that_many_things(count, bits):
    assert bits_for(count) == bits


def test_the_default_chip_is_the_papers_mesh():
    chip = ChipParams()
    assert (chip.nodes, chip.neurons, chip.neuron_words, chip.weight_words) == (42, 256, 64, 4096)
    assert (chip.x_bits, chip.y_bits, chip.row_bits, chip.word_bits, chip.neuron_bits) == (3, 3, 12, 6, 8)
    assert (chip.acc_min, chip.acc_max, chip.pot_min, chip.pot_max) == (-32768, 32767, -524288, 524287)
    assert (chip.weight_min, chip.weight_max, chip.step_bits, chip.class_bits) == (-128, 127, 8, 8)


def chips():
    return st.builds(
        lambda lanes, **rest: ChipParams(lanes=lanes, **rest),
        lanes=st.sampled_from([1, 2, 4, 8]),
        cols=st.integers(1, 16),
        rows=st.integers(1, 16),
        neurons=st.integers(1, 512).map(lambda n: 8 * n),
        weights=st.integers(1, 1 << 17).map(lambda n: 8 * n),
        steps=st.integers(2, 1024),
        router=st.sampled_from(ROUTERS),
        multicast=st.booleans(),
        banked=st.booleans(),
        neuron=st.sampled_from(NEURONS),
        side=st.sampled_from([0, 2, 29, 256]),
    )


@given(chips())
def test_a_chip_survives_its_json(chip):
    again = ChipParams.from_json(chip.to_json())
    assert again == chip and not again.differences(chip)


def test_a_chip_that_was_written_before_a_parameter_was_added_has_not_what_it_stands_for():
    text = ChipParams(neuron="all").to_json().replace(', "neuron": "all"', "")
    assert "neuron" not in text.replace("neurons", "")
    assert ChipParams.from_json(text) == ChipParams(neuron="rel_psp")
    text = ChipParams(side=35).to_json().replace(', "side": 35', "")
    assert "side" not in text and ChipParams.from_json(text) == ChipParams()


@given(chips())
def test_memory_addresses_and_chunks_cover_each_memory(chip):
    assert 1 << chip.row_bits >= chip.weight_words and 1 << chip.neuron_bits >= chip.neurons
    for memory in memories(chip):
        _, width = memory_shape(chip, memory)
        assert 0 <= chunks(chip, memory) * CHUNK_BITS - width < CHUNK_BITS


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(ChipParams)])
def test_each_parameter_shows_in_the_differences(name):
    chip = ChipParams()
    value = getattr(chip, name)
    others = {
        "router": "bus",
        "neuron": "all",
        "side": 35,
        "weight_bits": 4,
        "acc_bits": 17,
        "pot_bits": 21,
        "cols": 7,
        "rows": 8,
    }
    changed = not value if isinstance(value, bool) else others[name] if name in others else value * 2
    other = dataclasses.replace(chip, **{name: changed})
    (difference,) = chip.differences(other)
    assert difference == f"{name}: {value} != {getattr(other, name)}"


@pytest.mark.parametrize("text", ["", "[]", "3", '{"cols": 6}', "nonsense"])
def test_other_text_is_no_chip(text):
    with pytest.raises(ParamError):
        ChipParams.from_json(text)


def test_an_unknown_key_is_named():
    values = {**json.loads(ChipParams().to_json()), "colour": 1}
    with pytest.raises(ParamError, match="colour"):
        ChipParams.from_json(json.dumps(values))


def test_parameters_packets_and_registers_import_no_amaranth():
    code = "import sys, yoso_hw.packet, yoso_hw.registers; sys.exit('amaranth' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
