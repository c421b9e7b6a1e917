"""Packets: every field survives pack and unpack, no two overlap, and what does not fit is refused by name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yoso_hw.fields import FieldError
from yoso_hw.packet import KIND_BITS, Kind, Op, PacketError, Packets, is_host_bound, kind_of, op_of
from yoso_hw.params import ChipParams
from yoso_hw.registers import memories, memory_shape

CHIPS = [
    ChipParams(neuron="all", side=35),
    ChipParams(
        **{"cols": 1, "rows": 1, "lanes": 1, "neurons": 1, "weights": 1, "steps": 2, "layers": 2},
        **{"classes": 2, "neuron": "all", "side": 2},
    ),
    ChipParams(
        **{"cols": 16, "rows": 16, "lanes": 8, "neurons": 4096, "weights": 1 << 20, "pot_bits": 32},
        **{"steps": 1024, "classes": 4096, "neuron": "all", "side": 256},
    ),
    ChipParams(cols=16, rows=16, lanes=1, neurons=4096, weights=1 << 20, layers=64, neuron="all", side=256),
]
NAMES = [kind.name for kind in Kind if kind is not Kind.CONTROL] + [op.name for op in Op]

every_chip = pytest.mark.parametrize("chip", CHIPS, ids=["default", "smallest", "largest", "longest rows"])
every_packet = pytest.mark.parametrize("name", NAMES)


def bounds(field):
    if field.signed:
        return -(1 << field.width - 1), (1 << field.width - 1) - 1
    return 0, (1 << field.width) - 1


def body(format):
    return [field for field in format.fields if field.name not in ("kind", "op")]


@every_packet
@every_chip
@given(data=st.data())
def test_what_is_packed_is_unpacked(chip, name, data):
    packets = Packets(chip)
    format = packets.formats[name]
    values = {field.name: data.draw(st.integers(*bounds(field))) for field in body(format)}
    flit = packets.pack(name, **values)
    assert 0 <= flit < 1 << format.bits
    fields = packets.unpack(flit)
    assert {key: fields[key] for key in values} == values
    assert fields["name"] == name and fields["kind"] == format.kind


@every_packet
@every_chip
def test_fields_stand_side_by_side_from_bit_0(chip, name):
    offset = 0
    for field in Packets(chip).formats[name].fields:
        assert field.offset == offset and field.width >= 1
        offset += field.width


@every_chip
def test_the_widest_packet_is_the_flit_and_fits_64_bits(chip):
    packets = Packets(chip)
    assert set(packets.formats) == set(NAMES)
    assert packets.flit_bits == max(format.bits for format in packets.formats.values()) <= 64


@every_chip
def test_fields_hold_what_they_name(chip):
    packets = Packets(chip)
    packets.pack("START", steps=chip.steps, early=1, count=1)
    packets.pack("COUNT", index=chip.classes - 1, spikes=chip.steps)
    packets.pack("DECISION", index=chip.classes - 1, step=chip.steps - 1, spiked=1)
    packets.pack("RESULT", index=chip.classes - 1, potential=chip.pot_min)
    corner = {"x0": chip.cols - 1, "x1": chip.cols - 1, "y0": chip.rows - 1, "y1": chip.rows - 1}
    packets.pack(
        "SPIKE",
        **corner,
        tag=chip.layers - 1,
        parity=1,
        row=chip.weight_words - 1,
        r=chip.side - 1,
        q=chip.side - 1,
    )
    for memory in memories(chip):
        packets.pack("SEEK", **corner, memory=memory, address=memory_shape(chip, memory)[0] - 1)


@every_chip
def test_host_bound_kinds_have_no_destination_and_mesh_bound_ones_have(chip):
    for format in Packets(chip).formats.values():
        names = [field.name for field in format.fields]
        assert (names[1:5] == ["x0", "x1", "y0", "y1"]) == (not is_host_bound(format.kind))


def test_host_bound_kinds_are_those_from_4_on():
    assert [kind for kind in Kind if is_host_bound(kind)] == [Kind.REPLY, Kind.RESULT, Kind.CONTROL]


@every_packet
@every_chip
def test_the_header_says_what_a_flit_is_alone_and_in_an_array(chip, name):
    format = Packets(chip).formats[name]
    ones = sum((1 << field.width) - 1 << field.offset for field in body(format))
    flit = Packets(chip).pack(name, **{field.name: bounds(field)[0] for field in body(format)}) | ones
    assert kind_of(flit) == format.kind and (format.op is None or op_of(flit) == format.op)
    flits = np.array([flit, flit], np.uint64)
    assert kind_of(flits).dtype == np.uint64 and (kind_of(flits) == format.kind).all()


def test_a_chip_without_the_family_has_no_counts():
    plain, whole = Packets(ChipParams()), Packets(CHIPS[0])
    assert set(whole.formats) - set(plain.formats) == {"COUNT"}
    assert [field.name for field in body(plain.formats["START"])] == ["steps", "early"]
    with pytest.raises(PacketError):
        plain.unpack(whole.pack("COUNT", index=0, spikes=0))


def test_a_spike_has_coordinates_above_all_else_where_the_chip_has_convolution():
    plain, whole = Packets(ChipParams()), Packets(ChipParams(side=35))
    flit = whole.pack("SPIKE", x0=1, x1=2, y0=3, y1=4, tag=5, parity=1, row=678, r=34, q=17)
    old = plain.pack("SPIKE", x0=1, x1=2, y0=3, y1=4, tag=5, parity=1, row=678)
    assert flit == old | (34 | 17 << 6) << plain.formats["SPIKE"].bits
    assert plain.formats == {**whole.formats, "SPIKE": plain.formats["SPIKE"]}


@every_packet
def test_a_value_beyond_its_field_is_refused(name):
    packets = Packets(CHIPS[0])
    fields = body(packets.formats[name])
    for field in fields:
        low, high = bounds(field)
        for value in (low - 1, high + 1):
            values = {other.name: 0 for other in fields} | {field.name: value}
            with pytest.raises(FieldError, match=f"{name}: {field.name}={value} is outside {low}..{high}"):
                packets.pack(name, **values)


def test_missing_and_unknown_fields_and_packets_are_named():
    packets = Packets(ChipParams())
    with pytest.raises(FieldError, match=r"needs the fields.*early"):
        packets.pack("START", steps=3)
    with pytest.raises(FieldError, match="colour"):
        packets.pack("STEP", colour=1)
    with pytest.raises(PacketError, match="no packet is called 'HELLO'"):
        packets.pack("HELLO")
    with pytest.raises(PacketError, match="no field 'colour'"):
        packets.formats["STEP"].field("colour")


@pytest.mark.parametrize("flit", [7, Kind.CONTROL | 7 << KIND_BITS])
def test_a_flit_of_no_kind_is_refused(flit):
    with pytest.raises(PacketError, match="no known kind"):
        Packets(ChipParams()).unpack(flit)
