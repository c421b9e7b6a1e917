"""The test samples that a trained network is run on: of the set it records, or of one that it is given."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from yoso_sw.data import registry
from yoso_sw.data.check import check
from yoso_sw.data.encoding import coded
from yoso_sw.data.registry import Found, UnknownSetError
from yoso_sw.data.samples import DatasetError, Samples, Shape
from yoso_sw.network.network import Network


def samples_for(network: Network, path: Path, data: str | None = None, other: bool = False) -> Samples:
    """The test samples for a network, checked.

    Parameters
    ----------
    network, path
        The network and its file, beside which a path that it records may lead on.
    data
        Name or path of a set; None: the one that the network records.
    other
        Whether `data` may be of another name than the network records.

    Raises
    ------
    DatasetError
        If no set is named, it is not found, another one or not for this network; one line that says what
        to do.
    """
    found = _chosen(network, path, data, other)
    samples = seen(registry.load(found, "test", **settings(network, path)), network)
    check(samples.inputs, samples.labels, samples.name, "test", network)
    return samples


def _chosen(network: Network, path: Path, data: str | None, other: bool) -> Found:
    name = network.about.get("dataset")
    if data is None:
        if not isinstance(name, str) or not name:
            raise DatasetError(
                f"network {network.name!r} ({path}) does not say what it was trained on: name its data set "
                f"with --data NAME or PATH, one of {', '.join(registry.KNOWN)} or your own"
            )
        try:
            return registry.find(str(network.about.get("data", name)), path.parent)
        except UnknownSetError:
            raise DatasetError(
                f"network {network.name!r} was trained on {name!r}, which is not found here: "
                "give it with --data PATH"
            ) from None
    found = registry.find(data)
    if name is not None and found.name != name and not other:
        raise DatasetError(
            f"network {network.name!r} was trained on {name!r}, not on {found.name!r}: leave --data out, or "
            "add --other-data if another set is meant"
        )
    return found


def settings(network: Network, path: Path) -> dict[str, Any]:
    """What `registry.load` is to know of a network: seed, shape, levels and window."""
    return {
        "seed": _seed(network),
        "shape": shape_of(network, path),
        "levels": network.levels,
        "window": _window(network),
    }


def seen(samples: Samples, network: Network) -> Samples:
    """A whole part in the network's input code. Raises `DatasetError` if it takes no such inputs."""
    return coded(samples, network.name, network.code, network.levels, _seed(network))


def _window(network: Network) -> int | None:
    """Microseconds of a recording that it sees, ``window_us`` of its record."""
    window = network.about.get("window_us")
    if window is not None and (type(window) is not int or window < 1):
        raise DatasetError(
            f"network {network.name!r} records window_us={window!r}; whole microseconds from 1 are wanted"
        )
    return window


def _seed(network: Network) -> int:
    """The seed that it records, which draws the parts of a set without its own."""
    seed = network.about.get("seed", 1)
    if type(seed) is not int or seed < 0:
        raise DatasetError(f"network {network.name!r} records seed {seed!r}; a whole number from 0 is wanted")
    return seed


def shape_of(network: Network, path: Path) -> Shape | None:
    """Rows, columns and channels of the images that a network sees; None if nothing says them.

    A convolution knows them, a network records them, and older ones have their configuration beside them.
    """
    window = network.layers[0].window
    if window is not None:
        return (window.rows, window.cols, window.channels)[: 3 if window.channels > 1 else 2]
    recorded = network.about.get("shape")
    return _valid(recorded, network.inputs) or _valid(_configured(path, network.inputs), network.inputs)


def _valid(shape: Any, inputs: int) -> Shape | None:
    """A shape if it is one of so many inputs."""
    if not isinstance(shape, list) or len(shape) not in (2, 3):
        return None
    product = 1
    for side in shape:
        if type(side) is not int or side < 1:
            return None
        product *= side
    return tuple(shape) if product == inputs else None


def _configured(path: Path, inputs: int) -> list[int] | None:
    """Rows and columns by the TOML file beside a network."""
    try:
        rows = tomllib.loads(path.with_suffix(".toml").read_text()).get("rows")
    except (OSError, ValueError, RecursionError):
        return None
    return [rows, inputs // rows] if type(rows) is int and rows > 0 else None
