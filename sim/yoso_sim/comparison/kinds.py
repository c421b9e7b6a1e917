"""Kinds of rows: what a rule is called on the page, and its colour and mark in the picture."""

from __future__ import annotations

from typing import Any

LITERAL, WINDOWS, RELU = "literal STDBP", "STDBP with windows", "8-bit ReLU"

#: Colour and mark; told apart in grey by the mark.
KINDS: dict[str, tuple[str, str]] = {
    LITERAL: ("#000000", "o"),
    WINDOWS: ("#0072b2", "s"),
    "spike count": ("#d55e00", "^"),
    "tandem": ("#e69f00", "D"),
    "C-LIF": ("#009e73", "v"),
    RELU: ("#999999", "P"),
    "another rule": ("#cc79a7", "X"),
}

#: The rules whose neurons may spike in every step.
RATES = ("spike count", "tandem", "C-LIF")


def kind_of(row: dict[str, Any], details: dict[str, Any]) -> str:
    """Of `KINDS`."""
    if row["rule"] == "stdbp":
        return WINDOWS if details.get("windows") else LITERAL
    named = {"count": "spike count", "tandem": "tandem", "clif": "C-LIF", "ann": RELU}
    return named.get(row["rule"], "another rule")


def alike(rows: list[dict[str, Any]], details: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Rows of one shape and one kind together, in the table's order: one network trained for several T."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        own = details[row["network"]]
        found.setdefault((own["shape"], kind_of(row, own)), []).append(row)
    return list(found.values())


def trained_anew(rows: list[dict[str, Any]], details: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Of `alike` those with several T, each by T."""
    several = [own for own in alike(rows, details) if len(own) > 1 and details[own[0]["network"]].get("T")]
    return [sorted(own, key=lambda row: details[row["network"]]["T"]) for own in several]
