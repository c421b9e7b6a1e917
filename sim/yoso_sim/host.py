"""A host in the simulator: the protocol's requests over a `Link`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TypeVar

import numpy as np
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory
from yoso_sw.compile.image import WeightImage
from yoso_sw.host import protocol
from yoso_sw.host.protocol import Exchange, Node, Protocol, Reading
from yoso_sw.network.events import Events

from yoso_sim.link import Batch, Link

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(protocol.Outcome):
    """One image on the chip, and in `batch` the spikes at the router ports."""

    batch: Batch


class Host:
    """A host on a `Link`. Every method leaves the chip in its load phase.

    Raises `yoso_sw.host.protocol.ProtocolError` where the chip answers what it should not.
    """

    def __init__(self, link: Link, params: ChipParams) -> None:
        self.link = link
        self.params = params
        self.protocol = Protocol(params)

    async def ask(self, exchange: Exchange[T]) -> T:
        """Make a request; returns what was answered."""
        batch = await self.link.exchange(exchange.flits, exchange.answers)
        return exchange.parse(batch.answers)

    # ---- memories ------------------------------------------------------------------------------------

    async def load(self, image: WeightImage) -> None:
        """Send a weight image. Raises `yoso_sw.compile.image.WrongChipError` before anything is sent."""
        await self.ask(self.protocol.load(image))

    async def write(self, x: int, y: int, memory: Memory, address: int, words: list[int]) -> None:
        """Write words to one PE, from `address` up."""
        await self.ask(self.protocol.write(x, y, memory, address, words))

    async def read(self, x: int, y: int, memory: Memory, address: int, count: int) -> list[int]:
        """Read `count` words of one PE, from `address` up, through the network-on-chip."""
        return (await self.read_many([(x, y)], memory, address, count))[x, y]

    async def read_many(
        self, nodes: list[Node], memory: Memory, address: int, count: int
    ) -> dict[Node, list[int]]:
        """Read the same words of several PEs at once."""
        readings = [Reading(x, y, memory, address, count) for x, y in nodes]
        words = await self.ask(self.protocol.read(readings))
        return dict(zip(nodes, words, strict=True))

    async def counters(self) -> np.ndarray:
        """Every performance counter: int64 (rows, cols, counters), indexed ``[y, x, Counter.NAME]``."""
        return await self.ask(self.protocol.counters())

    async def clear_counters(self) -> None:
        """Set every counter of every PE to 0, all PEs at once."""
        await self.ask(self.protocol.clear_counters())

    async def neurons(self, image: WeightImage, layer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """V, whether it fired, and A of every neuron of a layer, read back: int64, bool, int64 (neurons,)."""
        return await self.ask(self.protocol.neurons(image, layer))

    async def mismatched_words(self, image: WeightImage) -> int:
        """Read the whole image back and count the words that differ from what was sent."""
        return await self.ask(self.protocol.mismatched_words(image))

    # ---- running -------------------------------------------------------------------------------------

    async def classify(
        self, image: WeightImage, inputs: np.ndarray | Events, early_exit: bool = True
    ) -> Outcome:
        """Run one image (uint8 pixels or int16 steps (inputs,), or its events) on a loaded chip."""
        exchange = self.protocol.classify(image, [inputs], early_exit)
        batch = await self.link.exchange(exchange.flits, exchange.answers)
        (outcome,) = exchange.parse(batch.answers)
        return Outcome(**asdict(outcome), batch=batch)

    async def counts(self, image: WeightImage) -> np.ndarray:
        """How often each output spiked in the last image: int64 (outputs,); a chip with neuron=all."""
        return await self.ask(self.protocol.counts(image.layers[-1].neurons))

    async def potentials(self, image: WeightImage) -> np.ndarray:
        """V of every output as the last image left it, int64 (outputs,)."""
        return await self.ask(self.protocol.potentials(image))

    async def errors(self, clear: bool = False) -> list[str]:
        """Names of the sticky errors of the host port; `clear` clears them after."""
        return await self.ask(self.protocol.errors(clear))
