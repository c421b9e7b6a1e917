"""Coverage of the RTL by the cosimulation benches: ``make coverage``.

Builds each bench's block with Verilator's line, toggle and expression coverage and with the functional bins
of `bins`, runs the bench, and merges what all of them reached. Writes ``build/reports/coverage.json``, prints
a table by block, and fails if a point that was not reached is not explained in ``waivers.toml``, or an
explanation is stale. What is done is kept under ``build/coverage``: a second run measures only what changed.
With ``--page`` it writes ``docs/coverage.md`` as well.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from support import blocks, chip_cases
from support.block_cases import PES, ROUTER_KINDS, pe_benches
from yoso_hw import workers
from yoso_hw.emit import CHIP_MODULE, NODE_MODULE
from yoso_hw.folders import output_folder
from yoso_hw.params import ChipParams
from yoso_hw.writing import write_whole
from yoso_sim import build, kept, tools, top
from yoso_sim.simulate import SimulationError, simulate

from cover import points
from cover.points import KINDS, CoverageError, Point
from cover.waivers import Unexplained, Waiver, explain, load_waivers

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

BUILD = output_folder() / "coverage"
REPORT = output_folder() / "reports" / "coverage.json"
PAGE = ROOT / "docs" / "coverage.md"

#: Verilator's --coverage, but for what crashes on memories.
FLAGS = ("--coverage-line", "--coverage-toggle", "--coverage-expr")

#: Nodes are measured in chips of no more.
MOST_NODES = 2

#: What runs besides the RTL: benches, their models, and the drivers of `yoso_sim`.
RUN_FILES = (
    *sorted(HERE.parent.glob("cosim/bench_*.py")),
    *sorted(HERE.parent.glob("support/*.py")),
    *(Path(top.__file__).with_name(name) for name in ("host.py", "link.py", "compare.py")),
)

#: Rows of the table: a point belongs to the last of these in its block's path.
ROWS = (
    *("chip", "host", "sequencer", "decision", "barrier", "mesh", "node", "router", "pe", "interface"),
    *(
        "memories",
        "config",
        "counters",
        "core",
        "load",
        "walk",
        "fetch",
        "compute",
        "store",
        "pool",
        "sender",
    ),
)


@dataclass(frozen=True)
class Bench:
    """The block of some benches ("chip", or one of `support.blocks`), its parameters, and the benches."""

    block: str
    params: ChipParams
    modules: tuple[str, ...]

    @property
    def tops(self) -> dict[str, str]:
        """Top modules of the Verilog that are measured, and the path of each in the chip.

        The nodes of a large chip are not: Verilator's counters keep it from sharing one code among nodes.
        """
        if self.block == "chip":
            nodes = {NODE_MODULE: "node"} if self.params.nodes <= MOST_NODES else {}
            return {CHIP_MODULE: "chip", **nodes}
        return {top.TOP: f"node.{self.block}"}

    @property
    def names(self) -> dict[str, str]:
        """Blocks that are called otherwise than their instance, which two kinds of block share."""
        return {"load": "walk"} if self.params.side else {}

    @property
    def built_from(self) -> str:
        """Hash of all that shapes the executable."""
        planted = [HERE / "planting.py", *sorted(HERE.glob("bins/*.py"))]
        bins = [build.code_of(file.read_text()) for file in planted]
        return _hash(self.block, *self.tops, build.build_key(self.params), " ".join(FLAGS), *bins)

    @property
    def run_from(self) -> str:
        """Hash of all that shapes what it reaches: the executable, benches and drivers."""
        return _hash(self.built_from, *self.modules, *(build.code_of(file.read_text()) for file in RUN_FILES))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def chip_benches(params: ChipParams) -> tuple[str, ...]:
    """Wrong traffic where no node slows it down, corner cases of convolution where there is any."""
    own = ("cosim.bench_convolution",) if params.side else ()
    if params.nodes > MOST_NODES:
        return own or ("cosim.bench_chip", "cosim.bench_hostile")
    return ("cosim.bench_chip", *own)


def benches() -> dict[str, Bench]:
    """All that is measured, longest first."""
    dense = {name: params for name, params in chip_cases.CHIPS.items() if not params.side}
    chips = {**chip_cases.MAPS, **dict(reversed(dense.items()))}
    # Flits with coordinates are kept in pairs of registers.
    pairs = replace(ROUTER_KINDS["crossbar"], side=9, link_fifo=2)
    routers = {**ROUTER_KINDS, "crossbar and pairs": pairs}
    return {
        **{f"chip {name}": Bench("chip", p, chip_benches(p)) for name, p in chips.items()},
        **{f"pe {name}": Bench("pe", p, pe_benches(p)) for name, p in PES.items() if p.lanes < 8},
        **{
            f"router with a {kind}": Bench("router", p, ("cosim.bench_router",))
            for kind, p in routers.items()
        },
    }


# ---- one bench -------------------------------------------------------------------------------------------


def folder_of(name: str) -> Path:
    return BUILD / re.sub(r"\W+", "-", name)


def done(folder: Path, stage: str, key: str) -> bool:
    """A stage of a bench, "built" or "run", is done, and nothing that it depends on has changed since."""
    try:
        return (folder / stage).with_suffix(".key").read_text() == key
    except OSError:
        return False


def is_measured(name: str) -> bool:
    return done(folder_of(name), "run", benches()[name].run_from)


def reached(name: str) -> dict[Point, bool]:
    """What a bench that is measured reached. Raises `CoverageError`."""
    source = functools.cache(lambda file: points.Verilog(Path(file).read_text()))
    bench = benches()[name]
    files = [folder_of(name) / "run" / module / "coverage.dat" for module in bench.modules]
    return points.merge(points.read(file, bench.tops, source, bench.names) for file in files)


def measure(name: str) -> float:
    """Build a bench's block if need be and run the bench; returns the seconds that took."""
    begun = time.monotonic()
    # A process whose parent was killed ends its bench first; who waited for it has nothing left to do.
    with workers.working, kept.locked(folder_of(name).with_suffix(".lock")):
        if not is_measured(name):
            _measure(benches()[name], name)
    return time.monotonic() - begun


def _measure(bench: Bench, name: str) -> None:
    folder = folder_of(name)
    tools.prepare()
    if not done(folder, "built", bench.built_from):
        build_with_coverage(bench, folder)
        (folder / "built.key").write_text(bench.built_from)
    shutil.rmtree(folder / "run", ignore_errors=True)
    made = build.Build(folder, name, bench.params, False, 0.0)
    for module in bench.modules:
        run = folder / "run" / module
        run.mkdir(parents=True)
        if bench.block == "chip":
            simulate(made, module, run, {"YOSO_CHIP": bench.params.to_json()})
        else:
            blocks.run_bench(made, module, run)
    (folder / "run.key").write_text(bench.run_from)


def build_with_coverage(bench: Bench, folder: Path) -> None:
    """Emit the block with its bins and compile it with coverage, in a fresh `folder`."""
    from cover.bins import planted

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with planted():
        if bench.block == "chip":
            sources = build.emit_sources(bench.params, folder)
        else:
            sources = blocks.emit_block(bench.block, bench.params, folder)
    for path in sources:
        if path.suffix == ".v":
            measured = path.stem in bench.tops
            path.write_text(points.prepare(path.read_text()) if measured else points.hide(path.read_text()))
    build.verilate(sources, False, folder, BUILD, FLAGS)
    for leftover in (path for kind in ("gch", "o", "a", "cpp") for path in folder.glob(f"*.{kind}")):
        leftover.unlink()  # a precompiled header alone is 100 MB


def measure_all(names: Iterable[str], jobs: int, console: Console) -> None:
    """Measure what is not measured yet. Raises `CoverageError` with the bench that failed."""
    left = [name for name in names if not is_measured(name)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("benches", total=len(left))
        with ProcessPoolExecutor(jobs, initializer=workers.end_with, initargs=(os.getpid(),)) as pool:
            running = {pool.submit(measure, name): name for name in left}
            try:
                for future in as_completed(running):
                    name = running[future]
                    try:
                        console.print(f"[dim]{name}: {future.result():.0f} s")
                    except (kept.BuildError, SimulationError, CoverageError, AssertionError) as error:
                        raise CoverageError(f"bench {name!r} failed: {error}") from None
                    progress.advance(task)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


# ---- all of them -----------------------------------------------------------------------------------------


def row_of(point: Point) -> str:
    parts = [re.sub(r"\d+$", "", part) for part in point.block.split(".")]
    return next(part for part in reversed(parts) if part in ROWS)


def totals(merged: dict[Point, bool]) -> dict[str, dict[str, tuple[int, int]]]:
    """Reached and all points, by row and kind; the last row is "all"."""
    hit, count = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for point, reached in merged.items():
        for row in (row_of(point), "all"):
            count[row, point.kind] += 1
            hit[row, point.kind] += reached
    return {row: {kind: (hit[row, kind], count[row, kind]) for kind in KINDS} for row in (*ROWS, "all")}


def cells(counts: dict[str, tuple[int, int]]) -> list[str]:
    """Line, toggle and expression coverage in per cent, and the bins."""
    percent = [f"{100 * hit / all:.1f} %" if all else "" for hit, all in (counts[kind] for kind in KINDS[:3])]
    hit, all = counts["bin"]
    return [*percent, f"{hit} of {all}" if all else ""]


def compact(holes: list[Point]) -> str:
    """Holes of one waiver in few words: names by block, the bits of a signal as one."""
    by_name: dict[str, set[str]] = defaultdict(set)
    for point in holes:
        by_name[re.sub(r"(\[\d+\])+$", "", point.name)].add(point.block)
    parts = [f"`{name[:110]}`" for name in sorted(by_name)]
    shown = ", ".join(parts[:8])
    return shown + (f" and {len(parts) - 8} more" if len(parts) > 8 else "")


def page(
    counts: dict[str, dict[str, tuple[int, int]]], explained: dict[Waiver, list[Point]], names: list[str]
) -> str:
    """The text of docs/coverage.md."""
    head = (HERE / "page.md").read_text()
    table = [("block", "line", "toggle", "expression", "bins"), ("---",) * 5]
    table += [(row, *cells(counts[row])) for row in (*ROWS, "all")]
    holes = [("kind", "block", "holes", "which", "why"), ("---",) * 5]
    for waiver, points_of in explained.items():
        blocks_of = sorted({point.block for point in points_of})
        where = f"`{blocks_of[0]}`" + (f" and {len(blocks_of) - 1} more" if len(blocks_of) > 1 else "")
        holes.append((waiver.kind, where, str(len(points_of)), compact(points_of), waiver.reason))
    return head.format(
        benches=", ".join(names),
        table="\n".join(f"| {' | '.join(row)} |" for row in table),
        holes="\n".join(
            f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in holes
        ),
    )


def write_report(
    counts: dict[str, dict[str, tuple[int, int]]], explained: dict[Waiver, list[Point]], names: list[str]
) -> None:
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "command": "make coverage",
        "tools": tools.reported(),
        "benches": names,
        "blocks": counts,
        "holes": [
            {**point._asdict(), "reason": waiver.reason}
            for waiver, points_of in explained.items()
            for point in points_of
        ],
    }
    write_whole(REPORT, json.dumps(report, indent=1) + "\n")


@click.command()
@click.option("-j", "--jobs", default=2, type=click.IntRange(1), show_default=True, help="Benches at once.")
@click.option("--page", "write_page", is_flag=True, help="Write docs/coverage.md as well.")
@click.option("--holes", is_flag=True, help="List the holes of what is measured, explained or not.")
def main(jobs: int, write_page: bool, holes: bool) -> None:
    """Measure the coverage of the RTL by the cosimulation benches."""
    console = Console(highlight=False)
    names = list(benches())
    try:
        waivers = load_waivers()
        if not holes:
            measure_all(names, jobs, console)
        merged = points.merge(reached(name) for name in names if is_measured(name))
        if holes:
            for point in sorted(point for point, hit in merged.items() if not hit):
                click.echo(" | ".join(point))
            return
        counts = totals(merged)
        table = Table("block", "line", "toggle", "expression", "bins", title="coverage of the RTL")
        for row in (*ROWS, "all"):
            table.add_row(row, *cells(counts[row]), end_section=row == ROWS[-1])
        console.print(table)
        explained = explain(merged, waivers)
    except (CoverageError, Unexplained) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; what is done is kept") from None
    write_report(counts, explained, names)
    console.print(f"{sum(map(len, explained.values()))} points are not reached, each explained")
    console.print(f"[dim]{os.path.relpath(REPORT)}")
    if write_page:
        PAGE.write_text(page(counts, explained, names))
        console.print(f"[dim]{os.path.relpath(PAGE)}")


if __name__ == "__main__":
    main()
