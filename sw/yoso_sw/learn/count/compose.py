"""Spike count's modules as a network's layers, and as a configuration (`learn.modules`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from yoso_sw.learn import composed
from yoso_sw.learn.count.export import beyond as beyond
from yoso_sw.learn.count.export import export as export_layer
from yoso_sw.learn.count.layer import CountLayer
from yoso_sw.network.layer import Layer

LAYER = CountLayer


def _charge(layers: Sequence[CountLayer], levels: int | None) -> int:
    """The levels that charge the first layer, an encoder's or its own; 0: its inputs are trains."""
    return levels or (layers[0].unit if layers[0].unit > 1 else 0)


def export(layers: Sequence[CountLayer], levels: int | None) -> list[Layer]:
    """See `rules.Composer`."""
    charge = _charge(layers, levels)
    return [export_layer(layer, 0 if i else charge) for i, layer in enumerate(layers)]


def told(layers: Sequence[CountLayer], levels: int | None) -> dict[str, Any]:
    """See `rules.Composer`; without an encoder or levels of its own inputs are trains of T steps."""
    charge = _charge(layers, levels)
    return composed.told(layers, "ttfs" if charge else "events", charge or layers[0].steps)


def misfits(layers: Sequence[CountLayer], levels: int | None) -> Iterator[str]:
    """See `rules.Composer`."""
    yield from composed.misplaced(layers, _charge(layers, levels))
    if levels and layers[0].unit != levels:
        yield f"layer 0: unit={layers[0].unit}; the levels={levels} of its encoder charge it: unit={levels}"
    for i, layer in enumerate(layers[1:], 1):
        if layer.unit != 1:
            yield f"layer {i}: unit={layer.unit}; spikes of a layer bring 1 each: unit=1"


def obstacles(layers: Sequence[CountLayer]) -> Iterator[str]:
    """See `rules.Composer`."""
    yield from composed.unlike(layers)


def settings(layers: Sequence[CountLayer]) -> dict[str, Any]:
    """See `rules.Composer`."""
    return composed.settings(layers)
