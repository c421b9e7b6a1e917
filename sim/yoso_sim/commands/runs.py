"""``yoso runs``: the runs that are kept, one of them, two side by side; and room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from yoso_sw.commands.recorded import runs_folder
from yoso_sw.runs import facts, log, store
from yoso_sw.runs.errors import RunError
from yoso_sw.runs.run import FINISHED, LOG
from yoso_sw.runs.store import Kept

from yoso_sim.commands.report import text_of

#: Figures that the list has room for, by what they are called there.
LISTED = {
    "accuracy (%)": ("rtl_accuracy", "golden_accuracy", "golden", "accuracy", "float_accuracy"),
    "differ": ("spike_mismatches", "mismatches"),
    "cycles": ("cycles_per_image.mean", "mean_cycles", "cycles.mean"),
}

#: Columns below which tables of two runs would be cut.
WIDTH = 110

console = Console(highlight=False)


@contextmanager
def one_line() -> Iterator[None]:
    """Turn a wrong name into one line and exit status 1."""
    try:
        yield
    except RunError as error:
        raise click.ClickException(str(error)) from None


def widened() -> Console:
    """The console, wide enough for tables whose ends would be cut otherwise."""
    console.width = max(console.width, WIDTH)
    return console


def began(run: Kept) -> str:
    """When it began, by the clock here."""
    try:
        return datetime.fromisoformat(run.record["began"]).astimezone().strftime("%Y-%m-%d %H:%M")
    except (KeyError, TypeError, ValueError):
        return ""


def size_of(runs: list[Kept]) -> str:
    """What runs take on the disk."""
    return f"{sum(run.size for run in runs) / 1e6:,.1f} MB"


def count_of(runs: list[Kept]) -> str:
    """How many, in words."""
    return f"{len(runs)} run{'s' * (len(runs) != 1)}"


def about(run: Kept) -> str:
    """What a run was on: its network, or networks."""
    made_with = run.record.get("configuration", {})
    network = made_with.get("network")
    if isinstance(network, dict):
        return str(network.get("name", ""))
    names = made_with.get("networks")
    if isinstance(names, dict):
        return next(iter(names)) if len(names) == 1 else f"{len(names)} networks"
    config = made_with.get("config")
    return str(config.get("name", "")) if isinstance(config, dict) else ""


def listed(figures: facts.Facts, keys: tuple[str, ...]) -> str:
    """The first of a run's figures that has one of some names, in a report of one row as well."""
    for key in keys:
        ends = [value for name, value in figures.items() if name == key or name.endswith(f"].{key}")]
        if len(ends) == 1 and ends[0] is not None:
            return text_of(ends[0])
    return ""


def said(value: Any) -> Text:
    """A value as it is read; what looks like markup is none."""
    return Text("-" if value is None else value if isinstance(value, str) else text_of(value))


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """List the runs that are kept, the oldest first; show one, compare two, make room.

    Commands with --run NAME keep what they make in a folder of its own below runs in the output folder; the
    folder of reports has copies of the latest ones.
    """
    if context.invoked_subcommand:
        return
    found = store.every(runs_folder())
    if not found:
        console.print(f"there are no runs in {runs_folder()}; yoso sim makes one", soft_wrap=True)
        return
    table = Table(box=None)
    for heading in ("run", "began", "ended", "network"):
        table.add_column(heading, no_wrap=heading in ("run", "began"), overflow="fold")
    for heading in LISTED:
        table.add_column(heading, justify="right")
    for run in found:
        figures = facts.figures(run)
        table.add_row(
            *(Text(text) for text in (run.name, began(run), run.state, about(run))),
            *(listed(figures, keys) for keys in LISTED.values()),
        )
    widened().print(table)
    taken = f"{count_of(found)}, {size_of(found)} in {os.path.relpath(runs_folder())}"
    console.print(f"[dim]{taken}; yoso runs prune makes room", soft_wrap=True)


def table_of(part: facts.Facts) -> Table:
    """Facts by name."""
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for name, value in part.items():
        table.add_row(Text(name), said(value))
    return table


@main.command()
@click.argument("name")
@click.option("--log", "with_log", is_flag=True, help="What it said, too.")
def show(name: str, with_log: bool) -> None:
    """What run NAME was made with, what it came to, and its files."""
    with one_line():
        run = store.find(runs_folder(), name)
    record = run.record
    words = " ".join(["yoso", *record.get("words", [])])
    console.print(Text(f"{run.name}  {began(run)}  {run.state}  {words}", style="bold"), soft_wrap=True)
    if record.get("why"):
        console.print(Text(record["why"]), soft_wrap=True)
    if "seconds" in record:
        console.print(f"{record['seconds']:,} s on {record.get('host', '')}", markup=False)
    for title, part in facts.PARTS.items():
        if found := part(run):
            console.print(f"\n[bold]{title}[/bold]")
            widened().print(table_of(found))
    console.print("\n[bold]files[/bold]")
    for path in sorted(run.folder.iterdir()):
        console.print(f"  {os.path.relpath(path)}", soft_wrap=True, markup=False)
    if with_log:
        console.print(f"\n[bold]log[/bold]\n{log.read(run.folder / LOG)}", markup=False)


@main.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
def diff(first: str, second: str) -> None:
    """What differs between runs A and B: configuration, versions, figures."""
    with one_line():
        one, other = (store.find(runs_folder(), name) for name in (first, second))
    for run in (one, other):
        if run.state != FINISHED:
            console.print(f"run {run.name} is {run.state}: its figures may lack some", style="yellow")
    for title, part in facts.PARTS.items():
        own, others = part(one), part(other)
        rows = facts.differing(own, others)
        alike = len(own.keys() & others.keys()) - sum(None not in row[1:] for row in rows)
        if not rows:
            console.print(
                f"[bold]{title}[/bold]: all {alike} alike" if alike else f"[bold]{title}[/bold]: none"
            )
            continue
        console.print(f"[bold]{title}[/bold]: {len(rows)} differ, {alike} alike")
        table = Table(box=None)
        table.add_column("", overflow="fold")
        for name in (one.name, other.name):
            table.add_column(Text(name), justify="right", overflow="fold")
        table.add_column("difference", justify="right")
        for name, left, right in rows:
            table.add_row(Text(name), said(left), said(right), change(left, right))
        widened().print(table)


def change(left: Any, right: Any) -> str:
    """How much the second of two numbers is more than the first; "" if they are none."""
    numbers = [value for value in (left, right) if isinstance(value, int | float) and type(value) is not bool]
    if len(numbers) < 2:
        return ""
    more = right - left
    return f"{more:+,.6g}" + (f" ({100 * more / abs(left):+.1f} %)" if left else "")


def confirmed(runs: list[Kept], yes: bool) -> bool:
    """Whether to remove some runs."""
    for run in runs:
        console.print(f"  {run.name}  {began(run)}  {run.state}", markup=False)
    return yes or click.confirm(f"remove {count_of(runs)}, {size_of(runs)}?")


yes_option = click.option("--yes", is_flag=True, help="Without asking.")


@main.command()
@click.option(
    "--keep", default=20, show_default=True, type=click.IntRange(0), metavar="N", help="How many are to stay."
)
@yes_option
def prune(keep: int, yes: bool) -> None:
    """Remove old runs that nobody named: all but the last N that finished, and what is older than those."""
    found = store.prunable(store.every(runs_folder()), keep)
    if not found:
        console.print("nothing to remove")
        return
    if confirmed(found, yes):
        take_away(found)


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@yes_option
def remove(names: tuple[str, ...], yes: bool) -> None:
    """Remove runs, named ones too."""
    with one_line():
        found = [store.find(runs_folder(), name) for name in dict.fromkeys(names)]
    if confirmed(found, yes):
        take_away(found)


def take_away(runs: list[Kept]) -> None:
    """Remove runs, and say what that brought."""
    freed = size_of(runs)
    with one_line():
        for run in runs:
            store.remove(run)
    console.print(f"removed {count_of(runs)}, {freed}")
