"""Energy of a mapped node from what its nets did (`toggles.Window`) and the library's tables.

A gate's change costs its internal energy and half C V^2 of its net, wire by the library's wire load. A clock
cycle of a flip-flop costs the internal energy of its clock pin; its clock net is charged and discharged, and
a tree of buffers stands between it and its source.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from yoso_synth.design import Design, Instance
from yoso_synth.liberty import Arc, Cell
from yoso_synth.macros import macro
from yoso_synth.pdk import Process
from yoso_synth.toggles import Toggles, Window

#: Transition in ns at which energies are read from their tables.
SLEW = 0.1

#: Clock sinks that one buffer of the clock tree drives.
CLOCK_FANOUT = 16


def mean(arcs: tuple[Arc, ...], edge: str, load: float) -> float:
    """Energy of an edge in pJ, averaged over the arcs that have one."""
    values = [arc.tables[edge].at(slew=SLEW, load=load) for arc in arcs if edge in arc.tables]
    return sum(values) / len(values) if values else 0.0


def cycle(arcs: tuple[Arc, ...], load: float = 0.0) -> float:
    """Energy of a rise and a fall in pJ."""
    return mean(arcs, "rise_power", load) + mean(arcs, "fall_power", load)


@dataclass
class Energy:
    """Energy in pJ by the module that spends it: "logic" (gates and flip-flops' data), "clock", "macros"."""

    by: dict[tuple[str, str], float] = field(default_factory=dict)

    def add(self, module: str, kind: str, value: float) -> None:
        self.by[module, kind] = self.by.get((module, kind), 0.0) + value

    def total(self, kind: str | None = None) -> float:
        """Of one kind, or of all."""
        return sum(value for (_, own), value in self.by.items() if kind in (None, own))


class PowerModel:
    """Energies of one mapped node, worked out once and applied to any window."""

    def __init__(self, toggles: Toggles, process: Process) -> None:
        self.toggles = toggles
        design = self.design = toggles.design
        volts = design.library.voltage**2
        self.leakage = sum(instance.cell.leakage for instance in design.instances)
        clocks = {net: number for number, net in enumerate(toggles.clocks)}
        modules = sorted({_module(instance) for instance in design.instances})
        number = {name: i for i, name in enumerate(modules)}
        self.modules = modules
        nets = len(toggles.index)
        self.rise, self.fall = np.zeros(nets), np.zeros(nets)
        self.owner = np.zeros(nets, np.int64)
        self.clock = np.zeros((len(modules), len(toggles.clocks)))
        sinks: dict[tuple[int, int], int] = {}

        for instance in design.instances:
            home = number[_module(instance)]
            for pin, net in instance.outputs():
                if net in clocks or pin.direction != "output":
                    continue
                i = toggles.index[net]
                load = design.capacitance.get(net, 0.0)
                arcs = () if instance.cell.memory else pin.energies
                self.rise[i] = mean(arcs, "rise_power", load) + 0.5 * volts * load
                self.fall[i] = mean(arcs, "fall_power", load) + 0.5 * volts * load
                self.owner[i] = home
            for pin, net in instance.inputs():
                if pin.clock and net in clocks:
                    own = clocks[net]
                    if not instance.cell.memory:
                        self.clock[home, own] += cycle(pin.energies)
                    self.clock[home, own] += volts * pin.capacitance
                    sinks[home, own] = sinks.get((home, own), 0) + 1
                elif instance.cell.sequential and not instance.cell.memory:
                    # The data pin of a flip-flop, which the tables charge to itself.
                    i = toggles.index[net]
                    self.rise[i] += mean(pin.energies, "rise_power", 0.0)
                    self.fall[i] += mean(pin.energies, "fall_power", 0.0)
            if instance.cell.clock_gate:
                out = instance.cell.pins[process.gate[3]]
                own = clocks[instance.nets[out.name][0]]
                self.clock[home, own] += cycle(
                    out.energies, design.capacitance.get(instance.nets[out.name][0], 0.0)
                )
        buffer = design.library.cells[process.driver]
        for (home, own), count in sinks.items():
            self.clock[home, own] += count * tree_energy(buffer, design, count)
        self.memories = [(number[_module(m)], macro(m.cell, process.pins)) for m in design.memories]

    def energy(self, window: Window) -> Energy:
        """What a window cost."""
        found = Energy()
        switching = window.rises * self.rise + window.falls * self.fall
        logic = np.bincount(self.owner, switching, len(self.modules))
        clock = self.clock @ window.clocks
        for i, module in enumerate(self.modules):
            found.add(module, "logic", float(logic[i]))
            found.add(module, "clock", float(clock[i]))
        for (home, one), reads, writes in zip(self.memories, window.reads, window.writes, strict=True):
            found.add(self.modules[home], "macros", float(reads * one.read_pj + writes * one.write_pj))
        return found


def tree_energy(buffer: Cell, design: Design, sinks: int) -> float:
    """Energy a cycle and sink in pJ of the wires and buffers between a clock's source and its sinks.

    A wire to each sink by the library's wire load; a buffer for each `CLOCK_FANOUT` sinks, levels above in
    proportion (a geometric series), none where the source drives all sinks itself.
    """
    volts = design.library.voltage**2
    wire = volts * design.library.wire_load(min(sinks, CLOCK_FANOUT)) / min(sinks, CLOCK_FANOUT)
    if sinks <= CLOCK_FANOUT:
        return wire
    pin = next(pin for pin in buffer.pins.values() if pin.direction == "input")
    out = next(pin for pin in buffer.pins.values() if pin.direction == "output")
    load = design.library.wire_load(CLOCK_FANOUT) + CLOCK_FANOUT * pin.capacitance
    one = cycle(out.energies, load) + volts * pin.capacitance + wire
    return wire + one / (CLOCK_FANOUT - 1)


def _module(instance: Instance) -> str:
    return instance.name.rsplit("/", 1)[0]
