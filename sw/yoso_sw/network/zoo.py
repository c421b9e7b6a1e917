"""The committed networks, ``sw/networks``: ``NAME.toml``, what to train, beside ``NAME.npz``, trained.

An installed package carries them as ``yoso_sw/networks``.
"""

from __future__ import annotations

from pathlib import Path

from yoso_sw.network.errors import NetworkError

_PACKAGE = Path(__file__).resolve().parents[1] / "networks"

#: Configurations with the networks that were trained from them, beside each other under one name.
NETWORKS = _PACKAGE if _PACKAGE.is_dir() else _PACKAGE.parents[1] / "networks"

#: What a file of each suffix is, for messages.
KINDS = {".toml": "configuration", ".npz": "trained network"}


def names(suffix: str = ".toml") -> list[str]:
    """What ``sw/networks`` holds: configurations, or with ".npz" trained networks, by name."""
    return sorted(path.stem for path in NETWORKS.glob(f"*{suffix}"))


def locate(text: str, suffix: str = ".toml") -> Path:
    """A file by its path, or by its name in ``sw/networks``. Raises `NetworkError` that lists the names.

    A path may be that of the other file of a pair: the configuration means its trained network, and the other
    way round. It may lack its suffix, unless that is the name of one in ``sw/networks``.
    """
    path = Path(text)
    other = path.with_suffix(suffix) if path.suffix in KINDS and path.name != path.suffix else path
    if other != path and path.is_file():
        if not other.is_file():
            raise NetworkError(f"{path} has no {KINDS[suffix]} beside it: there is no {other}")
        return other
    if path.is_file():
        return path
    if text in names(suffix):
        return NETWORKS / f"{text}{suffix}"
    if (own := path.with_name(f"{path.name}{suffix}") if path.name else path).is_file():
        return own
    raise NetworkError(
        f"there is no {KINDS[suffix]} {text!r}: neither a file nor one of {', '.join(names(suffix))}"
    )


def home(config: Path) -> Path:
    """The folder for what a configuration comes to: its own; for one of the package, the working folder."""
    return Path() if config.resolve().parent == _PACKAGE else config.parent
