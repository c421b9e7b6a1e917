"""The TOML file of a training run, beside the network it makes: read into checked dataclasses, and back."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from yoso_sw.data.augment import Augment
from yoso_sw.learn.config import ConfigError, TrainConfig
from yoso_sw.learn.layer_config import LayerConfig

#: What keys were called before; files and checkpoints that have the old names are read all the same.
OLD_NAMES = {
    "float_rate": "lr",
    "integer_rate": "integer_lr",
    "warm": "warmup",
    "batch": "batch_size",
    "unit": "temperature",
    "smooth": "label_smoothing",
    "decay": "weight_decay",
    "floor": "min_slope",
    "ridge": "ridge_penalty",
    "trust": "teacher_weight",
    "soften": "teacher_temperature",
    "activity": "spike_penalty",
    "alive": "silence_penalty",
    "norm": "batch_norm",
    "deviation": "std",
}

T = TypeVar("T")

_KINDS: dict[str, Any] = {"int": int, "str": str, "bool": bool, "float": (int, float)}


def _renamed(table: dict[str, Any], known: list[str], where: str) -> dict[str, Any]:
    """A TOML table with the keys' present names, of which those that its dataclass has are `known`."""
    old_names = {old: new for old, new in OLD_NAMES.items() if new in known}
    for old, new in old_names.items():
        if old in table and new in table:
            raise ConfigError(f"{where}: {old} is the old name of {new}; give one of the two")
    return {old_names.get(key, key): value for key, value in table.items()}


def _build(cls: type[T], values: Any, where: str) -> T:
    """A dataclass from a TOML table; whole numbers serve as floats.

    A field marked flat is a dataclass whose keys stand in the same table.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{where} is not a table")
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = get_type_hints(cls)
    flat = {name: hints[name] for name, f in fields.items() if f.metadata.get("flat")}
    inner = {key: name for name, kind in flat.items() for key in get_type_hints(kind)}
    known = [*(name for name in fields if name not in flat), *inner]
    values = _renamed(values, known, where)
    nested: dict[str, dict[str, Any]] = {name: {} for name in flat}
    own: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"{where}: there is no key {key!r}; there are {', '.join(known)}")
        if key in inner:
            nested[inner[key]][key] = value
            continue
        kind = _KINDS.get(str(fields[key].type))
        if kind is not None and (
            not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
        ):
            raise ConfigError(f"{where}: {key}={value!r} is not {fields[key].type}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{where}: {key}={value!r} is not finite")
        own[key] = value
    for name, f in fields.items():
        needed = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if needed and name not in own:
            raise ConfigError(f"{where}: {name} is missing")
    return cls(**own, **{name: _build(flat[name], table, where) for name, table in nested.items()})


def _table(value: Any) -> Any:
    """The inverse of `_build`: dataclasses as tables, every key named."""
    if isinstance(value, tuple):
        return [_table(each) for each in value]
    if not dataclasses.is_dataclass(value):
        return value
    table: dict[str, Any] = {}
    for f in dataclasses.fields(value):
        own = _table(getattr(value, f.name))
        table |= own if f.metadata.get("flat") else {f.name: own}
    return table


def table_of(config: TrainConfig) -> dict[str, Any]:
    """The configuration as a file has it, every key named; `parse` is its inverse."""
    return _table(config)


def parse(table: dict[str, Any], where: str) -> TrainConfig:
    """The configuration of a TOML file's table; keys that it lacks have their defaults.

    A table ``[search]`` says what `yoso search` varies and is nothing to a training. Raises `ConfigError`.
    """
    table = dict(table)
    table.pop("search", None)
    layers = table.pop("layers", [])
    if not isinstance(layers, list):
        raise ConfigError(f"{where}: layers is not a list of tables, [[layers]]")
    for i, entry in enumerate(layers):
        if isinstance(entry, dict) and isinstance(entry.get("pool"), str):
            raise ConfigError(
                f"{where}: rule {table.get('rule', 'stdbp')}: layer {i}: pool={entry['pool']!r}; it can only "
                "have pool=true, by which of 2 x 2 positions one spike goes on, or pool=false"
            )
    table["layers"] = tuple(
        _build(LayerConfig, entry, f"{where}, layer {i}") for i, entry in enumerate(layers)
    )
    adjustment = table.pop("logit_adjustment", [])
    if not isinstance(adjustment, list):
        raise ConfigError(f"{where}: logit_adjustment={adjustment!r} is not a list of numbers")
    table["logit_adjustment"] = tuple(adjustment)
    table["augment"] = _build(Augment, table.pop("augment", {}), f"{where}, augment")
    try:
        return _build(TrainConfig, table, where)
    except ConfigError as error:
        raise ConfigError(str(error) if where in str(error) else f"{where}: {error}") from None


def load_config(path: str | Path) -> TrainConfig:
    """Read a training configuration. Raises `ConfigError`."""
    return parse(load_table(path), str(path))


def load_table(path: str | Path) -> dict[str, Any]:
    """The table of a TOML file. Raises `ConfigError`."""
    path = Path(path)
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as a configuration: {error}") from None
    except (ValueError, RecursionError) as error:  # nested without end, or a number of 5000 digits
        raise ConfigError(f"{path} is not TOML: {error}") from None
