"""What an integer network must keep to for trainer and chip to agree, and to be one of a configuration."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yoso_sw.learn.errors import TrainingError
from yoso_sw.network.network import Network


def beyond(network: Network) -> Iterator[str]:
    """See `rules.Composer`: thresholds beyond V, or A that could saturate, which the compiler refuses."""
    chip = network.chip
    for i, layer in enumerate(network.layers):
        if layer.neuron.threshold > chip.pot_max:
            yield (
                f"layer {i}: an integer threshold {layer.neuron.threshold} is beyond the largest potential "
                f"{chip.pot_max} of pot_bits={network.pot_bits}: lower threshold, or raise clip or pot_bits"
            )
        times = min(1 << layer.neuron.current, network.steps)  # of a decaying A, a spike a step
        weights = times * layer.weights.astype(np.int64)
        most = max(np.maximum(weights, 0).sum(0).max(), -np.minimum(weights, 0).sum(0).min())
        if most > chip.acc_max:
            yield (
                f"layer {i}: A may reach {most}, beyond {chip.acc_max} of acc_bits={network.acc_bits}: use "
                "fewer weight bits, a larger clip or more acc_bits"
            )


def check_fits(ours: Network, theirs: Network) -> None:
    """Raise `TrainingError` if `theirs` is not the network that a configuration makes of its weights."""
    for name in ("steps", "levels", "code", "decision", "shape"):
        own, other = getattr(ours, name), getattr(theirs, name)
        if own != other:
            raise TrainingError(f"{theirs.name}: {name} is {other}, not {ours.name}'s {own}")
    for i, (own, other) in enumerate(zip(ours.layers, theirs.layers, strict=True)):
        if own.neuron != other.neuron or own.bias != other.bias:
            raise TrainingError(f"{theirs.name}, layer {i}: {other.neuron}, not {own.neuron} of {ours.name}")
        if not np.array_equal(own.weights, other.weights):
            raise TrainingError(f"{theirs.name}, layer {i}: its weights do not fit {ours.name}")
