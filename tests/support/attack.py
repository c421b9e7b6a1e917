"""A host that may send a chip anything, for the bench of wrong traffic."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory, PeError, Register
from yoso_sim.compare import compare, compare_counters
from yoso_sim.host import Host
from yoso_sim.link import Link, LinkError
from yoso_sw.compile.image import WeightImage
from yoso_sw.network import golden
from yoso_sw.network.network import NEVER

from support import chip_cases

PARAMS = ChipParams.from_json(os.environ["YOSO_CHIP"])
PACKETS = Packets(PARAMS)

#: Cycles without a flit after which the chip has nothing left to say; the longest image takes fewer.
QUIET = 4000

pack = PACKETS.pack


class Attack:
    """A chip with a random network loaded, and a host that may send anything."""

    def __init__(self, dut, seed: int) -> None:
        self.dut, self.rng = dut, random.Random(seed)
        self.host = Host(Link(dut, patience=QUIET), PARAMS)

    async def start(self, fits: Callable[[WeightImage], bool] | None = None) -> None:
        await self.host.link.reset()
        self.network, self.image = chip_cases.random_network(self.rng, PARAMS)
        while fits is not None and not fits(self.image):
            self.network, self.image = chip_cases.random_network(self.rng, PARAMS)
        self.inputs = chip_cases.random_inputs(self.rng, self.network, 4)
        self.reference = golden.run(self.network, self.inputs, params=PARAMS, early_exit=False)
        await self.host.load(self.image)

    async def throw(self, flits: list[int]) -> None:
        """Send flits and take whatever comes back, until all is quiet; the chip must have taken every one."""
        try:
            await self.host.link.exchange(flits, answers=1 << 30)
        except LinkError:
            taken = int(self.dut.sent.value)
            assert taken == len(flits), f"the chip hangs: it took {taken} of {len(flits)} flits"

    async def pe_errors(self) -> set[PeError]:
        """Error bits of all PEs together."""
        words = await self.host.read_many(self.host.protocol.nodes, Memory.REGISTER, Register.ERRORS, 1)
        return {error for (word,) in words.values() for error in PeError if word >> error & 1}

    async def clear(self) -> None:
        """What a host does after any trouble; from any state it must lead to a clean load phase."""
        await self.throw([pack("END")])
        zero = chip_cases.write_everywhere(PACKETS, Memory.REGISTER, Register.ERRORS, [0])
        await self.throw(zero)
        await self.throw([pack("CLEAR")])
        assert await self.host.errors() == [] and await self.pe_errors() == set()

    def flits(self, index: int) -> list[int]:
        return [int(flit) for flit in self.image.image_flits(self.inputs[index], early_exit=False)]

    async def classify(self, index: int) -> None:
        outcome = await self.host.classify(self.image, self.inputs[index], early_exit=False)
        notes = compare(self.image, outcome, self.reference, index).notes
        assert not notes, notes

    async def check_all(self) -> None:
        """Load again; spikes, counters, V and A of some images are right, and every word reads back."""
        await self.host.load(self.image)
        await self.host.clear_counters()
        for index in range(len(self.inputs)):
            await self.classify(index)
        notes = compare_counters(self.image, self.reference, await self.host.counters())
        assert not notes, notes
        for layer in range(len(self.image.layers)):
            potentials, fired, accumulated = await self.host.neurons(self.image, layer)
            assert potentials.tolist() == self.reference.potentials[layer][-1].tolist()
            assert accumulated.tolist() == self.reference.accumulated[layer][-1].tolist()
            assert fired.tolist() == (self.reference.steps[layer][-1] != NEVER).tolist()
        assert await self.host.mismatched_words(self.image) == 0
        assert await self.host.errors() == []
