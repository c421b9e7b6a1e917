"""Drives one PE as router, barrier and host together would."""

from __future__ import annotations

from yoso_hw.packet import Packets
from yoso_hw.registers import Counter, Memory, Register, chunks

from support.blocks import bench_params
from support.pe_model import PeModel, PeSetup
from support.streams import StreamBench
from support.words import (
    accumulated,
    one_node,
    potentials,
    random_words,
    read_packets,
    replied,
    write_packets,
)

#: The node that the PE under test believes to be at.
PLACE = (2, 1)


class PeDriver(StreamBench):
    """A PE and the model that it must equal.

    The PE begins a step when told to (`tick`), which a barrier would do only once everything is idle; `idle`
    waits for that and holds the PE to what the barrier relies on.
    """

    def __init__(self, dut, seed: int = 1) -> None:
        super().__init__(dut, ["from_router"], ["to_router"], seed)
        self.params = bench_params()
        self.packets = Packets(self.params)
        self.expected: list[int] = []
        self.sent = 0  # flits that the PE had to send since `load`

    @property
    def out(self):
        return self.sinks["to_router"]

    async def start(self) -> None:
        """Reset, at `PLACE`."""
        self.dut.x.value, self.dut.y.value = PLACE
        self.dut.tick.value = self.dut.first.value = self.dut.report.value = 0
        await self.reset()
        self.expected.clear()

    # ---- host ----------------------------------------------------------------------------------------

    def give(self, flits: list[int]) -> None:
        """Send flits; what lies above the longest packet to a PE means nothing."""
        formats = self.packets.formats
        top = max(formats[name].bits for name in ("SPIKE", "SEEK", "WRITE", "READ"))
        noise = (self.rng.getrandbits(self.packets.flit_bits) >> top << top for _ in flits)
        self.sources["from_router"].queue.extend(flit | over for flit, over in zip(flits, noise, strict=True))

    async def write(self, memory: Memory, address: int, words: list[int]) -> None:
        self.give(write_packets(self.packets, one_node(PLACE), memory, address, words))
        await self.idle()

    async def read(self, memory: Memory, address: int, count: int) -> list[int]:
        """Words of a memory, in order."""
        self.out.taken.clear()
        self.give(read_packets(self.packets, one_node(PLACE), memory, address, count))
        await self.idle()
        answers = replied(self.packets, memory, self.out.flits)
        assert len(self.out.flits) == count * chunks(self.params, memory), "answers are missing or too many"
        self.out.taken.clear()
        return answers.get(PLACE, [])

    async def counters(self) -> list[int]:
        """All counters, once the last events show in them (`yoso_hw.counters`)."""
        return await self.read(Memory.COUNTER, 0, len(Counter))

    async def load(self, setup: PeSetup) -> PeModel:
        """Load a layer, fill A and V with noise, clear the counters; returns the model of it."""
        await self.write(Memory.REGISTER, 0, setup.registers())
        await self.write(Memory.WEIGHT, 0, setup.weight_memory())
        await self.write(Memory.SPIKE, 0, setup.spike_memory())
        for table, entries in (setup.paths.tables() if setup.paths else {}).items():
            await self.write(table, 0, entries)
        for memory in (Memory.ACCUMULATED, Memory.POTENTIAL):
            await self.write(memory, 0, random_words(self.rng, self.params, memory))
        await self.write(Memory.COUNTER, 0, [0] * len(Counter))
        self.out.taken.clear()
        self.out.blocked = self.sent = 0
        self.expected.clear()
        return PeModel(setup, parity=int(self.dut.parity.value))

    # ---- barrier -------------------------------------------------------------------------------------

    async def idle(self, limit: int = 5000) -> None:
        await self.settle(lambda: self.dut.idle.value, "the PE is idle", limit)

    async def tick(self, model: PeModel, *, first: bool = False, report: bool = False) -> list[int]:
        """Begin a step; returns the neurons that must fire."""
        sent = model.report() if report else model.sweep(first)
        self.expected += (flits := model.flits(self.packets, sent))
        self.sent += len(flits)
        self.dut.tick.value, self.dut.first.value, self.dut.report.value = 1, first, report
        await self.cycle()
        self.dut.tick.value = self.dut.first.value = self.dut.report.value = 0
        return sent

    def spike_flit(
        self, model: PeModel, row: int, *place: int, tag: int | None = None, ahead: int = 0
    ) -> int:
        """A spike of the running step, or of the one `ahead`; of the PE's layer, or of another tag.

        On a chip with convolution `place` is its row and column in the input map, (0, 0) if not given.
        """
        coordinates = dict(zip(("r", "q"), place or (0, 0), strict=True)) if self.params.side else {}
        return self.packets.pack(
            "SPIKE",
            x0=0,
            x1=self.params.cols - 1,
            y0=0,
            y1=self.params.rows - 1,
            tag=model.setup.tag if tag is None else tag,
            parity=model.parity ^ (ahead & 1),
            row=row,
            **coordinates,
        )

    def random_row(self, model: PeModel) -> int:
        """The row of some axon; often of the same few, which is where a hazard would show."""
        last = self.params.weight_words - model.setup.words
        return self.rng.choice([0, last, self.rng.randint(0, last)])

    # ---- check ---------------------------------------------------------------------------------------

    def check_flits(self) -> None:
        """All flits are out, each once; in any order within a step."""
        assert sorted(self.out.flits) == sorted(self.expected), (
            f"{len(self.out.flits)} flits came out and {len(self.expected)} had to"
        )
        self.out.taken.clear()
        self.expected.clear()

    async def check_state(self, model: PeModel) -> None:
        """Counters, A, V and fired bits are the model's. Reading them counts: the counters come first."""
        blocked = self.out.blocked
        counters = await self.counters()
        for counter in Counter:
            if counter is not Counter.STALLS:
                got, want = counters[counter], model.counts[counter]
                assert got == want, f"{counter.name} is {got} and must be {want}: {model.setup}"
        if not self.params.banked and self.params.multicast:  # then nothing else stalls a core
            # A flit alone waits in the register of the router interface, which stalls nobody. Those that it
            # takes every other cycle may wait a cycle each for the one before.
            pauses = self.sent * (self.params.link_cycles - 1)
            assert counters[Counter.STALLS] <= blocked + pauses
        words, lanes = model.setup.words, self.params.lanes
        a = await self.read(Memory.ACCUMULATED, 0, words)
        v = await self.read(Memory.POTENTIAL, 0, words)
        for word in range(words):
            own = slice(word * lanes, (word + 1) * lanes)
            got_a, want_a = accumulated(self.params, a[word]), model.acc[own]
            assert got_a == want_a, f"A of word {word} is {got_a} and must be {want_a}: {model.setup}"
            got_v = potentials(self.params, v[word])
            want_v = list(zip(model.pot[own], model.fired[own], strict=True))
            assert got_v == want_v, f"V of word {word} is {got_v} and must be {want_v}: {model.setup}"
        errors = (await self.read(Memory.REGISTER, Register.ERRORS, 1))[0]
        assert errors == 0 and not self.dut.error.value
