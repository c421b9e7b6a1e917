"""``yoso report``: the last reports as tables, and where the pictures are."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from yoso_sw.commands.options import out_option

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


def rows_of(report: Any) -> list[dict[str, Any]]:
    """The rows of a report that is a list, or holds one called rows or results; else none."""
    for rows in (report, *(value_of(report, key) for key in ("rows", "results") if isinstance(report, dict))):
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
            return rows
    return []


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


def reports_in(folder: Path) -> Iterator[Path]:
    """The reports of a folder and of the one of figures in it, the oldest first."""
    found = [*folder.glob("*.json"), *folder.glob("figures/*.json")]
    yield from sorted(found, key=lambda path: path.stat().st_mtime)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@out_option()
def main(names: tuple[str, ...], out: Path) -> None:
    """Show the last reports, all or those of NAME: sim, regress, accuracy, synth, energy, ...

    The date is the file's. Pictures are named, not shown.
    """
    console = Console(highlight=False)
    console.width = max(console.width, 110)
    every = {path.stem: path for path in reports_in(out)}
    if unknown := [name for name in names if name not in every]:
        raise click.ClickException(f"no report {unknown[0]} in {out}; there are {', '.join(every) or 'none'}")
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
        for picture in (path.with_suffix(suffix) for suffix in (".png", ".md")):
            if picture.is_file():
                console.print(f"  {os.path.relpath(picture)}", soft_wrap=True, markup=False)
        console.print()
