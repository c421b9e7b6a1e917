"""Points as a table, as Markdown and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from rich.table import Table
from rich.text import Text
from yoso_hw import drawing

from yoso_sim.energy.cost import Case
from yoso_sim.explore.front import Found, Objective, choose, front, measured

#: More columns, of what points are not judged by: heading, and what is in it.
OTHERS = {
    "MHz": lambda found: _number(found.get("fmax_mhz"), ".0f"),
    "ungated uJ": lambda found: _number(
        1e-3 * found["ungated"]["full_rate"]["nj_per_image"] if found.get("ungated") else None, ".2f"
    ),
    "differ": lambda found: (
        "" if found.get("mismatches") is None else f"{sum(found['mismatches'].values()):,}"
    ),
    "PEs": lambda found: _number(found.get("pes"), ",d"),
}


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def rows(results: Sequence[Found], objectives: dict[str, Objective]) -> tuple[list[str], list[list[str]]]:
    """Headings, and a row a point that there is; a star marks the front. Empty columns are left out."""
    best = front(results, objectives)
    columns = {
        "network and chip": [found["name"] for found in results],
        **{
            one.heading: [_number(one.value(found), one.form) for found in results]
            for one in objectives.values()
        },
        **{heading: [text(found) for found in results] for heading, text in OTHERS.items()},
        "front": ["*" if own else "" for own in best],
    }
    filled = {heading: cells for heading, cells in columns.items() if any(cells)}
    lines = [[*cells] for cells in zip(*filled.values(), strict=True)]
    there = [line for line, found in zip(lines, results, strict=True) if not found.get("impossible")]
    return [*filled], there


def table(results: Sequence[Found], objectives: dict[str, Objective]) -> Table:
    """The points for a terminal."""
    headings, lines = rows(results, objectives)
    drawn = Table(title="Networks on chips", title_justify="left")
    for heading in headings:
        name = heading == "network and chip"
        drawn.add_column(
            heading,
            justify="left" if name else "right",
            overflow="fold" if name else "ellipsis",
            min_width=30 if name else None,
        )
    for line in lines:
        drawn.add_row(*(Text(cell) for cell in line))
    return drawn


def markdown(report: dict[str, Any], objectives: dict[str, Objective]) -> str:
    """The points as a page."""
    results = report["results"]
    headings, lines = rows(results, objectives)
    text = [f"# {report['spec']}", "", f"`{report['command']}`", ""]
    text += [
        f"| {' | '.join(headings)} |",
        f"|{'|'.join(['---'] + ['---:'] * (len(headings) - 1))}|",
        *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines),
        "",
        sentence(report, objectives),
        "",
    ]
    for found in results:
        reasons = [found["impossible"]] if found.get("impossible") else found.get("left_out", [])
        text += [f"- {found['name']}: {reason}" for reason in reasons]
    return "\n".join(text).rstrip() + "\n"


def sentence(report: dict[str, Any], objectives: dict[str, Objective]) -> str:
    """What the front is of, which point is chosen, and what the baseline takes beside it."""
    names = [one.heading for one in objectives.values()]
    weighed = f"{', '.join(names[:-1])} and {names[-1]} at once" if names[1:] else "".join(names)
    said = f"Front: no other point is as good in {weighed}."
    if report["chosen"] is not None:
        said += f" Chosen, of the least product of costs near the best accuracy: {report['chosen']}."
        said += f" {beside_the_baseline(report['ratio'])}" if report["baseline"] else ""
    return said


def beside_the_baseline(ratio: dict[str, float] | None) -> str:
    """What the baseline takes beside the chosen chip, in words."""
    if ratio is None:
        return "The baseline has not run yet."
    said = (f"{value} times the {'LUTs' if what == 'luts' else what}" for what, value in ratio.items())
    return f"The baseline takes {', '.join(said)}."


#: What the chips of a network are ordered by: the first of these that was measured.
ORDER = ("energy", "cycles", "luts", "area", "accuracy")


def lines_of(results: Sequence[Found], objectives: dict[str, Objective]) -> list[tuple[str, int | None]]:
    """Each network as a heading, and below it its chips in `ORDER`, each with the number of its result."""
    value = next(objectives[key].value for key in ORDER if key in objectives)
    lines: list[tuple[str, int | None]] = []
    for network in dict.fromkeys(found["case"]["network"] for found in results):
        own = [i for i, found in enumerate(results) if found["case"]["network"] == network]
        lines.append((network, None))
        for i in sorted(own, key=lambda i: value(results[i]) or 0.0):
            chip = f"chip {Path(results[i]['case']['chip']).stem}"
            lines.append((results[i]["name"].removeprefix(network).strip() or chip, i))
    return lines


def draw(results: Sequence[Found], objectives: dict[str, Objective] | None = None) -> Any:
    """A row a chip, a column for all that it is judged by; the front is filled, the chosen a star.

    `results` are points that there are; None if nothing was measured of them.
    """
    objectives = measured(results) if objectives is None else objectives
    if not objectives:
        return None
    pyplot = drawing.pyplot()
    best, chosen = front(results, objectives), choose(results, objectives)
    found_rows = lines_of(results, objectives)
    names = [fill(name, 50) for name, _ in found_rows]
    heights = [name.count("\n") + 1 for name in names]
    places = [sum(heights[:row]) + heights[row] / 2 for row in range(len(found_rows))]
    figure, panels = pyplot.subplots(
        1,
        len(objectives),
        figsize=(max(10, 4 + 1.5 * len(objectives)), 1.6 + 0.2 * sum(heights)),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    axes = panels[0]
    figure.suptitle(title(results), size=11)
    marks: dict[str, dict[str, Any]] = {
        f"the front: no other is as good in all {len(objectives)}": {"color": drawing.FIRST},
        "others": {"facecolors": "white", "edgecolors": "0.3"},
        "chosen: least product of costs": {"marker": "*", "s": 150, "color": "k"},
    }
    dot, ring, star = marks.values()
    for axis, objective in zip(axes, objectives.values(), strict=True):
        for (_, i), place in zip(found_rows, places, strict=True):
            if i is None or (value := objective.value(results[i])) is None:
                continue
            mark = star if i == chosen else dot if best[i] else ring
            axis.scatter(value, place, **mark)
        drawing.fit(axis, [value for found in results if (value := objective.value(found)) is not None])
        axis.tick_params(axis="y", length=0)
        axis.set_xlabel(objective.heading)
    axes[0].set_ylim(sum(heights), 0)
    axes[0].set_yticks(places, names, size=9)
    for label, (_, i) in zip(axes[0].get_yticklabels(), found_rows, strict=True):
        label.set_fontweight("bold" if i is None else "normal")
    for kind, mark in marks.items():
        axes[0].scatter([], [], label=kind, **mark)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def title(results: Sequence[Found]) -> str:
    """What the points are and how they were measured."""
    meshes = {(params.cols, params.rows) for params in (Case(**found["case"]).params for found in results)}
    mesh = f" of {'{} x {}'.format(*next(iter(meshes)))} PEs" if len(meshes) == 1 else ""
    ran = any(found.get("cycles") for found in results)
    how = [f"{results[0]['images']} images on the RTL"] if ran else []
    if process := next((found["process"] for found in results if found.get("process")), None):
        how.append(f"{process}, estimated before layout, idle PEs gated")
    return f"Networks on chips{mesh}: {'; '.join(how) or 'golden model'}"
