"""A chip made of flits: runs what a weight image sends, knowing only packets, registers and the arithmetic.

It has no cycles and no routers. It shows that the compiler's flits, taken literally, compute the network,
and it counts what the performance counters must count by doing it.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import (
    Counter,
    Memory,
    Register,
    Reset,
    chunks,
    memories,
    memory_shape,
    register_fields,
    unpack,
    unpack_entry,
)

from support.walker import groups, walk


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def decay(x: int, k: int) -> int:
    """Towards 0 by at least one unit."""
    return -(-x >> k) if x > 0 else x >> k


def clamp(value: int, bits: int) -> int:
    return min(max(value, -(1 << bits - 1)), (1 << bits - 1) - 1)


class Pe:
    """One PE's memories, registers, neurons and counters."""

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        self.memory = {
            memory: np.zeros(memory_shape(params, memory)[0], object) for memory in memories(params)
        }
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
        # Registers that the chip has not are 0; without convolutions a PE is one position.
        self.told = dict.fromkeys(("decays", "current", "leak", "reset", "charge", "bias", "bias_row"), 0)
        self.told |= {"filter_words": words, "neuron_pitch": words, "weight_pitch": 0, "blocks": 0}
        for register in register_fields(self.params):
            self.told |= unpack(self.params, register, self.register(register))
        of_position = max(1, self.told["filter_words"])
        last = [(j // lanes + 1) % of_position == 0 for j in range(words * lanes)]
        if self.params.side:
            self.tables = [self.entries(memory) for memory in (Memory.ROWS, Memory.COLUMNS)]
        self.live = [j for j in range(words * lanes) if not last[j] or mask >> j % lanes & 1]
        self.a, self.v = [0] * (words * lanes), [0] * (words * lanes)
        self.fired: dict[int, int] = {}

    def state(self) -> dict[str, list[int]]:
        """A, V and fired of the neurons in use, in the form of `words.neurons`."""
        last = self.live[-1] + 1
        return {"a": self.a[:last], "v": self.v[:last], "fired": [int(j in self.fired) for j in range(last)]}

    def sweep(self, step: int) -> list[int]:
        """Returns the neurons that send a spike: those that fire, or those that speak for four that do."""
        before = {*self.fired}
        firing = self.fire(step)
        lanes, once = self.params.lanes, self.told["reset"] == Reset.ONCE
        self.inner = [divmod(j, lanes) for j in firing] if self.told["blocks"] else []
        if not self.inner:
            return firing
        passed = []
        for members in groups(self.told["words"], self.told):
            for lane in range(lanes):
                four = {word * lanes + lane for word in members}
                if four & {*firing} and not (once and four & before):
                    passed.append(members[3] * lanes + lane)
        return passed

    def fire(self, step: int) -> list[int]:
        """A sweep; returns the neurons that fire."""
        words, p, told = self.told["words"], self.params, self.told
        if words == 0:
            return []
        start, end, charge = told["window_start"], told["window_end"], told["charge"]
        once, may_fire = told["reset"] == Reset.ONCE, told["reset"] != Reset.NEVER
        self.count[Counter.SWEEPS] += 1
        self.count[Counter.POT_WRITES] += words
        self.count[Counter.ACC_WRITES] += words * (step == 0 or bool(told["decays"] or charge))
        self.count[Counter.ACC_READS] += words * (step > 0)
        self.count[Counter.POT_READS] += words * (step > 0)
        self.count[Counter.WEIGHT_READS] += words * told["bias"]
        firing = []
        for j in self.live:
            a, v = self.a[j], self.v[j]
            position = j // (self.told["filter_words"] * p.lanes)
            filter = j - position * self.told["filter_words"] * p.lanes
            stopped = once and j in self.fired
            if not stopped:
                v -= decay(v, told["leak"]) if told["leak"] else 0
                v = clamp(v + (told["slope"] if told["slope"] and step >= start else a), p.pot_bits)
            if charge and step == charge:
                self.a[j], self.v[j] = clamp(v, p.acc_bits), 0
                continue
            if not stopped and may_fire and start <= step < end and v >= told["threshold"]:
                firing.append(j)
                v = {Reset.ONCE: v, Reset.SUBTRACT: v - told["threshold"], Reset.ZERO: 0}[told["reset"]]
                if once:
                    self.fired[j] = step
            if told["decays"]:
                bias = (
                    self.weights(told["bias_row"], filter) if told["bias"] and start <= step + 1 < end else 0
                )
                a = clamp(a - decay(a, told["current"]) + bias, p.acc_bits)
            self.a[j], self.v[j] = a, v
        return firing

    def weights(self, row: int, neuron: int) -> int:
        """The weight to a neuron of the axon whose row begins at word `row`."""
        word, lane = divmod(neuron, self.params.lanes)
        bits = self.params.weight_bits
        return signed(int(self.memory[Memory.WEIGHT][row + word]) >> lane * bits & ((1 << bits) - 1), bits)

    def take(self, spike: dict) -> None:
        """Integrate a spike, or drop it if it is another layer's."""
        words, p = self.register(Register.WORDS), self.params
        if spike["tag"] != self.register(Register.TAG) or words == 0:
            return
        requests = [(word, spike["row"] + word) for word in range(words)]
        if p.side:
            requests = [*walk(spike, *self.tables, self.told)]
        if not requests:
            return
        self.count[Counter.SPIKES_IN] += 1
        for counter in (Counter.UPDATES, Counter.WEIGHT_READS, Counter.ACC_READS, Counter.ACC_WRITES):
            self.count[counter] += len(requests)
        for word, weight in requests:
            for lane in range(p.lanes):
                j = word * p.lanes + lane
                self.a[j] = clamp(self.a[j] + self.weights(weight, lane), p.acc_bits)

    def entries(self, memory: Memory) -> list[dict[str, int]]:
        """A table, by fields."""
        return [unpack_entry(self.params, memory, int(word)) for word in self.memory[memory]]


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
            carried = unpack_entry(self.params, Memory.SPIKE, int(pe.memory[Memory.SPIKE][neuron]))
            tag = pe.register(Register.DESTINATION_TAG)
            flit = self.packets.pack("SPIKE", **to, tag=tag, parity=0, **carried)
        return flit, self.packets.unpack(flit)

    def run(self, flits: np.ndarray) -> tuple[tuple[int, int, bool], list[tuple[int, int, int, int]]]:
        """Runs an image. Returns (class, step, spiked) and every spike as (x, y, step, flit)."""
        host = iter([self.packets.unpack(int(flit)) for flit in flits])
        begin = next(host)
        assert begin["name"] == "START"
        for pe in self.nodes.values():
            pe.start()
        counting = begin.get("count", 0)
        self.counts: dict[int, int] = defaultdict(int)
        spikes, ended, decision = [], False, None
        #: Fires before pooling, as (x, y, step, word, lanes), bit i for lane i.
        self.inner: list[tuple[int, int, int, int, int]] = []
        for step in range(begin["steps"]):
            pending, results = [], []
            for (x, y), pe in self.nodes.items():
                for neuron in pe.sweep(step):
                    pe.count[Counter.SPIKES_OUT] += 1
                    flit, fields = self.send(pe, neuron)
                    spikes.append((x, y, step, flit))
                    (results if fields["name"] == "RESULT" else pending).append(fields)
                self.inner += [(x, y, step, word, 1 << lane) for word, lane in pe.inner]
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
            for fields in results:
                self.counts[fields["index"]] += 1
            if results and decision is None and not counting:
                decision = (best(results), step, True)
                if begin["early"]:
                    break
        else:
            assert next(host, None) is None, "the host sent flits after END"
        if counting and self.counts:
            decision = (min(self.counts, key=lambda i: (-self.counts[i], i)), begin["steps"] - 1, True)
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
