"""Where data sets are looked for by name.

1. ``$YOSO_DATA``;
2. ``../shared/data`` beside the repository;
3. the user's cache (`yoso_hw.folders.user_cache`), where a set that is fetched is kept.
"""

from __future__ import annotations

import os
from pathlib import Path

from yoso_hw.folders import user_cache


def folders() -> list[Path]:
    """The folders, first to last; the last one is the cache."""
    found = []
    if user := os.environ.get("YOSO_DATA"):
        found.append(Path(user))
    found.append(Path(__file__).resolve().parents[4] / "shared" / "data")
    return [*found, user_cache()]
