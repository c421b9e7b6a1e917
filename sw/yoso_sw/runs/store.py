"""The runs that are kept: which there are, what is in them, and which may go."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yoso_sw.runs.errors import RunError
from yoso_sw.runs.run import FINISHED, LOG, RECORD, RUNNING, check_name, record_of, state_of


@dataclass(frozen=True)
class Kept:
    """A run that is there.

    Attributes
    ----------
    record
        Of ``run.json``; empty if that is damaged.
    state
        How it ended, or that it is running.
    """

    folder: Path
    record: dict[str, Any]
    state: str

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    @property
    def reports(self) -> dict[str, Any]:
        """Its reports by name; one that cannot be read is None."""
        return {path.stem: _read(path) for path in sorted(self.folder.glob("*.json")) if path.name != RECORD}

    @property
    def others(self) -> list[Path]:
        """Its other files: pictures, pages, networks."""
        paths = (path for path in sorted(self.folder.iterdir()) if path.is_file())
        return [path for path in paths if path.suffix != ".json" and path.name != LOG]


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return None


def _kept(folder: Path) -> Kept:
    return Kept(folder, record_of(folder) or {}, state_of(folder))


def every(root: Path) -> list[Kept]:
    """All runs of a folder, the oldest first; those without a date before them."""
    found = [_kept(path) for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
    return sorted(found, key=lambda run: (run.record.get("began", ""), run.name))


def find(root: Path, name: str) -> Kept:
    """A run by its name. Raises `RunError` if there is none."""
    check_name(name)
    if not (root / name).is_dir():
        names = [run.name for run in every(root)]
        listed = f"there are {', '.join(names[-10:])}" if names else "there are none"
        raise RunError(f"there is no run {name!r} in {root}; {listed}")
    return _kept(root / name)


def remove(run: Kept) -> None:
    """Remove a run. Raises `RunError` if it is being made."""
    if run.state == RUNNING:
        raise RunError(f"run {run.name!r} is being made: end it first")
    shutil.rmtree(run.folder)


def prunable(runs: list[Kept], keep: int) -> list[Kept]:
    """The runs that the user did not name, beyond the newest `keep` of those that finished.

    Of those that did not finish only ones older than the oldest of the kept go, so what may be gone on with
    stays for a while. One that is running stays.
    """
    own = [run for run in runs if not run.record.get("named", False) and run.state != RUNNING]
    finished = [run for run in own if run.state == FINISHED]
    kept = finished[len(finished) - min(keep, len(finished)) :]
    if keep and len(finished) <= keep:
        return []
    oldest = kept[0].record.get("began", "") if kept else "~"
    return [run for run in own if run not in kept and run.record.get("began", "") <= oldest]
