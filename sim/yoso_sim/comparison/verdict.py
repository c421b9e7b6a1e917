"""Which way it came out: sentences made of the measured numbers, and what others printed beside them."""

from __future__ import annotations

from typing import Any

from yoso_sim.comparison.kinds import LITERAL, RATES, RELU, kind_of
from yoso_sim.comparison.tables import Numbers, table

_HEAD = """\
## Which way it came out
"""

_PRINTED = """\
### Beside published figures

Theirs are as printed, of other networks, chips and ways of counting; ours are of the rows above.
"""

#: By whom and of what, and the figure as it was printed.
PRINTED = {
    "operations": (
        "Rueckauer and Liu, ISCAS 2018, abstract: time to first spike against rates, both converted, MNIST",
        "7 to 10 times fewer operations, less than 1 % of accuracy lost",
    ),
    "loihi": (
        "on Loihi 2, arXiv 2407.09260: rates against time to first spike",
        "91.7 % against 89 %, at a firing rate of 2 %",
    ),
    "ann": (
        "Davidson and Furber, Frontiers in Neuroscience 2021: rates against an ANN",
        "most rate-coded networks do not beat it in energy",
    ),
}

#: The energies that the ReLU network is given by assumption (`priced.of_ann`).
ASSUMED = {
    "memory_and_arithmetic": "memory reads and arithmetic alone",
    "like_ours": "products at the price of this chip's updates",
}


def by_shape(numbers: Numbers) -> dict[str, list[dict[str, Any]]]:
    """The rows of each shape, in the table's order, with their `kind`."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in numbers["rows"]:
        own = numbers["details"][row["network"]]
        found.setdefault(own["shape"], []).append({**row, "kind": kind_of(row, own)})
    return found


def fewer(ours: float, theirs: float, what: str) -> str:
    """How much less `ours` is than `theirs`, or how much more."""
    low, high = sorted((ours, theirs))
    if high <= 1.05 * low:
        return f"about as many {what}"
    return f"{high / low:.1f} times {'fewer' if ours < theirs else 'more'} {what}" if low else f"no {what}"


def _relu(shape: str, rows: list[dict[str, Any]], numbers: Numbers) -> list[str]:
    """Accuracy and energy of spiking rows beside the ReLU network of their shape."""
    spiking = [row for row in rows if row["kind"] != RELU]
    relus = [row for row in rows if row["kind"] == RELU]
    if not spiking or not relus:
        return []
    (relu,) = relus
    best = max(spiking, key=lambda row: row["accuracy"])
    above = sum(row["accuracy"] > relu["accuracy"] for row in spiking)
    lines = [
        f"**{shape}.** The ReLU network is right on {relu['accuracy']:.2f} %, {above} of {len(spiking)} "
        f"spiking networks more often, {best['network']} ({best['accuracy']:.2f} %) most often."
    ]
    priced = [row for row in spiking if row["energy_nj"] is not None]
    assumed = numbers["details"][relu["network"]].get("energy")
    if priced and assumed:
        least = min(priced, key=lambda row: row["energy_nj"])
        lines.append(
            f"Of {len(priced)} with an energy the cheapest, {least['network']}, takes "
            f"{least['energy_nj']:,.0f} nJ."
        )
        for name, called in ASSUMED.items():
            below = sum(row["energy_nj"] < assumed[name] for row in priced)
            ratio = least["energy_nj"] / assumed[name]
            lines.append(
                f"The ReLU network's {called} take {assumed[name]:,.0f} nJ: {below or 'none'} of them "
                f"{'are' if below > 1 else 'is'} below, and the cheapest takes {ratio:.2f} times as much."
            )
    return [" ".join(lines)]


def _first_spikes(shape: str, rows: list[dict[str, Any]], numbers: Numbers) -> list[str]:
    """Literal time to first spike beside each rate-coded rule of its shape."""
    literal = next((row for row in rows if row["kind"] == LITERAL), None)
    if literal is None:
        return []
    lines = []
    for rate in (row for row in rows if row["kind"] in RATES):
        told = [
            fewer(literal["hidden_spikes"], rate["hidden_spikes"], "hidden spikes"),
            fewer(literal["updates"], rate["updates"], "updates"),
        ]
        for key, unit in (("cycles", "cycles"), ("energy_nj", "nJ")):
            if literal[key] and rate[key]:
                told.append(fewer(literal[key], rate[key], unit))
        points = literal["accuracy"] - rate["accuracy"]
        lines.append(f"{', '.join(told)} than {_named(rate, rows, numbers)} ({points:+.2f} points)")
    return [f"**{shape}**, literal STDBP has {'; '.join(lines)}."] if lines else []


def _named(row: dict[str, Any], rows: list[dict[str, Any]], numbers: Numbers) -> str:
    """The kind of a row, with its T where others of its kind have its shape."""
    kind = str(row["kind"])
    if sum(other["kind"] == kind for other in rows) == 1:
        return kind
    return f"{kind} at T = {numbers['details'][row['network']]['T']}"


def undercut(numbers: Numbers, name: str) -> tuple[int, int]:
    """How many rate-coded rows take less than the ReLU network of their shape, of how many with energies.

    Parameters
    ----------
    name
        Of `ASSUMED`.
    """
    below = of = 0
    for rows in by_shape(numbers).values():
        relu = next((row for row in rows if row["kind"] == RELU), None)
        assumed = numbers["details"][relu["network"]].get("energy") if relu else None
        if assumed:
            own = [row["energy_nj"] for row in rows if row["kind"] in RATES and row["energy_nj"] is not None]
            below, of = below + sum(nj < assumed[name] for nj in own), of + len(own)
    return below, of


def _printed(numbers: Numbers) -> list[str]:
    """Published figures, with what stands for them here."""
    operations, rates = [], []
    for shape, rows in by_shape(numbers).items():
        literal = next((row for row in rows if row["kind"] == LITERAL), None)
        others = [row for row in rows if row["kind"] in RATES]
        if literal is None or not others:
            continue
        ratios = sorted(row["updates"] / literal["updates"] for row in others)
        lost = max(row["accuracy"] for row in others) - literal["accuracy"]
        operations.append(
            f"{shape}: {ratios[0]:.2f} to {ratios[-1]:.2f} times fewer updates, {-lost:+.2f} points"
        )
        best = max(others, key=lambda row: row["accuracy"])
        rates.append(
            f"{shape}: {best['accuracy']:.2f} % ({_named(best, rows, numbers)}) against "
            f"{literal['accuracy']:.2f} %, {_firing(best, numbers):.1f} and {_firing(literal, numbers):.1f} "
            "spikes a hundred neurons swept"
        )
    energies = []
    for name, called in ASSUMED.items():
        below, of = undercut(numbers, name)
        energies += [f"{below} of {of} take less than {called}"] if of else []
    ours = {"operations": "; ".join(operations), "loihi": "; ".join(rates), "ann": "; ".join(energies)}
    cells = [[whose, figure, ours[name]] for name, (whose, figure) in PRINTED.items()]
    return [_PRINTED, *table(["whose", "as printed", "here"], cells, 3)]


def _firing(row: dict[str, Any], numbers: Numbers) -> float:
    """Hidden spikes a hundred neurons swept."""
    return 100 * row["hidden_spikes"] / numbers["details"][row["network"]]["counts"]["neuron_sweeps"]


def verdict(numbers: Numbers) -> list[str]:
    """The section of the page."""
    lines = []
    for shape, rows in by_shape(numbers).items():
        lines += [*_relu(shape, rows, numbers), *_first_spikes(shape, rows, numbers)]
    if not lines:
        return []
    return [_HEAD, *(f"- {line}" for line in lines), "", *_printed(numbers)]
