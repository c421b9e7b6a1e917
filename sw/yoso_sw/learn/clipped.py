"""Biases beyond the bits of a layer's weights, which saturate when it is quantised.

A bias shares its layer's scale, and takes back what the mean input brings: of many inputs that is more than
weights of a few bits hold. Nothing fails then, but the network is another one, so whoever trains it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yoso_sw.learn.rule import Rule

#: The share of a layer's biases, from which on it is told.
MANY = 0.1

REMEDY = "a larger clip, more weight_bits or, with rules stdbp and tandem, centred=true keep them"


def biases(model: Rule[Any]) -> dict[int, float]:
    """Layers of a model in its integer phase, by number, and which share of their biases saturates."""
    found = {}
    for i, (layer, own) in enumerate(zip(model.chain, model.config.layers, strict=True)):
        scale, quantiser = getattr(layer, "scale", None), getattr(layer, "quantiser", None)
        if own.bias and scale is not None and quantiser is not None:
            beyond = (layer.weight.detach()[-1] * scale).abs() > quantiser.limit - 0.5
            found[i] = float(beyond.float().mean())
    return {i: share for i, share in found.items() if share >= MANY}


def text(found: Mapping[int, float]) -> str:
    """What is to be said of them, with what to do; "" if there are none."""
    if not found:
        return ""
    shares = ", ".join(f"{share:.0%} of layer {i}'s" for i, share in found.items())
    return f"biases that saturate: {shares}; {REMEDY}"
