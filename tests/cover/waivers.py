"""Why points are not reached: the waivers of ``waivers.toml``, each held to the holes that it explains."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from cover.points import KINDS, CoverageError, Point

WAIVERS = Path(__file__).with_suffix(".toml")


class Unexplained(RuntimeError):
    """A hole without a waiver, or a waiver without a hole; the message lists them."""


@dataclass(frozen=True)
class Waiver:
    """Why some points are not reached: those whose kind, block and name match the whole expressions."""

    kind: str
    block: str
    name: str
    reason: str

    def matches(self, point: Point) -> bool:
        return (
            re.fullmatch(self.kind, point.kind) is not None
            and re.fullmatch(self.block, point.block) is not None
            and re.fullmatch(self.name, point.name) is not None
        )


def load_waivers(path: Path = WAIVERS) -> list[Waiver]:
    """The waivers of a file. Raises `CoverageError` naming what is wrong with it."""
    waivers = []
    for number, entry in enumerate(tomllib.loads(path.read_text()).get("waiver", []), 1):
        try:
            waiver = Waiver(**entry)
            for expression in (waiver.kind, waiver.block, waiver.name):
                re.compile(expression)
        except (TypeError, re.error) as error:
            raise CoverageError(f"{path.name}, waiver {number}: {error}") from None
        if not any(re.fullmatch(waiver.kind, kind) for kind in KINDS) or not waiver.reason.strip():
            raise CoverageError(
                f"{path.name}, waiver {number}: its kind is none of {KINDS}, or it has no reason"
            )
        waivers.append(waiver)
    return waivers


def explain(merged: dict[Point, bool], waivers: list[Waiver]) -> dict[Waiver, list[Point]]:
    """The holes that each waiver explains, by the first that matches.

    Raises
    ------
    Unexplained
        If a hole has no waiver, or a waiver has no hole.
    """
    explained: dict[Waiver, list[Point]] = {waiver: [] for waiver in waivers}
    bare = []
    for point in sorted(point for point, hit in merged.items() if not hit):
        found = next((waiver for waiver in waivers if waiver.matches(point)), None)
        if found:
            explained[found].append(point)
        else:
            bare.append(point)
    problems = [f"not reached and not explained: {' | '.join(point)}" for point in bare]
    problems += [
        f"waiver without a hole: {waiver.kind} {waiver.block} {waiver.name}"
        for waiver, holes in explained.items()
        if not holes
    ]
    if problems:
        raise Unexplained("\n".join(problems))
    return explained
