"""Where commands write: results, and what is kept to be made only once.

Results, reports and checkpoints go to the output folder:

1. ``$YOSO_OUTPUT``;
2. ``build`` of the checkout, for whoever works in one;
3. ``build`` of the working folder.

Compiled simulators and tools unpacked once go to the cache, the first of these that can be written:

1. ``$YOSO_CACHE``;
2. ``build`` of the checkout;
3. the user's cache, ``$XDG_CACHE_HOME/yoso`` (``~/.cache/yoso``), where data sets that are fetched are kept;
   for who has no home that can be written, a folder of that user's among the temporary files.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

import click


class OutputError(click.ClickException):
    """A folder cannot be written; its message is one line wherever it is raised in a command."""


def checkout() -> Path | None:
    """The repository's root, if this code runs from a checkout."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "hw").is_dir() else None


def need_checkout(what: str) -> Path:
    """The repository's root for `what`, which is not part of the package. Raises `click.ClickException`."""
    root = checkout()
    if root is None:
        raise click.ClickException(f"{what} needs a checkout of the repository, with pip install -e . there")
    return root


def output_folder() -> Path:
    """Where results go, an absolute path; made when something is written.

    Raises `OutputError` if that would fail.
    """
    if asked := os.environ.get("YOSO_OUTPUT"):
        return checked(Path(asked)).absolute()
    root = checkout()
    inside = root is not None and Path.cwd().is_relative_to(root)
    return checked((root if root and inside else Path.cwd()) / "build")


def checked(folder: Path, remedy: str = "set YOSO_OUTPUT to another folder") -> Path:
    """`folder`, if it can be written, or made. Raises `OutputError` before any work is lost."""
    if reason := obstacle(folder):
        raise OutputError(f"cannot write to {folder}: {reason}; {remedy}")
    return folder


def user_cache() -> Path:
    """The user's cache, which holds what is the same for every checkout."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    cache = Path(home) / "yoso"  # a user whom the system does not know keeps the ~, which is no folder
    return cache if home[:1] != "~" and not obstacle(cache) else _temporary_cache()


def _temporary_cache() -> Path:
    """A folder that is this user's alone, since what lies there is run."""
    cache = Path(tempfile.gettempdir()) / f"yoso-{os.getuid()}"
    try:
        cache.mkdir(mode=0o700, exist_ok=True)
        if cache.is_dir() and not cache.is_symlink() and cache.stat().st_uid == os.getuid():
            return cache
    except OSError as error:
        raise OutputError(f"cannot write to {cache}: {error.strerror}; set XDG_CACHE_HOME") from None
    raise OutputError(f"{cache} is another user's; set XDG_CACHE_HOME to a folder for what is kept")


def keep_compiled_code() -> None:
    """Have numba keep what it compiles in the user's cache, where it cannot beside the code."""
    if "NUMBA_CACHE_DIR" not in os.environ and obstacle(Path(__file__).parent):
        os.environ["NUMBA_CACHE_DIR"] = str(user_cache() / "numba")


def cache_folder() -> Path:
    """Where compiled simulators are kept: a folder whose path make and Verilator can handle.

    Raises
    ------
    OutputError
        If there is none that can be written.
    """
    asked, root = os.environ.get("YOSO_CACHE"), checkout()
    here = [] if root is None else [root / "build"]
    reasons = {}
    for folder in [Path(asked)] if asked else [*here, user_cache()]:
        reasons[folder] = obstacle(folder) or unfit(folder)
        if not reasons[folder]:
            return folder
    said = ", ".join(f"{folder}: {reason}" for folder, reason in reasons.items())
    raise OutputError(f"no folder for compiled simulators ({said}); set YOSO_CACHE to one")


def unfit(folder: Path) -> str:
    """Why make and Verilator cannot work in a folder; "" if they can."""
    text = str(folder.absolute())
    if not text.isascii():
        return "make and Verilator need a path of ASCII letters"
    return "make and Verilator need a path without spaces" if any(c.isspace() for c in text) else ""


def obstacle(folder: Path) -> str:
    """Why nothing can be written to a folder that may have to be made; "" if it can."""
    for place in (folder, *folder.absolute().parents):
        try:
            if place.exists():
                if not place.is_dir():
                    return f"{place} is a file"
                return "" if os.access(place, os.W_OK | os.X_OK) else f"no permission for {place}"
        except OSError as error:
            return str(error.strerror)
    return "there is no such place"


def is_full(folder: Path) -> bool:
    """Whether so little is left on a folder's disk that what was to be written there may not have fitted."""
    try:
        return shutil.disk_usage(folder).free < 1 << 20
    except OSError:
        return False


def told(error: OSError) -> str:
    """An error of the system in a line: the file, and why."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    reason = "the disk is full" if full else str(error.strerror or error)
    return reason if error.filename is None else f"{error.filename}: {reason}"
