"""A search as a report: table, Markdown page, picture, and the configuration of a trial as a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.table import Table
from yoso_hw import drawing

from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.config_file import table_of
from yoso_sw.search.space import Choice, Space
from yoso_sw.search.study import Trial

#: Trials beside each other in a terminal.
MOST_COLUMNS = 5

#: What figures are in.
UNITS = {"accuracy": "validation, %", "bits": "bits", "spikes": "spikes an image", "steps": "steps"}


def report(space: Space, trials: Sequence[Trial], best: Sequence[Trial]) -> dict[str, Any]:
    """The search as JSON values."""
    rows = [
        {"trial": one.number, **one.values, **one.figures, "refused": one.refused or None} for one in trials
    ]
    return {
        "configuration": space.where,
        "objectives": list(space.objectives),
        "space": {key: str(part) for key, part in space.varied.items()},
        "chosen_by": "validation images; the test set was not read",
        "best": [one.number for one in best],
        "rows": rows,
    }


def cells(space: Space, one: Trial) -> list[str]:
    """A trial as a row: its number, what it chose, what it came to."""
    figures = [f"{one.figures[name]:,g}" if one.figures else "" for name in UNITS]
    return [str(one.number), *(plain(one.values[key]) for key in space.varied), *figures, one.refused]


def plain(value: Any) -> str:
    """A value as it is read."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def heads(space: Space) -> list[str]:
    return ["trial", *space.varied, *UNITS.values(), "refused"]


def table(space: Space, trials: Sequence[Trial]) -> Table:
    """Good trials for the terminal, a column each: there are more keys than the terminal is wide."""
    shown = trials[:MOST_COLUMNS]
    rest = f", the first {len(shown)} of {len(trials)}" if len(shown) < len(trials) else ""
    title = "The Pareto front" + rest if len(space.objectives) > 1 else "The best trial"
    found = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    for row in list(zip(heads(space), *(cells(space, one) for one in shown), strict=True))[:-1]:
        found.add_row(*row)
    return found


def markdown(space: Space, trials: Sequence[Trial], best: Sequence[Trial], picture: str) -> str:
    """The page."""
    lines = ["| " + " | ".join(heads(space)) + " |", "|" + "---|" * len(heads(space))]
    body = {
        name: ["| " + " | ".join(cells(space, one)) + " |" for one in some]
        for name, some in (("best", best), ("all", trials))
    }
    what = "The Pareto front" if len(space.objectives) > 1 else "The best trial"
    return "\n".join(
        [
            f"# Search of {space.table.get('name', '')}",
            "",
            f"{len(trials)} trials, by {', '.join(space.objectives)}. Validation images chose; the test set "
            "was not read.",
            "",
            f"![Trials]({picture})",
            "",
            f"## {what}",
            "",
            *lines,
            *body["best"],
            "",
            "## All trials",
            "",
            *lines,
            *body["all"],
            "",
        ]
    )


def draw(space: Space, trials: Sequence[Trial], best: Sequence[Trial]) -> Any:
    """The figure: the objectives against each other, or the best so far; accuracy by each varied key."""
    pyplot = drawing.pyplot()
    from matplotlib.ticker import MaxNLocator

    done = [one for one in trials if one.figures]
    keys = list(space.varied)
    across = min(3, 1 + len(keys))
    down = -(-(1 + len(keys)) // across)
    figure, axes = pyplot.subplots(
        down, across, figsize=(4 * across, 3 * down), layout="constrained", squeeze=False
    )
    first, *rest = axes.ravel()
    numbers = {one.number for one in best}
    second = space.objectives[1] if len(space.objectives) > 1 else ""
    x = [one.figures[second] if second else one.number for one in done]
    y = [one.figures["accuracy"] for one in done]
    marked = [one.number in numbers for one in done]
    _points(first, x, y, marked)
    if second:
        front = sorted((one.figures[second], one.figures["accuracy"]) for one in best)
        first.plot(*zip(*front, strict=True), color=drawing.SECOND, linewidth=1)
    first.set_xlabel(UNITS[second] if second else "trial")
    first.set_title("orange: the Pareto front" if second else "orange: the best", fontsize=10)
    for axis, key in zip(rest, keys, strict=False):
        part = space.varied[key]
        values: list[Any] = [one.values[key] for one in done]
        if isinstance(part, Choice):
            places = [part.values.index(value) for value in values]
            axis.set_xticks(range(len(part.values)), [str(value) for value in part.values])
            values = places
        elif part.log:
            axis.set_xscale("log")
        elif part.whole:
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        _points(axis, values, y, marked)
        axis.set_xlabel(key)
    for axis in rest[len(keys) :]:
        axis.set_visible(False)
    for row in axes:
        row[0].set_ylabel("validation accuracy, %")
    figure.suptitle(f"{space.table.get('name', '')}: {len(trials)} trials, {len(trials) - len(done)} refused")
    return figure


def _points(axis: Any, x: Sequence[Any], y: Sequence[float], marked: Sequence[bool]) -> None:
    for wanted, colour, size in ((False, drawing.FIRST, 18), (True, drawing.SECOND, 45)):
        own = [(a, b) for a, b, mark in zip(x, y, marked, strict=True) if mark == wanted]
        if own:
            axis.scatter(*zip(*own, strict=True), color=colour, s=size, zorder=2 + wanted)


def toml(config: TrainConfig, dataset: str, comment: str) -> str:
    """A configuration as a file, every key named, with its data set at `dataset`."""
    values = table_of(config) | {"dataset": dataset}
    layers, augment = values.pop("layers"), values.pop("augment")
    lines = [f"# {line}" for line in comment.splitlines()]
    lines += _entries(values)
    for layer in layers:
        lines += ["", "[[layers]]", *_entries(layer)]
    return "\n".join([*lines, "", "[augment]", *_entries(augment), ""])


def _entries(values: dict[str, Any]) -> list[str]:
    """JSON's numbers, words, truths and lists are TOML's as well."""
    return [f"{key} = {json.dumps(value)}" for key, value in values.items()]
