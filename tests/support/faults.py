"""Folders and users as they are where things go wrong: full, read-only, another's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Number of the user "nobody".
OTHER = 65534

#: That user. They own nothing and may read everything: this Python may lie in a home that is closed to them.
NOBODY = (
    *("setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)


@contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """`folder` as a disk of so many kB; skips the test where that may not be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path, left: int) -> Path:
    """A file that leaves so many kB of a disk."""
    filler = folder / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(folder).free - 1024 * left))
    return filler


def environment(**more: object) -> dict[str, str]:
    """This process's, with the checkout's code; `more` are other variables, None for one that is unset."""
    path = os.pathsep.join(str(ROOT / part) for part in ("hw", "sw", "sim", "tests"))
    variables = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **more}
    return {name: str(value) for name, value in variables.items() if value is not None}


def yoso(*words: object, cwd: Path, user: tuple[str, ...] = (), **more: object) -> tuple[int, str]:
    """Status of ``yoso`` and all that it says, in a process of its own; `more` as of `environment`.

    `user` is `NOBODY`, or nothing for this one.
    """
    command = [*user, sys.executable, "-m", "yoso_sim", *map(str, words)]
    ran = subprocess.run(
        command,
        cwd=cwd,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout


def one_line(said: str) -> str:
    """The error that a command ends with; fails if that is not its one line."""
    lines = said.splitlines()
    assert sum(line.startswith("Error: ") for line in lines) == 1, said
    assert lines[-1].startswith("Error: "), said
    assert "Traceback" not in said, said
    return lines[-1].removeprefix("Error: ")
