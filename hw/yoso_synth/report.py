"""The report of `make synth`: rows, merged into ``build/reports/synth.json``, and the table."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table
from yoso_hw import versions
from yoso_hw.params import ChipParams
from yoso_hw.writing import write_picture, write_whole


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


def write_report(rows: list[Row], path: Path) -> None:
    """Merge `rows` into the report: each replaces that of its target, block and chip.

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


def table(rows: list[Row]) -> Table:
    """The rows as a table; a column that no row fills is left out."""
    shown = {
        name: column
        for name, column in COLUMNS.items()
        if any(getattr(row, name) not in (None, "") for row in rows)
    }
    drawn = Table()
    for heading, form in shown.values():
        drawn.add_column(heading, justify="left" if form == "{}" else "right")
    for row in rows:
        values = [(getattr(row, name), form) for name, (_, form) in shown.items()]
        drawn.add_row(*("" if value is None else form.format(value) for value, form in values))
    return drawn


def picture(rows: list[Row], path: Path) -> None:
    """Logic by block of each target and chip: LUT4s, or area, as bars with the clock beside them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawn = [("lut4", "LUT4"), ("area_um2", "area (um2)")]
    kinds = [(key, text) for key, text in drawn if any(getattr(row, key) for row in rows)]
    if not kinds:
        return
    figure, axes = pyplot.subplots(
        len(kinds), 1, figsize=(8, 3.2 * len(kinds)), layout="constrained", squeeze=False
    )
    for (key, text), axis in zip(kinds, axes[:, 0], strict=True):
        own = [row for row in rows if getattr(row, key)]
        names = [f"{row.target}: {row.block}" for row in own]
        values = [getattr(row, key) for row in own]
        axis.barh(
            names, values, color=[f"C{sorted({r.target for r in own}).index(row.target)}" for row in own]
        )
        for i, row in enumerate(own):
            clock = f"  {row.fmax_mhz:.0f} MHz" if row.fmax_mhz else ""
            axis.text(values[i], i, clock, va="center", fontsize=8)
        axis.invert_yaxis()
        axis.set_xscale("log")
        axis.set_xlabel(text)
    write_picture(path, figure, dpi=110)
    pyplot.close(figure)
