"""Figures of the soft errors: the summary and its JSON, the tables, the picture."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table
from rich.text import Text
from yoso_hw import drawing

from yoso_sim import tools

if TYPE_CHECKING:
    from yoso_sim.study.soft_errors import Study

COMMAND = "make soft-errors"

DEFINITION = (
    "A rate is the chance that one stored bit in use flips: of a weight once, after the load phase; of A, V "
    "and the fired bit once an image, at the end of a step drawn evenly. The mean over draws of the flips, "
    "and their sample standard deviation."
)

#: Panels of the picture, and the curves in each.
PANELS: dict[str, tuple[str, ...]] = {
    "weight memory": ("weight",),
    "A and V memories": ("A", "V"),
}

#: Line and marker of each curve of a panel, so that those that coincide are both seen.
MARKS = ("o-", "s--", "D-.", "^:", "v-", "x--")


def summarise(
    study: Study,
    clean: float,
    points: dict[str, dict[float, list[dict[str, Any]]]],
    samples: list[dict[str, Any]],
    seeds: int,
) -> dict[str, Any]:
    """The report; accuracies are per cent, on the golden model but for those of `rtl`."""
    params, narrow, network = study.image.params, study.narrow.params, study.network
    neurons = sum(layer.neurons for layer in network.layers)
    weights = sum(layer.weights.size for layer in network.layers)
    curves = []
    for name, rates in points.items():
        for rate, found in rates.items():
            values = np.array([each["accuracy"] for each in found])
            curves.append(
                {
                    "curve": name,
                    "rate": rate,
                    "draws": len(found),
                    "mean": round(float(values.mean()), 3),
                    "deviation": round(float(values.std(ddof=1)), 3),
                    "lowest": float(values.min()),
                    "highest": float(values.max()),
                    "order_matters": sum(each["order_matters"] for each in found),
                }
            )
    widths = {
        name: {"weight": p.weight_bits, "A": p.acc_bits, "V": p.pot_bits}
        for name, p in (("chip", params), ("narrow", narrow))
    }
    return {
        "command": COMMAND,
        "tools": tools.reported(),
        "definition": DEFINITION,
        "network": network.name,
        "shape": network.shape,
        "images": len(study.images),
        "seeds": seeds,
        "accuracy_without_flips": clean,
        "widths": widths,
        "stored_bits": {
            "weight": weights * params.weight_bits,
            "A": neurons * params.acc_bits,
            "V": neurons * (params.pot_bits + 1),
        },
        "points": curves,
        "rtl": samples,
    }


def _rows(report: dict[str, Any]) -> tuple[list[float], dict[str, list[dict[str, Any]]]]:
    curves: dict[str, list[dict[str, Any]]] = {}
    for point in report["points"]:
        curves.setdefault(point["curve"], []).append(point)
    return [point["rate"] for point in next(iter(curves.values()))], curves


def table(report: dict[str, Any]) -> Table:
    """Mean accuracy by curve and rate, for the terminal."""
    rates, curves = _rows(report)
    title = f"{report['network']}: golden accuracy in %, {report['images']} images, {report['seeds']} seeds"
    shown = Table(title=Text(title), title_justify="left")
    shown.add_column("flips in")
    for rate in rates:
        shown.add_column(f"{rate:g}", justify="right")
    for name, points in curves.items():
        shown.add_row(name, *(f"{point['mean']:.2f}" for point in points))
    return shown


def markdown(report: dict[str, Any]) -> str:
    """The tables of docs/soft-errors/accuracy.md."""
    rates, curves = _rows(report)
    wide, narrow = report["widths"]["chip"], report["widths"]["narrow"]
    lines = [
        "# Soft errors: the figures",
        "",
        f"Written by `{report['command']}`; do not edit. What it means: [README](README.md).",
        "",
        f"{report['network']} ({report['shape']}), golden model, the first {report['images']} test images, "
        f"{report['seeds']} seeds; {report['accuracy_without_flips']:.2f} % without flips. "
        f"{report['definition']} Words of the chip: weight {wide['weight']} bits, A {wide['A']}, "
        f"V {wide['V']} and the fired bit; narrow: {narrow['weight']}, {narrow['A']}, {narrow['V']}.",
        "",
        f"| accuracy in % | {' | '.join(f'{rate:g}' for rate in rates)} |",
        f"|---{'|---:' * len(rates)}|",
    ]
    for name, points in curves.items():
        cells = (f"{point['mean']:.2f} ± {point['deviation']:.2f}" for point in points)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        "The same flips on the RTL, seed 1, the first images: every spike and decision compared.",
        "",
        "| flips in | rate | images | spikes compared | images that differ | RTL accuracy in % |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for each in report["rtl"]:
        lines.append(
            f"| {each['memory']} | {each['rate']:g} | {each['images']} | {each['spikes_compared']:,} | "
            f"{each['mismatched_images']} | {each['accuracy']:.1f} |"
        )
    return "\n".join([*lines, ""])


def draw(report: dict[str, Any]) -> Any:
    """Errors against rate, a panel for the weights and one for A and V; each curve is named at its end."""
    pyplot = drawing.pyplot()
    rates, curves = _rows(report)
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.4), sharey=True, layout="constrained")
    least = 100 / report["images"] / 2  # a logarithmic axis has no 0: half an image
    clean = max(least, 100 - report["accuracy_without_flips"])
    axes[0].set(yscale="log", ylabel="images classified wrongly, %", ylim=(clean / 2, 110))
    for axis, (title, names) in zip(axes, PANELS.items(), strict=True):
        own = {name: points for name, points in curves.items() if name.startswith(names)}
        axis.set(xscale="log", xlabel="flips a stored bit", title=title)
        axis.axhline(clean, color="0.4", linewidth=1, linestyle=":", zorder=0)
        ends = []
        for points, colour, mark in zip(own.values(), drawing.shades(len(own)), MARKS, strict=False):
            mean, spread = (np.array([point[key] for point in points]) for key in ("mean", "deviation"))
            wrong = np.maximum(100 - mean, least)
            axis.plot(rates, wrong, mark, color=colour, markersize=4)
            axis.fill_between(
                rates,
                np.maximum(wrong - spread, least),
                wrong + spread,
                color=colour,
                alpha=0.15,
                linewidth=0,
            )
            ends.append((rates[-1], wrong[-1]))
        _name_the_ends(axis, list(own), ends)
    figure.suptitle(_title(report), size=11)
    return figure


def _title(report: dict[str, Any]) -> str:
    wide, narrow = (report["widths"][name] for name in ("chip", "narrow"))
    words = f"{wide['weight']}-bit weights, A of {wide['A']} and V of {wide['V']} bits"
    slim = f"narrow: {narrow['weight']}, {narrow['A']}, {narrow['V']}"
    title = f"{report['network']} on a chip with {words} ({slim})"
    ran = f"{report['images']} images, {report['seeds']} seeds, mean and SD; dotted: without flips"
    return f"{fill(title, 105)}\n{ran}"


def _name_the_ends(axis: Any, names: list[str], ends: list[tuple[float, float]]) -> None:
    """Each curve's name to the right of its end, those of close curves apart."""
    heights = [axis.transAxes.inverted().transform(axis.transData.transform(end))[1] for end in ends]
    for name, end, height in zip(names, ends, drawing.apart(heights, 0.07), strict=True):
        axis.annotate(
            name,
            end,
            xytext=(1.05, height),
            textcoords="axes fraction",
            va="center",
            size=9,
            arrowprops={"arrowstyle": "-", "color": "0.6", "shrinkA": 0, "shrinkB": 3},
            annotation_clip=False,
        )
