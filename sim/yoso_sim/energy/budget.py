"""``yoso energy``: the energy of an image by part, its power, and the paper's table IV with our rows.

An estimate: what the RTL counted, times what a mapped PE spends on each event (docs/energy.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table
from yoso_hw.writing import write_picture

from yoso_sim.energy.cost import CLOCK_MHZ

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
        rows.append((text, "Temp.", accuracy, fps, "130", power, uj, "estimated; accuracy measured"))
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


def picture(path: Path, found: dict[str, Any]) -> None:
    """A stacked bar for each way to run the chip, beside the paper's."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    bars = [
        (f"{CLOCK_MHZ:.0f} MHz,\nidle PEs gated", found["gated"], "full_rate"),
        (f"{CLOCK_MHZ:.0f} MHz,\nclock always on", found["ungated"], "full_rate"),
        (f"{PAPER_RATE} images/s,\nclock stopped between", found["gated"], "rate_21"),
    ]
    figure, axis = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for x, (_, kind, rate) in enumerate(bars):
        bottom = 0.0
        parts = {**kind["parts_nj"], "leakage": kind[rate]["leakage_nj_per_image"]}
        for number, (name, value) in enumerate(parts.items()):
            label = name if x == 0 else None
            axis.bar(x, 1e-3 * value, bottom=1e-3 * bottom, color=f"C{number}", label=label, width=0.6)
            bottom += value
        axis.text(x, 1e-3 * bottom, f"{1e-3 * bottom:.2f}", ha="center", va="bottom")
    axis.bar(len(bars), PAPER_UJ, color="0.6", width=0.6, label="the paper, not told apart")
    axis.text(len(bars), PAPER_UJ, f"{PAPER_UJ:.1f}", ha="center", va="bottom")
    axis.set_xticks(
        range(len(bars) + 1), [*(text for text, _, _ in bars), f"paper, 22 nm,\n{PAPER_RATE} images/s"]
    )
    axis.set_ylabel("uJ an image of 784-800-10")
    axis.set_title("Ours: 130 nm (sg13g2), estimated before layout", fontsize=10)
    axis.legend(fontsize=8)
    write_picture(path, figure, dpi=110)
    pyplot.close(figure)
