"""Import: the network that a NIR graph means and what that loses, or all that keeps it from being one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from yoso_hw.params import ChipParams
from yoso_hw.registers import Reset

from yoso_sw.network.network import CODES, Network
from yoso_sw.nir.chain import chain
from yoso_sw.nir.common import NirError
from yoso_sw.nir.parse import Reader
from yoso_sw.nir.whole import Whole, whole


@dataclass(frozen=True, eq=False)
class Conversion:
    """A network, and its layers as the graph says them."""

    network: Network
    layers: tuple[Whole, ...]

    @property
    def exact(self) -> bool:
        return not any(layer.losses for layer in self.layers)

    def __str__(self) -> str:
        """What is exact and what is not, a line a layer."""
        lines = []
        for i, layer in enumerate(self.layers):
            said = [f"approximate: {loss}" for loss in layer.losses]
            if layer.exact:
                said.insert(0, ("exact: " if not said else "") + layer.exact)
            lines.append(f"layer {i}, {layer.real.called}: {'; '.join(said)}")
        return "\n".join(lines)


def from_nir(graph: Any, **told: Any) -> Network:
    """The network that a ``nir.NIRGraph`` says: that of `convert`."""
    return convert(graph, **told).network


def convert(
    graph: Any,
    *,
    name: str | None = None,
    steps: int | None = None,
    levels: int | None = None,
    weight_bits: int | None = None,
    code: str | None = None,
    reset: str | None = None,
    dt: float | None = None,
) -> Conversion:
    """The network that a ``nir.NIRGraph`` says.

    Parameters
    ----------
    name, levels, weight_bits, code
        As in `Network`; what is not given is taken from the graph's metadata. Where neither says it,
        `weight_bits` is 8, and `code` is "ttfs" of a graph whose first layer integrates its spikes, else
        "events", with as many levels as steps.
    steps
        Steps of the graph, T. Each layer whose current is not kept answers a step later on the chip, whose
        images have as many steps more.
    reset
        "subtract" where firing subtracts the threshold, which no node says; "zero" where it does not; None:
        as the metadata say, else "zero". It is asked only where `v_reset` is 0.
    dt
        What a step is of the graph's time: a spike is a current of 1 for so long.

    Raises
    ------
    NirError
        If a node is no part of a layer, or its numbers are not those of one; names all of them.
    NetworkError
        If the parts do not fit together.
    """
    metadata, asked = graph.metadata, _Told(graph.metadata)
    nodes, obstacles = chain(graph)
    step = asked.real("dt", dt)
    total = asked.whole("steps", steps)
    subtract = _subtracting(metadata, reset)
    given = code or metadata.get("code")
    reader = Reader(total, step, subtract, once=given in (None, "ttfs"))
    for label, node in nodes:
        reader.take(label, node)
    obstacles += reader.obstacles
    kept = not reader.layers or reader.layers[0].kept == 1
    code = str(given or ("ttfs" if kept else "events"))
    if code not in CODES:
        asked.wrong.append(f"code={code!r} is none of {', '.join(CODES)}; give --code")
    bits = asked.whole("weight_bits", weight_bits, 8)
    grain = asked.whole("levels", levels, None if code == "ttfs" else total or 1)
    chip = ChipParams()
    widths = [asked.whole(key, None, getattr(chip, key)) or 0 for key in ("acc_bits", "pot_bits")]
    layers: tuple[Whole, ...] = ()
    if not obstacles:
        layers = tuple(whole(layer, bits or 8, widths[0]) for layer in reader.layers)
        obstacles += _too_high(layers, (1 << (widths[1] - 1)) - 1)
    obstacles += asked.wrong
    if obstacles:
        raise NirError.of(obstacles)
    assert total is not None and bits is not None and grain is not None
    last = reader.layers[-1].reset
    network = Network(
        name=name or str(metadata.get("name", "nir")),
        layers=tuple(layer.layer for layer in layers),
        steps=total + reader.delay,
        levels=grain,
        decision="softmax" if reader.potential else "ttfs" if last is Reset.ONCE else "count",
        weight_bits=bits,
        about=_about(metadata),
        acc_bits=widths[0],
        pot_bits=widths[1],
        code=code,
    )
    return Conversion(network, layers)


def _too_high(layers: tuple[Whole, ...], most: int) -> list[str]:
    return [
        f"{layer.real.called}: its threshold is {layer.layer.neuron.threshold} in the unit of its weights; "
        f"V has {most} at most"
        for layer in layers
        if layer.layer.neuron.threshold > most
    ]


def _subtracting(metadata: dict[str, Any], reset: str | None) -> frozenset[str] | None:
    """The nodes whose firing subtracts the threshold; None: all."""
    if reset is not None:
        return None if reset == "subtract" else frozenset()
    try:
        names = json.loads(metadata.get("subtract", "[]"))
    except (TypeError, ValueError):
        return frozenset()
    return frozenset(str(name) for name in names) if isinstance(names, list) else frozenset()


class _Told:
    """Numbers that are given, or else in the metadata; `wrong` is what has to be given."""

    def __init__(self, metadata: dict[str, Any]) -> None:
        self.metadata = metadata
        self.wrong: list[str] = []

    def whole(self, key: str, given: int | None, otherwise: int | None = None) -> int | None:
        option = "--bits" if key == "weight_bits" else f"--{key}"
        if given is not None:
            return given
        if key not in self.metadata:
            if otherwise is None:
                self.wrong.append(f"the graph's metadata do not say {key}; give {option}")
            return otherwise
        try:
            return int(self.metadata[key])
        except (TypeError, ValueError):
            self.wrong.append(
                f"the graph's metadata say {key}={self.metadata[key]!r}, no whole number; give {option}"
            )
            return None

    def real(self, key: str, given: float | None) -> float:
        value = self.metadata.get(key, 1.0) if given is None else given
        try:
            if 0 < float(value) < float("inf"):
                return float(value)
        except (TypeError, ValueError):
            pass
        self.wrong.append(f"{key}={value!r} is no length of a step; give --{key}")
        return 1.0


def _about(metadata: dict[str, Any]) -> dict[str, Any]:
    try:
        about = json.loads(metadata.get("about", "{}"))
    except (TypeError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}
