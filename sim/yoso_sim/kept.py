"""Builds kept in the cache: each made once, checked before it is used, pruned when they are many.

Parallel processes that want the same build wait for the first.

A build that is reused is what was made, by the digests in its ``done.json``; a damaged one is made anew.
It keeps what a run needs, and the least recently used ones go when all take more than `limit`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from yoso_hw.writing import write_whole

from yoso_sim import top

#: What a build was made of and the digests of its files; it is written last, so without it there is no build.
STAMP = "done.json"

#: Gigabytes that all builds together may take, unless `LIMIT_VARIABLE` says another number.
LIMIT = 2.0
LIMIT_VARIABLE = "YOSO_CACHE_LIMIT"

#: What stays in a build besides the executable. The rest is there to make it: 200 MB of precompiled headers.
KEPT = (".v", ".vlt", ".json", ".log")

#: Locks of the builds that this process uses, held until it ends.
_used: dict[Path, IO[str]] = {}


class BuildError(RuntimeError):
    """The chip could not be built; the message names the log."""


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file `path`; `waiting` is called once if another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def digests(folder: Path) -> dict[str, list[Any]]:
    """Size and SHA-256 of every file of a build but its stamp and its log."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(folder)): [path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()]
        for path in files
        if path.name != STAMP and path.suffix != ".log"
    }


def damage(folder: Path, stamp: str = STAMP) -> str:
    """What is wrong with files that were kept; "" if they are what was made. Sizes are compared first."""
    try:
        said = json.loads((folder / stamp).read_text())
        if "files" not in said:
            return f"{stamp} has no digests, as older versions wrote it"
        files = said["files"]
        for name, (size, digest) in files.items():
            path = folder / name
            if not path.is_file():
                return f"{name} is missing"
            if path.stat().st_size != size:
                return f"{name} has {path.stat().st_size} bytes of {size}"
            if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                return f"{name} is not what was made"
            if name == top.TOP and not os.access(path, os.X_OK):
                return f"{name} may not be executed"
    except (OSError, ValueError, TypeError, AttributeError) as error:
        return f"{stamp} is not readable ({error!r})"
    return ""


def use(folder: Path) -> None:
    """Say that this process uses a build, until it ends: it is not pruned, and is the most recent one."""
    path = folder.with_name(f"{folder.name}.used")
    if path not in _used or not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _used[path] = path.open("w")
        fcntl.flock(_used[path], fcntl.LOCK_SH)
    os.utime(_used[path].fileno())


def discard(folder: Path) -> None:
    """Remove a build that this process has no more use for, and its hold on it."""
    shutil.rmtree(folder, ignore_errors=True)
    path = folder.with_name(f"{folder.name}.used")
    if path in _used:
        _used.pop(path).close()


def limit() -> float:
    """Bytes that all builds together may take. Raises `BuildError` if the environment names no number."""
    text = os.environ.get(LIMIT_VARIABLE) or str(LIMIT)
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = -1.0
    if not gigabytes >= 0:
        raise BuildError(f"{LIMIT_VARIABLE}={text}: give a number of gigabytes")
    return gigabytes * 1e9


def prune(root: Path, most: float) -> list[str]:
    """Remove the least recently used builds until all together take `most` bytes; the names of those removed.

    A build that some process uses or makes stays, and so does the runtime, which all builds share.
    """

    def last_use(folder: Path) -> float:
        used = folder.with_name(f"{folder.name}.used")
        with suppress(OSError):  # another process may remove it just now
            return (used if used.exists() else folder).stat().st_mtime
        return 0.0

    def size(folder: Path) -> int:
        total = 0
        for path in folder.rglob("*"):
            with suppress(OSError):
                total += path.lstat().st_size
        return total

    folders = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith("runtime-")]
    sizes = {folder: size(folder) for folder in folders}
    total, gone = sum(sizes.values()), []
    for folder in sorted(folders, key=last_use):
        if total <= most:
            break
        locks = [folder.with_name(f"{folder.name}.{kind}").open("a") for kind in ("lock", "used")]
        try:
            for lock in locks:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            (folder / STAMP).unlink(missing_ok=True)  # first: half a build is none
            shutil.rmtree(folder, ignore_errors=True)
            total -= sizes[folder]
            gone.append(folder.name)
        finally:
            for lock in locks:
                lock.close()
    return gone


def made_once(
    root: Path,
    key: str,
    make: Callable[[Path], dict[str, Any]],
    report: Callable[[str], None] = lambda text: None,
) -> float:
    """Make the build `key` below `root`, unless it is there and whole. Returns the seconds that it took.

    Parameters
    ----------
    make
        Makes it in the folder that it is given, and returns what the stamp is to say of it.
    report
        Gets a line when something long begins, and where a build was damaged.
    """
    folder, most = root / key, limit()
    use(folder)
    if (folder / STAMP).is_file() and not damage(folder):
        return 0.0
    with locked(root / f"{key}.lock", lambda: report(f"waiting for another process to build {key}")):
        if (folder / STAMP).is_file():
            wrong = damage(folder)
            if not wrong:  # another process made it
                return 0.0
            report(f"the build {folder} is damaged ({wrong}) and is made anew")
        began = time.monotonic()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            facts = make(folder)
        finally:
            for path in folder.iterdir():
                if path.is_file() and path.name != top.TOP and path.suffix not in KEPT:
                    path.unlink()
        seconds = time.monotonic() - began
        stamp = {**facts, "seconds": round(seconds, 1), "files": digests(folder)}
        write_whole(folder / STAMP, json.dumps(stamp))
    gone = prune(root, most)
    if gone:
        report(f"removed {len(gone)} of the least recently used builds: all may take {most / 1e9:g} GB")
    return seconds
