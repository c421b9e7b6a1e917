"""The file that says what is explored: grids of networks, chips and parameters, and what is measured of each.

Everything that is wrong with it is told at once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from yoso_hw import chips
from yoso_hw.params import ChipParams, ParamError
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.zoo import locate

from yoso_sim.energy.cost import Case
from yoso_sim.explore.front import OBJECTIVES

#: The one that is run if none is named.
STUDY = Path(__file__).with_name("study.toml")

#: What can be measured of a point besides its accuracy on the golden model.
MEASURES = ("rtl", "energy", "luts")

#: More points are a slip of the pen.
MOST = 10_000

#: Keys of a file, and those of its grids, which a file with one grid may have itself.
TOP = {"about", "images", "accuracy", "measure", "front", "grid"}
GRID = {"networks", "chips", "data", "set", "early_exit", "baseline"}


class SpecError(ValueError):
    """A file of an exploration is wrong; the message has all that is."""


def label(case: Case) -> str:
    """A point in words: its network, its chip and the parameters in which that is another."""
    chip = [] if case.chip == chips.DEFAULT else [f"on {Path(case.chip).stem}"]
    return " ".join([case.network, *chip, *case.settings, *([] if case.early_exit else ["no early exit"])])


@dataclass(frozen=True)
class Spec:
    """An exploration.

    Attributes
    ----------
    name
        Of the file, without its folder and suffix.
    cases
        Its points, the first ones first.
    images
        Test images of each on the RTL.
    accuracy
        Test images of each on the golden model; None: the accuracy that the network's file records, and where
        that has none, or the chip's adders are narrower than the network's, the accuracy on `images`.
    measure
        Of `MEASURES`; None: rtl, and energy where the process' files are.
    front
        What is weighed against each other, of `front.OBJECTIVES`; empty: all that was measured.
    baseline
        The point that the chosen one is compared with.
    """

    name: str
    cases: tuple[Case, ...]
    images: int = 20
    accuracy: int | None = None
    measure: tuple[str, ...] | None = None
    front: tuple[str, ...] = ()
    baseline: Case | None = None


def asked(words: str) -> Case:
    """A case in words: a network, then parameters of its chip, such as "rates.npz neuron=all"."""
    network, *settings = words.split() or [""]
    return Case(network, tuple(settings))


def load(path: Path) -> Spec:
    """What a file says.

    Raises
    ------
    SpecError
        With everything that is wrong with it.
    """
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise SpecError(f"{path} cannot be read: {error}") from None
    spec, wrong = _read(table, path)
    if wrong:
        raise SpecError(f"{path}: {'; '.join(dict.fromkeys(wrong))}")
    return spec


def _read(table: dict[str, Any], path: Path) -> tuple[Spec, list[str]]:
    wrong: list[str] = []
    grids = table.get("grid", [])
    alone = {key: value for key, value in table.items() if key in GRID}
    if "grid" in table and alone:
        wrong.append(f"{', '.join(alone)} stands beside [[grid]]: put it into one")
    if not isinstance(grids, list) or not all(isinstance(grid, dict) for grid in grids):
        wrong.append("grid is no list of tables: write [[grid]]")
        grids = []
    wrong += _unknown(table, TOP if grids else TOP | GRID, "")
    cases: dict[Case, None] = {}
    baselines: list[Case] = []
    for number, grid in enumerate(grids or [alone], 1):
        where = f"grid {number}: " if grids else ""
        wrong += _unknown(grid, GRID, where) if grids else []
        try:
            own = [*_cases(grid, path.parent, MOST - len(cases))]
        except SpecError as error:
            wrong += [f"{where}{text}" for text in error.args]
            continue
        cases |= dict.fromkeys(own)
        if grid.get("baseline"):
            baselines += own
    if len(baselines) > 1:
        wrong.append(f"the baseline is {len(baselines)} points, and is to be one")
    return Spec(
        path.stem,
        tuple(cases),
        _number(table, "images", 20, wrong) or 20,
        _number(table, "accuracy", None, wrong),
        _some(table, "measure", MEASURES, wrong),
        _some(table, "front", tuple(OBJECTIVES), wrong) or (),
        baselines[0] if baselines else None,
    ), wrong


def _unknown(table: dict[str, Any], known: set[str], where: str) -> list[str]:
    found = [key for key in table if key not in known]
    if not found:
        return []
    said = f"{found[0]} is no key" if len(found) == 1 else f"{', '.join(found)} are no keys"
    return [f"{where}{said}: there are {', '.join(sorted(known))}"]


def _number(table: dict[str, Any], key: str, default: int | None, wrong: list[str]) -> int | None:
    value = table.get(key, default)
    if value is not None and (type(value) is not int or value < 1):
        wrong.append(f"{key} = {value!r} is no whole number from 1")
        return default
    return value


def _some(
    table: dict[str, Any], key: str, known: tuple[str, ...], wrong: list[str]
) -> tuple[str, ...] | None:
    """Words of a list, each one of `known`."""
    if key not in table:
        return None
    value = table[key]
    words = value if isinstance(value, list) else [value]
    for word in words:
        if word not in known:
            wrong.append(f"{key}: {word!r} is not one of {', '.join(known)}")
    return tuple(str(word) for word in words)


def _cases(grid: dict[str, Any], folder: Path, room: int) -> Iterator[Case]:
    """The points of a grid. Raises `SpecError` with one argument for each thing that is wrong."""
    wrong: list[str] = []
    networks = [_file(str(name), folder) for name in _values(grid.get("networks", []), "networks", wrong)]
    if not networks:
        wrong.append("networks is missing: a name or a file, or a list of them")
    for network in networks:
        try:
            locate(network, ".npz")
        except NetworkError as error:
            wrong.append(str(error))
    named = [_file(str(name), folder) for name in _values(grid.get("chips", [chips.DEFAULT]), "chips", wrong)]
    for chip in named:
        try:
            chips.load(chip)
        except ParamError as error:
            wrong.append(str(error))
    settings = grid.get("set", {})
    if not isinstance(settings, dict):
        wrong.append(f"set = {settings!r} is no table of chip parameters")
        settings = {}
    known = {field.name for field in fields(ChipParams)}
    for name in settings:
        if name not in known:
            wrong.append(f"set: {name} is no chip parameter: there are {', '.join(sorted(known))}")
    axes = {name: _values(value, f"set: {name}", wrong) for name, value in settings.items()}
    exits = _values(grid.get("early_exit", True), "early_exit", wrong)
    if not all(isinstance(one, bool) for one in exits):
        wrong.append(f"early_exit = {grid['early_exit']!r} is neither true nor false")
    data = grid.get("data")
    if data is not None and not isinstance(data, str):
        wrong.append(f"data = {data!r} is no name or path")
    if not isinstance(grid.get("baseline", False), bool):
        wrong.append(f"baseline = {grid['baseline']!r} is neither true nor false")
    count = prod(map(len, (networks, named, exits, *axes.values())))
    if count > room:
        wrong.append(f"it has {count:,} points, and {MOST:,} are the most: leave values out")
    if wrong:
        raise SpecError(*wrong)
    data = None if data is None else _file(data, folder)
    for network, chip, early, *values in product(networks, named, exits, *axes.values()):
        texts = tuple(f"{name}={_text(value)}" for name, value in zip(axes, values, strict=True))
        yield Case(network, texts, bool(early), data, chip)


def _values(value: Any, what: str, wrong: list[str]) -> list[Any]:
    """A value, a list of them, or a range ``{from = 4, to = 8, step = 2}``, both ends included."""
    if isinstance(value, dict):
        first, last, step = value.get("from", 0), value.get("to", -1), value.get("step", 1)
        whole = all(type(number) is int for number in (first, last, step))
        if not whole or step < 1 or last < first or value.keys() - {"from", "to", "step"}:
            wrong.append(f"{what} = {value!r} is no range: write {{from = 4, to = 8, step = 2}}")
            return []
        if (last - first) // step >= MOST:
            wrong.append(f"{what} has more than {MOST:,} values")
            return []
        return [*range(first, last + 1, step)]
    values = value if isinstance(value, list) else [value]
    for one in values:
        if not isinstance(one, str | int | bool):
            wrong.append(f"{what}: {one!r} is no number, text, true or false")
    return [*_once(values)]


def _once(values: list[Any]) -> Iterator[Any]:
    """Values without repetitions; 1 is not true."""
    seen = set()
    for value in values:
        if (key := (type(value), str(value))) not in seen:
            seen.add(key)
            yield value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _file(name: str, folder: Path) -> str:
    """A name, or a file beside the one that names it."""
    beside = folder / name
    return str(beside) if Path(name).suffix and beside.is_file() else name
