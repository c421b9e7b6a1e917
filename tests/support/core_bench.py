"""A core with memories made in Python, and the flit machine's PE as its reference.

The memories punish what single-port macros would: with `banked` a read and a write of one bank in a cycle
is a failure, and a word read in the cycle in which it is written comes out as garbage.
"""

from __future__ import annotations

import random

from yoso_hw.core.core import Core
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import (
    Memory,
    Register,
    memories,
    memory_shape,
    neuron_fields,
    pack_all,
    pack_entry,
    unpack,
    unpack_entry,
)

from support.bench import Bench
from support.flit_machine import Pe
from support.paths import dense
from support.words import neurons

GARBAGE = 0x5A5A_5A5A_5A5A_5A5A


def chip(lanes=2, words=8, *, banked=False, **rest) -> ChipParams:
    """A chip for a bench of the core."""
    sizes = {"cols": 2, "rows": 1, "lanes": lanes, "neurons": lanes * words, "weights": lanes * 64}
    widths = {"weight_bits": 5, "acc_bits": 9, "pot_bits": 11, "steps": 32, "layers": 4}
    return ChipParams(**{**sizes, **widths, "banked": banked, **rest})


class CoreBench(Bench):
    """Runs a core step by step beside its reference.

    Parameters
    ----------
    words
        Neuron words in use.
    live
        Lanes of the last word that hold neurons; all if None.
    stall
        Probability that the network takes no flit in a cycle.
    paths
        On a chip with convolution, the PE's tables and registers; a dense layer's if None.
    registers
        More fields of registers (threshold, slope, window_start, window_end, output, base).
    """

    def __init__(
        self, params: ChipParams, words: int, *, live=None, stall=0.0, seed=0, paths=None, **registers
    ) -> None:
        super().__init__(Core(params), seed=seed)
        self.params, self.words, self.step_number = params, words, -1
        self.packets = Packets(params)
        rng = random.Random(seed)
        masks = {memory: (1 << memory_shape(params, memory)[1]) - 1 for memory in memories(params)}
        self.memory = {
            Memory.WEIGHT: [self._weights(rng) for _ in range(params.weight_words)],
            Memory.ACCUMULATED: [GARBAGE & masks[Memory.ACCUMULATED]] * params.neuron_words,
            Memory.POTENTIAL: [GARBAGE & masks[Memory.POTENTIAL]] * params.neuron_words,
            Memory.SPIKE: [self._spike_address(rng) for _ in range(params.neurons)],
        }
        if params.side:
            paths = paths or dense(params, words)
            self.memory |= paths.tables()
            registers = {**paths.registers(), **registers}
        self.masks = masks
        settings = {
            "tag": 1,
            "words": words,
            "last_mask": (1 << (live or params.lanes)) - 1,
            "threshold": params.pot_max // 4,
            "window_end": params.steps,
            **registers,
        }
        self.configure(**settings)
        self.reference = Pe(params)
        for memory in self.memory.keys() - {Memory.ACCUMULATED, Memory.POTENTIAL}:
            self.reference.memory[memory][:] = self.memory[memory]
        self.reference.memory[Memory.REGISTER][:] = pack_all(params, **settings)
        self.spikes = self.source(self.dut.spike)
        self.out = self.sink(self.dut.out, stall=stall)
        self.events = self.record(self.dut.events)
        self.bad_rows = self.record(self.dut.bad_row)
        self.w_reads: list[int] = []  # the cycle of each word issued for a spike
        self.each_cycle(self._memories)

    def _weights(self, rng: random.Random) -> int:
        """A word of weights, more of them positive than negative, so that neurons fire."""
        bits, word = self.params.weight_bits, 0
        for lane in range(self.params.lanes):
            weight = rng.randint(self.params.weight_min // 2, self.params.weight_max)
            word |= (weight & ((1 << bits) - 1)) << lane * bits
        return word

    def _spike_address(self, rng: random.Random) -> int:
        row = rng.randrange(self.params.weight_words)
        if not self.params.side:
            return row
        r, q = rng.randrange(self.params.side), rng.randrange(self.params.side)
        return pack_entry(self.params, Memory.SPIKE, row=row, r=r, q=q)

    def configure(self, **settings: int) -> None:
        """Set fields of the core's registers; the reference keeps its own."""
        config = self.dut.config
        neuron = [field.name for fields in neuron_fields(self.params).values() for field in fields]
        for name, value in settings.items():
            self.set((config.neuron if name in neuron else config)[name], value)
        self.set(config.destination.x1, self.params.cols - 1)
        self.set(config.destination_tag, 2)

    def _memories(self) -> list:
        """Carry out the requests of this cycle; returns the words that come out after the tick."""
        get, dut, words = self.get, self.dut.memory, []
        tables = (
            (
                (Memory.ROWS, dut.table_read, dut.rows, dut.r),
                (Memory.COLUMNS, dut.table_read, dut.columns, dut.q),
            )
            if self.params.side
            else ()
        )
        for memory, reading, out, address in (
            *tables,
            (Memory.WEIGHT, dut.w_read, dut.w, dut.row),
            (Memory.ACCUMULATED, dut.a_read, dut.a, dut.read_word),
            (Memory.POTENTIAL, dut.v_read, dut.p, dut.read_word),
            (Memory.SPIKE, dut.spike_read, dut.spike_row, dut.spike_neuron),
        ):
            if not get(reading):
                continue
            address = get(address)
            value = self.memory[memory][address]
            if memory in (Memory.ACCUMULATED, Memory.POTENTIAL):
                writing = get(dut.a_write if memory == Memory.ACCUMULATED else dut.v_write)
                written = get(dut.write_word)
                assert not (writing and self.params.banked and address % 2 == written % 2), (
                    "one port, two uses"
                )
                if writing and written == address:
                    value = GARBAGE & self.masks[memory]
            words.append((out, value))
        for memory, writing, value in (
            (Memory.ACCUMULATED, dut.a_write, dut.a_out),
            (Memory.POTENTIAL, dut.v_write, dut.p_out),
        ):
            if get(writing):
                self.memory[memory][get(dut.write_word)] = get(value.as_value())
        if get(dut.w_read):
            self.w_reads.append(self.cycle)
        return words

    # ---- an image ------------------------------------------------------------------------------------

    def tick(self, *, report: bool = False) -> list[int]:
        """Begin the next step, core and reference; returns the reference's neurons that fire."""
        self.step_number += 1
        if self.step_number == 0:
            self.reference.start()
        self.pulse(tick=1, first=self.step_number == 0, report=report)
        self.drive(parity=(self.step_number + 1) & 1, step=self.step_number)
        return [] if report else self.reference.sweep(self.step_number)

    def spike(self, row: int, *place: int, ahead: bool = False) -> None:
        """A spike of this step, or of the one that has not begun (its reference follows in `catch_up`).

        On a chip with convolution `place` is its row and column in the input map, (0, 0) if not given.
        """
        spike = {"row": row, "parity": (self.step_number + 1 + ahead) & 1, **self.at(place)}
        self.spikes.put(spike)
        if not ahead:
            self.take(row, *place)

    def at(self, place: tuple[int, ...]) -> dict[str, int]:
        """The coordinates of a spike that comes from a place, where spikes have any."""
        return dict(zip(("r", "q"), place or (0, 0), strict=True)) if self.params.side else {}

    def take(self, row: int, *place: int) -> None:
        """The reference integrates a spike."""
        if place or row + self.words <= self.params.weight_words:
            self.reference.take({"tag": 1, "row": row, **self.at(place)})

    def settle(self, limit: int = 5000) -> None:
        """Until nothing is left to do in this step."""
        self.step()
        self.run(lambda: not self.spikes.queue and self.get(self.dut.idle), limit)

    def flit_of(self, neuron: int) -> int:
        """The flit that a neuron sends in this step: a RESULT from an output layer, else a SPIKE."""
        register = unpack(self.params, Register.OUTPUT, self.reference.register(Register.OUTPUT))
        if register["output"]:
            index = register["base"] + neuron
            return self.packets.pack("RESULT", index=index, potential=self.reference.v[neuron])
        return self.packets.pack(
            "SPIKE",
            **{"x0": 0, "x1": self.params.cols - 1, "y0": 0, "y1": 0},
            tag=2,
            parity=(self.step_number + 1) & 1,
            **unpack_entry(self.params, Memory.SPIKE, self.memory[Memory.SPIKE][neuron]),
        )

    def state(self) -> dict[str, list[int]]:
        """A, V and fired of the neurons in use."""
        return neurons(
            self.params,
            len(self.expected()["a"]),
            self.memory[Memory.ACCUMULATED][: self.words],
            self.memory[Memory.POTENTIAL][: self.words],
        )

    def expected(self) -> dict[str, list[int]]:
        """The same, of the reference."""
        return self.reference.state()

    def total(self, event: str) -> int:
        """How often an event of a counter was raised."""
        return sum(events[event] for events in self.events)


def run_image(bench: CoreBench, steps: int, rng: random.Random, *, spikes: int = 6) -> list[int]:
    """Random spikes in every step; the flits that must have left, in order."""
    due = []
    for _ in range(steps):
        due += [bench.flit_of(neuron) for neuron in bench.tick()]
        for _ in range(rng.randrange(spikes + 1)):
            bench.spike(rng.randrange(bench.params.weight_words - bench.words + 1))
            bench.step(rng.choice([0, 0, 0, 1, 5]))
        bench.settle()
    return due
