"""Files that appear whole or not at all, and stay as they are where nothing changed."""

from __future__ import annotations

from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> bool:
    """Write a file, unless it holds that already; whether it was written.

    A file that is written appears whole or not at all.
    """
    data = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == data:
        return False
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(data)
    partial.replace(path)
    return True
