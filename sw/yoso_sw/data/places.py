"""Where data sets are looked for by name.

1. ``$YOSO_DATA``;
2. ``../shared/data`` beside the repository;
3. the user's cache (`yoso_hw.folders.user_cache`), where a set that is fetched is kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from yoso_hw.folders import user_cache

from yoso_sw.data.samples import DatasetError


def folders() -> list[Path]:
    """The folders, first to last; the last one is the cache."""
    found = []
    if user := os.environ.get("YOSO_DATA"):
        found.append(Path(user))
    found.append(Path(__file__).resolve().parents[4] / "shared" / "data")
    return [*found, user_cache()]


def find(set_name: str, names: tuple[str, str], remedy: str) -> Path:
    """The first archive or folder of these names. Raises `DatasetError` that says what to put where."""
    for place in folders():
        for name in names:
            if (place / name).exists():
                return place / name
    listed = ", ".join(str(place) for place in folders())
    archive, folder = names
    raise DatasetError(f"{set_name}: neither {archive} nor {folder}/ is in any of {listed}. {remedy}")


def here(locate: Callable[[], Path]) -> Path | None:
    """What `locate` finds, which raises `DatasetError` where there is nothing; then None."""
    try:
        return locate()
    except DatasetError:
        return None
