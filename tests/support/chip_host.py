"""A host for a chip in Amaranth's simulator: loads images, classifies, reads back, collects every spike."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
from yoso_hw.chip import Chip
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import CHUNK_BITS, Counter, Memory, chunks, memory_shape
from yoso_sw.compile.flits import one_node, read_flits, write_flits
from yoso_sw.compile.image import WeightImage
from yoso_sw.network.golden import GoldenResult

from support.bench import Bench


class ChipHost(Bench):
    """Runs `Chip(params)`; every `send` continues where the last one stopped.

    Parameters
    ----------
    stall
        Probability that the host neither offers a flit nor takes an answer in a cycle.

    Attributes
    ----------
    spikes
        (x, y, step, flit) of every spike since the last `classify` or `restart` began.
    """

    def __init__(self, params: ChipParams, *, stall: float = 0.0, seed: int = 0) -> None:
        super().__init__(Chip(params), seed=seed, resettable=True)
        self.params, self.packets = params, Packets(params)
        self.spikes: list[tuple[int, int, int, int]] = []
        self.ticks: list[int] = []
        self._into = self.source(self.dut.host_in, stall=stall)
        self._answers = self.sink(self.dut.host_out, stall=stall)
        self.each_cycle(self._trace)

    def _trace(self) -> None:
        valid = self.get(self.dut.trace_valid)
        if self.get(self.dut.tick):
            self.ticks.append(self.cycle)
        if valid:
            bits, flits, step = self.packets.flit_bits, self.get(self.dut.trace_flit), self.get(self.dut.step)
            for node in range(self.params.nodes):
                if valid >> node & 1:
                    y, x = divmod(node, self.params.cols)
                    self.spikes.append((x, y, step, flits >> node * bits & ((1 << bits) - 1)))

    def stall(self, probability: float) -> None:
        self._into.stall = self._answers.stall = probability

    def stall_answers(self, probability: float) -> None:
        self._answers.stall = probability

    def restart(self) -> None:
        """Reset the chip; its memories keep what they hold."""
        self._into.flush()
        self.set(self.reset, 1)
        self.step(2)
        self.set(self.reset, 0)
        self.step()
        self._answers.taken.clear()
        self.spikes.clear()
        self.ticks.clear()
        self.stall(0.0)

    def begin(self, flits: Iterable[int], cycles: int) -> None:
        """Send `flits` for so many cycles."""
        self._into.put(*map(int, flits))
        self.step(cycles)

    # ---- packets -------------------------------------------------------------------------------------

    def send(self, flits: Iterable[int], answers: int = 0, *, limit: int = 100_000) -> list[dict]:
        """Send `flits`, and go on until `answers` packets came back; returns those, unpacked."""
        self._into.put(*map(int, flits))
        self.run(lambda: not self._into.queue and len(self._answers.taken) >= answers, limit)
        taken, self._answers.taken = self._answers.taken[:answers], self._answers.taken[answers:]
        return [self.packets.unpack(flit) for flit in taken]

    def errors(self) -> int:
        (status,) = self.send([self.packets.pack("STATUS", errors=0)], 1)
        return status["errors"]

    def clear_errors(self) -> None:
        self.send([self.packets.pack("CLEAR")])
        self.step(4)

    def read(self, x: int, y: int, memory: Memory, address: int = 0, count: int | None = None) -> list[int]:
        """Words of a memory of the PE at node (x, y), all if `count` is None."""
        count = memory_shape(self.params, memory)[0] if count is None else count
        each = chunks(self.params, memory)
        replies = self.send(read_flits(self.packets, x, y, memory, address, count), count * each)
        assert all((reply["name"], reply["x"], reply["y"]) == ("REPLY", x, y) for reply in replies)
        return [
            sum(int(reply["data"]) << CHUNK_BITS * i for i, reply in enumerate(replies[k : k + each]))
            for k in range(0, len(replies), each)
        ]

    def write(self, x: int, y: int, memory: Memory, address: int, values: list[int]) -> None:
        each = chunks(self.params, memory)
        data = [[value >> CHUNK_BITS * i & 0xFFFF for i in range(each)] for value in values]
        words = np.array(data, np.uint16).reshape(len(values), each)
        self.send(write_flits(self.packets, one_node(x, y), memory, address, words))

    # ---- networks ------------------------------------------------------------------------------------

    def load(self, image: WeightImage) -> ChipHost:
        self.send(image.load_flits())
        return self

    def classify(self, image: WeightImage, inputs: np.ndarray, *, early_exit: bool = True) -> dict:
        """One image, and what it left behind: as `left_by_golden`, with its `cycles`."""
        self.spikes.clear()
        decision, cycles = self.send(image.image_flits(inputs, early_exit), 2)
        fired = sorted((*image.spike_of(x, y, flit), step) for x, y, step, flit in self.spikes)
        return {
            "decision": (decision["index"], decision["step"], bool(decision["spiked"])),
            "fired": fired,
            "potentials": self._state(image, Memory.POTENTIAL, self.params.pot_bits, spacing=1),
            "accumulated": self._state(image, Memory.ACCUMULATED, self.params.acc_bits, spacing=0),
            "cycles": cycles["cycles"],
        }

    def _state(self, image: WeightImage, memory: Memory, bits: int, *, spacing: int) -> list[list[int]]:
        """A or V of every neuron of every layer, read back through the network."""
        lanes, state = self.params.lanes, []
        for layer in image.layers:
            values = [0] * layer.neurons
            for part in layer.slices:
                words = self.read(part.x, part.y, memory, 0, part.words(lanes))
                for word, neurons in zip(words, layer.held(part, lanes).tolist(), strict=True):
                    for lane, neuron in enumerate(neurons):
                        value = word >> lane * (bits + spacing) & ((1 << bits) - 1)
                        if neuron >= 0:
                            values[neuron] = value - (value >> bits - 1 << bits)
            state.append(values)
        return state

    def counters(self) -> np.ndarray:
        """Counters of every PE, as `yoso_sw.compile.predict.predict_counters` gives them."""
        rows, cols = self.params.rows, self.params.cols
        return np.array([[self.read(x, y, Memory.COUNTER) for x in range(cols)] for y in range(rows)])

    def clear_counters(self) -> None:
        for y in range(self.params.rows):
            for x in range(self.params.cols):
                self.write(x, y, Memory.COUNTER, 0, [0] * len(Counter))


def left_by_golden(result: GoldenResult, b: int = 0) -> dict:
    """What the golden model says that image `b` leaves, in the form of `ChipHost.classify`."""
    return {
        "decision": (int(result.decisions[b]), int(result.decision_steps[b]), bool(result.spiked[b])),
        "fired": sorted(
            (layer, int(neuron), int(step))
            for layer, events in enumerate(result.spikes)
            for neuron, step in zip(events[b].axon, events[b].step, strict=True)
        ),
        "potentials": [v[b].tolist() for v in result.potentials],
        "accumulated": [a[b].tolist() for a in result.accumulated],
    }


def without_cycles(outcome: dict) -> dict:
    return {name: value for name, value in outcome.items() if name != "cycles"}


@cache
def _host(params: ChipParams) -> ChipHost:
    return ChipHost(params)


def fresh_host(params: ChipParams, *, stall: float = 0.0) -> ChipHost:
    """A chip after reset. Chips are elaborated once and shared: that takes longer than most tests."""
    host = _host(params)
    host.restart()
    host.stall(stall)
    return host
