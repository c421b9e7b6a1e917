"""How often every net of a mapped node switches: the netlist, gate by gate and cycle by cycle.

Each cycle evaluates all gates once, without delays: glitches do not show. A bench drives the node as its
neighbours and the barrier would, from a list of commands, and counts rises and falls of every net, cycles of
every clock, and accesses of every macro.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit

from yoso_synth.design import Design, Net
from yoso_synth.pdk import Process
from yoso_synth.tools import SynthError

#: Inputs of the widest gate.
INPUTS = 6

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Command:
    """One thing for the bench to do.

    Attributes
    ----------
    kind
        ``flit`` queues flit `b` at link `a` (0 east, 1 west, 2 north, 3 south); ``tick`` waits until the node
        is idle and ticks (`a`: first step, `b`: report); ``drain`` waits until it is idle; ``cycles`` lets
        `a` cycles pass; ``mark`` notes all counts; ``place`` puts the node at column `a`, row `b`.
    """

    kind: str
    a: int = 0
    b: int = 0


KINDS = ("flit", "tick", "drain", "cycles", "mark", "place")


@dataclass(frozen=True)
class Window:
    """What happened between two marks.

    Attributes
    ----------
    cycles, busy
        Cycles, and those of them in which the node was not idle.
    rises, falls
        By net (`Toggles.index`).
    clocks
        Cycles of each clock net, in the order of `Toggles.clocks`.
    reads, writes
        Of each macro, in the order of `Design.memories`.
    """

    cycles: int
    busy: int
    rises: np.ndarray
    falls: np.ndarray
    clocks: np.ndarray
    reads: np.ndarray
    writes: np.ndarray


@cache
def truth_table(function: str, pins: tuple[str, ...]) -> int:
    """A Liberty function as the bits of a table; pin i is bit i of the index.

    Raises
    ------
    SynthError
        If the function is written in a notation that is not known here.
    """
    if "'" in function or re.search(r"[A-Za-z0-9_)]\s+[A-Za-z_(!]", function):
        raise SynthError(f"function {function!r} is written in a way that is not known here")
    text = _NAME.sub(lambda match: f"values[{match[0]!r}]", function)
    code = compile(text.replace("!", "~").replace("*", "&").replace("+", "|"), function, "eval")
    table = 0
    for index in range(1 << len(pins)):
        values = {pin: index >> i & 1 for i, pin in enumerate(pins)}
        table |= (eval(code, {"values": values}) & 1) << index
    return table


class Toggles:
    """A mapped node as tables that `run` walks through.

    Raises
    ------
    SynthError
        If a cell reads a net that nothing drives.
    """

    LINKS = ("east", "west", "north", "south")

    def __init__(self, design: Design, process: Process) -> None:
        self.design, self.process = design, process
        driven = {net for way, nets in design.ports.values() if way == "input" for net in nets}
        driven |= {net for instance in design.instances for _, net in instance.outputs()}
        for instance in design.instances:
            for pin, net in instance.inputs():
                if isinstance(net, int) and net not in driven:
                    raise SynthError(f"nothing drives pin {pin.name} of {instance.name}")
        # "x" is an input that yosys leaves open; it stands at 0 as "0" does.
        self.index: dict[Net, int] = {"0": 0, "1": 1, "x": 2}
        every = [nets for _, nets in design.ports.values()]
        every += [nets for instance in design.instances for nets in instance.nets.values()]
        for nets in every:
            for net in nets:
                self.index.setdefault(net, len(self.index))
        self.gates = [instance for instance in design.sequential if instance.cell.clock_gate]
        root = design.ports["clk"][1][0]
        self.clocks: list[Net] = [root, *(gate.nets[process.gate[3]][0] for gate in self.gates)]
        self.tables = (*self._gates(), *self._flops(), *self._memories(), *self._ports())

    def run(self, commands: Iterable[Command]) -> tuple[list[Window], list[tuple[int, int]]]:
        """Run commands from reset; returns the windows between marks, and the flits that left: (link, flit).

        Raises
        ------
        SynthError
            If the node does not come to rest.
        """
        script = np.array([(KINDS.index(c.kind), c.a, c.b) for c in commands], np.uint64)
        size, clocks, macros = len(self.index), len(self.clocks), len(self.design.memories)
        marks, flits, calm = _simulate(size, script, *self.tables)
        if not calm:
            raise SynthError(f"the netlist of {self.design.name} does not come to rest")
        windows = []
        for delta in np.diff(marks, axis=0):
            parts = np.split(delta, np.cumsum([1, 1, size, size, clocks, macros]))
            windows.append(Window(int(parts[0][0]), int(parts[1][0]), *parts[2:]))
        return windows, [(int(link), int(flit)) for link, flit in flits]

    # ---- tables ----------------------------------------------------------------------------------------

    def _n(self, nets: list[Net]) -> list[int]:
        return [self.index[net] for net in nets]

    def _gates(self) -> tuple[np.ndarray, ...]:
        inputs, tables, outputs = [], [], []
        for instance in self.design.order:
            pins = tuple(pin.name for pin, _ in instance.inputs())
            nets = self._n([net for _, net in instance.inputs()])
            for pin, net in instance.outputs():
                if pin.function:
                    inputs.append(nets + [0] * (INPUTS - len(nets)))
                    tables.append(truth_table(pin.function, pins))
                    outputs.append(self.index[net])
        shape = np.array(inputs, np.int32).reshape(-1, INPUTS)
        return shape, np.array(tables, np.uint64), np.array(outputs, np.int32)

    def _flops(self) -> tuple[np.ndarray, ...]:
        clocks = {net: number for number, net in enumerate(self.clocks)}
        rows = []
        for flop in self.design.flops:
            state, following = flop.cell.state
            if following not in flop.nets:
                raise SynthError(f"flip-flop {flop.cell.name} takes {following!r}, which is not a pin")
            clock = clocks[flop.nets[self.design.clock_pin(flop)][0]]
            for pin, net in flop.outputs():
                rows.append(
                    (self.index[flop.nets[following][0]], self.index[net], clock, pin.function != state)
                )
        enables = self._n([gate.nets[self.process.gate[1]][0] for gate in self.gates])
        return np.array(rows, np.int32).reshape(-1, 4), np.array(enables, np.int32)

    def _memories(self) -> tuple[np.ndarray, ...]:
        pins = self.process.pins
        control, address, data, mask, out = [], [], [], [], []

        def padded(nets: list[int], length: int, value: int) -> list[int]:
            return nets + [value] * (length - len(nets))

        for memory in self.design.memories:
            nets = memory.nets
            control.append(
                (*self._n(nets[pins.enable[0]]), pins.enable[1], *self._n(nets[pins.write[0]]), pins.write[1])
            )
            address.append(padded(self._n(nets[pins.address]), 16, 0))
            data.append(padded(self._n(nets[pins.data_in]), 64, 0))
            bits = nets.get(pins.mask[0], ["1"] * 64)
            mask.append(padded(self._n([net for net in bits for _ in range(pins.granule)])[:64], 64, 0))
            outs = [self.index[net] if isinstance(net, int) else -1 for net in nets[pins.data_out]]
            out.append(padded(outs, 64, -1))
        depth = max((m.cell.memory[0] for m in self.design.memories if m.cell.memory), default=1)
        return (
            np.array(control, np.int32).reshape(-1, 4),
            np.array(address, np.int32).reshape(-1, 16),
            np.array(data, np.int32).reshape(-1, 64),
            np.array(mask, np.int32).reshape(-1, 64),
            np.array(out, np.int32).reshape(-1, 64),
            np.zeros((max(1, len(out)), depth), np.uint64),
        )

    def _ports(self) -> tuple[np.ndarray, ...]:
        def port(name: str) -> list[int]:
            return self._n(self.design.ports[name][1])

        def links(form: str) -> np.ndarray:
            return np.array([port(form.format(link)) for link in self.LINKS], np.int32)

        single = np.array([port(name)[0] for name in ("rst", "tick", "first", "report")], np.int32)
        return (
            single,
            np.array(port("x"), np.int32),
            np.array(port("y"), np.int32),
            np.array(port("leaf")[:2], np.int32),
            links("in_{}_data"),
            links("in_{}_valid"),
            links("in_{}_ready"),
            links("out_{}_data"),
            links("out_{}_valid"),
            links("out_{}_ready"),
        )


@njit(cache=True)
def _simulate(  # type: ignore[no-untyped-def]
    nets, script, gate_in, gate_table, gate_out, flop, enable, control, address, data, mask, out, words,
    single, x, y, leaf, in_data, in_valid, in_ready, out_data, out_valid, out_ready,
):  # fmt: skip
    v, was = np.zeros(nets, np.uint8), np.zeros(nets, np.uint8)
    rises, falls = np.zeros(nets, np.int64), np.zeros(nets, np.int64)
    clocks, memories = len(enable) + 1, len(control)
    on = np.ones(clocks, np.uint8)
    clocked = np.zeros(clocks, np.int64)
    reads, writes = np.zeros(memories, np.int64), np.zeros(memories, np.int64)
    following = np.zeros(len(flop), np.uint8)
    queue, head, tail = (
        np.zeros((4, len(script) + 1), np.uint64),
        np.zeros(4, np.int64),
        np.zeros(4, np.int64),
    )
    marks, flits = [], []
    cycles, busy = 0, 0
    v[1] = 1
    v[single[0]] = 1
    for link in range(4):
        v[out_ready[link, 0]] = 1
    at, waiting, calm, waited, pulse = 0, 4, 0, 0, False
    one = np.uint64(1)
    while True:
        # The next command, once the one before is done.
        if waiting == 0:
            v[single[0]] = 0
            if pulse:
                v[single[1]] = 0
                v[single[2]] = 0
                v[single[3]] = 0
                pulse = False
            if at == len(script):
                break
            kind, a, b = script[at, 0], script[at, 1], script[at, 2]
            if kind == 0:
                queue[a, tail[a]] = b
                tail[a] += 1
                calm = 0
            elif kind == 3:
                waiting = np.int64(a)
            elif kind == 4:
                mark = np.zeros(2 + 2 * nets + clocks + 2 * memories, np.int64)
                mark[0], mark[1] = cycles, busy
                mark[2 : 2 + nets] = rises
                mark[2 + nets : 2 + 2 * nets] = falls
                mark[2 + 2 * nets : 2 + 2 * nets + clocks] = clocked
                mark[2 + 2 * nets + clocks : 2 + 2 * nets + clocks + memories] = reads
                mark[2 + 2 * nets + clocks + memories :] = writes
                marks.append(mark)
            elif kind == 5:
                for i in range(len(x)):
                    v[x[i]] = a >> np.uint64(i) & one
                for i in range(len(y)):
                    v[y[i]] = b >> np.uint64(i) & one
            elif calm < 3:  # drain, tick: not before the node is at rest
                waited += 1
                if waited > 1000000:
                    return _stack(marks, 2 + 2 * nets + clocks + 2 * memories), _pairs(flits), False
                at -= 1
                waiting = 1
            else:
                waited = 0
                if kind == 1:
                    v[single[1]] = 1
                    v[single[2]] = a & one
                    v[single[3]] = b & one
                    pulse = True
                    waiting = 1
                    calm = 0
            at += 1
            continue
        # One cycle: ports, gates, counts, handshakes, clock edge.
        for link in range(4):
            sending = head[link] < tail[link]
            v[in_valid[link, 0]] = sending
            if sending:
                flit = queue[link, head[link]]
                for i in range(in_data.shape[1]):
                    v[in_data[link, i]] = flit >> np.uint64(i) & one
        for i in range(len(gate_out)):
            index = 0
            for k in range(6):
                index |= np.int64(v[gate_in[i, k]]) << k
            v[gate_out[i]] = gate_table[i] >> np.uint64(index) & one
        for i in range(nets):
            if v[i] != was[i]:
                if v[i]:
                    rises[i] += 1
                else:
                    falls[i] += 1
                was[i] = v[i]
        idle = v[leaf[0]] | v[leaf[1]]
        cycles += 1
        busy += 1 - idle
        for link in range(4):
            if head[link] < tail[link] and v[in_ready[link, 0]]:
                head[link] += 1
            if v[out_valid[link, 0]]:
                flit = np.uint64(0)
                for i in range(out_data.shape[1]):
                    flit |= np.uint64(v[out_data[link, i]]) << np.uint64(i)
                flits.append((np.uint64(link), flit))
        empty = True
        for link in range(4):
            empty = empty and head[link] == tail[link]
        calm = calm + 1 if empty and idle else 0
        for i in range(len(enable)):
            on[i + 1] = v[enable[i]]
        for i in range(len(flop)):
            following[i] = v[flop[i, 0]] ^ flop[i, 3]
        for m in range(memories):
            if v[control[m, 0]] == control[m, 1]:
                row = 0
                for i in range(16):
                    row |= np.int64(v[address[m, i]]) << i
                if v[control[m, 2]] == control[m, 3]:
                    writes[m] += 1
                    for i in range(64):
                        if v[mask[m, i]]:
                            bit = one << np.uint64(i)
                            words[m, row] = words[m, row] | bit if v[data[m, i]] else words[m, row] & ~bit
                else:
                    reads[m] += 1
                    for i in range(64):
                        if out[m, i] >= 0:
                            v[out[m, i]] = words[m, row] >> np.uint64(i) & one
        for i in range(len(flop)):
            if on[flop[i, 2]]:
                v[flop[i, 1]] = following[i]
        for i in range(clocks):
            clocked[i] += on[i]
        waiting -= 1
    return _stack(marks, 2 + 2 * nets + clocks + 2 * memories), _pairs(flits), True


@njit(cache=True)
def _stack(marks, width):  # type: ignore[no-untyped-def]
    stacked = np.zeros((len(marks), width), np.int64)
    for i in range(len(marks)):
        stacked[i] = marks[i]
    return stacked


@njit(cache=True)
def _pairs(flits):  # type: ignore[no-untyped-def]
    pairs = np.zeros((len(flits), 2), np.uint64)
    for i in range(len(flits)):
        pairs[i, 0], pairs[i, 1] = flits[i]
    return pairs
