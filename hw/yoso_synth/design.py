"""A mapped netlist as a graph: cells, nets, who drives them and what they load."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from yoso_synth.liberty import Cell, Library, Pin

#: A net: yosys' number of a bit, or "0", "1" or "x".
Net = int | str


@dataclass
class Instance:
    """A cell of the netlist; the nets at each pin, bit 0 first."""

    name: str
    cell: Cell
    nets: dict[str, list[Net]]

    def outputs(self) -> list[tuple[Pin, Net]]:
        """Output pins and their nets, bit by bit."""
        return self._pins("output")

    def inputs(self) -> list[tuple[Pin, Net]]:
        """Input pins and their nets, bit by bit."""
        return self._pins("input")

    def _pins(self, direction: str) -> list[tuple[Pin, Net]]:
        return [
            (pin, net)
            for name, nets in self.nets.items()
            if (pin := self.cell.pins[name]).direction == direction
            for net in nets
        ]


@dataclass
class Design:
    """One flat module.

    Attributes
    ----------
    ports
        By name: direction and nets.
    capacitance
        Of each net in pF: pins, wire by the library's wire load, and the load of an output port.
    order
        Combinational cells, drivers first.
    """

    name: str
    library: Library
    instances: list[Instance]
    ports: dict[str, tuple[str, list[Net]]]
    capacitance: dict[Net, float] = field(default_factory=dict)
    fanout: Counter = field(default_factory=Counter)
    order: list[Instance] = field(default_factory=list)

    def __post_init__(self) -> None:
        driver: dict[Net, Instance] = {}
        for instance in self.instances:
            for pin, net in instance.inputs():
                self.capacitance[net] = self.capacitance.get(net, 0.0) + pin.capacitance
                self.fanout[net] += 1
            for _, net in instance.outputs():
                driver[net] = instance
        for net, fanout in self.fanout.items():
            self.capacitance[net] += self.library.wire_load(fanout)
        # Kahn's order over the combinational cells.
        waits: dict[int, int] = {}
        readers: dict[int, list[Instance]] = {}
        for instance in self.instances:
            if instance.cell.sequential:
                continue
            before = {
                id(driver[net])
                for _, net in instance.inputs()
                if net in driver and not driver[net].cell.sequential
            }
            waits[id(instance)] = len(before)
            for key in before:
                readers.setdefault(key, []).append(instance)
        ready = [i for i in self.instances if waits.get(id(i)) == 0]
        while ready:
            instance = ready.pop()
            self.order.append(instance)
            for reader in readers.get(id(instance), ()):
                waits[id(reader)] -= 1
                if waits[id(reader)] == 0:
                    ready.append(reader)
        if len(self.order) != len(waits):
            raise ValueError(
                f"{self.name} has a combinational loop among {len(waits) - len(self.order)} cells"
            )

    @property
    def sequential(self) -> list[Instance]:
        """Flip-flops, latches, clock gates and memories."""
        return [instance for instance in self.instances if instance.cell.sequential]

    @property
    def flops(self) -> list[Instance]:
        """Flip-flops."""
        return [instance for instance in self.instances if instance.cell.flop]

    @property
    def memories(self) -> list[Instance]:
        """SRAM macros."""
        return [i for i in self.sequential if i.cell.memory]

    @property
    def area(self) -> float:
        """Of all cells and macros, in um2."""
        return sum(instance.cell.area for instance in self.instances)

    def clock_pin(self, instance: Instance) -> str:
        """The pin that clocks a sequential cell."""
        return next(name for name, pin in instance.cell.pins.items() if pin.clock and name in instance.nets)


def cell_table(library: Library, macros: list[Cell]) -> dict[str, Cell]:
    """Cells by name, macros too."""
    return {**library.cells, **{cell.name: cell for cell in macros}}


def load(path: Path, top: str, library: Library, macros: list[Cell], buffer: str | None = None) -> Design:
    """Read a module of a netlist that yosys wrote as JSON, flat; with `buffer`, as `buffered`.

    Instances are named by their path, the top's name first.

    Raises
    ------
    KeyError
        If a cell is in neither library, and no module.
    """
    modules = json.loads(path.read_text())["modules"]
    cells = cell_table(library, macros)
    ports = {name: (port["direction"], port["bits"]) for name, port in modules[top]["ports"].items()}
    instances: list[Instance] = []
    next_net = 2 + max((bit for module in modules.values() for bit in _bits(module)), default=0)
    same: dict[Net, Net] = {}  # nets of a module that are one inside another, each under its next name

    def named(net: Net) -> Net:
        while net in same:
            net = same[net]
        return net

    def join(net: Net, other: Net) -> None:
        net, other = named(net), named(other)
        if net != other:  # a constant keeps its name
            same.update({other: net} if isinstance(net, str) else {net: other})

    def add(name: str, path: str, nets: dict[Net, Net]) -> None:
        """All cells of a module; `nets` are those of its ports, in the numbers of the whole."""
        nonlocal next_net
        for inner, cell in modules[name]["cells"].items():
            kind = cell["type"]
            boxed = kind in modules and modules[kind].get("attributes", {}).get("blackbox")
            if kind not in cells and (kind == "$scopeinfo" or boxed):
                continue
            pins: dict[str, list[Net]] = {}
            for pin, bits in cell["connections"].items():
                for bit in bits:
                    if isinstance(bit, int) and bit not in nets:
                        nets[bit] = next_net
                        next_net += 1
                pins[pin] = [nets.get(bit, bit) for bit in bits]
            if kind in cells:
                instances.append(Instance(f"{path}/{inner}", cells[kind], pins))
            else:
                bound: dict[Net, Net] = {}
                for port, value in modules[kind]["ports"].items():
                    for bit, net in zip(value["bits"], pins[port], strict=True) if port in pins else ():
                        # Two ports may be one net inside, and a port a constant.
                        if bit in bound or isinstance(bit, str):
                            join(bound.get(bit, bit), net)
                        else:
                            bound[bit] = net
                add(kind, kind, bound)

    add(top, top, {bit: bit for _, bits in ports.values() for bit in bits})
    for instance in instances:
        instance.nets = {pin: [named(net) for net in nets] for pin, nets in instance.nets.items()}
    ports = {name: (direction, [named(net) for net in nets]) for name, (direction, nets) in ports.items()}
    if buffer:
        instances += _buffers(instances, cells[buffer], next_net)
    return Design(top, library, instances, ports)


def _bits(module: dict) -> list[int]:
    cells = [bits for cell in module["cells"].values() for bits in cell["connections"].values()]
    ports = [port["bits"] for port in module["ports"].values()]
    return [bit for bits in cells + ports for bit in bits if isinstance(bit, int)]


#: Most pins of flip-flops and macros on a net without a tree of buffers.
SINKS = 10


def _buffers(instances: list[Instance], buffer: Cell, next_net: int) -> list[Instance]:
    """Buffers between nets and the many flip-flops or macros that they feed; rewires those.

    The mapper sees such a net as one output of its logic, whatever hangs there, so it does not buffer it.
    """
    feeds: dict[Net, list[tuple[Instance, str, int]]] = {}
    owner: dict[Net, str] = {}
    for instance in instances:
        for name, nets in instance.nets.items():
            pin = instance.cell.pins[name]
            for i, net in enumerate(nets):
                if pin.direction == "output":
                    owner[net] = instance.name.rsplit("/", 1)[0]
                elif instance.cell.sequential and not pin.clock and isinstance(net, int):
                    feeds.setdefault(net, []).append((instance, name, i))
    source = next(name for name, pin in buffer.pins.items() if pin.direction == "input")
    sink = next(name for name, pin in buffer.pins.items() if pin.direction == "output")
    added: list[Instance] = []
    for net, pins in feeds.items():
        while len(pins) > SINKS:
            above = []
            for first in range(0, len(pins), SINKS):
                name = f"{owner.get(net, '')}/buffer{len(added)}"
                new = Instance(name, buffer, {source: [net], sink: [next_net]})
                for instance, pin_name, i in pins[first : first + SINKS]:
                    instance.nets[pin_name][i] = next_net
                next_net += 1
                added.append(new)
                above.append((new, source, 0))
            pins = above
    return added


def parts(design: Design) -> dict[str, dict[str, float]]:
    """Area in um2, cells and flip-flops by the module that they lie in."""
    found: dict[str, dict[str, float]] = {}
    for instance in design.instances:
        module = found.setdefault(
            instance.name.rsplit("/", 1)[0], {"logic": 0.0, "macros": 0.0, "cells": 0, "flops": 0}
        )
        module["macros" if instance.cell.memory else "logic"] += instance.cell.area
        module["cells"] += not instance.cell.memory
        module["flops"] += instance.cell.flop
    return found
