"""STDBP's modules as a network's layers, and as a configuration (`learn.modules`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from yoso_sw.learn.layer_config import LayerConfig
from yoso_sw.learn.stdbp.export import export as export_layer
from yoso_sw.learn.stdbp.layers import Conv2d, TemporalLayer
from yoso_sw.network.layer import Layer

LAYER = TemporalLayer


def export(layer: TemporalLayer, place: int) -> Layer:
    """See `rules.Composer`."""
    return export_layer(layer)


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


def obstacles(layers: Sequence[TemporalLayer]) -> Iterator[str]:
    """See `rules.Composer`."""
    for key, values in (
        ("steps", {layer.last + 1 for layer in layers}),
        ("weight_bits", {layer.quantiser.weight_bits for layer in layers}),
        ("min_slope", {layer.extras.min_slope for layer in layers}),
    ):
        if len(values) > 1:
            yield f"layers have several {key}, {', '.join(map(str, sorted(values)))}: give all the same"


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
    return known | {"inputs": len(first.weight) - first.bias, "rows": 1}


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
