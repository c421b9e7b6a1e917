"""Reads Liberty: cells, pins, delay and energy tables.

Only what the flows need: areas, functions, flip-flops, NLDM delays and constraints, internal energy, leakage.
Units are made common: ns, pF, pJ, W, um2.
"""

from __future__ import annotations

import gzip
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"(){}:;,]+|[(){}:;,]')
_COMMENT = re.compile(r"/\*.*?\*/|\\\r?\n", re.S)


class LibertyError(ValueError):
    """A file is no Liberty file, or lacks what is asked for; the message names it."""


@dataclass
class Group:
    """``kind (names) { ... }``: attributes by name, the groups inside in order."""

    kind: str
    names: tuple[str, ...] = ()
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    def all(self, kind: str) -> list[Group]:
        """The groups of one kind directly inside."""
        return [group for group in self.groups if group.kind == kind]

    def text(self, name: str, default: str = "") -> str:
        """A simple attribute."""
        return self.values.get(name, (default,))[0]

    def number(self, name: str, default: float = 0.0) -> float:
        """A simple attribute as a number."""
        return float(self.text(name, str(default)))


def parse(text: str, name: str = "text") -> Group:
    """Parse Liberty text.

    Tolerates what published files hold: attributes without a semicolon, values without quotes.

    Raises
    ------
    LibertyError
        If the text is not one group, or ends inside one.
    """
    tokens = _TOKEN.findall(_COMMENT.sub(" ", text))
    at = 0

    def take() -> str:
        nonlocal at
        if at >= len(tokens):
            raise LibertyError(f"{name} ends inside a group")
        at += 1
        return tokens[at - 1]

    def arguments() -> tuple[str, ...]:
        found, token = [], take()
        while token != ")":
            if token != ",":
                found.append(token.strip('"'))
            token = take()
        return tuple(found)

    def body(group: Group) -> Group:
        nonlocal at
        while (token := take()) != "}":
            if token == ";":
                continue
            sign = take()
            if sign == ":":
                group.values[token] = (take().strip('"'),)
                # An expression without quotes goes on to the semicolon.
                while at < len(tokens) and tokens[at] not in (";", "}") and _operator(tokens, at):
                    take()
            elif sign == "(":
                inside = arguments()
                if at < len(tokens) and tokens[at] == "{":
                    at += 1
                    group.groups.append(body(Group(token, inside)))
                else:
                    # Lists that repeat, as a wire load's lengths, follow each other.
                    group.values[token] = group.values.get(token, ()) + inside
            else:
                raise LibertyError(f"{name}: {token!r} is followed by {sign!r}, not by ':' or '('")
        return group

    kind = take() if tokens else ""
    if kind != "library" or take() != "(":
        raise LibertyError(f"{name} is no Liberty file: it does not begin with library(...)")
    names = arguments()
    if take() != "{":
        raise LibertyError(f"{name} is no Liberty file: library has no body")
    return body(Group(kind, names))


def _operator(tokens: list[str], at: int) -> bool:
    """Whether the token at `at` goes on with the value before it: no attribute or group begins here."""
    return at + 1 >= len(tokens) or tokens[at + 1] not in (":", "(")


def _numbers(texts: tuple[str, ...]) -> list[float]:
    return [float(number) for text in texts for number in text.replace(",", " ").split()]


@dataclass(frozen=True)
class Table:
    """A function of transition and load (or of two transitions), by bilinear interpolation.

    Attributes
    ----------
    axes
        What the indices are, in order: "slew", "load", "clock" (transition of the related pin).
    index
        Ascending points of each axis; values beyond are extrapolated.
    values
        Row by row.
    """

    axes: tuple[str, ...]
    index: tuple[tuple[float, ...], ...]
    values: tuple[float, ...]

    def at(self, **point: float) -> float:
        """The value at a point given by axis; an axis that is not given is taken at its first index."""
        low, stride = [0], 1
        weights = [1.0]
        for axis, points in zip(reversed(self.axes), reversed(self.index), strict=True):
            x = point.get(axis, points[0])
            if len(points) == 1:
                continue
            i = min(max(bisect_right(points, x) - 1, 0), len(points) - 2)
            share = (x - points[i]) / (points[i + 1] - points[i])
            low = [base + stride * (i + k) for k in (0, 1) for base in low]
            weights = [w * s for s in (1 - share, share) for w in weights]
            stride *= len(points)
        return sum(self.values[i] * w for i, w in zip(low, weights, strict=True))


_AXES = {
    "input_net_transition": "slew",
    "input_transition_time": "slew",
    "constrained_pin_transition": "slew",
    "related_pin_transition": "clock",
    "total_output_net_capacitance": "load",
}


@dataclass(frozen=True)
class Arc:
    """From a pin to the pin that holds it: a delay, a constraint or an energy.

    Attributes
    ----------
    related, kind, sense
        Pin it comes from; timing type; "positive_unate", "negative_unate" or "non_unate".
    when
        Condition on other pins; empty if there is none.
    tables
        By name: ``cell_rise``, ``rise_transition``, ``rise_constraint``, ``rise_power`` and so on.
    """

    related: str
    kind: str
    sense: str
    when: str
    tables: dict[str, Table]


@dataclass(frozen=True)
class Pin:
    """A pin of a cell, or every bit of a bus.

    Attributes
    ----------
    capacitance
        In pF.
    delays, constraints, energies
        Arcs that end here.
    """

    name: str
    direction: str
    capacitance: float
    function: str
    clock: bool
    width: int
    delays: tuple[Arc, ...]
    constraints: tuple[Arc, ...]
    energies: tuple[Arc, ...]


@dataclass(frozen=True)
class Cell:
    """A cell: area in um2, leakage in W, pins by name; `sequential` if it holds state, `flop` a flip-flop."""

    name: str
    area: float
    leakage: float
    pins: dict[str, Pin]
    sequential: bool
    flop: bool
    state: tuple[str, str]  #: of a flip-flop: its state's name and next value
    clock_gate: bool
    memory: tuple[int, int] | None  #: depth in words and width in bits of an SRAM macro


@dataclass(frozen=True)
class Library:
    """One Liberty file at one corner.

    Attributes
    ----------
    wire
        Capacitance in pF of the wire of a net, by fan-out; empty if the library has no wire load.
    """

    name: str
    path: Path
    voltage: float
    cells: dict[str, Cell]
    wire: tuple[float, ...] = ()

    def wire_load(self, fanout: int) -> float:
        """Capacitance of a net's wire in pF by the library's own statistical wire load."""
        if not self.wire or fanout < 1:
            return 0.0
        last = len(self.wire)
        if fanout <= last:
            return self.wire[fanout - 1]
        step = self.wire[-1] - self.wire[-2] if last > 1 else self.wire[-1]
        return self.wire[-1] + (fanout - last) * step


_SCALE = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


def _unit(text: str, unit: str) -> float:
    match = re.fullmatch(rf"([\d.]+)\s*([munpf]?){unit}", text.strip(), re.I)
    if match is None:
        raise LibertyError(f"unit {text!r} is not a number with {unit}")
    return float(match[1]) * _SCALE[match[2].lower()]


class _Reader:
    """Turns the groups of one library into cells, in common units."""

    def __init__(self, top: Group) -> None:
        self.top = top
        self.time = _unit(top.text("time_unit", "1ns"), "s") / 1e-9
        amount, unit = top.values.get("capacitive_load_unit", ("1", "pf"))
        self.load = float(amount) * _unit(f"1{unit}", "f") / 1e-12
        self.watt = _unit(top.text("leakage_power_unit", "1nW"), "W")
        self.templates = {group.names[0]: group for group in top.groups if group.kind.endswith("template")}

    def table(self, group: Group, scale: float) -> Table:
        name = group.names[0] if group.names else "scalar"
        template = self.templates.get(name, Group("template"))
        axes, index = [], []
        for i in (1, 2, 3):
            variable = template.text(f"variable_{i}")
            points = group.values.get(f"index_{i}") or template.values.get(f"index_{i}")
            if points is None or (not variable and name != "scalar" and template.names):
                break
            if variable:
                axes.append(_AXES.get(variable, variable))
                unit = self.load if axes[-1] == "load" else self.time
                index.append(tuple(unit * x for x in _numbers(points)))
        values = tuple(scale * x for x in _numbers(group.values.get("values", ())))
        size = 1
        for axis in index:
            size *= len(axis)
        if size != len(values):
            raise LibertyError(f"table {group.kind}({name}) has {len(values)} values for {size} points")
        return Table(tuple(axes), tuple(index), values)

    def arc(self, group: Group, scale: float) -> Arc:
        tables = {
            inner.kind: self.table(inner, scale) for inner in group.groups if inner.values.get("values")
        }
        return Arc(
            related=group.text("related_pin"),
            kind=group.text("timing_type", "combinational"),
            sense=group.text("timing_sense", "non_unate"),
            when=group.text("when"),
            tables=tables,
        )

    def pin(self, group: Group, outer: Group | None, width: int) -> Pin:
        """A pin; attributes and arcs that it lacks are its bus's."""
        groups = group.groups + (outer.groups if outer else [])
        values = {**(outer.values if outer else {}), **group.values}
        both = Group("pin", group.names, values, groups)
        arcs = [self.arc(timing, self.time) for timing in both.all("timing")]
        constraint = ("setup", "hold", "recovery", "removal", "min", "non_seq", "minimum", "skew")
        return Pin(
            name=(outer or group).names[0],
            direction=both.text("direction"),
            capacitance=self.load * both.number("capacitance"),
            function=both.text("function") or both.text("state_function"),
            clock=both.text("clock") == "true" or both.text("clock_gate_clock_pin") == "true",
            width=width,
            delays=tuple(arc for arc in arcs if not arc.kind.startswith(constraint)),
            constraints=tuple(arc for arc in arcs if arc.kind.startswith(constraint)),
            energies=tuple(self.arc(energy, self.load) for energy in both.all("internal_power")),
        )

    def cell(self, group: Group) -> Cell:
        pins = {}
        widths = {kind.names[0]: int(kind.number("bit_width", 1)) for kind in self.top.all("type")}
        for pin in group.all("pin"):
            for name in pin.names:
                pins[name] = self.pin(Group("pin", (name,), pin.values, pin.groups), None, 1)
        for bus in group.all("bus"):
            inner = bus.all("pin")
            width = widths.get(bus.text("bus_type"), 1)
            pins[bus.names[0]] = self.pin(inner[-1] if inner else Group("pin"), bus, width)
        memory = group.all("memory")
        shape = None
        if memory:
            shape = (1 << int(memory[0].number("address_width")), int(memory[0].number("word_width")))
        kinds = {inner.kind for inner in group.groups}
        return Cell(
            name=group.names[0],
            area=group.number("area"),
            leakage=self.watt * group.number("cell_leakage_power"),
            pins=pins,
            sequential=bool(kinds & {"ff", "ff_bank", "latch", "statetable", "memory"}),
            flop="ff" in kinds,
            state=next(((ff.names[0], ff.text("next_state")) for ff in group.all("ff")), ("", "")),
            clock_gate="clock_gating_integrated_cell" in group.values,
            memory=shape,
        )

    def wire(self) -> tuple[float, ...]:
        """Capacitance by fan-out of the default wire load."""
        default = self.top.text("default_wire_load")
        for load in self.top.all("wire_load"):
            if load.names[0] == default:
                pairs = _numbers(load.values.get("fanout_length", ()))
                lengths = dict(zip(map(int, pairs[0::2]), pairs[1::2], strict=True))
                per_length = self.load * load.number("capacitance")
                return tuple(per_length * _between(lengths, n) for n in range(1, max(lengths) + 1))
        return ()


def _between(points: dict[int, float], x: int) -> float:
    """Linear interpolation in a table whose first key is at most `x` and whose last is at least."""
    below = max(key for key in points if key <= x)
    above = min(key for key in points if key >= x)
    if above == below:
        return points[below]
    return points[below] + (points[above] - points[below]) * (x - below) / (above - below)


@cache
def read(path: Path) -> Library:
    """Read a Liberty file, gzipped or not.

    Raises
    ------
    LibertyError
        If it cannot be read as Liberty.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LibertyError(f"cannot read {path}: {error.strerror}") from None
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode(errors="replace")
    top = parse(text, path.name)
    reader = _Reader(top)
    cells = {}
    for group in top.all("cell"):
        cell = reader.cell(group)
        cells[cell.name] = cell
    return Library(
        name=top.names[0] if top.names else path.stem,
        path=path,
        voltage=top.number("nom_voltage"),
        cells=cells,
        wire=reader.wire(),
    )
