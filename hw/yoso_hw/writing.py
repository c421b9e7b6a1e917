"""Files that appear whole or not at all, and stay as they are where nothing changed.

What stops the writing of one, a full disk above all, is an `OSError` that names the file.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from yoso_hw.folders import is_full


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write `path`: a name beside it, which becomes `path` unless something fails; then it goes.

    Raises
    ------
    OSError
        With the name `path`, whatever was raised in writing.
    """
    _remove_leftovers(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        # HDF5's library has words for what the system said, and no number.
        number = error.errno or (errno.ENOSPC if is_full(path.parent) else errno.EIO)
        raise OSError(number, error.strerror or os.strerror(number), str(path)) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _remove_leftovers(path: Path) -> None:
    """Remove what processes that were killed have left of `path`."""
    if not path.parent.is_dir():
        return
    for old in path.parent.iterdir():
        process = old.name.removeprefix(f"{path.name}.").removesuffix(".part")
        if old.name == f"{path.name}.{process}.part" and process.isdecimal():
            try:
                os.kill(int(process), 0)
            except ProcessLookupError:
                old.unlink(missing_ok=True)
            except (PermissionError, OverflowError):
                pass


def write_whole(path: Path, content: str | bytes) -> bool:
    """Write a file, unless it holds that already; whether it was written. Raises as `whole` does."""
    data = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == data:
        return False
    with whole(path) as partial:
        partial.write_bytes(data)
    return True


def write_picture(path: Path, figure: Any, dpi: int) -> None:
    """Write a figure of matplotlib as a PNG. Raises as `whole` does."""
    pixels = io.BytesIO()
    figure.savefig(pixels, dpi=dpi)
    write_whole(path, pixels.getvalue())
