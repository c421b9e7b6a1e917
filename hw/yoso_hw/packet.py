"""Packet formats: every flit on the mesh and on the host port. Pure Python, the only definition.

A packet is one flit. Bits are numbered from the least significant; `kind` lies at the bottom of every flit.
Mesh-bound kinds carry a destination rectangle of nodes (inclusive; one node for unicast). Host-bound kinds
have bit 2 of `kind` set and no destination: X-Y routing takes them to node (0, 0) and out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from yoso_hw.params import ChipParams, bits_for
from yoso_hw.registers import CHUNK_BITS, Memory, memory_shape


class PacketError(ValueError):
    """A packet field does not fit; the message names the field and its value."""


class Kind(IntEnum):
    """Kind of a packet, its lowest three bits."""

    SPIKE = 0  #: a spike of one axon, to the PEs of one layer
    SEEK = 1  #: set a PE's memory pointer
    WRITE = 2  #: one chunk of a word; the last chunk writes the word and advances the pointer
    READ = 3  #: read the word at the pointer and advance it; answered by REPLY packets
    REPLY = 4  #: one chunk of a word read
    RESULT = 5  #: an output neuron's spike, or its potential in a report
    CONTROL = 6  #: host port only: commands in, answers out


class Op(IntEnum):
    """Operation of a CONTROL packet."""

    START = 0  #: in: begin an image of `steps` steps; `early`: end it at the deciding step
    STEP = 1  #: in: the host has sent every spike of the current step
    END = 2  #: in: the host has sent every spike of the image; closes all remaining steps
    STATUS = 3  #: in: ask; out: sticky `ChipError` bits
    CLEAR = 4  #: in: clear the sticky error bits
    DECISION = 5  #: out: class, step at whose barrier it fell, and whether a spike decided it
    CYCLES = 6  #: out, after DECISION: cycles from START accepted to DECISION valid


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
    "row": "first word of the axon's row in the weight memory",
    "memory": "`Memory`",
    "address": "word of the memory",
    "data": "chunk of a word, low chunk first",
    "x": "column of the node that answers",
    "y": "row of the node that answers",
    "index": "class",
    "potential": "V after the sweep, two's complement",
    "steps": "steps of the image, 1 .. `steps` of the chip",
    "early": "1: end the image at the barrier of its deciding step",
    "errors": "bit i is set: `ChipError` i",
    "step": "deciding step; the last one where no spike decided",
    "spiked": "1: a spike decided; 0: the highest potential did",
    "cycles": "cycles from START accepted to DECISION valid",
}

#: What a packet costs, by `Kind` and `Op` name. A hop is a router; "in the PE" begins when the hops are over.
PACKET_CYCLES = {
    "SPIKE": "1 a hop; in a PE of the layer as many as it has neuron words (banked and odd: one more)",
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
}


@dataclass(frozen=True)
class Field:
    """A bit field: `width` bits from bit `offset` up."""

    name: str
    offset: int
    width: int
    signed: bool = False


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

    def field(self, name: str) -> Field:
        for field in self.fields:
            if field.name == name:
                return field
        raise PacketError(f"packet {self.name} has no field {name!r}; it has {[f.name for f in self.fields]}")


def destination_fields(params: ChipParams) -> list[tuple[str, int]]:
    """The rectangle x0..x1, y0..y1, in the order of both packets and `Register.DESTINATION`."""
    return [("x0", params.x_bits), ("x1", params.x_bits), ("y0", params.y_bits), ("y1", params.y_bits)]


def address_bits(params: ChipParams) -> int:
    """Address of a word of the deepest memory."""
    return max(bits_for(memory_shape(params, memory)[0]) for memory in Memory)


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
        self._add(
            Kind.SPIKE, None, [*dest, ("tag", params.tag_bits), ("parity", 1), ("row", params.row_bits)]
        )
        self._add(Kind.SEEK, None, [*dest, ("memory", 3), ("address", address_bits(params))])
        self._add(Kind.WRITE, None, [*dest, ("data", CHUNK_BITS)])
        self._add(Kind.READ, None, dest)
        self._add(Kind.REPLY, None, [("x", params.x_bits), ("y", params.y_bits), ("data", CHUNK_BITS)])
        self._add(
            Kind.RESULT, None, [("index", params.class_bits), ("potential", params.pot_bits)], {"potential"}
        )
        self._add(Kind.CONTROL, Op.START, [("steps", step_count), ("early", 1)])
        for op in (Op.STEP, Op.END, Op.CLEAR):
            self._add(Kind.CONTROL, op, [])
        self._add(Kind.CONTROL, Op.STATUS, [("errors", len(ChipError))])
        self._add(
            Kind.CONTROL,
            Op.DECISION,
            [("index", params.class_bits), ("step", params.step_bits), ("spiked", 1)],
        )
        self._add(Kind.CONTROL, Op.CYCLES, [("cycles", CYCLE_BITS)])
        self.flit_bits = max(format.bits for format in self.formats.values())

    def _add(
        self,
        kind: Kind,
        op: Op | None,
        body: list[tuple[str, int]],
        signed: set[str] = frozenset(),  # type: ignore
    ) -> None:
        layout = [("kind", 3)] + ([("op", 3)] if op is not None else []) + body
        fields, offset = [], 0
        for name, width in layout:
            fields.append(Field(name, offset, width, name in signed))
            offset += width
        name = op.name if op is not None else kind.name
        self.formats[name] = Format(name, kind, op, tuple(fields))

    def pack(self, name: str, **values: int) -> int:
        """A flit of the packet called `name` (a `Kind`, or an `Op` for CONTROL).

        Raises
        ------
        PacketError
            If the name is unknown, a field is missing or unknown, or a value does not fit its field.
        """
        format = self.formats.get(name)
        if format is None:
            raise PacketError(f"no packet is called {name!r}; there are {sorted(self.formats)}")
        values = {
            "kind": int(format.kind),
            **({"op": int(format.op)} if format.op is not None else {}),
            **values,
        }
        names = {field.name for field in format.fields}
        if set(values) != names:
            raise PacketError(f"packet {name} needs the fields {sorted(names)}, not {sorted(values)}")
        flit = 0
        for field in format.fields:
            value = int(values[field.name])
            low, high = (
                (-(1 << (field.width - 1)), (1 << (field.width - 1)) - 1)
                if field.signed
                else (0, (1 << field.width) - 1)
            )
            if not low <= value <= high:
                raise PacketError(f"packet {name}: {field.name}={value} is outside {low}..{high}")
            flit |= (value & ((1 << field.width) - 1)) << field.offset
        return flit

    def unpack(self, flit: int) -> dict[str, int | str]:
        """The fields of a flit, with ``name`` added. Raises `PacketError` if the kind is unknown."""
        try:
            kind = Kind(flit & 7)
            name = Op((flit >> 3) & 7).name if kind is Kind.CONTROL else kind.name
            format = self.formats[name]
        except (ValueError, KeyError):
            raise PacketError(f"flit {flit:#x} is of no known kind") from None
        values: dict[str, int | str] = {"name": name}
        for field in format.fields:
            value = (flit >> field.offset) & ((1 << field.width) - 1)
            if field.signed and value >> (field.width - 1):
                value -= 1 << field.width
            values[field.name] = value
        return values
