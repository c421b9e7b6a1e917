"""Static timing analysis before layout, from Liberty's tables.

Wires count with the library's own statistical wire load; the clock is ideal. Paths are sorted by what they
begin and end at: flip-flops and clock gates, SRAM macros, ports.
"""

from __future__ import annotations

from dataclasses import dataclass

from yoso_synth.design import Design, Instance, Net
from yoso_synth.liberty import Arc, Cell, Library

#: Transition of the clock and of input ports in ns.
SLEW = 0.1

EDGES = ("rise", "fall")

#: Inputs that never change while the chip runs, and outputs that are for simulation alone: no paths.
STATIC, OBSERVED = ("clk", "rst", "x", "y"), ("trace", "trace_flit", "inner_valid", "inner")

#: What a path may begin at; a link is a port that leads to another node.
BEGINS = ("logic", "macro", "port", "link")

#: Input edges that lead to an output edge, by timing sense.
CAUSES: dict[str, dict[str, tuple[str, ...]]] = {
    "positive_unate": {"rise": ("rise",), "fall": ("fall",)},
    "negative_unate": {"rise": ("fall",), "fall": ("rise",)},
    "non_unate": {"rise": EDGES, "fall": EDGES},
}


@dataclass(frozen=True)
class Path:
    """A path: its delay in ns, setup included, and the cells that it runs through."""

    delay: float
    begin: str
    end: str
    cells: tuple[str, ...]


@dataclass
class _Event:
    arrival: float
    slew: float
    cell: str
    before: tuple[Net, str] | None


class Timing:
    """Worst paths of a design at one corner.

    Parameters
    ----------
    library
        Cells of the corner; macros stay as the design has them.
    """

    def __init__(self, design: Design, library: Library | None = None) -> None:
        self.design = design
        self.library = library or design.library
        self.slews: dict[Net, float] = {}

    def cell(self, instance: Instance) -> Cell:
        return self.library.cells.get(instance.cell.name, instance.cell)

    def worst(self, begins: tuple[str, ...] = BEGINS) -> dict[tuple[str, str], Path]:
        """The worst path by kind of begin and end, of those that begin as told."""
        found: dict[tuple[str, str], Path] = {}
        for begin in begins:
            events = self._sources(begin)
            self._propagate(events)
            for (net, _), event in events.items():
                self.slews[net] = max(self.slews.get(net, 0.0), event.slew)
            for end, path in self._ends(events, begin).items():
                found[begin, end] = path
        return found

    # ---- forward ---------------------------------------------------------------------------------------

    def _sources(self, kind: str) -> dict[tuple[Net, str], _Event]:
        events: dict[tuple[Net, str], _Event] = {}
        if kind in ("port", "link"):
            for name, (direction, nets) in self.design.ports.items():
                if direction == "input" and name not in STATIC and _port_kind(name) == kind:
                    for net in nets:
                        for edge in EDGES:
                            events[net, edge] = _Event(0.0, SLEW, name, None)
            return events
        for instance in self.design.memories if kind == "macro" else self.design.flops:
            for pin, net in _pairs(self, instance, "output"):
                load = self.design.capacitance.get(net, 0.0)
                for arc in pin.delays:
                    if not arc.kind.endswith("_edge"):
                        continue
                    for edge in EDGES:
                        if f"cell_{edge}" in arc.tables:
                            delay = arc.tables[f"cell_{edge}"].at(slew=SLEW, load=load)
                            slew = arc.tables[f"{edge}_transition"].at(slew=SLEW, load=load)
                            _worse(events, (net, edge), _Event(delay, slew, instance.cell.name, None))
        return events

    def _propagate(self, events: dict[tuple[Net, str], _Event]) -> None:
        for instance in self.design.order:
            cell = self.cell(instance)
            for name, nets in instance.nets.items():
                pin = cell.pins[name]
                if pin.direction != "output":
                    continue
                load = self.design.capacitance.get(nets[0], 0.0)
                for arc in pin.delays:
                    source = instance.nets.get(arc.related)
                    if source is not None:
                        self._through(events, arc, source[0], nets[0], load, cell.name)

    def _through(
        self, events: dict[tuple[Net, str], _Event], arc: Arc, source: Net, net: Net, load: float, name: str
    ) -> None:
        for edge, causes in CAUSES[arc.sense].items():
            if f"cell_{edge}" not in arc.tables:
                continue
            for cause in causes:
                before = events.get((source, cause))
                if before is None:
                    continue
                delay = arc.tables[f"cell_{edge}"].at(slew=before.slew, load=load)
                slew = arc.tables[f"{edge}_transition"].at(slew=before.slew, load=load)
                event = _Event(before.arrival + delay, slew, name, (source, cause))
                _worse(events, (net, edge), event)

    # ---- ends ------------------------------------------------------------------------------------------

    def _ends(self, events: dict[tuple[Net, str], _Event], begin: str) -> dict[str, Path]:
        worst: dict[str, tuple[float, tuple[Net, str], str]] = {}

        def end(kind: str, key: tuple[Net, str], delay: float, name: str) -> None:
            if kind not in worst or delay > worst[kind][0]:
                worst[kind] = delay, key, name

        for instance in self.design.sequential:
            kind = "macro" if instance.cell.memory else "logic"
            for pin, net in _pairs(self, instance, "input"):
                for arc in pin.constraints:
                    if not arc.kind.startswith("setup"):
                        continue
                    for edge in EDGES:
                        event = events.get((net, edge))
                        if event is not None and f"{edge}_constraint" in arc.tables:
                            setup = arc.tables[f"{edge}_constraint"].at(slew=event.slew, clock=SLEW)
                            end(kind, (net, edge), event.arrival + setup, f"{instance.cell.name}/{pin.name}")
        for name, (direction, nets) in self.design.ports.items():
            if direction == "output" and name not in OBSERVED:
                for net in nets:
                    for edge in EDGES:
                        if (net, edge) in events:
                            end(_port_kind(name), (net, edge), events[net, edge].arrival, name)
        return {kind: self._path(events, delay, key, name) for kind, (delay, key, name) in worst.items()}

    def _path(
        self, events: dict[tuple[Net, str], _Event], delay: float, key: tuple[Net, str], end: str
    ) -> Path:
        cells = []
        at: tuple[Net, str] | None = key
        while at is not None:
            cells.append(events[at].cell)
            at = events[at].before
        return Path(delay, cells[-1], end, tuple(reversed(cells)))


def _port_kind(name: str) -> str:
    return "link" if name.startswith(("in_", "out_")) else "port"


def _pairs(timing: Timing, instance: Instance, direction: str) -> list:
    """Pins of a cell at the corner, and their nets."""
    cell = timing.cell(instance)
    return [
        (cell.pins[name], net)
        for name, nets in instance.nets.items()
        if cell.pins[name].direction == direction
        for net in nets
    ]


def _worse(events: dict[tuple[Net, str], _Event], key: tuple[Net, str], event: _Event) -> None:
    if key not in events or event.arrival > events[key].arrival:
        events[key] = event
