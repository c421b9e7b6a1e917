"""A run of a command: its folder, which it alone writes to, and its record.

A run's folder has

- ``run.json``: the command line, what it was run on (network, chip, data set, by their digests), options,
  seed, versions, when it began and ended, and how it ended;
- ``log.txt``: what the command said. Who writes a run holds a lock on it, so a run that was killed is told
  from one that goes on;
- the reports of the command, by the names that they have in the folder of the latest ones.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from yoso_hw import versions
from yoso_hw.folders import checked
from yoso_hw.writing import write_whole

from yoso_sw.runs.errors import RunError
from yoso_sw.runs.log import Log
from yoso_sw.runs.source import source

RECORD, LOG = "run.json", "log.txt"

#: How a run is, or ended. The record of one that was killed says running; the lock says that it is not.
RUNNING, FINISHED, FAILED, INTERRUPTED, DAMAGED = "running", "finished", "failed", "interrupted", "damaged"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_name(name: str) -> None:
    """Raise `RunError` if it cannot be a run's."""
    if not _NAME.fullmatch(name):
        raise RunError(
            f"a run cannot be called {name!r}: give 1 to 100 of A-Z, a-z, 0-9, '.', '_' and '-', "
            "beginning with a letter or digit"
        )


def record_of(folder: Path) -> dict[str, Any] | None:
    """A run's record; None if it is not there or damaged."""
    try:
        found = json.loads((folder / RECORD).read_text())
        return found if isinstance(found, dict) and isinstance(found["state"], str) else None
    except (OSError, ValueError, KeyError, RecursionError):
        return None


def state_of(folder: Path) -> str:
    """How the run in a folder is, or ended."""
    record = record_of(folder)
    if record is None:
        return DAMAGED
    return INTERRUPTED if record["state"] == RUNNING and not _held(folder / LOG) else record["state"]


def _held(path: Path) -> bool:
    """Whether a process holds the lock on a log."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class NamedRun:
    """A run that is being made. Nothing is written before the first `note`.

    Parameters
    ----------
    root
        Folder of all runs.
    command, words
        The command's name, and all words of its line.
    options
        What it was asked, by option.
    asked
        The run's name; None: the command's and the next free number.
    latest
        Folder of the latest reports, for commands that add to one.

    Raises
    ------
    RunError
        If `asked` is no name, or is taken: by a finished run, one that is being made, or one of another
        command line. An interrupted or failed one of the same command line is gone on with.
    """

    def __init__(
        self,
        root: Path,
        command: str,
        words: tuple[str, ...] = (),
        options: dict[str, Any] | None = None,
        asked: str | None = None,
        latest: Path | None = None,
    ) -> None:
        self.root, self.latest, self.log = root, latest or root.parent / "reports", Log()
        self._asked, self._began, self._file = asked, time.monotonic(), None
        self._record: dict[str, Any] = {
            "name": asked,
            "named": asked is not None,
            "command": command,
            "words": [*words],
            "options": options or {},
            "in": str(Path.cwd()),
        }
        if asked is not None:
            check_name(asked)
            if (root / asked).exists():
                self._check_free(root / asked)

    _file: BinaryIO | None

    @property
    def begun(self) -> bool:
        """Whether there is anything of it."""
        return self._file is not None

    @property
    def name(self) -> str:
        """Its name. Begins it."""
        return self.folder.name

    @property
    def folder(self) -> Path:
        """Its folder. Begins it."""
        if not self.begun:
            self.note()
        return self.root / self._record["name"]

    def note(self, **facts: Any) -> None:
        """Put into the record what the run is made with; the first call begins the run.

        Raises
        ------
        RunError
            If its name was taken meanwhile.
        OSError
            If the record cannot be written.
        """
        if not self.begun:
            self._begin()
        self._record["configuration"] |= facts
        self._write()

    def end(self, state: str, why: str = "") -> None:
        """Say how it ended; for a run that was never begun there is nothing to say."""
        if self._file is None:
            return
        if why:
            self.log.write(f"{why}\n")
        self._record |= {
            "state": state,
            "why": why,
            "ended": _now(),
            "seconds": round(time.monotonic() - self._began, 1),
        }
        with suppress(OSError):  # the log's lock goes all the same, so the run counts as interrupted
            self._write()
        with suppress(OSError):
            self._file.close()
        self._file = None

    def reports(self) -> list[Path]:
        """What the command left in the run's folder."""
        return [
            path
            for path in sorted(self.folder.iterdir())
            if path.is_file() and path.name not in (RECORD, LOG)
        ]

    def _begin(self) -> None:
        checked(self.root)
        self.root.mkdir(parents=True, exist_ok=True)
        for half in self.root.glob("*/*.part"):
            if not _held(half.with_name(LOG)):  # whoever wrote it was killed
                half.unlink(missing_ok=True)
        folder, new = self._take_folder()
        try:
            file = (folder / LOG).open("w+b" if new else "r+b")
            self._lock(file, folder)
            self._record |= {
                "name": folder.name,
                "state": RUNNING,
                "began": _now(),
                "host": platform.node(),
                "process": os.getpid(),
                "configuration": {},
                "versions": versions.of(*versions.TOOLS),
                "source": source(),
            }
            self._write()
        except OSError:
            if new:
                for path in (folder / LOG, folder / RECORD, folder):
                    with suppress(OSError):
                        path.rmdir() if path == folder else path.unlink(missing_ok=True)
            raise
        self._file = file
        self.log.open(file)

    def _take_folder(self) -> tuple[Path, bool]:
        """The run's folder, which no other process can take as well, and whether it is new."""
        if self._asked is not None:
            folder = self.root / self._asked
            try:
                folder.mkdir()
            except FileExistsError:
                self._check_free(folder)
                (folder / LOG).touch()
                return folder, False
            return folder, True
        command = self._record["command"]
        taken = [_number(path.name, command) for path in self.root.iterdir()]
        number = max(taken, default=0)
        while True:
            number += 1
            folder = self.root / f"{command}-{number}"
            with suppress(FileExistsError):
                folder.mkdir()
                return folder, True

    def _check_free(self, folder: Path) -> None:
        name, state = folder.name, state_of(folder)
        if state in (RUNNING, FINISHED):
            there = "is being made by another process" if state == RUNNING else "is there already"
            raise RunError(
                f"run {name!r} {there}: give another name, or remove it with yoso runs remove {name}"
            )
        old = record_of(folder)
        if old is not None and _essence(old["words"]) != _essence(self._record["words"]):
            raise RunError(
                f"run {name!r} was begun as yoso {' '.join(old['words'])}: go on with the same words, give "
                f"another name, or remove it with yoso runs remove {name}"
            )

    def _lock(self, file: BinaryIO, folder: Path) -> None:
        for pause in (0.05, 0.2, None):  # who lists the runs holds the lock for an instant
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if pause is None:
                    raise RunError(f"run {folder.name!r} is being made by another process") from None
                time.sleep(pause)
            except OSError:
                return  # a disk without locks: a run that is being made looks interrupted

    def _write(self) -> None:
        write_whole(self.root / self._record["name"] / RECORD, json.dumps(self._record, indent=1) + "\n")


def _essence(words: list[str]) -> list[str]:
    """A command line without what two ways of writing it may differ in."""
    return [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]


def _number(name: str, command: str) -> int:
    """The number of a run that was named by program; 0 for another name."""
    number = name.removeprefix(f"{command}-")
    return int(number) if number != name and number.isascii() and number.isdecimal() else 0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
