"""The potentials of a network of constant-slope windows, fast: ages of spikes as bytes, exactly.

In such a network a layer is one sum V of weights times how long ago their axons spiked, w a, and its spikes
are read off V: with the window [s, e), theta and slope c, what the next layer finds at its step r is the age

    a' = clamp(r - s + 1 + floor((V - theta) / c), 0, r - s)        (docs/arithmetic.md, "Window")

that is V + b, divided by c, rounded and clamped, which is how 8-bit networks go from layer to layer. So
oneDNN's kernels of such networks, on bytes and with 32-bit sums, do a layer in one pass.
Nothing is approximate: b puts every whole V at least 1 / 2c from where rounding changes (our choice).
"""

from __future__ import annotations

import platform
from collections.abc import Callable

import numpy as np
import torch

from yoso_sw.data.encoding import spike_steps
from yoso_sw.network.events import NEVER
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import KEPT

#: Two products of an age and a weight of 8 bits are added in 16 bits by processors without dot products.
OLDEST = 127
BATCH = 128  # images that go through all layers at once, and stay in the cache

Bytes = Callable[[torch.Tensor], torch.Tensor]


def readings(network: Network) -> list[int]:
    """The step at which each layer reads its inputs: before its window, a readout in the last step."""
    return [own.neuron.start - 1 if own.neuron.fires else network.steps - 1 for own in network.layers]


def suits(network: Network) -> bool:
    """Whether a network is one of constant-slope windows and a readout whose ages are bytes.

    A and V must not saturate, as of every trained network.
    """
    *spiking, last = network.layers
    read = readings(network)
    opens = [own.neuron.start for own in spiking]
    return (
        network.code == "ttfs"
        and not last.neuron.fires
        and last.neuron.current == KEPT
        and last.window is None
        and all(own.neuron.slope > 0 and own.neuron.fires for own in spiking)
        and network.levels - 1 <= read[0] <= OLDEST
        and all(0 < r - s <= OLDEST for r, s in zip(read[1:], opens, strict=True))
        and all(r <= own.neuron.end for r, own in zip(read[1:], spiking, strict=True))
        and network.pot_bits <= 24
    )


def available() -> bool:
    """Whether this torch, on this processor, has the kernels."""
    known = platform.machine().lower() in ("x86_64", "amd64") and torch.backends.mkldnn.is_available()
    return known and hasattr(torch.ops.onednn, "qconv2d_pointwise")


class Bytewise:
    """Potentials of a network's last layer; for one that `suits`, where the kernels are `available`."""

    def __init__(self, network: Network) -> None:
        steps = spike_steps(np.arange(256, dtype=np.uint8), network.levels)
        read = readings(network)
        self.ages = np.where(steps == NEVER, 0, np.maximum(read[0] - steps, 0)).astype(np.uint8)
        self.layers = [
            _layer(own, now, then)
            for own, now, then in zip(network.layers, read, [*read[1:], None], strict=True)
        ]

    def __call__(self, images: np.ndarray) -> torch.Tensor:
        """V of the last layer, float32 (n, classes), whole numbers, for pixels, uint8 (n, inputs)."""
        parts = []
        for part in torch.from_numpy(self.ages[images]).split(BATCH):
            for layer in self.layers:
                part = layer(part)
            parts.append(part)
        return torch.cat(parts)


def _layer(own: Layer, now: int, then: int | None) -> Bytes:
    """Ages (n, outputs) that the next layer finds at step `then`, of those, (n, inputs), at step `now`.

    None: V itself, of the last layer.
    """
    weights = torch.from_numpy(own.weights[: len(own.weights) - own.bias].astype(np.int8))
    filters, neuron = weights.shape[1], own.neuron
    bias = torch.zeros(filters)
    if own.bias:
        bias += now * torch.from_numpy(own.weights[-1].astype(np.float32))
    divisor, oldest, kind = 1.0, None, torch.float32
    if then is not None:
        oldest = then - neuron.start
        # floor(x / c) is (x - (c - 1) / 2) / c rounded
        bias += neuron.slope * (oldest + 1) - neuron.threshold - (neuron.slope - 1) / 2
        divisor, kind = float(neuron.slope), torch.uint8
    scales, zeros = torch.ones(filters), torch.zeros(filters, dtype=torch.int64)
    kernels, window = torch.ops.onednn, own.window
    if window is None:
        packed = kernels.qlinear_prepack(weights.T.contiguous(), [BATCH, len(weights)])

        def dense(ages: torch.Tensor) -> torch.Tensor:
            found = kernels.qlinear_pointwise(
                ages, 1.0, 0, packed, scales, zeros, bias, divisor, 0, kind, "none", [], ""
            )
            return found if oldest is None else found.clamp_(max=oldest)

        return dense
    side, channels = window.kernel, window.channels
    kernel = weights.reshape(side, side, channels, filters).permute(3, 2, 0, 1).contiguous()
    where = [window.stride] * 2, [window.padding] * 2, [1, 1], 1
    shape = [BATCH, channels, window.rows, window.cols]
    packed = kernels.qconv_prepack(kernel, scales, 1.0, 0, *where, shape)

    def convolve(ages: torch.Tensor) -> torch.Tensor:
        pictures = ages.reshape(-1, window.rows, window.cols, channels).permute(0, 3, 1, 2)
        found = kernels.qconv2d_pointwise(
            pictures, 1.0, 0, packed, scales, zeros, bias, *where, divisor, 0, kind, "none", [], ""
        ).permute(0, 2, 3, 1)
        if own.pool:  # the earliest is the oldest
            found = torch.maximum(found[:, ::2], found[:, 1::2])
            found = torch.maximum(found[:, :, ::2], found[:, :, 1::2])
        return found.clamp(max=oldest).flatten(1)

    return convolve
