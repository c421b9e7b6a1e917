"""Memory words of a PE and the packets that carry them, as plain integers of any width."""

from __future__ import annotations

from collections.abc import Sequence

from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import CHUNK_BITS, Memory, Register, chunks, memory_shape, pack, register_fields

Rectangle = tuple[int, int, int, int]


def join(fields: list[int], bits: int) -> int:
    """Numbers of `bits` bits each, two's complement, side by side; the first lowest."""
    return sum((field & ((1 << bits) - 1)) << (i * bits) for i, field in enumerate(fields))


def split(word: int, bits: int, count: int) -> list[int]:
    """The inverse of `join`, fields unsigned."""
    return [word >> (i * bits) & ((1 << bits) - 1) for i in range(count)]


def signed(field: int, bits: int) -> int:
    return field - (1 << bits) if field >> (bits - 1) else field


def accumulated(params: ChipParams, word: int) -> list[int]:
    """A of each lane."""
    return [signed(lane, params.acc_bits) for lane in split(word, params.acc_bits, params.lanes)]


def potentials(params: ChipParams, word: int) -> list[tuple[int, bool]]:
    """(V, fired) of each lane."""
    bits = params.pot_bits
    lanes = split(word, bits + 1, params.lanes)
    return [(signed(lane & ((1 << bits) - 1), bits), bool(lane >> bits)) for lane in lanes]


def neurons(
    params: ChipParams, count: int, a_words: Sequence[int], v_words: Sequence[int]
) -> dict[str, list[int]]:
    """A, V and fired of the first `count` neurons, of the words of the two memories."""
    a = [lane for word in a_words for lane in accumulated(params, word)]
    v = [lane for word in v_words for lane in potentials(params, word)]
    return {
        "a": a[:count],
        "v": [potential for potential, _ in v[:count]],
        "fired": [int(fired) for _, fired in v[:count]],
    }


def rectangle_word(params: ChipParams, rectangle: Rectangle) -> int:
    """`Register.DESTINATION`."""
    return pack(params, Register.DESTINATION, **to_rectangle(rectangle))


def to_rectangle(rectangle: Rectangle) -> dict[str, int]:
    return dict(zip(("x0", "x1", "y0", "y1"), rectangle, strict=True))


def register_masks(params: ChipParams) -> dict[Register, int]:
    """Bits of each register that the PE keeps."""
    return {
        register: sum((1 << field.width) - 1 << field.offset for field in fields)
        for register, fields in register_fields(params).items()
    }


def write_packets(
    packets: Packets, rectangle: Rectangle, memory: Memory, address: int, words: list[int]
) -> list[int]:
    """SEEK, then the WRITEs of all chunks of `words`."""
    to = to_rectangle(rectangle)
    count = chunks(packets.params, memory)
    return [packets.pack("SEEK", **to, memory=memory, address=address)] + [
        packets.pack("WRITE", **to, data=chunk) for word in words for chunk in split(word, CHUNK_BITS, count)
    ]


def read_packets(
    packets: Packets, rectangle: Rectangle, memory: Memory, address: int, count: int
) -> list[int]:
    """SEEK, then `count` READs."""
    to = to_rectangle(rectangle)
    return [packets.pack("SEEK", **to, memory=memory, address=address)] + [packets.pack("READ", **to)] * count


def replied(packets: Packets, memory: Memory, flits: list[int]) -> dict[tuple[int, int], list[int]]:
    """The words that REPLY flits carry, by the node that sent them."""
    data: dict[tuple[int, int], list[int]] = {}
    for flit in flits:
        reply = packets.unpack(flit)
        assert reply["name"] == "REPLY", reply
        data.setdefault((int(reply["x"]), int(reply["y"])), []).append(int(reply["data"]))
    count = chunks(packets.params, memory)
    words = {}
    for node, parts in data.items():
        assert len(parts) % count == 0, f"node {node} answered {len(parts)} chunks of {count} a word"
        words[node] = [join(parts[i : i + count], CHUNK_BITS) for i in range(0, len(parts), count)]
    return words


def random_words(rng, params: ChipParams, memory: Memory) -> list[int]:
    """Contents of a whole memory."""
    depth, width = memory_shape(params, memory)
    return [rng.getrandbits(width) for _ in range(depth)]


def one_node(place: tuple[int, int]) -> Rectangle:
    return (place[0], place[0], place[1], place[1])
