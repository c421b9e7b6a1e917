"""What points are judged by, which of them no other beats, and which one to take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

#: A point as it was measured.
Found = dict[str, Any]

#: Points of accuracy that the chosen one may be below the best.
CLOSE = 0.1


@dataclass(frozen=True)
class Objective:
    """A figure by which points are judged.

    Attributes
    ----------
    heading
        What stands over it.
    value
        Of a point; None if it was not measured.
    form
        How it is written.
    more
        Whether more is better.
    """

    heading: str
    value: Callable[[Found], float | None]
    form: str
    more: bool = False


def energy(found: Found) -> float | None:
    """nJ an image at full rate, idle PEs gated."""
    gated = found.get("gated")
    return None if gated is None else gated["full_rate"]["nj_per_image"]


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else scale * value


OBJECTIVES = {
    "cycles": Objective(
        "1000 cycles an image", lambda found: _scaled((found.get("cycles") or {}).get("mean"), 1e-3), ",.3f"
    ),
    "energy": Objective("uJ an image", lambda found: _scaled(energy(found), 1e-3), ",.2f"),
    "area": Objective("mm2", lambda found: found.get("chip_mm2"), ",.1f"),
    "luts": Objective(
        "1000 LUT4", lambda found: _scaled((found.get("ecp5") or {}).get("lut4"), 1e-3), ",.1f"
    ),
    "accuracy": Objective("accuracy (%)", lambda found: found.get("accuracy"), ".2f", more=True),
}


def measured(results: Sequence[Found], asked: Sequence[str] = ()) -> dict[str, Objective]:
    """The objectives that were asked for, or all, if any point has them."""
    return {
        name: objective
        for name, objective in OBJECTIVES.items()
        if (not asked or name in asked) and any(objective.value(found) is not None for found in results)
    }


def complete(found: Found, objectives: dict[str, Objective]) -> bool:
    """Whether a point has all that it is judged by."""
    return bool(objectives) and all(one.value(found) is not None for one in objectives.values())


def front(results: Sequence[Found], objectives: dict[str, Objective]) -> list[bool]:
    """Which points no other beats in all objectives at once; one that lacks a figure is not among them."""

    def cost(found: Found) -> tuple[float, ...] | None:
        if not complete(found, objectives):
            return None
        return tuple((-1 if one.more else 1) * (one.value(found) or 0.0) for one in objectives.values())

    costs = [cost(found) for found in results]
    known = [own for own in costs if own is not None]
    return [
        own is not None
        and not any(other != own and all(a <= b for a, b in zip(other, own, strict=True)) for other in known)
        for own in costs
    ]


def choose(results: Sequence[Found], objectives: dict[str, Objective]) -> int | None:
    """The point of the least product of all costs of those within `CLOSE` of the best accuracy.

    None if no point has all figures, or there is no cost to weigh.
    """
    costs = [one for one in objectives.values() if not one.more]
    able = [i for i, found in enumerate(results) if complete(found, objectives)]
    if not able or not costs:
        return None
    if "accuracy" in objectives:
        best = max(results[i]["accuracy"] for i in able)
        able = [i for i in able if results[i]["accuracy"] >= best - CLOSE]
    return min(able, key=lambda i: prod(one.value(results[i]) or 0.0 for one in costs))
