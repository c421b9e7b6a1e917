"""Where data sets are looked for by name.

1. ``$YOSO_DATA``;
2. ``../shared/data`` beside the repository;
3. the cache, ``$XDG_CACHE_HOME/yoso`` (``~/.cache/yoso``), where a set that is fetched is kept.
"""

from __future__ import annotations

import os
from pathlib import Path


def folders() -> list[Path]:
    """The folders, first to last; the last one is the cache."""
    found = []
    if user := os.environ.get("YOSO_DATA"):
        found.append(Path(user))
    found.append(Path(__file__).resolve().parents[4] / "shared" / "data")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return [*found, Path(cache) / "yoso"]
