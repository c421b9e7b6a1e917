"""What a search varies: the ``[search]`` table of a training configuration, read and applied."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from yoso_sw.learn.config import ConfigError, TrainConfig
from yoso_sw.learn.config_file import parse, table_of

#: What trials may be judged by, and whether more is better.
OBJECTIVES = {"accuracy": True, "bits": False, "spikes": False, "steps": False}

#: Keys of ``[search]``; what else stands there is `space`.
TRIALS = 20


@dataclass(frozen=True)
class Range:
    """Values from `low` to `high`, both among them; whole if both are. `log`: as many below as above."""

    low: float
    high: float
    log: bool = False

    @property
    def whole(self) -> bool:
        return type(self.low) is int and type(self.high) is int


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Sum:
    """Keys and numbers that are added: what follows from others, such as a window from the steps."""

    terms: tuple[tuple[int, str | float], ...]

    def of(self, table: dict[str, Any], where: str) -> Any:
        """Its value in a configuration's table. Raises `ConfigError`."""
        total: float = 0
        for sign, term in self.terms:
            value = look_up(table, term, where) if isinstance(term, str) else term
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError(f"{where}: {term}={value!r} is no number that can be added")
            total += sign * value
        return total


@dataclass(frozen=True)
class Space:
    """The ``[search]`` of a configuration.

    Parameters
    ----------
    table
        The rest of the configuration, every key named.
    where
        Of the file, for messages.
    parts
        What varies, and what follows from it, by key ("layers.0.threshold").
    objectives
        Of `OBJECTIVES`; the first one chooses where there is one to choose.
    trials
        How many.
    """

    table: dict[str, Any]
    where: str
    parts: dict[str, Range | Choice | Sum]
    objectives: tuple[str, ...] = ("accuracy",)
    trials: int = TRIALS

    @property
    def varied(self) -> dict[str, Range | Choice]:
        """What a trial chooses."""
        return {key: part for key, part in self.parts.items() if not isinstance(part, Sum)}

    def config(self, values: dict[str, Any]) -> TrainConfig:
        """The configuration with these values of `varied`. Raises `ConfigError` if it is refused."""
        table = copy.deepcopy(self.table)
        for key, value in values.items():
            put(table, key, value)
        for key, part in self.parts.items():
            if isinstance(part, Sum):
                put(table, key, part.of(table, f"{self.where}: search: {key}"))
        return parse(table, self.where)


def read(table: dict[str, Any], where: str) -> Space:
    """The search of a configuration's table. Raises `ConfigError` that names the key and what is allowed."""
    rest = dict(table)
    own = rest.pop("search", None)
    if not isinstance(own, dict):
        raise ConfigError(f"{where}: there is no [search]; it says what varies, layers.0.threshold = [8, 24]")
    own = dict(own)
    trials, objectives = own.pop("trials", TRIALS), own.pop("objectives", ["accuracy"])
    if type(trials) is not int or trials < 1:
        raise ConfigError(f"{where}: search: trials={trials!r} is no whole number from 1")
    known = ", ".join(OBJECTIVES)
    if not isinstance(objectives, list) or not objectives or len({*map(str, objectives)}) < len(objectives):
        raise ConfigError(f"{where}: search: objectives={objectives!r} are not some of {known}, each once")
    for name in objectives:
        if name not in OBJECTIVES:
            raise ConfigError(f"{where}: search: objective {name!r} is not one of {known}")
    parts = {key: _part(value, f"{where}: search: {key}") for key, value in _leaves(own)}
    space = Space(table_of(parse(rest, where)), where, parts, tuple(objectives), trials)
    if not space.varied:
        raise ConfigError(f"{where}: search: nothing varies; give layers.0.threshold = [8, 24] or the like")
    for key in parts:
        look_up(space.table, key, f"{where}: search")
    space.config({})  # refused now, not by every trial
    return space


def _leaves(table: dict[str, Any], name: str = "") -> Iterator[tuple[str, Any]]:
    """The entries by key; a dotted key of TOML is a table in a table."""
    for key, value in table.items():
        path = f"{name}.{key}" if name else key
        if isinstance(value, dict) and not value.keys() & {"low", "high", "choices"}:
            yield from _leaves(value, path)
        else:
            yield path, value


def _part(value: Any, where: str) -> Range | Choice | Sum:
    """What one entry says."""
    if isinstance(value, str):
        return _sum(value, where)
    if isinstance(value, list):
        if len(value) != 2 or not all(map(_number, value)):
            raise ConfigError(
                f"{where}={value!r} is no [low, high]; of single values give {{choices = [..]}}"
            )
        value = {"low": value[0], "high": value[1]}
    if not isinstance(value, dict):
        raise ConfigError(f"{where}={value!r} is no [low, high], {{choices = [..]}} or sum of keys")
    if "choices" in value:
        choices = value["choices"]
        if len(value) > 1 or not isinstance(choices, list) or not choices:
            raise ConfigError(f"{where}={value!r} is no {{choices = [..]}} with a value at least")
        if bad := next((one for one in choices if not isinstance(one, bool | int | float | str)), None):
            raise ConfigError(f"{where}: choice {bad!r} is no number, word or truth")
        return Choice(tuple(choices))
    low, high, log = value.get("low", math.nan), value.get("high", math.nan), value.get("log", False)
    if value.keys() - {"low", "high", "log"} or not isinstance(log, bool):
        raise ConfigError(f"{where}={value!r} is no {{low = .., high = .., log = true|false}}")
    if not (_number(low) and _number(high) and low <= high):
        raise ConfigError(f"{where}: low={low!r} to high={high!r} is no range of finite numbers")
    if log and low <= 0:
        raise ConfigError(f"{where}: low={low!r} of a logarithmic range is not above 0")
    return Range(low, high, log)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _sum(text: str, where: str) -> Sum:
    """ "steps - 1", "levels + layers.0.start": keys and numbers with signs between."""
    words = re.findall(r"[+-]|[\w.]+|\S", text)
    if not words or not re.fullmatch(r"([+-] )?[\w.]+( [+-] [\w.]+)*", " ".join(words)):
        raise ConfigError(f"{where}={text!r} is no sum of keys and numbers, such as 'steps - 1'")
    signs = [1] if words[0] not in "+-" else []
    terms: list[str | float] = []
    for word in words:
        if word in "+-":
            signs.append(1 if word == "+" else -1)
        elif re.fullmatch(r"\d+", word):
            terms.append(int(word))
        elif re.fullmatch(r"\d*\.\d+|\d+\.", word):
            terms.append(float(word))
        else:
            terms.append(word)
    return Sum(tuple(zip(signs, terms, strict=True)))


def look_up(table: dict[str, Any], key: str, where: str) -> Any:
    """The value of "layers.0.threshold". Raises `ConfigError`."""
    found: Any = table
    words = key.split(".")
    for i, word in enumerate(words):
        if isinstance(found, list) and word.isdecimal() and int(word) < len(found):
            found = found[int(word)]
        elif isinstance(found, dict) and word in found:
            found = found[word]
        else:
            raise ConfigError(f"{where}: the configuration has no {'.'.join(words[: i + 1])}")
    return found


def put(table: dict[str, Any], key: str, value: Any) -> None:
    """Set a value that `look_up` finds."""
    *path, last = key.split(".")
    found: Any = table
    for word in path:
        found = found[int(word) if isinstance(found, list) else word]
    found[last] = value
