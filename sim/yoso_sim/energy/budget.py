"""``yoso energy``: the energy of an image by part, its power, and the paper's table IV with our rows.

An estimate: what the RTL counted, times what a mapped PE spends on each event (docs/energy.md).
"""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import Any

from rich.table import Table
from yoso_hw import drawing

from yoso_sim.energy.cost import CLOCK_MHZ, Case

#: The paper's energy of an image in uJ, and the rate in images a second that it gives.
PAPER_UJ, PAPER_RATE = 35.839, 21

#: The paper's table IV as printed: accelerator, coding, accuracy, fps, technology, power in mW, uJ a frame.
PAPER_ROWS = (
    ("SNNwt [71]", "Rate", "91.82", "-", "65", "-", "214.700"),
    ("TrueNorth-a [25]", "Rate", "92.70", "1000", "28", "0.268", "0.268"),
    ("Spinnaker [51]", "Rate", "95.01", "77", "130", "300.000", "3896.000"),
    ("Tianji [52]", "Rate", "96.59", "-", "120", "120.000", "-"),
    ("Shenjing [50]", "Rate", "96.11", "40", "28", "1.260", "38.000"),
    ("STDBP+YOSO (the paper)", "Temp.", "98.45", "21", "22", "(0.878*) 0.751", "(41.93*) 35.839"),
    ("TrueNorth-b [25]", "Rate", "99.42", "1000", "28", "108.000", "108.000"),
)


def table_iv(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """The paper's rows, cited, and ours: as fast as the clock allows, and at the paper's rate."""
    rows: list[tuple[str, ...]] = [(*row, "cited") for row in PAPER_ROWS]
    accuracy = f"{found['accuracy']:.2f}"
    for text, key, gated in (
        (f"YOSO, {CLOCK_MHZ:.0f} MHz, idle PEs gated", "full_rate", "gated"),
        (f"YOSO, {CLOCK_MHZ:.0f} MHz, clock always on", "full_rate", "ungated"),
        (f"YOSO, {PAPER_RATE} images/s, clock stopped between", "rate_21", "gated"),
    ):
        one = found[gated][key]
        fps, power = f"{one['images_per_second']:.0f}", f"{one['mw']:.3f}"
        uj = f"{1e-3 * one['nj_per_image']:.3f}"
        rows.append((text, found["coding"], accuracy, fps, "130", power, uj, "estimated; accuracy measured"))
    return rows


def parts_table(found: dict[str, Any]) -> Table:
    """Energy by part."""
    drawn = Table(title=f"{found['name']}: nJ an image, estimated", title_justify="left")
    for heading in ("part", "idle PEs gated", "clock always on"):
        drawn.add_column(heading, justify="left" if heading == "part" else "right")
    for part, value in found["gated"]["parts_nj"].items():
        drawn.add_row(part, f"{value:,.0f}", f"{found['ungated']['parts_nj'][part]:,.0f}")
    for text, key in (("leakage", "leakage_nj_per_image"), ("all", "nj_per_image"), ("mW", "mw")):
        values = (f"{found[kind]['full_rate'][key]:,.1f}" for kind in ("gated", "ungated"))
        drawn.add_row(f"{text} at {CLOCK_MHZ:.0f} MHz", *values)
    for text, key in (("leakage", "leakage_nj_per_image"), ("all", "nj_per_image"), ("mW", "mw")):
        drawn.add_row(f"{text} at {PAPER_RATE} images/s", f"{found['gated']['rate_21'][key]:,.2f}", "")
    return drawn


def draw(found: dict[str, Any]) -> Any:
    """What each part spends, with idle PEs gated or not; and an image as a whole beside the paper's."""
    pyplot = drawing.pyplot()
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    case, params = found["case"], Case(**found["case"]).params
    title = f"{found['name']} on {params.cols} x {params.rows} PEs (chip {Path(case['chip']).stem})"
    figure.suptitle(fill(f"{title}; {found['process']}, estimated before layout", 90), size=11)

    parts = list(found["gated"]["parts_nj"])
    kinds = (("gated", "idle PEs gated", drawing.FIRST), ("ungated", "clock always on", drawing.SECOND))
    for shift, (kind, said, colour) in zip((-0.2, 0.2), kinds, strict=True):
        spent = [1e-3 * found[kind]["parts_nj"][part] for part in parts]
        bars = left.barh([place + shift for place in range(len(parts))], spent, 0.4, color=colour, label=said)
        left.bar_label(bars, fmt="{:.2f}", padding=2, fontsize=8)
    left.set_yticks(range(len(parts)), parts)
    left.invert_yaxis()
    left.margins(x=0.12)
    left.set(xlabel=f"uJ an image at {CLOCK_MHZ:.0f} MHz, without leakage")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=2)

    ways = (
        (f"{CLOCK_MHZ:.0f} MHz,\nidle PEs\ngated", "gated", "full_rate"),
        (f"{CLOCK_MHZ:.0f} MHz,\nclock\nalways on", "ungated", "full_rate"),
        (f"{PAPER_RATE} images/s,\nstopped\nbetween", "gated", "rate_21"),
    )
    leaked = [1e-3 * found[kind][rate]["leakage_nj_per_image"] for _, kind, rate in ways]
    worked = [1e-3 * sum(found[kind]["parts_nj"].values()) for _, kind, _ in ways]
    right.bar(range(len(ways)), worked, 0.6, color=drawing.FIRST, label="all parts")
    bars = right.bar(
        range(len(ways)), leaked, 0.6, worked, color="white", edgecolor="k", hatch="//", label="leakage"
    )
    paper = right.bar(len(ways), PAPER_UJ, 0.6, color="0.8", label="not told apart")
    for each in (bars, paper):
        right.bar_label(each, [f"{bar.get_y() + bar.get_height():.2f}" for bar in each], padding=2)
    right.set_xticks(
        range(len(ways) + 1), [*(said for said, _, _ in ways), f"the paper,\n22 nm,\n{PAPER_RATE} images/s"]
    )
    right.tick_params(axis="x", labelsize=8)
    right.grid(axis="x", visible=False)
    right.margins(y=0.12)
    right.set(ylabel="uJ an image")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=3)
    return figure
