"""A trained layer as the chip's, and what a network must keep to for trainer and chip to agree."""

from __future__ import annotations

import numpy as np

from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.stdbp import stdbp
from yoso_sw.learn.stdbp.layers import Conv2d, TemporalLayer
from yoso_sw.network.network import Layer, Network


def export(layer: TemporalLayer) -> Layer:
    """The integer layer of a quantised module."""
    neuron = layer.neuron
    fires = not neuron.silent
    return Layer(
        weights=layer.integers.detach().cpu().numpy().astype(np.int8),
        threshold=int(layer.threshold) if fires else 1,
        start=neuron.start if fires else 0,
        end=neuron.end if fires else 0,
        slope=int(layer.slope) if fires else 0,
        bias=layer.bias,
        window=layer.window if isinstance(layer, Conv2d) else None,
        pool=isinstance(layer, Conv2d) and layer.pool,
    )


def check_bounds(network: Network) -> None:
    """Raise `TrainingError` if A of a neuron could saturate, or V where the trainer takes it as a plain sum.

    The compiler refuses the first; the second would part the trainer from the chip.
    """
    chip = network.chip
    for i, layer in enumerate(network.layers):
        weights = layer.weights.astype(np.int64)
        high, low = np.maximum(weights, 0).sum(0), np.minimum(weights, 0).sum(0)
        for name, value, bound in (
            ("positive", high.max(), chip.acc_max),
            ("negative", -low.min(), -chip.acc_min),
        ):
            if value > bound:
                raise TrainingError(
                    f"layer {i}: {name} weights of a neuron add up to {value}, beyond {bound}; "
                    "use fewer weight bits, a larger clip or more acc_bits"
                )
        # The layer before spikes when its window opens at the earliest, a bias at step 0.
        reading = layer.start - 1 if layer.slope else network.steps - 1
        earliest = network.layers[i - 1].start if i else 0
        ages = np.full((len(weights), 1), max(0, reading - earliest))
        ages[len(weights) - layer.bias :] = reading
        grown = weights * ages
        largest = max(np.maximum(grown, 0).sum(0).max(), -np.minimum(grown, 0).sum(0).min())
        if (layer.slope or layer.end <= layer.start) and largest >= min(chip.pot_max, stdbp.EXACT):
            raise TrainingError(
                f"layer {i}: a potential may reach {largest} and saturate at {chip.pot_max}; "
                "use fewer weight bits or a larger clip"
            )
