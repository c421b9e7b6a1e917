"""Spike count's modules as a network's layers (`learn.modules`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yoso_sw.learn.count.export import export as export_layer
from yoso_sw.learn.count.layer import CountLayer
from yoso_sw.network.layer import Layer

LAYER = CountLayer


def _charge(layer: CountLayer) -> int:
    """The levels that charge a first layer; 0: its inputs are trains."""
    return layer.unit if layer.unit > 1 else 0


def export(layer: CountLayer, place: int) -> Layer:
    """See `rules.Composer`."""
    return export_layer(layer, 0 if place else _charge(layer))


def told(layers: Sequence[CountLayer], levels: int | None) -> dict[str, Any]:
    """See `rules.Composer`."""
    first, last = layers[0], layers[-1]
    charge = _charge(first)
    return {
        "weight_bits": max(layer.quantiser.weight_bits for layer in layers),
        "acc_bits": first.chip.acc_bits,
        "pot_bits": first.chip.pot_bits,
        "steps": last.start + last.steps,
        "code": "ttfs" if charge else "events",
        "levels": charge or first.steps,
    }
