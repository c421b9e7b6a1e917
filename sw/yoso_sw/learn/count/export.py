"""A trained layer as the chip's, and what a network must keep to for trainer and chip to agree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yoso_sw.learn.count.layer import CountLayer
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, KEPT, Neuron, Reset


def export(layer: CountLayer, charge: int) -> Layer:
    """The integer layer of a quantised module; `charge`: the levels that charge it, 0: none."""
    silent = layer.config.neuron.silent
    return Layer(
        weights=layer.working.detach().cpu().numpy().astype(np.int8),
        neuron=Neuron(
            threshold=1 if silent else int(layer.threshold),
            start=layer.start,
            end=layer.start + layer.steps,
            current=KEPT if charge else CLEARED,
            reset=Reset.NEVER if silent else Reset.SUBTRACT,
            charge=charge,
        ),
        bias=layer.config.bias,
        window=layer.window,
        pool=layer.config.pool,
    )


def beyond(network: Network) -> Iterator[str]:
    """See `rules.Composer`: A, or V of a readout, that could saturate, thresholds beyond the largest V.

    The compiler refuses the first and the last; the trainer takes V of a readout as a plain sum.
    """
    chip = network.chip
    remedy = "use fewer weight bits, a larger clip, fewer levels"
    for i, layer in enumerate(network.layers):
        times = layer.times_counted(network.most_spikes(i), network.steps)
        brought = layer.weights * times[:, None]
        most = max(int(np.maximum(brought, 0).sum(0).max()), -int(np.minimum(brought, 0).sum(0).min()))
        if most > chip.acc_max:
            yield (
                f"layer {i}: weights of a neuron, times its levels, add up to {most}, beyond {chip.acc_max}; "
                f"{remedy} or more acc_bits"
            )
        neuron = layer.neuron
        if neuron.threshold > chip.pot_max:
            yield (
                f"layer {i}: its integer threshold {neuron.threshold} is beyond the largest potential "
                f"{chip.pot_max} of pot_bits={chip.pot_bits}: lower threshold or raise pot_bits"
            )
        steps = neuron.end - neuron.start
        if not neuron.fires and most * steps > chip.pot_max:
            yield (
                f"layer {i}: a potential may reach {most * steps} and saturate at {chip.pot_max}; "
                f"{remedy} or more pot_bits"
            )
