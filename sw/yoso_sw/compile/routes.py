"""Where spikes go: the smallest rectangle of a layer's PEs that they touch, and what they touch there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from yoso_sw.compile.layout import LayerMap, Rectangle, Slice
from yoso_sw.compile.tables import address, column_table, row_table


def updated(layer: LayerMap, part: Slice, inputs: np.ndarray, lanes: int) -> np.ndarray:
    """Neuron words of a PE that a spike of each of some inputs updates, int64 (inputs,)."""
    if layer.window is None:
        return np.full(len(inputs), part.words(lanes))
    _, r, q = address(layer, inputs)
    return row_table(layer, part, lanes)["lines"][r] * column_table(layer, part, lanes)["run"][q]


def touched(layer: LayerMap, inputs: np.ndarray, lanes: int) -> np.ndarray:
    """Which PEs spikes of a layer's inputs, int64 (inputs,), reach: bool (PEs, inputs)."""
    return np.array([updated(layer, part, inputs, lanes) > 0 for part in layer.slices])


def rectangles(layer: LayerMap, reached: np.ndarray) -> np.ndarray:
    """The smallest rectangle about the PEs of each column of `reached`, bool (PEs, columns).

    Returns int64 (columns, 4): x0, x1, y0, y1. Where there is none, that of the layer's first PE: what
    reaches nobody must still go somewhere, and is dropped there.
    """
    reached = reached | ((np.arange(len(layer.slices)) == 0)[:, None] & ~reached.any(0))
    sides = []
    for place in (np.array([part.x for part in layer.slices]), np.array([part.y for part in layer.slices])):
        sides.append(np.where(reached, place[:, None], 1 << 30).min(0))
        sides.append(np.where(reached, place[:, None], -1).max(0))
    return np.stack(sides, axis=1)


def destination(layer: LayerMap, inputs: np.ndarray, lanes: int) -> Rectangle:
    """Where the spikes of some inputs of a layer, int64 (inputs,), go when all must go to one rectangle."""
    reached = np.array(touched(layer, inputs, lanes).any(1, keepdims=True))
    x0, x1, y0, y1 = rectangles(layer, reached)[0].tolist()
    return x0, x1, y0, y1


def ways(layers: Sequence[LayerMap], index: int, lanes: int) -> np.ndarray:
    """Where a spike of each input of layer `index` goes, int64 (inputs, 4): x0, x1, y0, y1.

    An input of the network goes to the PEs that it touches; outputs of a layer go where all of their PE go.
    """
    layer = layers[index]
    if index == 0:
        return rectangles(layer, touched(layer, np.arange(layer.inputs), lanes))
    found = np.zeros((layer.inputs, 4), np.int64)
    before = layers[index - 1]
    for part in before.slices:
        outputs = before.senders(part, lanes)
        outputs = outputs[outputs >= 0]
        found[outputs] = destination(layer, outputs, lanes)
    return found
