"""The picture of the comparison: what an image costs, a row a network; below, error by step and by noise."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import fill
from typing import Any

from yoso_hw import drawing

#: Kinds of rows: colour and mark, told apart in grey by the mark.
KINDS: dict[str, tuple[str, str]] = {
    "literal STDBP": ("#000000", "o"),
    "STDBP with windows": ("#0072b2", "s"),
    "spike count": ("#d55e00", "^"),
    "tandem": ("#e69f00", "D"),
    "C-LIF": ("#009e73", "v"),
    "8-bit ReLU": ("#999999", "P"),
    "another rule": ("#cc79a7", "X"),
}

#: Lines by the kind of network.
LINES = {"784-800-10": "-", "784-100-10": ":", "other": "--"}

#: Columns of the upper half: heading, and its value in a row, None where it does not apply.
COLUMNS: dict[str, Callable[[dict[str, Any]], float | None]] = {
    "test error (%)": lambda row: 100 - row["accuracy"],
    "hidden spikes": lambda row: row["hidden_spikes"],
    "1000 updates": lambda row: 1e-3 * row["updates"],
    "steps": lambda row: row["sweeps"],
    "cycles": lambda row: row["cycles"],
    "uJ": lambda row: None if row["energy_nj"] is None else 1e-3 * row["energy_nj"],
}

#: Errors of the curves below this many per cent are drawn at it.
LEAST = 0.3


def kind_of(row: dict[str, Any], details: dict[str, Any]) -> str:
    """Of `KINDS`."""
    if row["rule"] == "stdbp":
        return "STDBP with windows" if details.get("windows") else "literal STDBP"
    named = {"count": "spike count", "tandem": "tandem", "clif": "C-LIF", "ann": "8-bit ReLU"}
    return named.get(row["rule"], "another rule")


def _style(row: dict[str, Any], details: dict[str, Any]) -> dict[str, Any]:
    colour, mark = KINDS[kind_of(row, details)]
    line = LINES.get(details["shape"], LINES["other"])
    return {"color": colour, "marker": mark, "linestyle": line, "markersize": 4, "linewidth": 1.3}


def draw(numbers: dict[str, Any]) -> Any:
    """The picture, a matplotlib figure."""
    pyplot = drawing.pyplot()
    rows, details = numbers["rows"], numbers["details"]
    height = 1.0 + 0.24 * sum(fill(row["network"], 34).count("\n") + 1 for row in rows)
    figure = pyplot.figure(figsize=(12, height + 4.6), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(height, 4.6))
    _draw_costs(upper, rows, details)
    _draw_curves(lower, rows, details)
    return figure


def _draw_costs(part: Any, rows: list[dict[str, Any]], details: dict[str, Any]) -> None:
    axes = part.subplots(1, len(COLUMNS), sharey=True, squeeze=False)[0]
    for axis, (heading, value) in zip(axes, COLUMNS.items(), strict=True):
        found = [(place, own) for place, row in enumerate(rows) if (own := value(row)) is not None]
        for place, own in found:
            colour, mark = KINDS[kind_of(rows[place], details[rows[place]["network"]])]
            axis.scatter(own, place, color=colour, marker=mark, s=36)
        if found:
            drawing.fit(axis, [own for _, own in found])
        else:
            axis.set_xticks([])
        axis.tick_params(axis="y", length=0)
        axis.set_xlabel(heading)
    axes[0].set_yticks(range(len(rows)), [fill(row["network"], 34) for row in rows], size=9)
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    part.suptitle("An image on the same chip, on average", size=11)


def _draw_curves(part: Any, rows: list[dict[str, Any]], details: dict[str, Any]) -> None:
    left, *others = part.subplots(1, 4, sharey=True)
    for row in rows:
        own = details[row["network"]]
        style = _style(row, own)
        if points := own.get("curve"):
            left.plot([p["steps"] for p in points], [_error(p["accuracy"]) for p in points], **style)
        for axis, name in zip(others, ("pixels", "jitter", "deleted"), strict=True):
            if points := own["noise"].get(name):
                axis.plot([share for share, _ in points], [_error(right) for _, right in points], **style)
    left.set(ylabel="test error (%)", yscale="log", title="image ended early")
    left.set_ylim(LEAST, 100)
    left.set_yticks([0.5, 1, 2, 5, 10, 20, 50], ["0.5", "1", "2", "5", "10", "20", "50"])
    left.minorticks_off()
    left.set_xlabel("step at which it ends")
    titles = (
        ("noisy pixels", "standard deviation,\nshare of white"),
        ("jittered input spikes", "standard deviation,\nshare of the input window"),
        ("deleted input spikes", "share deleted\n(ReLU: pixels of 0)"),
    )
    for axis, (title, label) in zip(others, titles, strict=True):
        axis.set(title=title, xlabel=label)
    used = {kind_of(row, details[row["network"]]) for row in rows}
    shapes = {LINES.get(details[row["network"]]["shape"], LINES["other"]) for row in rows}
    for kind, (colour, mark) in KINDS.items():
        if kind in used:
            left.plot([], [], color=colour, marker=mark, linestyle="", label=kind)
    for shape, line in LINES.items():
        if line in shapes:
            left.plot([], [], color="0.3", linestyle=line, label=shape)
    part.legend(loc="outside lower center", ncols=len(used) + len(shapes))


def _error(accuracy: float) -> float:
    return max(LEAST, 100 - accuracy)
