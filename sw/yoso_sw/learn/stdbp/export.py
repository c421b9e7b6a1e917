"""A trained layer as the chip's, and what a network must keep to for trainer and chip to agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.stdbp import stdbp
from yoso_sw.learn.stdbp.layers import Conv2d, TemporalLayer
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron


def export(layer: TemporalLayer) -> Layer:
    """The integer layer of a quantised module."""
    own = layer.neuron
    fires = Neuron(int(layer.threshold), own.start, own.end, int(layer.slope))
    return Layer(
        weights=layer.integers.detach().cpu().numpy().astype(np.int8),
        neuron=Neuron(1, 0, 0) if own.silent else fires,
        bias=layer.bias,
        window=layer.window if isinstance(layer, Conv2d) else None,
        pool=isinstance(layer, Conv2d) and layer.pool,
    )


def check_neurons(layers: Sequence[TemporalLayer], config: TrainConfig) -> None:
    """Raise `TrainingError` if a threshold or a slope of quantised modules is beyond the largest potential.

    V could never reach it, and golden model and compiler refuse the network.
    """
    largest = config.chip.pot_max
    for i, layer in enumerate(layers):
        own, scale = layer.neuron, layer.scale or 1.0
        if own.silent:
            continue
        theta = own.threshold * scale
        pot_bits = f"the largest potential {largest} of pot_bits={config.pot_bits}"
        if theta >= largest + 0.5:  # may be infinite, so not rounded
            raise TrainingError(
                f"layer {i}: threshold={own.threshold:g} gives an integer threshold {theta:.0f} beyond "
                f"{pot_bits}: lower threshold, raise clip={layer.quantiser.clip:g} or raise pot_bits"
            )
        if layer.constant and scale > largest:
            raise TrainingError(
                f"layer {i}: weights this small give a slope {scale:.0f} beyond {pot_bits}: raise std of the "
                f"first weights, raise clip={layer.quantiser.clip:g} or raise pot_bits"
            )


def beyond(network: Network) -> Iterator[str]:
    """See `rules.Composer`: A of a neuron that could saturate, or V where the trainer takes a plain sum.

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
                yield (
                    f"layer {i}: {name} weights of a neuron add up to {value}, beyond {bound}; "
                    "use fewer weight bits, a larger clip or more acc_bits"
                )
        # The layer before spikes when its window opens at the earliest, a bias at step 0.
        neuron = layer.neuron
        reading = neuron.start - 1 if neuron.slope else network.steps - 1
        earliest = network.layers[i - 1].neuron.start if i else 0
        ages = np.full((len(weights), 1), max(0, reading - earliest))
        ages[len(weights) - layer.bias :] = reading
        grown = weights * ages
        largest = max(np.maximum(grown, 0).sum(0).max(), -np.minimum(grown, 0).sum(0).min())
        if (neuron.slope or not neuron.fires) and largest >= min(chip.pot_max, stdbp.EXACT):
            yield (
                f"layer {i}: a potential may reach {largest} and saturate at {chip.pot_max}; "
                "use fewer weight bits or a larger clip"
            )
