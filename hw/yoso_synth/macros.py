"""Memories on an ASIC: which SRAM macros, or flip-flops.

A memory is tiled with macros of one kind: `across` side by side for its width, `deep` of them for its depth,
of which one works at a time, and `pack` words in one row of a macro. Where a row holds several words, the
macro is not read again while the row that it holds is asked for: a spike reads consecutive weight words, so
most of its reads cost no access.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from yoso_hw.params import bits_for

from yoso_synth import liberty
from yoso_synth.pdk import MacroPins, Process, find
from yoso_synth.tools import SynthError

#: Transition in ns and load in pF at which a macro's pins are read from its tables.
SLEW, LOAD = 0.1, 0.01

#: Bits of the largest memory of flip-flops; the estimate does not hold for larger ones.
MOST_FLOPS = 8192


@dataclass(frozen=True)
class Macro:
    """One SRAM macro.

    Attributes
    ----------
    read_pj, write_pj
        Energy of an access: the clock's under the pins of that access, and half of the data pins changing.
    access_ns
        Clock to data out.
    """

    name: str
    words: int
    bits: int
    area: float
    read_pj: float
    write_pj: float
    access_ns: float
    leakage: float


def _level(pins: tuple[str, int]) -> str:
    return pins[0] if pins[1] else f"!{pins[0]}"


def _clock_energy(cell: liberty.Cell, pins: MacroPins, *, write: bool) -> float:
    """Energy of a clock cycle under the condition of an access, in pJ."""
    wanted = {_level(pins.enable), _level((pins.write[0], pins.write[1] ^ (not write)))}
    if pins.read:
        wanted.add(_level((pins.read[0], pins.read[1] ^ write)))
    for arc in cell.pins[pins.clock].energies:
        if {term.strip() for term in arc.when.split("&")} == wanted:
            return sum(table.at() for table in arc.tables.values())
    raise liberty.LibertyError(
        f"macro {cell.name} has no energy of its clock when {' & '.join(sorted(wanted))}"
    )


def _pin_energy(cell: liberty.Cell, name: str, enable: str) -> float:
    """Mean energy of a change of a pin while the macro is enabled, in pJ; 0 where none is given."""
    for arc in cell.pins[name].energies:
        if arc.when in ("", enable):
            values = [table.at() for table in arc.tables.values()]
            return sum(values) / len(values) if values else 0.0
    return 0.0


def macro(cell: liberty.Cell, pins: MacroPins) -> Macro:
    """What the flows need to know of a macro's Liberty cell. Raises `liberty.LibertyError`."""
    if cell.memory is None:
        raise liberty.LibertyError(f"cell {cell.name} is no memory")
    words, bits = cell.memory
    enable = _level(pins.enable)
    address = cell.pins[pins.address].width / 2 * _pin_energy(cell, pins.address, enable)
    data = bits / 2 * _pin_energy(cell, pins.data_in, enable)
    arcs = cell.pins[pins.data_out].delays
    tables = [arc.tables[name] for arc in arcs for name in ("cell_rise", "cell_fall") if name in arc.tables]
    if not tables:
        raise liberty.LibertyError(f"macro {cell.name} gives no delay to {pins.data_out}")
    return Macro(
        name=cell.name,
        words=words,
        bits=bits,
        area=cell.area,
        read_pj=_clock_energy(cell, pins, write=False) + address,
        write_pj=_clock_energy(cell, pins, write=True) + address + data,
        access_ns=max(table.at(slew=SLEW, load=LOAD) for table in tables),
        leakage=cell.leakage,
    )


def macro_cells(process: Process) -> list[liberty.Cell]:
    """The Liberty cells of a process' macros. Raises `pdk.MissingPdk`, `liberty.LibertyError`."""
    return [cell for path in find(process, process.macros) for cell in liberty.read(path).cells.values()]


def macros(process: Process) -> list[Macro]:
    """The macros of a process. Raises as `macro_cells` and `macro`."""
    return [macro(cell, process.pins) for cell in macro_cells(process)]


@dataclass(frozen=True)
class Tiling:
    """A memory of `depth` words of `width` bits made of macros of one kind."""

    macro: Macro
    width: int
    depth: int
    across: int
    deep: int
    pack: int

    @property
    def area(self) -> float:
        return self.across * self.deep * self.macro.area

    @property
    def leakage(self) -> float:
        return self.across * self.deep * self.macro.leakage

    @property
    def read_pj(self) -> float:
        """Of an access to a row; it may serve several words."""
        return self.across * self.macro.read_pj

    @property
    def write_pj(self) -> float:
        return self.across * self.macro.write_pj

    @property
    def access_ns(self) -> float:
        return self.macro.access_ns

    def reads(self, run: int) -> float:
        """Accesses for `run` consecutive words read from the start of a word, averaged over alignments."""
        return 1 + (run - 1) / self.pack

    def __str__(self) -> str:
        count = self.across * self.deep
        words = f", {self.pack} words a row" if self.pack > 1 else ""
        return f"{count} x {self.macro.words}x{self.macro.bits}{words}"


@dataclass(frozen=True)
class Flops:
    """A memory of flip-flops: an estimate from cells of the library, for the choice alone.

    Once chosen, the flip-flops are synthesised and their energy comes from the netlist as any logic's.
    """

    width: int
    depth: int
    area: float
    read_pj: float
    write_pj: float
    leakage: float
    access_ns: float = 0.0

    def reads(self, run: int) -> float:
        """Accesses for `run` words."""
        return run

    def __str__(self) -> str:
        return f"{self.width * self.depth} flip-flops"


Plan = Tiling | Flops


@dataclass(frozen=True)
class FlopFigures:
    """What a bit of flip-flop memory costs in a process.

    Attributes
    ----------
    flop_area, select_area, gate_area
        A flip-flop; a bit's share of the read multiplexer; the clock gate of a word.
    clock_pj, toggle_pj, select_pj
        A clock cycle of a flip-flop; a change of its output; a change of a gate in the multiplexer.
    leakage
        Of a bit, in W.
    """

    flop_area: float
    select_area: float
    gate_area: float
    clock_pj: float
    toggle_pj: float
    select_pj: float
    leakage: float

    def plan(self, width: int, depth: int) -> Flops:
        """The memory's estimate: a read changes half of one AND a bit and word and of an OR tree."""
        bits = width * depth
        return Flops(
            width=width,
            depth=depth,
            area=bits * (self.flop_area + self.select_area) + depth * self.gate_area,
            read_pj=width * (bits_for(depth) + 2) * self.select_pj,
            write_pj=width * (self.clock_pj + self.toggle_pj / 2) + depth * self.clock_pj,
            leakage=bits * self.leakage,
        )


def tilings(width: int, depth: int, known: list[Macro], granule: int = 1) -> list[Tiling]:
    """Every way to make a memory of macros of one kind; rows hold 1, 2, 4 or 8 words where they fit.

    `granule` is the number of bits that one mask bit writes: words that share a row are multiples of it.
    """
    found = []
    for one, pack in product(known, (1, 2, 4, 8)):
        if pack > 1 and (pack * width > one.bits or width % granule or pack > depth):
            continue
        rows = -(-depth // pack)
        across = 1 if pack > 1 else -(-width // one.bits)
        found.append(Tiling(one, width, depth, across, -(-rows // one.words), pack))
    return found


@dataclass(frozen=True)
class Demand:
    """A memory and what an image asks of it.

    Attributes
    ----------
    copies
        Memories of this shape a PE (banks).
    reads, writes
        Words an image, all PEs and copies together.
    run
        Consecutive words in a read burst.
    """

    name: str
    width: int
    depth: int
    copies: int
    reads: float
    writes: float
    run: int
    needs_flops: bool = False

    def energy(self, plan: Plan) -> float:
        """Energy of an image's accesses in pJ."""
        return self.reads * plan.reads(self.run) / self.run * plan.read_pj + self.writes * plan.write_pj


def choose(
    demands: list[Demand], known: list[Macro], flops: FlopFigures | None, granule: int = 1
) -> dict[str, Plan]:
    """The plans whose total area times total energy is least. Raises `SynthError` for a memory without one.

    Every memory's plans that another plan beats in both area and energy are dropped first.
    """
    fronts: list[list[tuple[float, float, Plan]]] = []
    for demand in demands:
        plans: list[Plan] = (
            [] if demand.needs_flops else list(tilings(demand.width, demand.depth, known, granule))
        )
        if flops is not None and demand.width * demand.depth <= MOST_FLOPS:
            plans.append(flops.plan(demand.width, demand.depth))
        if not plans:
            raise SynthError(
                f"the {demand.name} memory of a PE, {demand.depth} words of {demand.width} bits"
                + (" read and written in one cycle" if demand.needs_flops else "")
                + ", has no macro and is too large for flip-flops: use banked=true, or smaller memories"
            )
        costs = [(demand.copies * plan.area, demand.energy(plan), plan) for plan in plans]
        fronts.append(
            [
                one
                for one in costs
                if not any(
                    other[0] <= one[0] and other[1] <= one[1] and other[:2] != one[:2] for other in costs
                )
            ]
        )
    best = min(
        product(*fronts),
        key=lambda plans: sum(area for area, _, _ in plans) * sum(energy for _, energy, _ in plans),
    )
    return {demand.name: one[2] for demand, one in zip(demands, best, strict=True)}
