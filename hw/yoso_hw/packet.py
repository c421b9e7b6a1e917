"""Packet formats: every flit on the mesh and on the host port. Pure Python, the only definition.

A packet is one flit. Bits are numbered from the least significant; `kind` lies at the bottom of every flit,
and `op` right above it in CONTROL packets. Mesh-bound kinds carry a destination rectangle of nodes
(inclusive; one node for unicast). Host-bound kinds have bit `HOST_BIT` of `kind` set and no destination: X-Y
routing takes them to node (0, 0) and out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from yoso_hw import fields
from yoso_hw.fields import Field, FieldError, destination_fields, side_by_side
from yoso_hw.params import ChipParams, bits_for
from yoso_hw.registers import CHUNK_BITS, MEMORY_BITS, Memory, entry_fields, memories, memory_shape

#: Bits of a packet's kind, at the bottom of its flit, and of the operation of a CONTROL packet, right above.
KIND_BITS, OP_BITS = 3, 3

#: Bit of the kind that is set in packets for the host.
HOST_BIT = 2


class PacketError(FieldError):
    """There is no such packet or field."""


class Kind(IntEnum):
    """Kind of a packet."""

    SPIKE = 0  #: a spike of one axon, to the PEs of one layer
    SEEK = 1  #: set a PE's memory pointer
    WRITE = 2  #: one chunk of a word; the last chunk writes the word and advances the pointer
    READ = 3  #: read the word at the pointer and advance it; answered by REPLY packets
    REPLY = 4  #: one chunk of a word read
    RESULT = 5  #: an output neuron's spike, or its potential in a report
    CONTROL = 6  #: host port only: commands in, answers out


class Op(IntEnum):
    """Operation of a CONTROL packet."""

    START = 0  #: in: begin an image of `steps` steps that ends early or decides by counts, if asked
    STEP = 1  #: in: the host has sent every spike of the current step
    END = 2  #: in: the host has sent every spike of the image; closes all remaining steps
    STATUS = 3  #: in: ask; out: sticky `ChipError` bits
    CLEAR = 4  #: in: clear the sticky error bits
    DECISION = 5  #: out: class, step at whose barrier it fell, and whether a spike decided it
    CYCLES = 6  #: out, after DECISION: cycles from START accepted to DECISION valid
    COUNT = 7  #: in: ask; out: spikes of output `index` in the last image


class ChipError(IntEnum):
    """Sticky error bits of the host port; the offending packet is dropped."""

    BAD_PACKET = 0  #: unknown kind or operation, or a kind that only the chip may send
    BAD_DESTINATION = 1  #: a rectangle that is empty or leaves the mesh
    WRONG_PHASE = 2  #: a load packet in the run phase, a run packet in the load phase or past the last step
    PE_ERROR = 3  #: some PE has an error bit set (`Register.ERRORS` says which)
    BAD_STEPS = 4  #: START with 0 steps or more than the chip counts


CYCLE_BITS = 24

#: What the fields of packets mean; a name means the same in all of them.
FIELD_MEANINGS = {
    "kind": "`Kind`",
    "op": "`Op`",
    "x0": "first column of the destination rectangle",
    "x1": "last column",
    "y0": "first row of the destination rectangle",
    "y1": "last row",
    "tag": "layer that the spike is for; PEs with another tag drop it",
    "parity": "parity of the spike's step; the host port sets it",
    "row": "first word in the weight memory of the axon's row, or of its input channel's kernels",
    "r": "row of the input map",
    "q": "column of the input map",
    "memory": "`Memory`",
    "address": "word of the memory",
    "data": "chunk of a word, low chunk first",
    "x": "column of the node that answers",
    "y": "row of the node that answers",
    "index": "class",
    "potential": "V after the sweep, two's complement",
    "steps": "steps of the image, 1 .. `steps` of the chip",
    "early": "1: end the image at the barrier of its deciding step",
    "count": "1: the most output spikes decide, and the image runs to its last step, whatever `early` is",
    "spikes": "how often the output has spiked",
    "errors": "bit i is set: `ChipError` i",
    "step": "deciding step; the last one where no spike decided",
    "spiked": "1: a spike decided; 0: the highest potential did",
    "cycles": "cycles from START accepted to DECISION valid",
}

#: What a packet costs, by `Kind` and `Op` name. A hop is a router; "in the PE" begins when the hops are over.
PACKET_CYCLES = {
    "SPIKE": "1 a hop; in a PE of the layer as many as it reaches neuron words (banked and odd: one more)",
    "SEEK": "1 a hop; 1 in the PE",
    "WRITE": "1 a hop; 1 in the PE, and 1 more for the word after its last chunk unless a WRITE follows",
    "READ": "1 a hop; 4 in the PE, then 1 a chunk of the answer",
    "REPLY": "1 a hop",
    "RESULT": "1 a hop",
    "START": "waits until the mesh is idle and 3 more; the first sweep begins 3 later",
    "STEP": "1; a step without spikes takes the words of its longest sweep and 9",
    "END": "1",
    "STATUS": "1, when the host takes the answer",
    "CLEAR": "1",
    "DECISION": "valid in the cycle after the barrier that ends the image",
    "CYCLES": "1 after DECISION",
    "COUNT": "1, when the host takes the answer",
}


def kind_of(flit: Any) -> Any:
    """The kind of a flit, or of each of an array of flits, as a plain number: some flits have no `Kind`."""
    return flit & ((1 << KIND_BITS) - 1)


def op_of(flit: Any) -> Any:
    """The operation of a CONTROL flit, or of each of an array, as a plain number."""
    return flit >> KIND_BITS & ((1 << OP_BITS) - 1)


def is_host_bound(kind: int) -> bool:
    """Whether packets of this kind go to the host."""
    return bool(kind >> HOST_BIT & 1)


@dataclass(frozen=True)
class Format:
    """The fields of one packet kind (for CONTROL: of one operation)."""

    name: str
    kind: Kind
    op: Op | None
    fields: tuple[Field, ...]

    @property
    def bits(self) -> int:
        last = self.fields[-1]
        return last.offset + last.width

    @property
    def header(self) -> dict[str, int]:
        """What the fields `kind` and `op` hold in such a packet."""
        return {"kind": int(self.kind), **({} if self.op is None else {"op": int(self.op)})}

    def field(self, name: str) -> Field:
        for field in self.fields:
            if field.name == name:
                return field
        raise PacketError(f"packet {self.name} has no field {name!r}; it has {[f.name for f in self.fields]}")


def address_bits(params: ChipParams) -> int:
    """Address of a word of the deepest memory."""
    return max(bits_for(memory_shape(params, memory)[0]) for memory in memories(params))


class Packets:
    """All packet formats of one chip, with pack and unpack.

    >>> packets = Packets(ChipParams())
    >>> flit = packets.pack("SPIKE", x0=0, x1=5, y0=0, y1=6, tag=1, parity=0, row=35)
    >>> packets.unpack(flit)["row"]
    35
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        self.formats: dict[str, Format] = {}
        dest = destination_fields(params)
        step_count = bits_for(params.steps + 1)
        payload = [(field.name, field.width) for field in entry_fields(params)[Memory.SPIKE]]
        self._add(Kind.SPIKE, None, [*dest, ("tag", params.tag_bits), ("parity", 1), *payload])
        self._add(Kind.SEEK, None, [*dest, ("memory", MEMORY_BITS), ("address", address_bits(params))])
        self._add(Kind.WRITE, None, [*dest, ("data", CHUNK_BITS)])
        self._add(Kind.READ, None, dest)
        self._add(Kind.REPLY, None, [("x", params.x_bits), ("y", params.y_bits), ("data", CHUNK_BITS)])
        self._add(
            Kind.RESULT, None, [("index", params.class_bits), ("potential", params.pot_bits)], {"potential"}
        )
        counted = [("count", 1)] if params.neuron == "all" else []
        self._add(Kind.CONTROL, Op.START, [("steps", step_count), ("early", 1), *counted])
        for op in (Op.STEP, Op.END, Op.CLEAR):
            self._add(Kind.CONTROL, op, [])
        self._add(Kind.CONTROL, Op.STATUS, [("errors", len(ChipError))])
        self._add(
            Kind.CONTROL,
            Op.DECISION,
            [("index", params.class_bits), ("step", params.step_bits), ("spiked", 1)],
        )
        self._add(Kind.CONTROL, Op.CYCLES, [("cycles", CYCLE_BITS)])
        if counted:
            self._add(Kind.CONTROL, Op.COUNT, [("index", params.class_bits), ("spikes", step_count)])
        self.flit_bits = max(format.bits for format in self.formats.values())

    def _add(
        self, kind: Kind, op: Op | None, body: Iterable[tuple[str, int]], signed: Iterable[str] = ()
    ) -> None:
        header = [("kind", KIND_BITS)] + ([("op", OP_BITS)] if op is not None else [])
        name = op.name if op is not None else kind.name
        self.formats[name] = Format(name, kind, op, side_by_side([*header, *body], signed))

    def pack(self, name: str, **values: int) -> int:
        """A flit of the packet called `name` (a `Kind`, or an `Op` for CONTROL).

        Raises
        ------
        FieldError
            If the name is unknown (`PacketError`), a field is missing or unknown, or a value does not fit its
            field.
        """
        format = self.formats.get(name)
        if format is None:
            raise PacketError(f"no packet is called {name!r}; there are {sorted(self.formats)}")
        return fields.pack(f"packet {name}", format.fields, {**format.header, **values})

    def unpack(self, flit: int) -> dict[str, int | str]:
        """The fields of a flit, with ``name`` added. Raises `PacketError` if the kind is unknown."""
        try:
            kind = Kind(kind_of(flit))
            name = Op(op_of(flit)).name if kind is Kind.CONTROL else kind.name
            format = self.formats[name]
        except (ValueError, KeyError):
            raise PacketError(f"flit {flit:#x} is of no known kind") from None
        return {"name": name, **fields.unpack(format.fields, flit)}
