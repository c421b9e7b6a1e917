"""Named chips: a TOML file each beside this one, ``about`` and the parameters in which it is not the default.

Pure Python. A chip of one's own is such a file, or JSON as `ChipParams.to_json` writes it, by its path.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from yoso_hw.params import ChipParams, ParamError

FOLDER = Path(__file__).parent

#: The chip that is taken where nothing is asked for.
DEFAULT = "default"


def names() -> list[str]:
    """Every named chip: the default one, then those with the least memory first."""
    others = sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != DEFAULT)
    return [DEFAULT, *sorted(others, key=lambda name: memory(load(name)))]


def memory(params: ChipParams) -> int:
    """Weights that a chip holds."""
    return params.nodes * params.weights


def load(chip: str, settings: Iterable[str] = ()) -> ChipParams:
    """A chip by its name or file, with some parameters changed, given as ``name=value`` texts.

    Raises
    ------
    ParamError
        If there is no such chip, its file is none, or a parameter is unknown or out of range.
    """
    return ChipParams.with_settings(settings, _read(chip))


def about(name: str) -> str:
    """What a named chip is for, in a line."""
    return str(_table(FOLDER / f"{name}.toml").get("about", ""))


def _read(chip: str) -> ChipParams:
    named = FOLDER / f"{chip}.toml"
    path = named if named.is_file() and not Path(chip).suffix else Path(chip)
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in FOLDER.glob("*.toml")))
        raise ParamError(f"there is no chip {chip!r}: neither a file nor one of {known}")
    if path.suffix == ".toml":
        values = {key: value for key, value in _table(path).items() if key != "about"}
        return ChipParams.changed(values, str(path))
    try:
        return ChipParams.from_json(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise ParamError(f"chip file {path} cannot be read: {error}") from None
    except ParamError as error:
        raise ParamError(f"{path}: {error}") from None


def _table(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise ParamError(f"chip file {path} cannot be read: {error}") from None
