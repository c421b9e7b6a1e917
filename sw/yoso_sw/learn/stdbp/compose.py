"""STDBP's modules as a network's layers, and as a configuration (`learn.modules`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from yoso_sw.learn.composed import unlike
from yoso_sw.learn.layer_config import LayerConfig
from yoso_sw.learn.stdbp.export import beyond as beyond
from yoso_sw.learn.stdbp.export import export as export_layer
from yoso_sw.learn.stdbp.layers import Conv2d, TemporalLayer
from yoso_sw.network.layer import Layer

LAYER = TemporalLayer

#: As `composed.ALIKE`.
ALIKE: dict[str, Callable[[Any], Any]] = {
    "steps": lambda layer: layer.last + 1,
    "weight_bits": lambda layer: layer.quantiser.weight_bits,
    "min_slope": lambda layer: layer.extras.min_slope,
}


def export(layers: Sequence[TemporalLayer], levels: int | None) -> list[Layer]:
    """See `rules.Composer`."""
    return [export_layer(layer) for layer in layers]


def told(layers: Sequence[TemporalLayer], levels: int | None) -> dict[str, Any]:
    """See `rules.Composer`."""
    first, last = layers[0], layers[-1]
    found: dict[str, Any] = {
        "weight_bits": max(layer.quantiser.weight_bits for layer in layers),
        "steps": last.last + 1,
    }
    if (chip := first.quantiser.chip) is not None:
        found |= {"acc_bits": chip.acc_bits, "pot_bits": chip.pot_bits}
    return found | ({} if levels is None else {"levels": levels})


def misfits(layers: Sequence[TemporalLayer], levels: int | None) -> Iterator[str]:
    """See `rules.Composer`."""
    for i, layer in enumerate(layers):
        if layer.norm is not None and not (layer.constant and layer.bias):
            yield f"layer {i}: its batch_norm needs slope='constant' and bias=True, into which it is folded"
        if layer.neuron.silent and i < len(layers) - 1:
            yield f"layer {i} never fires, and nothing goes on to the next one"


def obstacles(layers: Sequence[TemporalLayer]) -> Iterator[str]:
    """See `rules.Composer`."""
    yield from unlike(layers, ALIKE)


def settings(layers: Sequence[TemporalLayer]) -> dict[str, Any]:
    """See `rules.Composer`."""
    first, last = layers[0], layers[-1]
    known = {
        "layers": tuple(_layer_config(layer) for layer in layers),
        "decision": "softmax" if last.neuron.silent else "ttfs",
        "revive": last.extras.revive,
        "min_slope": first.extras.min_slope,
    }
    if isinstance(first, Conv2d):
        window = first.window
        return known | {"inputs": window.inputs, "rows": window.rows, "channels": window.channels}
    return known | {"inputs": len(first.weight) - first.bias}


def _layer_config(layer: TemporalLayer) -> LayerConfig:
    geometry: dict[str, Any] = {}
    if isinstance(layer, Conv2d):
        window = layer.window
        geometry = {"kernel": window.kernel, "stride": window.stride, "padding": window.padding}
        geometry["pool"] = layer.pool
    extras = layer.extras
    return LayerConfig(
        layer.neurons,
        layer.neuron,
        bias=layer.bias,
        dropout=extras.dropout,
        batch_norm=extras.batch_norm,
        centred=extras.centred,
        clip=layer.quantiser.clip,
        **geometry,
    )
