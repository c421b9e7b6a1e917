"""``yoso explore``: what each choice of the chip's parameters costs and brings, and the Pareto front.

Every case is a network on a chip: cycles and counters from the RTL, area, clock and energy from the netlist
(`cost`). Cases that are done are kept; an interrupted exploration goes on with the same command.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import fill
from typing import Any

from rich.table import Table
from yoso_hw import drawing

from yoso_sim.energy.cost import Case

LITERAL, WINDOWS, NARROW = "mnist-784-800-10-stdbp", "mnist-784-800-10", "mnist-784-800-10-4bit"

#: The paper's chip as far as it is known: one neuron a cycle, unicast, the whole window, no early exit.
BASELINE = Case(LITERAL, ("lanes=1", "multicast=false"), early_exit=False)

#: The chip as it comes.
DEFAULT = Case(WINDOWS)

#: Words of 8 lanes hold whole rows of 16 or 24 neurons: rows of 24 for 784 pixels and a bias need a weight
#: memory that is larger.
WIDE = ("lanes=8", f"weights={785 * 24}")

#: What is explored; the first ones answer the most.
CASES = (
    DEFAULT,
    Case(NARROW, ("weight_bits=4",)),
    Case(WINDOWS, ("weight_bits=5",)),
    BASELINE,
    Case(LITERAL, ("lanes=1",), early_exit=False),
    Case(LITERAL, ("lanes=1",)),
    Case(LITERAL),
    Case(LITERAL, WIDE),
    Case(LITERAL, ("lanes=2",)),
    Case(WINDOWS, ("banked=true",)),
    Case(NARROW, (*WIDE, "weight_bits=4")),
    Case(NARROW, ("lanes=2", "weight_bits=4")),
    Case(WINDOWS, (*WIDE, "weight_bits=5")),
    Case(WINDOWS, ("multicast=false",)),
    Case(WINDOWS, ("router=bus",)),
    Case(WINDOWS, ("lanes=1", "router=bus")),
    Case(LITERAL, ("lanes=1", "multicast=false", "router=bus"), early_exit=False),
)


def asked(words: str) -> Case:
    """A case of one's own: a network, then parameters of its chip, such as "rates.npz neuron=all"."""
    network, *settings = words.split()
    return Case(network, tuple(settings))


def energy(found: dict[str, Any]) -> float:
    """nJ an image at full rate, idle PEs gated."""
    return found["gated"]["full_rate"]["nj_per_image"]


def front(results: list[dict[str, Any]]) -> list[bool]:
    """Which results no other beats in cycles, area, energy and accuracy at once."""

    def cost(found: dict[str, Any]) -> tuple[float, ...]:
        accuracy = found["accuracy"] or 0.0
        return found["cycles"]["mean"], found["chip_mm2"], energy(found), -accuracy

    costs = [cost(found) for found in results]
    return [
        not any(other != own and all(a <= b for a, b in zip(other, own, strict=True)) for other in costs)
        for own in costs
    ]


def choose(results: list[dict[str, Any]]) -> int:
    """The chip of least energy x cycles x area of those within 0.1 points of the best accuracy."""
    best = max(found["accuracy"] for found in results)
    able = [i for i, found in enumerate(results) if found["accuracy"] >= best - 0.1]
    return min(able, key=lambda i: energy(results[i]) * results[i]["cycles"]["mean"] * results[i]["chip_mm2"])


def table(results: list[dict[str, Any]]) -> Table:
    """The results; a star marks the front."""
    drawn = Table(title="Networks on chips, sg13g2", title_justify="left")
    for heading in ("network and chip", "accuracy (%)", "cycles", "mm2", "MHz", "uJ", "uJ ungated", "front"):
        name = heading == "network and chip"
        drawn.add_column(
            heading, justify="left" if name else "right", overflow="fold" if name else "ellipsis"
        )
    for found, best in zip(results, front(results), strict=True):
        drawn.add_row(*cells(found), "*" if best else "")
    return drawn


def cells(found: dict[str, Any]) -> list[str]:
    """A result as the columns of the table."""
    return [
        found["name"],
        f"{found['accuracy']:.2f}",
        f"{found['cycles']['mean']:,.0f}",
        f"{found['chip_mm2']:.1f}",
        f"{found['fmax_mhz']:.0f}",
        f"{1e-3 * energy(found):.2f}",
        f"{1e-3 * found['ungated']['full_rate']['nj_per_image']:.2f}",
    ]


#: What a chip is judged by.
COLUMNS: dict[str, Callable[[dict[str, Any]], float]] = {
    "1000 cycles an image": lambda found: 1e-3 * found["cycles"]["mean"],
    "uJ an image": lambda found: 1e-3 * energy(found),
    "mm2": lambda found: found["chip_mm2"],
    "accuracy (%)": lambda found: found["accuracy"],
}


def rows_of(results: list[dict[str, Any]]) -> list[tuple[str, int | None]]:
    """Each network as a heading, and below it its chips by energy, each with the number of its result."""
    rows: list[tuple[str, int | None]] = []
    for network in dict.fromkeys(found["case"]["network"] for found in results):
        own = [i for i, found in enumerate(results) if found["case"]["network"] == network]
        rows.append((network, None))
        for i in sorted(own, key=lambda i: energy(results[i])):
            chip = f"chip {Path(results[i]['case']['chip']).stem}"
            rows.append((results[i]["name"].removeprefix(network).strip() or chip, i))
    return rows


def draw(results: list[dict[str, Any]]) -> Any:
    """A row a chip, a column for all that it is judged by; the front is filled, the chosen a star."""
    pyplot = drawing.pyplot()
    best, chosen, rows = front(results), choose(results), rows_of(results)
    names = [fill(name, 50) for name, _ in rows]
    heights = [name.count("\n") + 1 for name in names]
    places = [sum(heights[:row]) + heights[row] / 2 for row in range(len(rows))]
    figure, axes = pyplot.subplots(
        1, len(COLUMNS), figsize=(10, 1.6 + 0.2 * sum(heights)), sharey=True, layout="constrained"
    )
    params, found = Case(**results[0]["case"]).params, results[0]
    title = f"Networks on chips of {params.cols} x {params.rows} PEs: {found['images']} images on the RTL; "
    figure.suptitle(f"{title}{found['process']}, estimated before layout, idle PEs gated", size=11)
    marks: dict[str, dict[str, Any]] = {
        "the front: no other is as good in all four": {"color": drawing.FIRST},
        "others": {"facecolors": "white", "edgecolors": "0.3"},
        "chosen: least energy x cycles x area": {"marker": "*", "s": 150, "color": "k"},
    }
    dot, ring, star = marks.values()
    for axis, (heading, value) in zip(axes, COLUMNS.items(), strict=True):
        for (_, i), place in zip(rows, places, strict=True):
            if i is None:
                continue
            mark = star if i == chosen else dot if best[i] else ring
            axis.scatter(value(results[i]), place, **mark)
        drawing.fit(axis, [value(found) for found in results])
        axis.tick_params(axis="y", length=0)
        axis.set_xlabel(heading)
    axes[0].set_ylim(sum(heights), 0)
    axes[0].set_yticks(places, names, size=9)
    for label, (_, i) in zip(axes[0].get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if i is None else "normal")
    for kind, mark in marks.items():
        axes[0].scatter([], [], label=kind, **mark)
    figure.legend(loc="outside lower center", ncols=3)
    return figure
