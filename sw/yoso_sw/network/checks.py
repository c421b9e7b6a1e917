"""What is wrong with the parts of a network, all at once: the one place that says what a network is.

Trained networks, files, NIR graphs and plain arrays (`arrays`) all pass here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from yoso_sw.network.events import NEVER
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.neuron import Reset

DECISIONS = ("ttfs", "softmax", "count")

#: How inputs become spikes (docs/arithmetic.md, "Input codes").
CODES = ("ttfs", "rate", "poisson", "events")


class Parts(Protocol):
    """The fields of a `network.Network`; a layer that is None is known to be wrong, and passed over."""

    @property
    def layers(self) -> Sequence[Layer | None]: ...

    @property
    def steps(self) -> int: ...

    @property
    def levels(self) -> int: ...

    @property
    def decision(self) -> str: ...

    @property
    def weight_bits(self) -> int: ...

    @property
    def acc_bits(self) -> int: ...

    @property
    def pot_bits(self) -> int: ...

    @property
    def code(self) -> str: ...


def faults(parts: Parts) -> Iterator[str]:
    """Everything that keeps parts from being a network, each with its value and what is allowed."""
    layers = parts.layers
    if not len(layers):
        yield "has no layers"
    if parts.decision not in DECISIONS:
        yield f"decision={parts.decision!r} is not one of {DECISIONS}"
    if parts.code not in CODES:
        yield f"code={parts.code!r} is not one of {CODES}"
    if bits := 2 <= parts.weight_bits <= 8:
        if not parts.weight_bits <= parts.acc_bits <= parts.pot_bits <= 32:
            yield (
                f"acc_bits={parts.acc_bits} and pot_bits={parts.pot_bits}: not weight_bits="
                f"{parts.weight_bits} <= acc_bits <= pot_bits <= 32"
            )
    else:
        yield f"weight_bits={parts.weight_bits} is outside 2..8"
    if timed := 2 <= parts.steps < NEVER:
        if not 1 <= parts.levels <= min(parts.steps, 256):
            yield f"levels={parts.levels} is outside 1..min(steps, 256)"
    else:
        yield f"steps={parts.steps} is outside 2..{NEVER - 1}"
    sound: list[Layer | None] = []
    for i, layer in enumerate(layers):
        sound.append(None)
        if layer is not None:
            own = [*_of_weights(layer, parts.weight_bits if bits else 8)]
            if not own:
                sound[i] = layer
            if timed:
                own += [*_of_neuron(layer, i, parts)]
            yield from (f"layer {i}: {fault}" for fault in own)
            if not own:
                yield from _of_neighbours(i, sound)
    if len(layers) and (last := layers[-1]) is not None:
        yield from _of_output(last, parts.decision)


def _of_weights(layer: Layer, bits: int) -> Iterator[str]:
    """Faults of a layer's weights and geometry."""
    w, limit = layer.weights, 1 << (bits - 1)
    if not (isinstance(w, np.ndarray) and w.ndim == 2):
        yield "weights are not a matrix"
        return
    if w.dtype != np.int8:
        yield f"weights are {w.dtype}, not int8"
        return
    if not (w.shape[0] > layer.bias and w.shape[1] >= 1):
        yield f"weights have shape {w.shape}"
        return
    if layer.window is not None:
        yield from _of_window(layer.window, layer)
    elif layer.pool:
        yield "only a convolution can be pooled"
    low, high = int(w.min()), int(w.max())
    if not (-limit <= low and high < limit):
        yield f"weights {low}..{high} do not fit {bits} bits"


def _of_window(window: Window, layer: Layer) -> Iterator[str]:
    if min(window.rows, window.cols, window.channels, window.kernel) < 1:
        yield f"{window} has a side below 1"
        return
    wrong = [*window.faults]
    yield from wrong
    axons = layer.weights.shape[0] - layer.bias
    if axons != window.axons:
        yield (
            f"{axons} weights a filter; a window of {window.kernel} x {window.kernel} x "
            f"{window.channels} has {window.axons}"
        )
    if layer.pool and not wrong and (window.out_rows % 2 or window.out_cols % 2):
        yield f"{window.out_rows} x {window.out_cols} positions cannot be pooled in 2 x 2"


def _of_neuron(layer: Layer, i: int, parts: Parts) -> Iterator[str]:
    neuron = layer.neuron
    yield from neuron.faults(parts.steps)
    if layer.bias_row and neuron.start <= 0:
        yield "a bias of a current that is not kept comes with sweep start - 1, and start=0"
    if neuron.charge:
        if i:
            yield f"charge={neuron.charge}; only the first layer can be charged"
        if parts.code != "ttfs" or parts.levels > neuron.charge:
            yield (
                f"charge={neuron.charge} needs inputs of code ttfs with as many levels "
                f"at most, not {parts.code} with {parts.levels}"
            )


def _of_neighbours(i: int, layers: Sequence[Layer | None]) -> Iterator[str]:
    """What a layer has against the one before it, where the weights of both are sound."""
    layer, before = layers[i], layers[i - 1] if i else None
    if layer is not None and before is not None and layer.inputs != before.outputs:
        yield (
            f"layer {i} has {layer.inputs} inputs and layer {i - 1} {before.outputs} "
            + ("pooled outputs" if before.pool else "neurons")
        )


def _of_output(last: Layer, decision: str) -> Iterator[str]:
    output = last.neuron
    if decision == "softmax" and output.fires:
        yield "decision is softmax, so the output layer's window must be empty, or its reset never"
    elif decision in ("ttfs", "count"):
        resets = (Reset.ONCE,) if decision == "ttfs" else (Reset.SUBTRACT, Reset.ZERO)
        if output.reset not in resets:
            names = " or ".join(reset.name.lower() for reset in resets)
            yield (
                f"decision is {decision}, so the output layer's reset must be {names}, "
                f"not {output.reset.name.lower()}"
            )
    if last.window is not None:
        yield "the output layer is a convolution; it must be dense"
