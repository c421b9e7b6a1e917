"""Memories, registers and counters of a PE, as a host addresses them. Pure Python.

A host reaches all of them with the same three packets (`yoso_hw.packet`): SEEK sets a PE's pointer to a
memory and an address, WRITE and READ move one word in chunks of 16 bits, low chunk first, and advance the
pointer.
"""

from __future__ import annotations

from enum import IntEnum

from yoso_hw.params import ChipParams

CHUNK_BITS = 16
REGISTER_BITS = 32


class Memory(IntEnum):
    """What SEEK selects."""

    WEIGHT = 0  #: weight SRAM: `lanes` signed weights a word, lane 0 lowest
    ACCUMULATED = 1  #: accumulated-weight SRAM: `lanes` signed A a word
    POTENTIAL = 2  #: neuron-potential SRAM: `lanes` of (fired, V) a word, fired above V
    SPIKE = 3  #: spike-address SRAM: one weight-row address a neuron, the row it addresses in the next layer
    REGISTER = 4  #: `Register`
    COUNTER = 5  #: `Counter`; writing any counter clears that counter to the value written


class Register(IntEnum):
    """Configuration of a PE; 32-bit words, 0 after reset: a PE with 0 words takes part in nothing."""

    TAG = 0  #: tag of the layer the PE belongs to; spikes with another tag are dropped uncounted
    WORDS = 1  #: neuron words in use, 0 .. neuron_words
    LAST_MASK = 2  #: which lanes of the last word hold neurons, bit i for lane i
    THRESHOLD = 3  #: theta, 1 .. pot_max
    SLOPE = 4  #: c, 0 .. pot_max; from WINDOW_START on each sweep adds c to V, or A where c = 0
    WINDOW_START = 5  #: s: first step at which a neuron may fire
    WINDOW_END = 6  #: e: first step at which it may fire no more; e <= s: never fires
    OUTPUT = 7  #: bit 31: spikes go to the host as RESULT; low bits: class index of the PE's neuron 0
    DESTINATION = 8  #: rectangle of nodes that spikes go to: x0, x1, y0, y1 packed as in a packet
    DESTINATION_TAG = 9  #: tag of the layer that spikes go to
    ERRORS = 10  #: sticky `PeError` bits; write 0 to clear


OUTPUT_FLAG = 1 << 31


class PeError(IntEnum):
    """Bits of `Register.ERRORS`."""

    BAD_ADDRESS = 0  #: a WRITE or READ past the end of a memory, or of an unknown memory: dropped
    BAD_ROW = 1  #: a spike whose weight row runs past the weight memory: dropped
    CUT_WORD = 2  #: a SEEK or READ came before the last chunk of a word: what came of the word is dropped
    BAD_DESTINATION = 3  #: a DESTINATION that is empty or leaves the mesh was written: it stays as it was


class Counter(IntEnum):
    """Performance counters of a PE; 32 bits, wrapping."""

    SPIKES_IN = 0  #: spikes of the PE's own tag taken by the core
    SPIKES_OUT = 1  #: spikes (SPIKE or RESULT flits of neurons that fired) sent
    UPDATES = 2  #: neuron words updated by spikes (times `lanes` = adders used)
    SWEEPS = 3  #: sweeps done
    STALLS = 4  #: cycles in which load had a word to issue and could not, or a spike could not leave the core
    WEIGHT_READS = 5  #: words read from the weight SRAM
    WEIGHT_WRITES = 6  #: words written to it
    ACC_READS = 7  #: words read from the accumulated-weight SRAM
    ACC_WRITES = 8  #: words written to it
    POT_READS = 9  #: words read from the neuron-potential SRAM
    POT_WRITES = 10  #: words written to it
    SPIKE_READS = 11  #: words read from the spike-address SRAM
    SPIKE_WRITES = 12  #: words written to it


def memory_shape(params: ChipParams, memory: Memory) -> tuple[int, int]:
    """Depth in words and width in bits of a memory as SEEK, WRITE and READ see it."""
    return {
        Memory.WEIGHT: (params.weight_words, params.lanes * params.weight_bits),
        Memory.ACCUMULATED: (params.neuron_words, params.lanes * params.acc_bits),
        Memory.POTENTIAL: (params.neuron_words, params.lanes * (params.pot_bits + 1)),
        Memory.SPIKE: (params.neurons, params.row_bits),
        Memory.REGISTER: (len(Register), REGISTER_BITS),
        Memory.COUNTER: (len(Counter), REGISTER_BITS),
    }[memory]


def chunks(params: ChipParams, memory: Memory) -> int:
    """WRITE packets that make one word, and REPLY packets that answer one READ."""
    return -(-memory_shape(params, memory)[1] // CHUNK_BITS)
