"""What travels down the core's pipeline."""

from __future__ import annotations

from amaranth.hdl import signed
from amaranth.lib import data, enum

from yoso_hw.flit import struct_of
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory, entry_fields


class Op(enum.Enum, shape=2):
    """What is done to one neuron word."""

    SPIKE = 0  #: A <- sat(A + w)
    SWEEP = 1  #: V <- sat(V + x), fire
    FIRST = 2  #: the sweep of step 0, which takes A = V = 0 and writes both


def request_layout(params: ChipParams) -> data.StructLayout:
    """Load to compute: an operation on a neuron word whose operands stand at the SRAMs' outputs; whether it
    is the last word in use, or, with convolution, of its position."""
    return data.StructLayout({"op": Op, "word": params.word_bits, "last": 1})


def lanes_layout(params: ChipParams, bits: int) -> data.ArrayLayout:
    """A memory word of `lanes` signed numbers, lane 0 lowest."""
    return data.ArrayLayout(signed(bits), params.lanes)


def potential_layout(params: ChipParams) -> data.ArrayLayout:
    """A word of the neuron-potential SRAM: V and, above it, the fired bit, a lane each."""
    lane = data.StructLayout({"v": signed(params.pot_bits), "fired": 1})
    return data.ArrayLayout(lane, params.lanes)


def result_layout(params: ChipParams) -> data.StructLayout:
    """Compute to store: the new A (SPIKE, FIRST) and the new potential (SWEEP, FIRST) of a word."""
    return data.StructLayout(
        {
            "op": Op,
            "word": params.word_bits,
            "last": 1,
            "a": lanes_layout(params, params.acc_bits),
            "p": potential_layout(params),
        }
    )


def fire_layout(params: ChipParams) -> data.StructLayout:
    """Store to sender: the neurons of a word that fired."""
    return data.StructLayout({"word": params.word_bits, "lanes": params.lanes})


def spike_layout(params: ChipParams) -> data.StructLayout:
    """Router interface to load: what a spike says (`entry_fields` of SPIKE), and the parity of its step."""
    return data.StructLayout(
        {**{field.name: field.width for field in entry_fields(params)[Memory.SPIKE]}, "parity": 1}
    )


def entry_layout(params: ChipParams, memory: Memory) -> data.StructLayout:
    """A word of a memory of `entry_fields`."""
    return struct_of(entry_fields(params)[memory])
