"""The report of `make synth`: rows, merged into ``build/reports/synth.json``, and the table."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from textwrap import fill
from typing import Any

from rich.table import Table
from yoso_hw import drawing, versions
from yoso_hw.params import ChipParams
from yoso_hw.writing import write_whole


@dataclass(frozen=True)
class Row:
    """One synthesised block; None where a figure does not exist for the target.

    Attributes
    ----------
    chip
        Chip parameters that differ from the default's, ``name=value`` each; empty for the default chip.
    lut4
        Four-input LUTs, those used as carry chain or RAM included, as nextpnr packs them.
    ff, bram
        Flip-flops; 18-kbit block RAMs (DP16KD).
    area_um2
        Area of cells and macros in square micrometres, without routing.
    fmax_mhz
        Highest clock; `kind` says how it was found.
    energy_nj_per_image
        Energy of an image in nJ.
    kind
        "place and route, median of 3", or what else the figures are.
    """

    target: str
    block: str
    lut4: int | None = None
    ff: int | None = None
    bram: int | None = None
    area_um2: float | None = None
    fmax_mhz: float | None = None
    energy_nj_per_image: float | None = None
    kind: str = ""
    chip: str = ""


def chip_text(params: ChipParams) -> str:
    """The chip by what it changes of the default one."""
    return " ".join(
        f"{name}={value}" for name, value in asdict(params).items() if value != getattr(ChipParams(), name)
    )


#: Heading and format of each column of the table.
COLUMNS = {
    "target": ("target", "{}"),
    "block": ("block", "{}"),
    "lut4": ("LUT4", "{:,}"),
    "ff": ("FF", "{:,}"),
    "bram": ("block RAM", "{}"),
    "area_um2": ("area (um2)", "{:,.0f}"),
    "fmax_mhz": ("Fmax (MHz)", "{:.1f}"),
    "energy_nj_per_image": ("nJ an image", "{:,.0f}"),
    "kind": ("how", "{}"),
    "chip": ("chip", "{}"),
}


def write_report(rows: list[Row], path: Path) -> list[Row]:
    """Merge `rows` into the report, each in place of that of its target, block and chip; returns all of them.

    Each says the tools it was made with, since those of other rows may have been others. The file appears
    whole or not at all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    old = json.loads(path.read_text())["rows"] if path.is_file() else []
    done = {(row.target, row.block, row.chip) for row in rows}
    kept = [row for row in old if (row["target"], row["block"], row.get("chip", "")) not in done]
    tools = versions.of("synthesis")
    new = [asdict(row) | {"tools": tools} for row in rows]
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    write_whole(path, json.dumps({"command": command, "rows": kept + new}, indent=1))
    return [
        Row(**{field.name: row[field.name] for field in fields(Row) if field.name in row}) for row in kept
    ] + rows


def table(rows: list[Row]) -> Table:
    """The rows as a table; a column that no row fills is left out."""
    shown = {
        name: column
        for name, column in COLUMNS.items()
        if any(getattr(row, name) not in (None, "") for row in rows)
    }
    drawn = Table()
    for heading, form in shown.values():
        drawn.add_column(heading, justify="left" if form == "{}" else "right", overflow="fold")
    for row in rows:
        values = [(getattr(row, name), form) for name, (_, form) in shown.items()]
        drawn.add_row(*("" if value is None else form.format(value) for value, form in values))
    return drawn


#: What the picture shows, a panel each: column, its heading, unit, and format of a value.
PANELS = {"lut4": ("LUT4", 1.0, "{:,.0f}"), "area_um2": ("area (mm2)", 1e-6, "{:.3f}")}


def draw(rows: list[Row]) -> Any:
    """Blocks side by side, with their clocks: a panel for LUT4s, one for area. None: nothing to compare."""
    own = {key: [row for row in rows if getattr(row, key)] for key in PANELS}
    shown = {key: some for key, some in own.items() if len(some) > 1}
    if not shown:
        return None
    names = {key: [fill(_said(row), 60) for row in some] for key, some in shown.items()}
    heights = [0.8 + 0.22 * "".join(f"{name}\n" for name in some).count("\n") for some in names.values()]
    pyplot = drawing.pyplot()
    figure, axes = pyplot.subplots(
        len(shown),
        1,
        figsize=(9, 0.4 + sum(heights)),
        height_ratios=heights,
        layout="constrained",
        squeeze=False,
    )
    figure.suptitle("Blocks of the chip, the default one where no parameters stand", size=11)
    for (key, some), axis in zip(shown.items(), axes[:, 0], strict=True):
        heading, unit, form = PANELS[key]
        values = [unit * getattr(row, key) for row in some]
        lines = [name.count("\n") + 1 for name in names[key]]
        places = [sum(lines[:row]) + lines[row] / 2 for row in range(len(lines))]
        axis.scatter(values, places, color=drawing.FIRST)
        for row, value, place in zip(some, values, places, strict=True):
            clock = f", {row.fmax_mhz:.0f} MHz" if row.fmax_mhz else ""
            axis.annotate(
                form.format(value) + clock,
                (value, place),
                xytext=(7, 0),
                textcoords="offset points",
                va="center",
                size=8,
            )
        drawing.fit(axis, values)
        axis.set_ylim(sum(lines), 0)
        axis.set_yticks(places, names[key], size=9)
        axis.set_xlabel(heading)
    return figure


def _said(row: Row) -> str:
    return f"{row.target}: {row.block}" + (f" ({row.chip})" if row.chip else "")
