"""Checkpoints: the state of a training run as a file that appears whole or not at all."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from yoso_hw.writing import write_whole

from yoso_sw.learn.config import ConfigError, TrainConfig
from yoso_sw.learn.config_file import parse, table_of
from yoso_sw.learn.errors import TrainingError

VERSION = 2
AGAIN = "delete it or train with --restart"


def write(path: Path, state: dict[str, Any]) -> None:
    """Keep a state, whose tensors and plain values `read` gives back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = io.BytesIO()  # torch, given a file, has no words for a full disk
    torch.save({"version": VERSION, **state}, contents)
    write_whole(path, contents.getvalue())


def damaged(path: Path) -> TrainingError:
    """What to raise for a file that is no checkpoint."""
    return TrainingError(f"checkpoint {path} is damaged, or no checkpoint; {AGAIN}")


def read(path: Path, device: torch.device) -> dict[str, Any]:
    """The state in a file, its tensors on `device`. Raises `TrainingError`."""
    try:
        with zipfile.ZipFile(path) as archive:  # torch.load does not look at the checksums
            if archive.testzip() is not None:
                raise damaged(path)
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
        version = state["version"]
    except Exception:  # torch.load raises whatever its readers raise
        raise damaged(path) from None
    if version != VERSION:
        raise TrainingError(
            f"checkpoint {path} has version {version}; this program writes {VERSION}; {AGAIN}"
        )
    return state


def difference(theirs: dict[str, Any], ours: TrainConfig, free: frozenset[str]) -> str:
    """The first setting, but for those that are free, in which two configurations differ, in words, or "".

    `theirs` is the table of a configuration (`config_file.table_of`), perhaps of an older program: settings
    that it does not know have their defaults.
    """
    try:
        old = dict(_settings(table_of(parse(theirs, "its configuration"))))
    except ConfigError as error:
        return str(error)
    new = dict(_settings(table_of(ours)))
    for name in ("rule", *new, *old):  # what another rule means for all else goes without saying
        if name.rsplit(".", 1)[-1] in free:
            continue
        if name not in old or name not in new:
            return f"only {'this' if name in new else 'that'} one has {name}"
        if old[name] != new[name]:
            return f"{name} was {old[name]!r} and is {new[name]!r}"
    return ""


def _settings(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The single settings of a configuration's table by name: ("layers.0.neurons", 100), ..."""
    if isinstance(value, dict | list):
        for key, own in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _settings(own, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
