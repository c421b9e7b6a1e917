"""What a network's integers say of themselves: weights against their bits, channel by channel; A's bound.

A layer has one threshold, hence one scale for all of its weights: a channel (a neuron of a dense layer, a
filter of a convolution) whose weights are small, after its batch normalisation was folded into them, gets few
of the bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.profile.observe import bits_of

#: Variance of what rounding adds, if all fractions are as likely.
ROUNDING = 1 / 12


def of_layer(layer: Layer, bits: int) -> dict[str, Any]:
    """Range and distribution of a layer's weights, its bias apart, in their `bits`.

    Shares are per cent. `entropy` is what a weight says at most, in bits. `unused` are bits that no weight of
    the layer has; `at_bounds` lie where quantisation clamps.
    """
    axons = len(layer.weights) - layer.bias
    own = layer.weights[:axons].astype(np.int64)
    limit = 1 << (bits - 1)
    values, counts = np.unique(own, return_counts=True)
    share = counts / own.size
    needed = max(bits_of(int(own.min())), bits_of(int(own.max())))
    found: dict[str, Any] = {
        "bits": bits,
        "weights": int(own.size),
        "least": int(own.min()),
        "largest": int(own.max()),
        "needed": needed,
        "unused": bits - needed,
        "at_bounds": percent(((own == -limit) | (own == limit - 1)).mean()),
        "zeros": percent((own == 0).mean()),
        "entropy": round(float(-(share * np.log2(share)).sum()) + 0.0, 2),
        "values": dict(zip(map(str, values.tolist()), counts.tolist(), strict=True)),
    }
    if layer.bias:
        bias = layer.weights[-1]
        bounds = (bias == -limit) | (bias == limit - 1)
        found["bias"] = {
            "least": int(bias.min()),
            "largest": int(bias.max()),
            "at_bounds": percent(bounds.mean()),
        }
    return found


def channels(layer: Layer, bits: int) -> dict[str, Any]:
    """Each channel's weights: the bits that they take, and how far they are above rounding.

    `snr_db` is the mean square of a channel's integers over `ROUNDING`: what is known without float weights.
    """
    own = layer.weights[: len(layer.weights) - layer.bias].astype(np.int64)
    needed = [
        max(bits_of(low), bits_of(high))
        for low, high in zip(own.min(0).tolist(), own.max(0).tolist(), strict=True)
    ]
    power = np.square(own).mean(0)
    return {
        "channels": own.shape[1],
        "needed": needed,
        "unused": round(float(bits - np.mean(needed)), 2),
        "snr_db": [decibels(value / ROUNDING) for value in power.tolist()],
    }


def bound_of_a(network: Network, index: int) -> tuple[int, int]:
    """The least and the largest A that a layer's weights could make (`Layer.times_counted`).

    The compiler refuses a network whose bound is beyond A, whatever the images.
    """
    layer = network.layers[index]
    times = layer.times_counted(network.most_spikes(index), network.steps)
    brought = layer.weights.astype(np.int64) * times[:, None]
    return int(np.minimum(brought, 0).sum(0).min()), int(np.maximum(brought, 0).sum(0).max())


def percent(share: float) -> float:
    """A share in per cent, to a hundredth."""
    return round(100 * float(share), 2)


def decibels(ratio: float) -> float | None:
    """A ratio of powers; None of nothing."""
    return round(10 * float(np.log10(ratio)), 1) if ratio > 0 else None
