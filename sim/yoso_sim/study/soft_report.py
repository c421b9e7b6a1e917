"""Figures of the soft errors: the summary and its JSON, the tables, the picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table
from rich.text import Text
from yoso_hw.writing import write_picture

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


def picture(path: Path, report: dict[str, Any]) -> None:
    """Accuracy against rate, a panel for the weights and one for A and V, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rates, curves = _rows(report)
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
    for axis, (title, names) in zip(axes, PANELS.items(), strict=True):
        for name, points in curves.items():
            if not name.startswith(names):
                continue
            mean, spread = (np.array([point[key] for point in points]) for key in ("mean", "deviation"))
            (line,) = axis.plot(rates, mean, marker="o", markersize=3, label=name)
            axis.fill_between(rates, mean - spread, mean + spread, color=line.get_color(), alpha=0.15)
        axis.axhline(report["accuracy_without_flips"], color="0.6", linewidth=0.8, linestyle=":")
        axis.set(xscale="log", xlabel="flips a stored bit", title=title, ylim=(0, 101))
        axis.grid(color="0.9")
        axis.legend(frameon=False, loc="lower left")
    axes[0].set_ylabel("accuracy in %")
    figure.suptitle(f"{report['network']}: {report['images']} images, {report['seeds']} seeds, mean ± SD")
    write_picture(path, figure, dpi=90)
    pyplot.close(figure)
