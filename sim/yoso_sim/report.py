"""Figures of a campaign: the summary and its JSON, the table, the picture."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text
from yoso_hw import drawing
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter
from yoso_sw.network.network import Network

from yoso_sim import tools
from yoso_sim.running.raster import draw_layers

#: Most columns of PEs that have room for numbers in the picture.
WIDEST = 8

#: Notes shown of those the chunks brought.
MOST_NOTES = 10


def summarise(
    network: Network, params: ChipParams, results: list[dict[str, Any]], seconds: float
) -> dict[str, Any]:
    """Sum up chunk results.

    Parameters
    ----------
    results
        Of every chunk, in order.
    seconds
        Simulated for, all processes at once, load phase apart.

    Returns
    -------
    The report. Accuracies are per cent, `float_accuracy` as the trainer recorded it in the network's file
    (None if it did not); cycles are the chip's own count, load phase apart.
    """
    labels, rtl, reference, cycles, updates = (
        np.array([value for result in results for value in result[key]], np.int64)
        for key in ("labels", "rtl", "golden", "cycles", "updates")
    )
    counters = np.sum([result["counters"] for result in results], axis=0)
    total = {
        key: sum(result[key] for result in results)
        for key in ("spikes", "spike_mismatches", "class_mismatches", "counter_mismatches")
    }
    state = sum(result.get("state_mismatches", 0) for result in results)  # of those that were read back
    errors = sorted({name for result in results for name in result["errors"]})
    float_accuracy = network.about.get("float_accuracy")
    return {
        "network": network.name,
        "shape": network.shape,
        "mesh": f"{params.cols} x {params.rows}",
        "lanes": params.lanes,
        "cast": "multicast" if params.multicast else "unicast",
        "images": len(labels),
        "float_accuracy": None if float_accuracy is None else float(float_accuracy),
        "golden_accuracy": round(100 * float((reference == labels).mean()), 4),
        "rtl_accuracy": round(100 * float((rtl == labels).mean()), 4),
        "class_mismatches": total["class_mismatches"],
        "spike_mismatches": total["spike_mismatches"],
        "spikes_compared": total["spikes"],
        "counter_mismatches": total["counter_mismatches"],
        "state_mismatches": state,
        "errors": errors,
        "cycles_per_image": {"mean": round(float(cycles.mean()), 1), "max": int(cycles.max())},
        "synaptic_updates_per_image": round(float(updates.mean()), 1),
        "images_per_second": round(len(labels) / seconds, 2),
        "utilisation": round(float(_busy(counters, params).max() / cycles.sum()), 4),
        "tools": tools.reported(),
        "notes": [note for result in results for note in result["notes"]][:MOST_NOTES],
    }


def passed(report: dict[str, Any]) -> bool:
    """Whether RTL and golden model agree in everything that was compared."""
    keys = ("class_mismatches", "spike_mismatches", "counter_mismatches", "state_mismatches")
    return all(report[key] == 0 for key in keys) and not report["errors"]


def headline(report: dict[str, Any]) -> str:
    """The network and the chip that it ran on."""
    word = "lane" if report["lanes"] == 1 else "lanes"
    chip = f"{report['mesh']} PEs, {report['lanes']} {word}, {report['cast']}"
    return f"{report['network']} ({report['shape']}) on {chip}"


def table(report: dict[str, Any]) -> Table:
    """The report as a table of two columns."""
    cycles = report["cycles_per_image"]
    float_accuracy = report["float_accuracy"]
    rows = [
        ("images", f"{report['images']:,}"),
        ("float accuracy", "not recorded" if float_accuracy is None else f"{float_accuracy:.2f} %"),
        ("golden accuracy", f"{report['golden_accuracy']:.2f} %"),
        ("RTL accuracy", f"{report['rtl_accuracy']:.2f} %"),
        ("class mismatches", _count(report["class_mismatches"])),
        ("spike mismatches", _count(report["spike_mismatches"])),
        ("spikes compared", f"{report['spikes_compared']:,}"),
        ("counter mismatches", _count(report["counter_mismatches"])),
        ("cycles per image", f"{cycles['mean']:,.1f} mean, {cycles['max']:,} max"),
        ("synaptic updates per image", f"{report['synaptic_updates_per_image']:,.0f}"),
        ("images per second", f"{report['images_per_second']:.1f}"),
    ]
    if report["errors"]:
        rows.append(("error bits", f"[red]{', '.join(report['errors'])}"))
    # Text, not markup: a network may be called [/b].
    shown = Table(title=Text(headline(report)), show_header=False, title_justify="left")
    shown.add_column()
    shown.add_column(justify="right")
    for row in rows:
        shown.add_row(*row)
    return shown


def _count(value: int) -> str:
    return f"[red]{value:,}" if value else "0"


def _busy(counters: np.ndarray, params: ChipParams) -> np.ndarray:
    """Cycles in which each PE's adders worked: words updated by spikes and by sweeps; (rows, cols)."""
    return counters[..., Counter.UPDATES] + counters[..., Counter.POT_WRITES]


def draw(report: dict[str, Any], params: ChipParams, results: list[dict[str, Any]]) -> Any:
    """Image 0's spikes by layer, and traffic and utilisation over the mesh."""
    pyplot = drawing.pyplot()
    raster = results[0]["raster"]
    counters = np.sum([result["counters"] for result in results], axis=0)
    images = sum(len(result["labels"]) for result in results)
    cycles = sum(sum(result["cycles"]) for result in results)
    layers = raster["spikes"]
    figure = pyplot.figure(figsize=(11, 7), layout="constrained")
    figure.suptitle(fill(headline(report), 100).replace("$", r"\$"), fontsize=11)
    panels: Any = figure.subfigures(1, 2, width_ratios=(3, 2))
    left, right = panels
    draw_layers(left, layers, raster["sizes"], raster.get("maps"), raster["steps"], raster["step"])
    left.suptitle(f"Image 0: class {raster['decision']} decided at step {raster['step']}")
    maps = (
        ("spikes taken per image", counters[..., Counter.SPIKES_IN] / images, "{:.0f}"),
        ("adders busy, % of cycles", 100 * _busy(counters, params) / max(cycles, 1), "{:.0f}"),
    )
    for axis, (title, values, form) in zip(right.subplots(2, 1), maps, strict=True):
        axis.grid(False)
        drawn = axis.imshow(values, origin="lower", cmap="viridis", vmin=0)
        # Numbers of a wider mesh would run into each other.
        for (y, x), value in np.ndenumerate(values) if params.cols <= WIDEST else ():
            bright = value > 0.6 * values.max()
            axis.text(
                x, y, form.format(value), ha="center", va="center", color="k" if bright else "w", size=8
            )
        axis.set_title(title)
        axis.set_xticks(range(params.cols))
        axis.set_yticks(range(params.rows))
        right.colorbar(drawn, ax=axis, shrink=0.8)
    return figure
