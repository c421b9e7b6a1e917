"""Where spikes go: the smallest rectangle of a layer's PEs that they touch."""

from __future__ import annotations

import numpy as np

from yoso_sw.compile.layout import LayerMap, Rectangle
from yoso_sw.compile.tables import address, column_table, row_table


def touched(layer: LayerMap, inputs: np.ndarray, lanes: int) -> np.ndarray:
    """Which PEs spikes of a layer's inputs, int64 (inputs,), reach: bool (PEs, inputs)."""
    if layer.window is None:
        return np.ones((len(layer.slices), len(inputs)), bool)
    _, r, q = address(layer, inputs)
    return np.array(
        [
            (row_table(layer, part, lanes)["lines"][r] > 0) & (column_table(layer, part, lanes)["run"][q] > 0)
            for part in layer.slices
        ]
    )


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
