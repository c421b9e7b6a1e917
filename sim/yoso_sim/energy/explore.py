"""``yoso explore``: what each choice of the chip's parameters costs and brings, and the Pareto front.

Every case is a network on a chip: cycles and counters from the RTL, area, clock and energy from the netlist
(`cost`). Cases that are done are kept; an interrupted exploration goes on with the same command.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table
from yoso_hw.writing import write_picture

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
    drawn = Table(title="784-800-10 on sg13g2, 6 x 7 PEs", title_justify="left")
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


def picture(path: Path, results: list[dict[str, Any]]) -> None:
    """Energy over cycles, area as the size of a dot, the front with a rim; numbers stand for names."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (axis, side) = pyplot.subplots(
        1, 2, figsize=(10, 5.5), layout="constrained", gridspec_kw={"width_ratios": (3, 2)}
    )
    colors = {LITERAL: "C3", WINDOWS: "C0", NARROW: "C2"}
    side.axis("off")
    side.set_ylim(len(results) + 1, -1)
    side.set_xlim(0, 1)
    ordered = sorted(zip(results, front(results), strict=True), key=lambda pair: pair[0]["cycles"]["mean"])
    for number, (found, best) in enumerate(ordered, 1):
        network = found["case"]["network"]
        point, color = (found["cycles"]["mean"], 1e-3 * energy(found)), colors.get(network, "C7")
        rim = {"linewidths": 1.5, "edgecolors": "black"} if best else {"linewidths": 0}
        axis.scatter(*point, s=4 * found["chip_mm2"], color=color, alpha=0.8, **rim)
        axis.annotate(str(number), point, ha="center", va="center", fontsize=8, color="white", weight="bold")
        text = found["name"].removeprefix(network).strip() or "default chip"
        side.text(0, number, f"{number}  {text}", color=color, fontsize=8, va="center")
    for network, color in colors.items():
        axis.scatter([], [], color=color, label=network)
    axis.scatter([], [], color="white", edgecolors="black", linewidths=1.5, label="front")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("cycles an image")
    axis.set_ylabel("uJ an image (estimated), 130 nm, idle PEs gated")
    axis.legend(fontsize=8, loc="lower right")
    write_picture(path, figure, dpi=110)
    pyplot.close(figure)
