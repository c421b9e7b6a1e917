"""The committed networks, ``sw/networks``: ``NAME.toml``, what to train, beside ``NAME.npz``, trained."""

from __future__ import annotations

from pathlib import Path

from yoso_sw.network.network import NetworkError

#: Configurations with the networks that were trained from them, beside each other under one name.
NETWORKS = Path(__file__).resolve().parents[2] / "networks"

#: What a file of each suffix is, for messages.
KINDS = {".toml": "configuration", ".npz": "trained network"}


def names(suffix: str = ".toml") -> list[str]:
    """What ``sw/networks`` holds: configurations, or with ".npz" trained networks, by name."""
    return sorted(path.stem for path in NETWORKS.glob(f"*{suffix}"))


def locate(text: str, suffix: str = ".toml") -> Path:
    """A file by its path, or by its name in ``sw/networks``. Raises `NetworkError` that lists the names."""
    path = Path(text)
    if path.is_file():
        return path
    if text in names(suffix):
        return NETWORKS / f"{text}{suffix}"
    raise NetworkError(
        f"there is no {KINDS[suffix]} {text!r}: neither a file nor one of {', '.join(names(suffix))}"
    )
