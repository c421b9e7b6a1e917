"""Composed layers of several spikes as one network: what rules of `placed.PlacedLayer` share (`modules`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from yoso_sw.learn.layer_config import LayerConfig
from yoso_sw.learn.placed import PlacedLayer


def told(layers: Sequence[PlacedLayer], code: str, levels: int) -> dict[str, Any]:
    """See `rules.Composer`, for inputs of a code."""
    return {
        "weight_bits": max(layer.quantiser.weight_bits for layer in layers),
        "acc_bits": layers[0].chip.acc_bits,
        "pot_bits": layers[0].chip.pot_bits,
        "steps": layers[-1].end,
        "code": code,
        "levels": levels,
    }


def settings(layers: Sequence[PlacedLayer]) -> dict[str, Any]:
    """See `rules.Composer`."""
    window = layers[0].window
    shape = {} if window is None else {"rows": window.rows, "channels": window.channels}
    return {
        "layers": tuple(_config(layer) for layer in layers),
        "decision": "softmax",
        "inputs": layers[0].inputs,
        **shape,
    }


def _config(layer: PlacedLayer) -> LayerConfig:
    window = layer.window
    geometry: dict[str, Any] = {}
    if window is not None:
        geometry = {"kernel": window.kernel, "stride": window.stride, "padding": window.padding}
    return replace(layer.config, clip=layer.quantiser.clip, **geometry)


def misplaced(layers: Sequence[PlacedLayer], charged: int) -> Iterator[str]:
    """Layers that do not see what the one before sends, `charged` steps before the first one's; where to."""
    steps = layers[0].steps
    for i, layer in enumerate(layers):
        neuron, opens = layer.config.neuron, charged + i + 1
        after = (
            "a step after the layer before"
            if i
            else f"after {charged} levels"
            if charged
            else "inputs begin at step 0"
        )
        if layer.steps != steps:
            yield f"layer {i}: steps={layer.steps}; each layer sees as many, {steps} as the first one"
        elif layer.start != opens:
            yield f"layer {i}: start={layer.start}; it can only have start={opens}, {after}"
        elif layer.fires and (neuron.start, neuron.end) != (opens, opens + steps):
            yield (
                f"layer {i}: window {neuron.start}..{neuron.end} of its neurons; it can only be "
                f"{opens}..{opens + steps}, steps={steps} from {opens} on"
            )
        if not layer.fires and i < len(layers) - 1:
            yield f"layer {i} never fires, and nothing goes on to the next one"


#: What layers of one network have alike, and of each what tells it.
ALIKE: dict[str, Callable[[Any], Any]] = {
    "weight_bits": lambda layer: layer.quantiser.weight_bits,
    "acc_bits": lambda layer: layer.chip.acc_bits,
    "pot_bits": lambda layer: layer.chip.pot_bits,
}


def unlike(layers: Sequence[Any], alike: dict[str, Callable[[Any], Any]] = ALIKE) -> Iterator[str]:
    """What the layers should have alike and have not."""
    for key, of in alike.items():
        values = {of(layer) for layer in layers}
        if len(values) > 1:
            yield f"layers have several {key}, {', '.join(map(str, sorted(values)))}: give all the same"
