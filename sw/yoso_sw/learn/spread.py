"""Accuracies of a network's seeds, kept as ``<name>.seeds.json`` beside its configuration."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from yoso_hw.writing import write_whole

from yoso_sw.learn.config import ConfigError

#: What each row says.
KEYS = ("seed", "float", "golden", "validation")


def path_of(config: Path) -> Path:
    """Where the accuracies of a configuration's seeds are kept."""
    return config.with_suffix(".seeds.json")


def read(config: Path) -> list[dict[str, Any]]:
    """Rows ``seed, float, golden, validation`` (per cent) of the seeds that are trained; none if none is.

    Raises `ConfigError` if the file is not such a list.
    """
    path = path_of(config)
    if not path.is_file():
        return []
    try:
        return [{key: row[key] for key in KEYS} for row in json.loads(path.read_text())]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is damaged ({error}); delete it and train the seeds again") from None


def write(config: Path, rows: list[dict[str, Any]]) -> None:
    """Keep the rows; the file appears whole or not at all."""
    write_whole(path_of(config), json.dumps(rows, indent=1) + "\n")


def mean_and_spread(rows: list[dict[str, Any]], key: str = "golden") -> tuple[float, float | None]:
    """Mean and sample standard deviation of an accuracy, per cent; no standard deviation of one seed."""
    values = [row[key] for row in rows]
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else None


def describe(rows: list[dict[str, Any]]) -> str:
    """Mean and spread of the golden accuracies, in words."""
    mean, spread = mean_and_spread(rows)
    return f"{len(rows)} seeds: {mean:.2f} +- {spread or 0:.2f} % on the golden model"
