"""The picture of the comparison: what an image costs, a row a network, and error by cycles and by noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yoso_hw import drawing

from yoso_sim.comparison.kinds import KINDS, RELU, alike, kind_of, trained_anew

#: The column of energies, and how the ReLU network's energy by this chip's prices looks there.
ENERGY = "uJ"
HOLLOW: dict[str, Any] = {
    "marker": KINDS[RELU][1],
    "facecolors": "white",
    "edgecolors": KINDS[RELU][0],
    "s": 40,
}

#: Columns of the upper part: heading, and its value in a row, None where it does not apply.
COLUMNS: dict[str, Callable[[dict[str, Any]], float | None]] = {
    "test error (%)": lambda row: 100 - row["accuracy"],
    "hidden spikes": lambda row: row["hidden_spikes"],
    "1000 updates": lambda row: 1e-3 * row["updates"],
    "steps": lambda row: row["sweeps"],
    "cycles": lambda row: row["cycles"],
    ENERGY: lambda row: None if row["energy_nj"] is None else 1e-3 * row["energy_nj"],
}

#: Letters of a network's name.
LONGEST = 40

#: Errors of the curves below this many per cent are drawn at it.
LEAST = 0.3

#: Curves of noise: their key, title and x axis.
NOISE = (
    ("pixels", "noisy pixels", "standard deviation,\nshare of white"),
    ("jitter", "jittered input spikes", "standard deviation,\nshare of the input window"),
    ("deleted", "deleted input spikes", "share deleted\n(ReLU: pixels of 0)"),
)

#: Inches of a row of the upper part, and of a line of curves.
ROW, LINE = 0.25, 3.1


def draw(numbers: dict[str, Any]) -> Any:
    """The picture, a matplotlib figure."""
    pyplot = drawing.pyplot()
    rows, details = numbers["rows"], numbers["details"]
    shapes = drawn_shapes(numbers)
    height = 0.9 + ROW * len(rows)
    heights = [height, *[LINE] * len(shapes), 0.4]
    figure = pyplot.figure(figsize=(13, sum(heights)), layout="constrained")
    upper, *lines, legend = figure.subfigures(len(heights), 1, height_ratios=heights)
    _draw_costs(upper, rows, details)
    for place, (part, shape) in enumerate(zip(lines, shapes, strict=True)):
        own = [row for row in rows if details[row["network"]]["shape"] == shape]
        _draw_curves(part, shape, own, details, last=place == len(shapes) - 1)
    used = {kind_of(row, details[row["network"]]) for row in rows}
    handles = [
        pyplot.Line2D([], [], color=colour, marker=mark, label=kind)
        for kind, (colour, mark) in KINDS.items()
        if kind in used
    ]
    if _like_ours(rows, details):
        hollow = {"color": KINDS[RELU][0], "markerfacecolor": "white", "marker": KINDS[RELU][1]}
        handles.append(pyplot.Line2D([], [], linestyle="", label=f"{RELU} at this chip's prices", **hollow))
    if trained_anew(rows, details):
        style = {"color": "0.3", "marker": "o", "markerfacecolor": "white", "linestyle": "--"}
        handles.append(pyplot.Line2D([], [], label="trained for each T", **style))
    legend.legend(handles=handles, loc="center", ncols=len(handles), fontsize=9)
    return figure


def drawn_shapes(numbers: dict[str, Any]) -> list[str]:
    """Shapes whose curves are drawn: the first dense one and the first with convolutions, if there is one."""
    found = list(dict.fromkeys(own["shape"] for own in numbers["details"].values()))
    dense = [shape for shape in found if "x" not in shape]
    return [*dense[:1], *[shape for shape in found if "x" in shape][:1]]


def _draw_costs(part: Any, rows: list[dict[str, Any]], details: dict[str, Any]) -> None:
    axes = part.subplots(1, len(COLUMNS), sharey=True, squeeze=False)[0]
    shapes = [details[row["network"]]["shape"] for row in rows]
    borders = [place - 0.5 for place in range(1, len(rows)) if shapes[place] != shapes[place - 1]]
    for axis, (heading, value) in zip(axes, COLUMNS.items(), strict=True):
        found = [(place, own) for place, row in enumerate(rows) if (own := value(row)) is not None]
        for place, own in found:
            colour, mark = KINDS[kind_of(rows[place], details[rows[place]["network"]])]
            axis.scatter(own, place, color=colour, marker=mark, s=40, zorder=3)
        if heading == ENERGY:
            found += (dear := _like_ours(rows, details))
            for place, own in dear:
                axis.scatter(own, place, zorder=3, **HOLLOW)
        for border in borders:
            axis.axhline(border, color="0.6", linewidth=0.8)
        if found:
            drawing.fit(axis, [own for _, own in found])
        else:
            axis.set_xticks([])
        axis.tick_params(axis="y", length=0)
        axis.set_xlabel(heading)
    axes[0].set_yticks(range(len(rows)), [_label(row) for row in rows], size=10)
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    chips = {own["chip"] for own in details.values() if "chip" in own}
    told = "dense networks on one chip, those with convolutions on another" if len(chips) > 1 else "one chip"
    part.suptitle(f"An image on average: {told}", size=12)


def _like_ours(rows: list[dict[str, Any]], details: dict[str, Any]) -> list[tuple[int, float]]:
    """Place and energy in uJ of the ReLU networks whose products cost what this chip's updates do."""
    assumed = [details[row["network"]].get("energy") for row in rows]
    return [(place, 1e-3 * own["like_ours"]) for place, own in enumerate(assumed) if own]


def _label(row: dict[str, Any]) -> str:
    """A network's name, that of a ReLU network without its long shape, and no more of any than has room."""
    if row["rule"] == "ann" and "x" in row["network"]:
        return "ReLU, the C-SNN's shape"
    name = str(row["network"])
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _draw_curves(
    part: Any, shape: str, rows: list[dict[str, Any]], details: dict[str, Any], *, last: bool
) -> None:
    """Error of one shape's networks: by cycles, or by steps where none ran on the RTL, and by noise.

    Of networks that differ in the T that they were trained for, the first has the curves, and a dashed one is
    of all of them, with whole images.
    """
    left, *others = part.subplots(1, 1 + len(NOISE), sharey=True)
    timed = any(details[row["network"]].get("ended") for row in rows)
    for row, *_ in alike(rows, details):
        own = details[row["network"]]
        colour, mark = KINDS[kind_of(row, own)]
        style = {"color": colour, "marker": mark, "markersize": 5, "linewidth": 1.3}
        points, key = (own.get("ended"), "cycles") if timed else (own.get("curve"), "steps")
        if points:
            left.plot([p[key] for p in points], [_error(p["accuracy"]) for p in points], **style)
        for axis, (name, _, _) in zip(others, NOISE, strict=True):
            if found := own["noise"].get(name):
                axis.plot([share for share, _ in found], [_error(right) for _, right in found], **style)
    for each in trained_anew(rows, details):
        colour, mark = KINDS[kind_of(each[0], details[each[0]["network"]])]
        style = {"color": colour, "marker": mark, "markersize": 5, "markerfacecolor": "white"}
        key = "cycles" if timed else "steps"
        known = [row for row in each if row[key] is not None]
        left.plot(
            [row[key] for row in known],
            [_error(row["accuracy"]) for row in known],
            linestyle="--",
            **style,
        )
    left.set(ylabel="test error (%)", yscale="log", title="images ended early")
    left.set_ylim(LEAST, 100)
    left.set_yticks([0.5, 1, 2, 5, 10, 20, 50], ["0.5", "1", "2", "5", "10", "20", "50"])
    left.minorticks_off()
    drawing.fit(left, [float(time) for line in left.get_lines() for time in line.get_xdata()])
    left.set_xlabel("cycles of an image" if timed else "step at which they end")
    for axis, (_, title, label) in zip(others, NOISE, strict=True):
        axis.set_title(title)
        if last:
            axis.set_xlabel(label)
    part.suptitle(shape, size=12)


def _error(accuracy: float) -> float:
    return max(LEAST, 100 - accuracy)
