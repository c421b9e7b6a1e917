"""Memories, registers and counters of a PE, as a host addresses them. Pure Python.

A host reaches all of them with the same three packets (`yoso_hw.packet`): SEEK sets a PE's pointer to a
memory and an address, WRITE and READ move one word in chunks of 16 bits, low chunk first, and advance the
pointer.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache

from yoso_hw import fields
from yoso_hw.fields import Field, FieldError, destination_fields, side_by_side
from yoso_hw.params import ChipParams, bits_for

CHUNK_BITS = 16
REGISTER_BITS = 32

#: Bits that name a `Memory`.
MEMORY_BITS = 3

#: Bits of the k of a decay, and of a `Reset`.
DECAY_BITS, RESET_BITS = 4, 2


class Reset(IntEnum):
    """What firing does to a neuron; field `reset` of `Register.DYNAMICS`."""

    ONCE = 0  #: it fires once an image and keeps V
    SUBTRACT = 1  #: V - theta
    ZERO = 2  #: V = 0
    NEVER = 3  #: it never fires: a readout


class Memory(IntEnum):
    """What SEEK selects."""

    WEIGHT = 0  #: weight SRAM: `lanes` signed weights a word, lane 0 lowest
    ACCUMULATED = 1  #: accumulated-weight SRAM: `lanes` signed A a word
    POTENTIAL = 2  #: neuron-potential SRAM: `lanes` of (fired, V) a word, fired above V
    SPIKE = 3  #: spike-address SRAM: one word a neuron, what its spike says to the next layer
    REGISTER = 4  #: `Register`
    COUNTER = 5  #: `Counter`; writing any counter clears that counter to the value written
    ROWS = 6  #: what a spike's row `r` says of the neurons and weights that it reaches
    COLUMNS = 7  #: what its column `q` says of them


class Register(IntEnum):
    """Configuration of a PE; 32-bit words, 0 after reset: a PE with 0 words takes part in nothing.

    `register_fields` says which of them a chip has, and which bits of them mean what.
    """

    TAG = 0  #: tag of the layer the PE belongs to; spikes with another tag are dropped uncounted
    WORDS = 1  #: neuron words in use, 0 .. neuron_words
    LAST_MASK = 2  #: which lanes of a position's last word hold neurons, bit i for lane i
    THRESHOLD = 3  #: theta, 1 .. pot_max
    SLOPE = 4  #: c, 0 .. pot_max; from WINDOW_START on each sweep adds c to V, or A where c = 0
    WINDOW_START = 5  #: s: first step at which a neuron may fire
    WINDOW_END = 6  #: e: first step at which it may fire no more; e <= s: never fires
    OUTPUT = 7  #: of a PE of the output layer
    DESTINATION = 8  #: rectangle of nodes that spikes go to, inclusive
    DESTINATION_TAG = 9  #: tag of the layer that spikes go to
    ERRORS = 10  #: sticky `PeError` bits; write 0 to clear
    DYNAMICS = 11  #: what sweeps leave of A and V, and what firing does
    CHARGE = 12  #: q: the sweep that makes V the current; 0: none
    BIAS_ROW = 13  #: weight row that sweeps add to a current that is not kept
    FILTERS = 14  #: neuron words of one position; of a dense layer as many as WORDS
    PITCH = 15  #: neuron words from a row of positions to the next; of a dense layer as many as WORDS
    KERNEL = 16  #: weight words from a line of the kernel to the next; of a dense layer 0
    POOL = 17  #: blocks of 2 x 2 positions in a row of them where the PE pools; 0: it does not


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


def neuron_fields(params: ChipParams) -> dict[Register, tuple[Field, ...]]:
    """The registers that say how a neuron behaves: in the RTL one struct, which the core only passes on."""
    potential, step = params.pot_bits - 1, bits_for(params.steps + 1)
    found = {
        Register.THRESHOLD: side_by_side([("threshold", potential)]),
        Register.SLOPE: side_by_side([("slope", potential)]),
        Register.WINDOW_START: side_by_side([("window_start", step)]),
        Register.WINDOW_END: side_by_side([("window_end", step)]),
    }
    if params.neuron == "all":
        found |= {
            Register.DYNAMICS: (
                Field("current", 0, DECAY_BITS, meaning="k of the decay of A; 0: A is cleared"),
                Field("decays", DECAY_BITS, 1, meaning="A is cleared or decays; else it is kept"),
                Field("leak", DECAY_BITS + 1, DECAY_BITS, meaning="k of the decay of V; 0: none"),
                Field("reset", 2 * DECAY_BITS + 1, RESET_BITS, meaning="`Reset`"),
            ),
            Register.CHARGE: side_by_side([("charge", params.step_bits)]),
            Register.BIAS_ROW: (
                Field("bias_row", 0, params.row_bits, meaning="first word of the row"),
                Field("bias", REGISTER_BITS - 1, 1, meaning="there is one"),
            ),
        }
    return found


@cache
def register_fields(params: ChipParams) -> dict[Register, tuple[Field, ...]]:
    """The fields of every register that the chip has: the one place for their names, widths and offsets.

    No two registers have a field of the same name. Bits without a field read as 0.
    """
    found = {
        Register.TAG: side_by_side([("tag", params.tag_bits)]),
        Register.WORDS: side_by_side([("words", params.word_bits + 1)]),
        Register.LAST_MASK: side_by_side([("last_mask", params.lanes)]),
        **neuron_fields(params),
        Register.OUTPUT: (
            Field("base", 0, params.class_bits, meaning="class index of the PE's neuron 0"),
            Field("output", REGISTER_BITS - 1, 1, meaning="its spikes go to the host, as RESULT"),
        ),
        Register.DESTINATION: side_by_side(destination_fields(params)),
        Register.DESTINATION_TAG: side_by_side([("destination_tag", params.tag_bits)]),
        Register.ERRORS: side_by_side([("errors", len(PeError))]),
    }
    if params.side:
        words = params.word_bits + 1
        found |= {
            Register.FILTERS: side_by_side([("filter_words", words)]),
            Register.PITCH: side_by_side([("neuron_pitch", words)]),
            Register.KERNEL: side_by_side([("weight_pitch", params.row_bits)]),
            Register.POOL: side_by_side([("blocks", words)]),
        }
    return {register: found[register] for register in Register if register in found}


def pack(params: ChipParams, register: Register, **values: int) -> int:
    """The word of a register whose fields have these values. Raises `FieldError`."""
    return fields.pack(f"register {register.name}", register_fields(params)[register], values)


def unpack(params: ChipParams, register: Register, word: int) -> dict[str, int]:
    """The fields of a register's word by name; the inverse of `pack`."""
    return fields.unpack(register_fields(params)[register], word)


def pack_all(params: ChipParams, **values: int) -> list[int]:
    """The words of memory REGISTER, from the fields of any registers; those not given are 0.

    So are the words of registers that the chip lacks between two that it has.

    Raises
    ------
    FieldError
        If no register has a field of that name, or a value does not fit it.
    """
    words = [0] * memory_shape(params, Memory.REGISTER)[0]
    for register, own in register_fields(params).items():
        words[register] = pack(params, register, **{field.name: values.pop(field.name, 0) for field in own})
    if values:
        raise FieldError(f"no register has the fields {sorted(values)}")
    return words


@cache
def entry_fields(params: ChipParams) -> dict[Memory, tuple[Field, ...]]:
    """The fields of a word of the memories whose words are made of fields: names, widths and offsets.

    What a word of SPIKE holds are fields of the packet SPIKE. How ROWS and COLUMNS lead a spike through
    neurons and weights is told in `yoso_hw.core.walk`.
    """
    row, word = params.row_bits, params.word_bits
    if not params.side:
        return {Memory.SPIKE: side_by_side([("row", row)])}
    coordinate = params.coord_bits
    return {
        Memory.SPIKE: side_by_side([("row", row), ("r", coordinate), ("q", coordinate)]),
        Memory.ROWS: (
            Field("lines", 0, bits_for(params.side + 1), meaning="lines of the kernel that reach the PE"),
            *_above(bits_for(params.side + 1), row, word),
        ),
        Memory.COLUMNS: (
            Field("run", 0, word + 1, meaning="neuron words that each line reaches"),
            Field("rewind", word + 1, 1, meaning="each position takes the same weights: a bias"),
            *_above(word + 2, row, word),
        ),
    }


def _above(offset: int, row: int, word: int) -> tuple[Field, ...]:
    """Where the weights and neurons of a table's word begin."""
    return (
        Field("weight_offset", offset, row, meaning="added to the first weight word"),
        Field("neuron_offset", offset + row, word, meaning="added to the first neuron word"),
    )


def pack_entry(params: ChipParams, memory: Memory, **values: int) -> int:
    """A word of a memory of `entry_fields`. Raises `FieldError`."""
    return fields.pack(f"memory {memory.name}", entry_fields(params)[memory], values)


def unpack_entry(params: ChipParams, memory: Memory, word: int) -> dict[str, int]:
    """The fields of such a word by name; the inverse of `pack_entry`."""
    return fields.unpack(entry_fields(params)[memory], word)


def memories(params: ChipParams) -> tuple[Memory, ...]:
    """The memories that a chip has."""
    return tuple(memory for memory in Memory if params.side or memory not in (Memory.ROWS, Memory.COLUMNS))


def memory_shape(params: ChipParams, memory: Memory) -> tuple[int, int]:
    """Depth in words and width in bits of a memory as SEEK, WRITE and READ see it."""
    if memory in (Memory.SPIKE, Memory.ROWS, Memory.COLUMNS):
        top = entry_fields(params)[memory][-1]
        return params.neurons if memory == Memory.SPIKE else params.side, top.offset + top.width
    return {
        Memory.WEIGHT: (params.weight_words, params.lanes * params.weight_bits),
        Memory.ACCUMULATED: (params.neuron_words, params.lanes * params.acc_bits),
        Memory.POTENTIAL: (params.neuron_words, params.lanes * (params.pot_bits + 1)),
        Memory.REGISTER: (max(register_fields(params)) + 1, REGISTER_BITS),
        Memory.COUNTER: (len(Counter), REGISTER_BITS),
    }[memory]


def chunks(params: ChipParams, memory: Memory) -> int:
    """WRITE packets that make one word, and REPLY packets that answer one READ."""
    return -(-memory_shape(params, memory)[1] // CHUNK_BITS)
