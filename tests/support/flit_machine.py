"""A chip made of flits: runs what a weight image sends, knowing only packets, registers and the arithmetic.

It has no cycles and no routers. It shows that the compiler's flits, taken literally, compute the network,
and it counts what the performance counters must count by doing it.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Memory, Register, chunks, memory_shape, unpack


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


class Pe:
    """One PE's memories, registers, neurons and counters."""

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        self.memory = {memory: np.zeros(memory_shape(params, memory)[0], object) for memory in Memory}
        self.pointer, self.partial = (Memory.WEIGHT, 0), []
        self.count: dict[Counter, int] = defaultdict(int)

    def seek(self, memory: int, address: int) -> None:
        self.pointer, self.partial = (Memory(memory), address), []

    def write(self, data: int) -> None:
        memory, address = self.pointer
        self.partial.append(data)
        if len(self.partial) == chunks(self.params, memory):
            self.memory[memory][address] = sum(chunk << 16 * i for i, chunk in enumerate(self.partial))
            self.pointer, self.partial = (memory, address + 1), []
            counter = {Memory.WEIGHT: Counter.WEIGHT_WRITES, Memory.SPIKE: Counter.SPIKE_WRITES}.get(memory)
            if counter is not None:
                self.count[counter] += 1

    def register(self, register: Register) -> int:
        return int(self.memory[Memory.REGISTER][register])

    def start(self) -> None:
        lanes, words = self.params.lanes, self.register(Register.WORDS)
        mask = self.register(Register.LAST_MASK)
        self.live = [j for j in range(words * lanes) if j // lanes < words - 1 or mask >> j % lanes & 1]
        self.a, self.v = [0] * (words * lanes), [0] * (words * lanes)
        self.fired: dict[int, int] = {}

    def state(self) -> dict[str, list[int]]:
        """A, V and fired of the neurons in use, in the form of `words.neurons`."""
        last = self.live[-1] + 1
        return {"a": self.a[:last], "v": self.v[:last], "fired": [int(j in self.fired) for j in range(last)]}

    def sweep(self, step: int) -> list[int]:
        """Returns the neurons that fire."""
        words, p = self.register(Register.WORDS), self.params
        if words == 0:
            return []
        slope, start = self.register(Register.SLOPE), self.register(Register.WINDOW_START)
        window = range(start, self.register(Register.WINDOW_END))
        self.count[Counter.SWEEPS] += 1
        self.count[Counter.POT_WRITES] += words
        self.count[Counter.ACC_WRITES] += words * (step == 0)
        self.count[Counter.ACC_READS] += words * (step > 0)
        self.count[Counter.POT_READS] += words * (step > 0)
        firing = []
        for j in self.live:
            if j in self.fired:
                continue
            gain = slope if slope and step >= start else self.a[j]
            self.v[j] = min(max(self.v[j] + gain, p.pot_min), p.pot_max)
            if step in window and self.v[j] >= self.register(Register.THRESHOLD):
                self.fired[j] = step
                firing.append(j)
        return firing

    def take(self, spike: dict) -> None:
        """Integrate a spike, or drop it if it is another layer's."""
        words, p = self.register(Register.WORDS), self.params
        if spike["tag"] != self.register(Register.TAG) or words == 0:
            return
        self.count[Counter.SPIKES_IN] += 1
        for counter in (Counter.UPDATES, Counter.WEIGHT_READS, Counter.ACC_READS, Counter.ACC_WRITES):
            self.count[counter] += words
        for word in range(words):
            value = int(self.memory[Memory.WEIGHT][spike["row"] + word])
            for lane in range(p.lanes):
                j = word * p.lanes + lane
                weight = signed(value >> lane * p.weight_bits & ((1 << p.weight_bits) - 1), p.weight_bits)
                self.a[j] = min(max(self.a[j] + weight, p.acc_min), p.acc_max)


class FlitMachine:
    """All nodes; `load` takes the load phase, `run` one image."""

    def __init__(self, params: ChipParams) -> None:
        self.params, self.packets = params, Packets(params)
        self.nodes = {(x, y): Pe(params) for y in range(params.rows) for x in range(params.cols)}

    def targets(self, fields: dict) -> list[Pe]:
        """The PEs of a packet's rectangle."""
        return [
            self.nodes[x, y]
            for y in range(fields["y0"], fields["y1"] + 1)
            for x in range(fields["x0"], fields["x1"] + 1)
        ]

    def load(self, flits: np.ndarray) -> None:
        for flit in flits:
            fields = self.packets.unpack(int(flit))
            for pe in self.targets(fields):
                if fields["name"] == "SEEK":
                    pe.seek(fields["memory"], fields["address"])
                else:
                    assert fields["name"] == "WRITE"
                    pe.write(fields["data"])

    def send(self, pe: Pe, neuron: int) -> tuple[int, dict]:
        """The flit of a neuron, and its fields."""
        output = unpack(self.params, Register.OUTPUT, pe.register(Register.OUTPUT))
        if output["output"]:
            pe.count[Counter.POT_READS] += 1
            index = output["base"] + neuron
            flit = self.packets.pack("RESULT", index=index, potential=pe.v[neuron])
        else:
            pe.count[Counter.SPIKE_READS] += 1
            to = unpack(self.params, Register.DESTINATION, pe.register(Register.DESTINATION))
            row = int(pe.memory[Memory.SPIKE][neuron])
            tag = pe.register(Register.DESTINATION_TAG)
            flit = self.packets.pack("SPIKE", **to, tag=tag, parity=0, row=row)
        return flit, self.packets.unpack(flit)

    def run(self, flits: np.ndarray) -> tuple[tuple[int, int, bool], list[tuple[int, int, int, int]]]:
        """Runs an image. Returns (class, step, spiked) and every spike as (x, y, step, flit)."""
        host = iter([self.packets.unpack(int(flit)) for flit in flits])
        begin = next(host)
        assert begin["name"] == "START"
        for pe in self.nodes.values():
            pe.start()
        spikes, ended, decision = [], False, None
        for step in range(begin["steps"]):
            pending, results = [], []
            for (x, y), pe in self.nodes.items():
                for neuron in pe.sweep(step):
                    pe.count[Counter.SPIKES_OUT] += 1
                    flit, fields = self.send(pe, neuron)
                    spikes.append((x, y, step, flit))
                    (results if fields["name"] == "RESULT" else pending).append(fields)
            while not ended:
                fields = next(host)
                if fields["name"] != "SPIKE":
                    ended = fields["name"] == "END"
                    break
                assert fields["parity"] == step & 1
                pending.append(fields)
            for fields in pending:
                for pe in self.targets(fields):
                    pe.take(fields)
            if results and decision is None:
                decision = (best(results), step, True)
                if begin["early"]:
                    break
        else:
            assert next(host, None) is None, "the host sent flits after END"
        if decision is None:
            reports = [
                self.send(pe, j)[1]
                for pe in self.nodes.values()
                if pe.register(Register.OUTPUT)
                for j in pe.live
            ]
            decision = (best(reports), begin["steps"] - 1, False)
        return decision, spikes


def best(results: list[dict]) -> int:
    """Class of the highest potential, then the lowest index."""
    return min(results, key=lambda fields: (-fields["potential"], fields["index"]))["index"]
