"""What a host and a chip say to each other, without a line between them.

Each request is an `Exchange`: the flits to send, how many come back, and what those mean. Whoever can move
flits can be a host: `yoso_sim.host` moves them through a simulator, `yoso_sw.host.serial` through a serial
port. Nothing here reads, writes or waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from yoso_hw.packet import ChipError, PacketError, Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import CHUNK_BITS, Counter, Memory, chunks, memory_shape

from yoso_sw.compile.flits import read_flits, to_chunks, write_flits
from yoso_sw.compile.image import WeightImage
from yoso_sw.network.events import Events

#: Answers to an image: DECISION and CYCLES.
IMAGE_ANSWERS = 2

Node = tuple[int, int]
Fields = dict[str, int | str]
T = TypeVar("T")
U = TypeVar("U")


class ProtocolError(RuntimeError):
    """The chip answered what it should not; the message gives the answer."""


@dataclass(frozen=True)
class Exchange(Generic[T]):
    """One request.

    Attributes
    ----------
    flits
        What to send, uint64 (n,).
    answers
        Flits that come back.
    parse
        Takes those, in the order in which they came, and returns what they say. Raises `ProtocolError`.
    """

    flits: np.ndarray
    answers: int
    parse: Callable[[Iterable[int]], T]


@dataclass(frozen=True)
class Outcome:
    """One image on the chip, as the DECISION and CYCLES packets said: class, deciding step, whether a spike
    decided, and cycles from START to decision."""

    decision: int
    step: int
    spiked: bool
    cycles: int


@dataclass(frozen=True)
class Reading:
    """Words `address` .. ``address + count - 1`` of a memory of the PE at node (x, y)."""

    x: int
    y: int
    memory: Memory
    address: int
    count: int


def nothing(answers: Iterable[int]) -> None:
    """The meaning of no answer."""


class Protocol:
    """Requests to one kind of chip.

    Parameters
    ----------
    params
        The chip.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        self.packets = Packets(params)

    @property
    def nodes(self) -> list[Node]:
        """(x, y) of every node, row by row."""
        return [(x, y) for y in range(self.params.rows) for x in range(self.params.cols)]

    def _unpack(self, flit: int) -> Fields:
        try:
            return self.packets.unpack(int(flit))
        except PacketError as error:
            raise ProtocolError(f"the answer is what no chip sends: {error}") from None

    # ---- memories ------------------------------------------------------------------------------------

    def load(self, image: WeightImage) -> Exchange[None]:
        """A weight image. Raises `yoso_sw.compile.image.WrongChipError` if it is for another chip."""
        return Exchange(image.for_chip(self.params).load_flits(), 0, nothing)

    def write(self, x: int, y: int, memory: Memory, address: int, words: Sequence[int]) -> Exchange[None]:
        """Write words to one PE, from `address` up."""
        data = to_chunks(self.packets, memory, np.array(words, np.uint64))
        return Exchange(write_flits(self.packets, (x, x, y, y), memory, address, data), 0, nothing)

    def read(self, readings: Sequence[Reading]) -> Exchange[list[list[int]]]:
        """Read words of PEs through the network-on-chip; the words of each reading.

        A PE answers its readings in their order; answers of different PEs may mix.
        """
        flits = [read_flits(self.packets, r.x, r.y, r.memory, r.address, r.count) for r in readings]
        counts = [own.count * chunks(self.params, own.memory) for own in readings]

        def parse(answers: Iterable[int]) -> list[list[int]]:
            parts: dict[Node, list[int]] = {(own.x, own.y): [] for own in readings}
            for flit in answers:
                reply = self._unpack(flit)
                node = (reply.get("x"), reply.get("y"))
                if reply["name"] != "REPLY" or node not in parts:
                    raise ProtocolError(f"the answer to a READ was {reply}")
                parts[node].append(int(reply["data"]))  # type: ignore[index]
            words = []
            for own, size in zip(readings, counts, strict=True):
                node = own.x, own.y
                data, parts[node] = parts[node][:size], parts[node][size:]
                if len(data) != size:
                    raise ProtocolError(
                        f"node {node} sent {len(data)} of {size} replies of {own.memory.name}"
                    )
                rows = np.array(data, object).reshape(own.count, -1)
                words.append(
                    [sum(int(part) << (CHUNK_BITS * i) for i, part in enumerate(row)) for row in rows]
                )
            return words

        return Exchange(np.concatenate(flits), sum(counts), parse)

    def counters(self) -> Exchange[np.ndarray]:
        """Every performance counter: int64 (rows, cols, counters), indexed ``[y, x, Counter.NAME]``."""
        inner = self.read([Reading(x, y, Memory.COUNTER, 0, len(Counter)) for x, y in self.nodes])

        def parse(answers: Iterable[int]) -> np.ndarray:
            shape = (self.params.rows, self.params.cols, len(Counter))
            return np.array(inner.parse(answers), np.int64).reshape(shape)

        return Exchange(inner.flits, inner.answers, parse)

    def clear_counters(self) -> Exchange[None]:
        """Set every counter of every PE to 0, all PEs at once."""
        everywhere = (0, self.params.cols - 1, 0, self.params.rows - 1)
        zeros = np.zeros((len(Counter), chunks(self.params, Memory.COUNTER)), np.uint16)
        return Exchange(write_flits(self.packets, everywhere, Memory.COUNTER, 0, zeros), 0, nothing)

    def neurons(self, image: WeightImage, layer: int) -> Exchange[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """V, whether it fired, and A of every neuron of a layer: int64, bool, int64 (neurons,)."""
        params, own = self.params, image.layers[layer]
        memories = (Memory.POTENTIAL, Memory.ACCUMULATED)
        inner = self.read(
            [
                Reading(part.x, part.y, memory, 0, part.words(params.lanes))
                for part in own.slices
                for memory in memories
            ]
        )

        def parse(answers: Iterable[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            words = inner.parse(answers)
            potentials = np.zeros(own.neurons, np.int64)
            fired = np.zeros(own.neurons, bool)
            accumulated = np.zeros(own.neurons, np.int64)
            for part, v, a in zip(own.slices, words[::2], words[1::2], strict=True):
                held = own.held(part, params.lanes).ravel()
                here = held[held >= 0]
                v_lanes = _lanes(v, params.lanes, params.pot_bits + 1)[held >= 0]
                fired[here] = v_lanes >> params.pot_bits != 0
                potentials[here] = _signed(v_lanes, params.pot_bits)
                a_lanes = _lanes(a, params.lanes, params.acc_bits)[held >= 0]
                accumulated[here] = _signed(a_lanes, params.acc_bits)
            return potentials, fired, accumulated

        return Exchange(inner.flits, inner.answers, parse)

    def mismatched_words(self, image: WeightImage) -> Exchange[int]:
        """Read the whole image back and count the words that differ from what was sent.

        The error register, which the chip itself writes, counts like any other.
        """
        image = image.for_chip(self.params)
        inner = self.read([Reading(r.x, r.y, r.memory, r.address, len(r.data)) for r in image.runs])

        def parse(answers: Iterable[int]) -> int:
            wrong = 0
            for run, words in zip(image.runs, inner.parse(answers), strict=True):
                mask = (1 << memory_shape(self.params, run.memory)[1]) - 1
                sent = [_word(row) & mask for row in run.data]
                wrong += sum(a != b for a, b in zip(words, sent, strict=True))
            return wrong

        return Exchange(inner.flits, inner.answers, parse)

    # ---- running -------------------------------------------------------------------------------------

    def classify(
        self, image: WeightImage, inputs: Iterable[np.ndarray | Events], early_exit: bool = True
    ) -> Exchange[list[Outcome]]:
        """Run images on a loaded chip, one on the heels of another.

        Each is uint8 pixels or int16 steps (inputs,), or events of one image. Raises
        `yoso_sw.compile.image.ImageError` if one does not fit the network.
        """
        image = image.for_chip(self.params)
        flits = [image.image_flits(one, early_exit) for one in inputs]

        def parse(answers: Iterable[int]) -> list[Outcome]:
            said = [self._unpack(flit) for flit in answers]
            return [
                _outcome(decision, cycles) for decision, cycles in zip(said[::2], said[1::2], strict=True)
            ]

        return Exchange(np.concatenate(flits), IMAGE_ANSWERS * len(flits), parse)

    def counts(self, outputs: int) -> Exchange[np.ndarray]:
        """How often each output spiked in the last image: int64 (outputs,).

        Raises
        ------
        ProtocolError
            If the chip counts no spikes.
        """
        if self.params.neuron != "all":
            raise ProtocolError(
                f"a chip with neuron={self.params.neuron} counts no output spikes: use one with neuron=all"
            )
        flits = np.array([self.packets.pack("COUNT", index=i, spikes=0) for i in range(outputs)], np.uint64)

        def parse(answers: Iterable[int]) -> np.ndarray:
            said = [self._unpack(flit) for flit in answers]
            if [(own["name"], own.get("index")) for own in said] != [("COUNT", i) for i in range(outputs)]:
                raise ProtocolError(f"the answers to {outputs} times COUNT were {said[:4]}")
            return np.array([int(own["spikes"]) for own in said], np.int64)

        return Exchange(flits, outputs, parse)

    def potentials(self, image: WeightImage) -> Exchange[np.ndarray]:
        """V of every output as the last image left it, int64 (outputs,)."""
        inner = self.neurons(image, len(image.layers) - 1)
        return Exchange(inner.flits, inner.answers, lambda answers: inner.parse(answers)[0])

    def errors(self, clear: bool = False) -> Exchange[list[str]]:
        """Names of the sticky errors of the host port; `clear` clears them after."""
        flits = [self.packets.pack("STATUS", errors=0)] + ([self.packets.pack("CLEAR")] if clear else [])

        def parse(answers: Iterable[int]) -> list[str]:
            (answer,) = (self._unpack(flit) for flit in answers)
            if answer["name"] != "STATUS":
                raise ProtocolError(f"the answer to STATUS was {answer}")
            return [error.name for error in ChipError if int(answer["errors"]) >> error & 1]

        return Exchange(np.array(flits, np.uint64), 1, parse)


def _outcome(decision: Fields, cycles: Fields) -> Outcome:
    if decision["name"] != "DECISION" or cycles["name"] != "CYCLES":
        raise ProtocolError(f"the answers to an image were {decision} and {cycles}")
    return Outcome(
        decision=int(decision["index"]),
        step=int(decision["step"]),
        spiked=bool(decision["spiked"]),
        cycles=int(cycles["cycles"]),
    )


def _word(parts: Iterable[int]) -> int:
    """The word of some chunks, low chunk first."""
    return sum(int(part) << (CHUNK_BITS * i) for i, part in enumerate(parts))


def _lanes(words: Sequence[int], lanes: int, width: int) -> np.ndarray:
    """Memory words as their lanes, lane 0 first: int64 (words * lanes,)."""
    mask = (1 << width) - 1
    return np.array([word >> (lane * width) & mask for word in words for lane in range(lanes)], np.int64)


def _signed(values: np.ndarray, bits: int) -> np.ndarray:
    """The low `bits` bits of each value, as two's complement."""
    low = values & ((1 << bits) - 1)
    return low - ((low >> (bits - 1)) << bits)
