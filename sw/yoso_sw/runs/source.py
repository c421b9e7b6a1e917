"""Which sources a figure was made with: the commit of a checkout, and a digest of the code itself."""

from __future__ import annotations

import hashlib
import importlib.metadata
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from yoso_hw.folders import checkout

#: The packages whose code may shape a figure.
PACKAGES = ("yoso_hw", "yoso_synth", "yoso_sw", "yoso_sim")


@cache
def source() -> dict[str, Any]:
    """Version, digest of the code of all packages, and commit of a checkout (None without one, or git)."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        spec = find_spec(package)
        for folder in map(Path, (spec.submodule_search_locations or ()) if spec else ()):
            for path in sorted(folder.rglob("*.py")):
                digest.update(f"{package}/{path.relative_to(folder)}\n".encode())
                digest.update(path.read_bytes())
    try:
        version = importlib.metadata.version("yoso")
    except importlib.metadata.PackageNotFoundError:
        version = ""
    return {"version": version, "code": digest.hexdigest()[:16], "commit": _commit()}


def _commit() -> str | None:
    root = checkout()
    if root is None:
        return None
    try:
        ran = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.strip()[:12]
