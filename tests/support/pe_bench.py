"""One PE beside the flit machine's, everything through its router port."""

from __future__ import annotations

import random

from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.pe import ProcessingElement
from yoso_hw.registers import CHUNK_BITS, Counter, Memory, chunks, memory_shape, pack_all, pack_entry

from support.bench import Bench
from support.flit_machine import FlitMachine
from support.paths import dense
from support.words import neurons

TAG = 1


class PeBench(Bench):
    """A PE at node (1, 0) of two; `start` loads it, `tick` begins a step of an image.

    Parameters
    ----------
    words, live
        Neuron words in use, and lanes of the last one that hold neurons (all if None).
    stall
        Probability that a port neither offers nor takes in a cycle.
    paths
        On a chip with convolution, the PE's tables and registers; a dense layer's if None.
    registers
        More fields of registers.
    """

    def __init__(
        self, params: ChipParams, words: int, *, live=None, stall=0.0, seed=0, paths=None, **registers
    ) -> None:
        super().__init__(ProcessingElement(params), seed=seed)
        self.params, self.packets, self.words = params, Packets(params), words
        self.drive(x=1, y=0)
        self.at = {"x0": 1, "x1": 1, "y0": 0, "y1": 0}
        self.into = self.source(self.dut.from_router, stall=stall)
        self.out = self.sink(self.dut.to_router, stall=stall)
        self.machine = FlitMachine(params)
        self.reference = self.machine.nodes[1, 0]
        self.step_number, self.parity = -1, 0
        self.paths = paths or dense(params, words) if params.side else None
        self.settings = {
            "tag": TAG,
            "words": words,
            "last_mask": (1 << (live or params.lanes)) - 1,
            "threshold": params.pot_max // 4,
            "window_end": params.steps,
            **{"x1": params.cols - 1, "y1": params.rows - 1},
            "destination_tag": params.layers - 1,
            **(self.paths.registers() if self.paths else {}),
            **registers,
        }
        self.rng = random.Random(seed)

    # ---- packets -------------------------------------------------------------------------------------

    def write(self, memory: Memory, address: int, *values: int) -> None:
        """Words into a memory of the PE, and of the reference."""
        flits = [self.packets.pack("SEEK", **self.at, memory=memory, address=address)]
        for value in values:
            for chunk in range(chunks(self.params, memory)):
                data = value >> CHUNK_BITS * chunk & 0xFFFF
                flits.append(self.packets.pack("WRITE", **self.at, data=data))
        self.into.put(*flits)
        self.machine.load(flits)

    def read(self, memory: Memory, address: int = 0, count: int | None = None) -> list[int]:
        """Words of a memory of the PE, all if `count` is None."""
        count = memory_shape(self.params, memory)[0] if count is None else count
        each, before = chunks(self.params, memory), len(self.out.taken)
        self.into.put(self.packets.pack("SEEK", **self.at, memory=memory, address=address))
        self.into.put(*[self.packets.pack("READ", **self.at)] * count)
        self.run(lambda: len(self.out.taken) >= before + count * each, limit=200 + 40 * count * each)
        replies = [self.packets.unpack(flit) for flit in self.out.taken[before:]]
        del self.out.taken[before:]
        assert all((reply["name"], reply["x"], reply["y"]) == ("REPLY", 1, 0) for reply in replies)
        return [
            sum(int(reply["data"]) << CHUNK_BITS * i for i, reply in enumerate(replies[k : k + each]))
            for k in range(0, len(replies), each)
        ]

    def spike(self, row: int, *place: int, tag: int = TAG, ahead: bool = False) -> None:
        """A spike of this step, or of the one that has not begun (its reference follows in `take`).

        On a chip with convolution `place` is its row and column in the input map, (0, 0) if not given.
        """
        said = {"tag": tag, "parity": self.parity ^ ahead, "row": row, **self.of(place)}
        self.into.put(self.packets.pack("SPIKE", **self.at, **said))
        if not ahead:
            self.take(row, *place, tag=tag)

    def of(self, place: tuple[int, ...]) -> dict[str, int]:
        """The coordinates of a spike that comes from a place, where spikes have any."""
        return dict(zip(("r", "q"), place or (0, 0), strict=True)) if self.params.side else {}

    def take(self, row: int, *place: int, tag: int = TAG) -> None:
        """The reference integrates a spike."""
        if place or row + self.words <= self.params.weight_words:
            self.reference.take({"tag": tag, "row": row, **self.of(place)})

    # ---- an image ------------------------------------------------------------------------------------

    def start(self) -> PeBench:
        """Load registers and random memories; weights are more often positive, so that neurons fire."""
        self.write(Memory.REGISTER, 0, *pack_all(self.params, **self.settings))
        bits = self.params.weight_bits
        weights = []
        for _ in range(self.params.weight_words):
            lanes = [
                self.rng.randint(self.params.weight_min // 2, self.params.weight_max)
            ] * self.params.lanes
            weights.append(sum((w + i & (1 << bits) - 1) << i * bits for i, w in enumerate(lanes)))
        self.write(Memory.WEIGHT, 0, *weights)
        self.write(Memory.SPIKE, 0, *(self._spike_address() for _ in range(self.params.neurons)))
        for memory, entries in (self.paths.tables() if self.paths else {}).items():
            self.write(memory, 0, *entries)
        self.settle()
        return self

    def _spike_address(self) -> int:
        said = {"row": self.rng.randrange(self.params.weight_words)}
        said |= {name: self.rng.randrange(self.params.side) for name in self.of(())}
        return pack_entry(self.params, Memory.SPIKE, **said)

    def tick(self, *, report: bool = False) -> list[int]:
        """Begin the next step, in PE and reference; returns the flits that must leave."""
        self.step_number += 1
        self.parity ^= 1
        if self.step_number == 0:
            self.reference.start()
        self.pulse(tick=1, first=self.step_number == 0, report=report)
        firing = self.reference.live if report else self.reference.sweep(self.step_number)
        return [self.flit_of(neuron, report=report) for neuron in firing]

    def flit_of(self, neuron: int, *, report: bool = False) -> int:
        """What a neuron sends in this step."""
        flit, fields = self.machine.send(self.reference, neuron)
        if not report:
            self.reference.count[Counter.SPIKES_OUT] += 1
        if fields["name"] == "SPIKE":
            flit |= self.parity << self.packets.formats["SPIKE"].field("parity").offset
        return flit

    def settle(self, limit: int = 20_000) -> None:
        """Until all is sent and integrated."""
        self.step()
        self.run(lambda: not self.into.queue and self.get(self.dut.idle), limit)
        self.step()

    def image(self, steps: int, *, spikes: int = 5) -> list[int]:
        """Random spikes in each of `steps` steps; the flits that must leave, in order."""
        self.step_number, due = -1, []
        for _ in range(steps):
            due += self.tick()
            for _ in range(self.rng.randrange(spikes + 1)):
                self.spike(self.rng.randrange(self.params.weight_words - self.words + 1))
            self.settle()
        return due

    def state(self) -> dict[str, list[int]]:
        """A, V and fired of the neurons in use, read back through the network."""
        a_words = self.read(Memory.ACCUMULATED, 0, self.words)
        v_words = self.read(Memory.POTENTIAL, 0, self.words)
        return neurons(self.params, len(self.expected()["a"]), a_words, v_words)

    def expected(self) -> dict[str, list[int]]:
        """The same, of the reference."""
        return self.reference.state()

    def counters(self) -> dict[Counter, int]:
        return dict(zip(Counter, self.read(Memory.COUNTER), strict=True))
