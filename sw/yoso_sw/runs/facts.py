"""What a run was made with and what it came to, as single values by name; and in what two runs differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from yoso_sw.runs.store import Kept

#: Keys by which the rows of a report are told apart.
KEYS = ("network", "name", "data", "target", "block", "chip", "case", "memory", "rate", "bug", "threads")

#: Parts of reports that are no figures: versions are in the record, and notes are sentences.
LEFT_OUT = ("tools", "command", "notes", "outcomes")

#: End of the names of reports that are drawn, not read: figures epoch by epoch.
CURVE = ".curve"

#: Most values of a list that are shown one behind the other.
SHORT = 12

Facts = dict[str, Any]


def flat(value: Any, name: str = "") -> Facts:
    """Single values by name: "a.b" for b in a, "a[n].b" for b in the row of a whose key is n."""
    return dict(_flat(value, name))


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in LEFT_OUT:
                yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        if len(value) == 1:
            yield from _flat(value[0], name)
            return
        if (keys := _row_names(value)) is None:
            yield name, f"{len(value)} rows"
            return
        for key, row in zip(keys, value, strict=True):
            yield from _flat(row, f"{name}[{key}]")
    elif isinstance(value, list):
        yield name, " ".join(map(str, value)) if len(value) <= SHORT else f"{len(value)} values"
    else:
        yield name, value


def _row_names(rows: list[Any]) -> list[str] | None:
    """A name for each row that no other has; None if nothing tells them apart."""
    if not all(isinstance(row, dict) for row in rows):
        return None
    names = [
        " ".join(
            str(row[key]) for key in KEYS if isinstance(row.get(key), str | int | float) and row[key] != ""
        )
        for row in rows
    ]
    return names if all(names) and len({*names}) == len(names) else None


def configuration(run: Kept) -> Facts:
    """What a run was asked and made with."""
    record = run.record
    options = {
        key: value
        for key, value in record.get("options", {}).items()
        if value is not None and value is not False and value != []
    }
    return {
        "command": record.get("command"),
        **flat(options, "option"),
        **flat(record.get("configuration", {})),
    }


def sources(run: Kept) -> Facts:
    """The versions and the code that it was made with."""
    return {**flat(run.record.get("source", {}), "yoso"), **flat(run.record.get("versions", {}))}


def figures(run: Kept) -> Facts:
    """What it came to."""
    reports = {name: report for name, report in run.reports.items() if not name.endswith(CURVE)}
    found: Facts = {}
    for name, report in reports.items():
        found |= flat(report, "" if len(reports) == 1 else name)
    return found


#: The parts of a run that are shown and compared.
PARTS = {"configuration": configuration, "versions": sources, "figures": figures}


def differing(first: Facts, second: Facts) -> list[tuple[str, Any, Any]]:
    """Names of what two have not alike, with the value of either; None where one lacks it."""
    names = dict.fromkeys([*first, *second])
    return [
        (name, first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)
    ]
