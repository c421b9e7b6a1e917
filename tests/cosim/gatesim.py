"""The benches of the RTL on its netlist, flit by flit: ``make gatesim [TARGET=name]``.

The same bench runs on the RTL and on the netlist (`yoso_synth.netlist`). It compares spikes, potentials and
counters with its own model, as always; besides, every flit that leaves the netlist must leave the RTL too, in
the same cycle. Flip-flops and memories of the netlist begin in a random state. Last, gates swapped by program
must be noticed. Writes ``build/reports/gatesim.json`` and prints it as a table.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import re
import shlex
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from support import chip_cases
from support.block_cases import MESH, PES
from support.blocks import build_block, run_bench
from yoso_hw import versions
from yoso_hw.folders import output_folder
from yoso_hw.packet import Kind, kind_of
from yoso_hw.params import ChipParams
from yoso_sim import observed, tools
from yoso_sim.build import RTL, Build, Form, build
from yoso_sim.kept import BuildError
from yoso_sim.simulate import SimulationError, simulate
from yoso_synth.netlist import GENERIC_LIBRARY, Library, Netlist, cell_models, find_library, make_netlist
from yoso_synth.tools import SynthError

ROOT = Path(__file__).resolve().parents[2]

BUILD = output_folder() / "gatesim"
REPORT = output_folder() / "reports" / "gatesim.json"

#: File of a build that says what its netlist is made of.
FACTS = "gates.json"

#: Cells with the same ports that do something else.
_PAIRS = (
    (r"\$_AND_", r"\$_OR_"),
    (r"\$_NAND_", r"\$_NOR_"),
    (r"\$_XOR_", r"\$_XNOR_"),
    ("sg13g2_nand2_1", "sg13g2_nor2_1"),
    ("sg13g2_nand3_1", "sg13g2_nor3_1"),
    ("sg13g2_a21oi_1", "sg13g2_o21ai_1"),
    ("sg13g2_and2_1", "sg13g2_or2_1"),
)
SWAPS = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}


@dataclass(frozen=True)
class Target:
    """A bench and what it runs on: a block of `support.blocks`, or "chip"."""

    block: str
    params: ChipParams
    bench: str

    def build(self, form: Form) -> Build:
        """Raises `yoso_sim.kept.BuildError`."""
        if self.block == "chip":
            return build(self.params, form=form)
        return build_block(self.block, self.params, form=form)

    def run(self, form: Form, folder: Path, seed: int = 1) -> list[bytes]:
        """Run the bench; what left the block, line by line.

        Raises
        ------
        AssertionError, SimulationError
            If the bench fails; the lines until then are in ``flits.txt`` of `folder`.
        """
        made = self.build(form)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        seen = folder / "flits.txt"
        environment = {
            observed.VARIABLE: str(seen),
            "YOSO_CHIP": self.params.to_json(),
            "COCOTB_MAX_FAILURES": "1",  # after a swapped gate, every test may wait in vain
        }
        if self.block == "chip":
            simulate(made, self.bench, folder, environment, seed=seed)
        else:
            run_bench(made, self.bench, folder, seed=seed, environment=environment)
        return seen.read_bytes().splitlines()


def two_by_two() -> ChipParams:
    """The 2 x 2 chip that most frozen vectors are for."""
    chips = [vector.params for vector in chip_cases.vectors()]
    return max((chip for chip in chips if (chip.cols, chip.rows) == (2, 2)), key=chips.count)


def targets() -> dict[str, Target]:
    mesh = dataclasses.replace(MESH, cols=2, rows=2)
    return {
        "pe": Target("pe", PES["four lanes"], "cosim.bench_pe"),
        "node": Target("mesh", mesh, "cosim.bench_mesh"),
        "chip": Target("chip", two_by_two(), "cosim.bench_chip"),
        "family": Target("chip", chip_cases.CHIPS["2 x 1, family"], "cosim.bench_chip"),
        "convolution": Target("chip", chip_cases.CHIPS["2 x 2, convolution"], "cosim.bench_chip"),
    }


@dataclass(frozen=True)
class Row:
    """One bench on one netlist.

    Attributes
    ----------
    cells, flip_flops
        Library cells of the whole, and those of them that hold a bit; SRAMs come on top.
    seed
        Of the random state at power-up.
    flits, spikes
        Flits that left the RTL, and those of them that are spikes of neurons.
    mismatches
        Flits that left one of the two only, or in another cycle.
    swapped
        The gate that was made another one by program; "" if none.
    same
        The bench passes on both and nothing mismatches.
    seconds
        Of the netlist's simulation.
    """

    target: str
    library: str
    cells: int
    flip_flops: int
    bench: str
    seed: int
    swapped: str
    flits: int
    spikes: int
    mismatches: int
    same: bool
    seconds: float


def gates(library: Library, bug: int | None = None) -> Form:
    """The form of a netlist of `library`'s cells, with one gate swapped if `bug`, a seed, is given."""

    def change(files: list[Path]) -> list[Path]:
        netlists = [make_netlist(file, library, known=files[:i]) for i, file in enumerate(files)]
        texts, swapped = [netlist.verilog.read_text() for netlist in netlists], ""
        if bug is not None:
            texts[0], swapped = plant(texts[0], bug)
        for file, text in zip(files, texts, strict=True):
            if file is not files[-1]:  # a module that is repeated: compiled once, as it is of the RTL
                text = re.sub(r"^module [^;]*;", r"\g<0> /* verilator no_inline_module */", text, flags=re.M)
            file.write_text(text)
        memories = files[0].parent / "memories.v"
        memories.write_text("".join(collide(netlist.memories.read_text()) for netlist in netlists))
        facts = files[0].parent / FACTS
        facts.write_text(json.dumps({**size(netlists), "swapped": swapped}))
        return [*files, memories, cell_models(library)]

    return Form(f"gates {library.name} {library.digest} {bug}", change, random=True)


def size(netlists: list[Netlist]) -> dict[str, int]:
    """Cells and flip-flops of a top module, which comes last, and of all copies of what it instantiates."""
    *parts, top = netlists
    copies = [1, *(top.boxes[part.verilog.stem] for part in parts)]
    pairs = list(zip(copies, [top, *parts], strict=True))
    return {
        "cells": sum(count * netlist.cell_count for count, netlist in pairs),
        "flip_flops": sum(count * netlist.flip_flops for count, netlist in pairs),
    }


def collide(memories: str) -> str:
    """SRAMs that give a wrong word where one is read and written at once: no macro promises a right one."""
    clash = r"<= write_en && write_addr == \1 ? ~memory[\1] : memory[\1];"
    return re.sub(r"<= memory\[(read__addr)\];", clash, memories)


def plant(text: str, seed: int) -> tuple[str, str]:
    """A netlist in which a gate drawn by `seed` is another gate, and what was done."""
    found = [m for m in re.finditer(r"^  (\S+)\s+(_\d+_) \($", text, re.M) if m.group(1) in SWAPS]
    gate = random.Random(seed).choice(found)
    kind, name = gate.groups()
    changed = text[: gate.start(1)] + SWAPS[kind] + text[gate.end(1) :]
    return changed, f"{name}: {kind} becomes {SWAPS[kind]}".replace("\\", "")


def facts_of(made: Build) -> dict[str, Any]:
    """What `gates` wrote about a build."""
    return json.loads(next(made.folder.rglob(FACTS)).read_text())


def is_spike(line: bytes) -> bool:
    """An observed flit is a neuron's: a SPIKE or a RESULT."""
    return kind_of(int(line.split()[-1], 16)) in (Kind.SPIKE, Kind.RESULT)


def compare_with_rtl(
    name: str, target: Target, library: Library, folder: Path, *, seed: int = 1, bug: int | None = None
) -> Row:
    """Run a target's bench on RTL and netlist.

    Raises
    ------
    SynthError, BuildError
        If either cannot be built.
    AssertionError, SimulationError
        If the bench fails on the RTL.
    """
    expected = target.run(RTL, folder / "rtl")
    form, note = gates(library, bug), ""
    facts = facts_of(target.build(form))
    begun = time.monotonic()
    try:
        target.run(form, folder / "gates", seed)
    except (AssertionError, SimulationError) as error:
        note = str(error).splitlines()[0]
    seconds = time.monotonic() - begun
    flits = folder / "gates" / "flits.txt"
    got = flits.read_bytes().splitlines() if flits.exists() else []
    mismatches = sum(a != b for a, b in zip_longest(expected, got))
    return Row(
        target=name,
        library=library.name,
        cells=facts["cells"],
        flip_flops=facts["flip_flops"],
        bench=target.bench,
        seed=seed,
        swapped=facts["swapped"],
        flits=len(expected),
        spikes=sum(map(is_spike, expected)),
        mismatches=mismatches,
        same=not mismatches and not note,
        seconds=round(seconds, 1),
    )


def write_report(rows: list[Row]) -> None:
    """Write the report; the file appears whole or not at all."""
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    command = shlex.join(["python", "-m", "cosim.gatesim", *sys.argv[1:]])
    partial = REPORT.with_suffix(".part")
    made_by = tools.reported() | versions.of("synthesis")
    report = {"command": command, "tools": made_by, "rows": [asdict(row) for row in rows]}
    partial.write_text(json.dumps(report, indent=1) + "\n")
    partial.replace(REPORT)


def tabulate(rows: list[Row], console: Console) -> None:
    columns = (
        "target",
        "cells",
        "flip-flops",
        "state",
        "flits",
        "spikes",
        "mismatches",
        "seconds",
        "verdict",
    )
    table = Table(*columns, title=f"netlists of {rows[0].library} cells beside the RTL")
    for row in rows:
        verdict = "same" if row.same else "DIFFERENT"
        if row.swapped:
            verdict = "NOT NOTICED" if row.same else "noticed"
        numbers = (row.cells, row.flip_flops, row.seed, row.flits, row.spikes, row.mismatches, row.seconds)
        table.add_row(f"{row.target}, swap" if row.swapped else row.target, *map(str, numbers), verdict)
    console.print(table)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--generic", is_flag=True, help="Map to yosys' own cells though a library is there.")
@click.option("--seeds", default=2, show_default=True, help="Random states at power-up that are tried.")
@click.option("--bugs", default=2, show_default=True, help="Gates that are swapped, one at a time, a target.")
def main(names: tuple[str, ...], generic: bool, seeds: int, bugs: int) -> None:
    """Run the benches of the targets NAMES, all if none.

    They are pe, node (four of them in a mesh), chip, and family (a chip of neuron=all).
    """
    every = targets()
    if unknown := [name for name in names if name not in every]:
        raise click.ClickException(f"no target is called {unknown[0]!r}; there are {', '.join(every)}")
    console, rows = Console(), []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    try:
        library = GENERIC_LIBRARY if generic else find_library()
        with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
            chosen = names or tuple(every)
            task = progress.add_task("", total=len(chosen) * (seeds + bugs))
            for name in chosen:
                for seed, bug in [*((i + 1, None) for i in range(seeds)), *((1, i) for i in range(bugs))]:
                    what = f"state {seed}" if bug is None else f"swapped gate {bug}"
                    progress.update(task, description=f"{name} in {library.name} cells, {what}")
                    rows.append(
                        compare_with_rtl(name, every[name], library, BUILD / name, seed=seed, bug=bug)
                    )
                    write_report(rows)
                    progress.advance(task)
    except (SynthError, BuildError, SimulationError, AssertionError) as error:
        raise click.ClickException(str(error)) from None
    tabulate(rows, console)
    console.print(f"written to {os.path.relpath(REPORT)}")
    blind = set(chosen) - {row.target for row in rows if row.swapped and not row.same} if bugs else set()
    for name in sorted(blind):
        console.print(f"{name}: no swapped gate was noticed", style="red")
    sys.exit(bool(blind) or not all(row.same or row.swapped for row in rows))


if __name__ == "__main__":
    main()
