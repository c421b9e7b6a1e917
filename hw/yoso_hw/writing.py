"""Files that appear whole or not at all, and stay as they are where nothing changed.

What stops the writing of one, a full disk above all, is an `OSError` that names the file.
"""

from __future__ import annotations

import io
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def write_whole(path: Path, content: str | bytes) -> bool:
    """Write a file, unless it holds that already; whether it was written.

    A file that is written appears whole or not at all. Raises `OSError` with its name.
    """
    data = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == data:
        return False
    _remove_leftovers(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:  # that of a full disk has no name
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return True


def write_picture(path: Path, figure: Any, dpi: int) -> None:
    """Write a figure of matplotlib as a PNG. Raises as `write_whole` does."""
    pixels = io.BytesIO()
    figure.savefig(pixels, dpi=dpi)
    write_whole(path, pixels.getvalue())


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
