"""``yoso report``: the last reports as tables, and where the pictures are."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from yoso_sw.commands.options import out_option

from yoso_sim import tables
from yoso_sim.tables import rows_of

#: Figures shown of a report that is one row; keys with a dot lead into it.
KEYS = (
    *("network", "name", "images", "golden_accuracy", "rtl_accuracy", "spike_mismatches", "class_mismatches"),
    *("mismatches", "cycles_per_image.mean", "mean_cycles", "images_per_second", "images_a_second"),
    *("accuracy", "cycles.mean", "chip_mm2", "gated.full_rate.nj_per_image", "gated.full_rate.mw"),
    *("accuracy_without_flips", "chosen", "ratio_vs_plain", "ratio_vs_relu", "caption"),
)

#: Columns shown of a report that is a list of rows.
COLUMNS = (
    *("network", "golden", "mean", "spread", "seeds", "decision_step"),
    *("target", "block", "chip", "lut4", "ff", "bram", "area_um2", "fmax_mhz"),
    *("name", "case", "bug", "seconds", "result"),
)


def value_of(report: dict[str, Any], key: str) -> Any:
    """What stands under a key, "a.b" for b in a; None if nothing does."""
    found: Any = report
    for word in key.split("."):
        found = found.get(word) if isinstance(found, dict) else None
    return found


def text_of(value: Any) -> str:
    """A figure as it is read."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def table_of(report: Any) -> Table | None:
    """A report as a table; None if nothing of it is known."""
    rows = rows_of(report)
    table = Table(box=None, show_header=bool(rows))
    if rows:
        columns = [key for key in COLUMNS if any(row.get(key) not in (None, "") for row in rows)]
        for column in columns:
            table.add_column(column, justify="left" if isinstance(rows[0].get(column), str) else "right")
        for row in rows:
            table.add_row(*(text_of(row.get(column)) for column in columns))
        return table if columns else None
    shown = {key: value_of(report, key) for key in KEYS if isinstance(report, dict)}
    for key, value in shown.items():
        if value is not None and not isinstance(value, dict | list):
            table.add_row(key.replace("_", " ").replace(".", " "), text_of(value))
    return table if table.row_count else None


def _formatted(names: tuple[str, ...], form: str, columns: str | None, out: Path) -> str:
    """The table of one report in another form."""
    if len(names) != 1:
        raise click.UsageError(f"--format {form} is of one report: yoso report NAME --format {form}")
    try:
        table = tables.report(names[0], out)
        return tables.FORMATS[form](table if columns is None else table.only(columns.split(",")))
    except tables.TableError as error:
        raise click.ClickException(str(error)) from None


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--format",
    "form",
    type=click.Choice([*tables.FORMATS]),
    help="Print the whole table of one report, for a spreadsheet or a paper.",
)
@click.option("--columns", metavar="A,B,...", help="Of that table, the columns wanted; all if not given.")
@out_option()
def main(names: tuple[str, ...], form: str | None, columns: str | None, out: Path) -> None:
    """Show the last reports, all or those of NAME: sim, regress, accuracy, synth, energy, ...

    The date is the file's. Pictures are named, not shown.
    """
    if form is not None:
        click.echo(_formatted(names, form, columns, out), nl=False)
        return
    if columns is not None:
        raise click.UsageError("--columns needs --format")
    console = Console(highlight=False)
    console.width = max(console.width, 110)
    every = tables.reports(out)
    if unknown := [name for name in names if name not in every]:
        raise click.ClickException(tables.no_report(unknown[0], out))
    if not every:
        raise click.ClickException(f"there are no reports in {out}; yoso sim makes the first")
    for path in (every[name] for name in names or every):
        date = datetime.fromtimestamp(path.stat().st_mtime).strftime("%Y-%m-%d %H:%M")
        console.print(f"[bold]{path.stem}[/bold]  {date}  {os.path.relpath(path)}", soft_wrap=True)
        try:
            table = table_of(json.loads(path.read_text()))
        except (OSError, ValueError, RecursionError) as error:
            console.print(f"  cannot be read: {error}", markup=False, soft_wrap=True)
            continue
        if table is not None:
            console.print(table)
        for picture in (path.with_suffix(suffix) for suffix in (".png", ".svg", ".pdf", ".md")):
            if picture.is_file():
                console.print(f"  {os.path.relpath(picture)}", soft_wrap=True, markup=False)
        console.print()
