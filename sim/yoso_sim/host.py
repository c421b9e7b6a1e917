"""The host: loads a chip through its network-on-chip, runs images, reads everything back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from yoso_hw.packet import ChipError, Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Memory, chunks, memory_shape
from yoso_sw.compile.flits import read_flits, to_chunks, write_flits
from yoso_sw.compile.image import WeightImage

from yoso_sim.link import Batch, Link

#: Answers to an image: DECISION and CYCLES.
IMAGE_ANSWERS = 2


class HostError(RuntimeError):
    """The chip answered what it should not; the message gives the answer."""


@dataclass(frozen=True)
class Outcome:
    """One image on the chip.

    Attributes
    ----------
    decision, step, spiked, cycles
        As the DECISION and CYCLES packets said.
    batch
        The spikes at the router ports.
    """

    decision: int
    step: int
    spiked: bool
    cycles: int
    batch: Batch


class Host:
    """A host on a `Link`. Every method leaves the chip in its load phase."""

    def __init__(self, link: Link, params: ChipParams) -> None:
        self.link = link
        self.params = params
        self.packets = Packets(params)

    # ---- memories ------------------------------------------------------------------------------------

    async def load(self, image: WeightImage) -> None:
        """Send a weight image. Raises `yoso_sw.compile.image.WrongChipError` before anything is sent."""
        image.require_chip(self.params)
        await self.link.exchange(image.load_flits())

    async def write(self, x: int, y: int, memory: Memory, address: int, words: list[int]) -> None:
        """Write words to one PE, from `address` up."""
        data = to_chunks(self.packets, memory, np.array(words, np.uint64))
        await self.link.exchange(write_flits(self.packets, (x, x, y, y), memory, address, data))

    async def read(self, x: int, y: int, memory: Memory, address: int, count: int) -> list[int]:
        """Read `count` words of one PE, from `address` up, through the network-on-chip."""
        return (await self.read_many([(x, y)], memory, address, count))[x, y]

    async def read_many(
        self, nodes: list[tuple[int, int]], memory: Memory, address: int, count: int
    ) -> dict[tuple[int, int], list[int]]:
        """Read the same words of several PEs at once.

        Raises
        ------
        HostError
            If an answer is no REPLY, or replies are missing from a node.
        """
        flits = [read_flits(self.packets, x, y, memory, address, count) for x, y in nodes]
        each = chunks(self.params, memory)
        batch = await self.link.exchange(np.concatenate(flits), len(nodes) * count * each)
        parts: dict[tuple[int, int], list[int]] = {node: [] for node in nodes}
        for flit in batch.answers:
            reply = self.packets.unpack(int(flit))
            node = (reply.get("x"), reply.get("y"))
            if reply["name"] != "REPLY" or node not in parts:
                raise HostError(f"the answer to a READ of {memory.name} was {reply}")
            parts[node].append(int(reply["data"]))  # type: ignore[index]
        words = {}
        for node, data in parts.items():
            if len(data) != count * each:
                raise HostError(f"node {node} sent {len(data)} of {count * each} replies")
            rows = np.array(data, object).reshape(count, each)
            words[node] = [sum(int(part) << (16 * i) for i, part in enumerate(row)) for row in rows]
        return words

    def nodes(self) -> list[tuple[int, int]]:
        """(x, y) of every node, row by row."""
        return [(x, y) for y in range(self.params.rows) for x in range(self.params.cols)]

    async def counters(self) -> np.ndarray:
        """Every performance counter: int64 (rows, cols, counters), indexed ``[y, x, Counter.NAME]``."""
        words = await self.read_many(self.nodes(), Memory.COUNTER, 0, len(Counter))
        counters = np.zeros((self.params.rows, self.params.cols, len(Counter)), np.int64)
        for (x, y), values in words.items():
            counters[y, x] = values
        return counters

    async def clear_counters(self) -> None:
        """Set every counter of every PE to 0, all PEs at once."""
        everywhere = (0, self.params.cols - 1, 0, self.params.rows - 1)
        zeros = np.zeros((len(Counter), chunks(self.params, Memory.COUNTER)), np.uint16)
        await self.link.exchange(write_flits(self.packets, everywhere, Memory.COUNTER, 0, zeros))

    async def neurons(self, image: WeightImage, layer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """V, whether it fired, and A of every neuron of a layer, read back: int64, bool, int64 (neurons,)."""
        lanes, own = self.params.lanes, image.layers[layer]
        potentials = np.zeros(own.neurons, np.int64)
        fired = np.zeros(own.neurons, bool)
        accumulated = np.zeros(own.neurons, np.int64)
        for part in own.slices:
            count = part.words(lanes)
            v = await self.read(part.x, part.y, Memory.POTENTIAL, 0, count)
            a = await self.read(part.x, part.y, Memory.ACCUMULATED, 0, count)
            here = slice(part.first, part.first + part.count)
            v_lanes = _lanes(v, lanes, self.params.pot_bits + 1)[: part.count]
            fired[here] = v_lanes >> self.params.pot_bits != 0
            potentials[here] = _signed(v_lanes, self.params.pot_bits)
            accumulated[here] = _signed(
                _lanes(a, lanes, self.params.acc_bits)[: part.count], self.params.acc_bits
            )
        return potentials, fired, accumulated

    async def mismatched_words(self, image: WeightImage) -> int:
        """Read the whole image back and count the words that differ from what was sent.

        The error register, which the chip itself writes, counts like any other.
        """
        wrong = 0
        for run in image.runs:
            words = await self.read(run.x, run.y, run.memory, run.address, len(run.data))
            _, width = memory_shape(self.params, run.memory)
            sent = [
                sum(int(part) << (16 * i) for i, part in enumerate(row)) & ((1 << width) - 1)
                for row in run.data
            ]
            wrong += sum(a != b for a, b in zip(words, sent, strict=True))
        return wrong

    # ---- running -------------------------------------------------------------------------------------

    async def classify(self, image: WeightImage, pixels: np.ndarray, early_exit: bool = True) -> Outcome:
        """Run one image (uint8 pixels or int16 steps) on a loaded chip.

        Raises
        ------
        HostError
            If the answers are not DECISION and CYCLES.
        """
        batch = await self.link.exchange(image.image_flits(pixels, early_exit), IMAGE_ANSWERS)
        decision, cycles = (self.packets.unpack(int(flit)) for flit in batch.answers)
        if decision["name"] != "DECISION" or cycles["name"] != "CYCLES":
            raise HostError(f"the answers to an image were {decision} and {cycles}")
        return Outcome(
            decision=int(decision["index"]),
            step=int(decision["step"]),
            spiked=bool(decision["spiked"]),
            cycles=int(cycles["cycles"]),
            batch=batch,
        )

    async def errors(self, clear: bool = False) -> list[str]:
        """Names of the sticky errors of the host port; `clear` clears them after."""
        flits = [self.packets.pack("STATUS", errors=0)] + ([self.packets.pack("CLEAR")] if clear else [])
        batch = await self.link.exchange(flits, 1)
        answer = self.packets.unpack(int(batch.answers[0]))
        if answer["name"] != "STATUS":
            raise HostError(f"the answer to STATUS was {answer}")
        return [error.name for error in ChipError if int(answer["errors"]) >> error & 1]


def _lanes(words: list[int], lanes: int, width: int) -> np.ndarray:
    """Memory words as their lanes, lane 0 first: int64 (words * lanes,)."""
    mask = (1 << width) - 1
    return np.array([word >> (lane * width) & mask for word in words for lane in range(lanes)], np.int64)


def _signed(values: np.ndarray, bits: int) -> np.ndarray:
    """The low `bits` bits of each value, as two's complement."""
    low = values & ((1 << bits) - 1)
    return low - ((low >> (bits - 1)) << bits)
