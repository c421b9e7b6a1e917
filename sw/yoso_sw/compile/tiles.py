"""The ways to cut a layer into PEs, and what each takes and costs.

Filters are split first, which is perfectly balanced, and space second: a spike near an edge reaches fewer
positions, and inputs are busiest in the middle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from yoso_hw.params import ChipParams, bits_for

from yoso_sw.compile.layout import Slice
from yoso_sw.network.layer import Layer


def split(total: int, parts: int, unit: int = 1) -> list[tuple[int, int]]:
    """`total` things in `parts` runs, as (first, count) each: multiples of `unit`, the larger ones first.

    Their sizes differ by one unit at most, but for the last, which takes what is left of a whole unit.
    """
    units, larger = divmod(-(-total // unit), parts)
    runs, first = [], 0
    for k in range(parts):
        count = min((units + (k < larger)) * unit, total - first)
        runs.append((first, count))
        first += count
    return runs


@dataclass(frozen=True)
class Cut:
    """A layer in tiles of ``down`` x ``across``, each in so many groups of filters.

    Attributes
    ----------
    words
        Neuron words of its largest PE.
    stride
        Of those, the words of one position.
    """

    down: int
    across: int
    groups: int
    words: int
    stride: int

    @property
    def pes(self) -> int:
        return self.down * self.across * self.groups


def sides(layer: Layer) -> tuple[int, int]:
    """Rows and columns of positions that can be cut apart: pairs of them where the layer is pooled."""
    if layer.window is None:
        return 1, 1
    return layer.window.out_rows // (1 + layer.pool), layer.window.out_cols // (1 + layer.pool)


def filter_words(layer: Layer, params: ChipParams) -> int:
    """Neuron words of one position of a whole layer."""
    return -(-layer.weights.shape[1] // params.lanes)


def cut(layer: Layer, down: int, across: int, groups: int, params: ChipParams) -> Cut:
    """What a PE then holds."""
    rows, cols = sides(layer)
    stride = -(-filter_words(layer, params) // groups)
    tile = -(-rows // down) * -(-cols // across) * (4 if layer.pool else 1)
    return Cut(down, across, groups, tile * stride, stride)


def fits(layer: Layer, own: Cut, params: ChipParams) -> bool:
    """Whether each of its PEs holds its neurons and its weights, and its table the lines of a spike."""
    return (
        own.words <= params.neuron_words
        and len(layer.weights) * own.stride <= params.weight_words
        and lines(layer, own) < 1 << bits_for(params.side + 1)
    )


def lines(layer: Layer, own: Cut) -> int:
    """Rows of positions that a spike reaches in a PE at most; padding can make more than the input has."""
    if layer.window is None:
        return 1
    tile = -(-sides(layer)[0] // own.down) * (1 + layer.pool)
    return tile if layer.bias_axon else min(tile, layer.window.kernel)


def cuts(layer: Layer, params: ChipParams, most: int) -> Iterator[Cut]:
    """All cuts into up to `most` PEs that the chip holds, but for those that take more PEs for nothing."""
    rows, cols = sides(layer)
    for groups, down, across in product(useful(filter_words(layer, params)), useful(rows), useful(cols)):
        if groups * down * across <= most and fits(
            layer, own := cut(layer, down, across, groups, params), params
        ):
            yield own


def useful(total: int) -> list[int]:
    """Numbers of parts of `total` things, each with smaller parts than the one before."""
    return sorted({-(-total // size) for size in range(1, total + 1)})


class Runs(NamedTuple):
    """What a cut parts: rows, columns and filters, as (first, count) each."""

    rows: list[tuple[int, int]]
    cols: list[tuple[int, int]]
    filters: list[tuple[int, int]]


def runs(layer: Layer, own: Cut, lanes: int) -> Runs:
    """The rows, columns and filters of a cut layer's PEs."""
    unit = 1 + layer.pool
    rows, cols = (1, 1) if layer.window is None else (layer.window.out_rows, layer.window.out_cols)
    return Runs(
        split(rows, own.down, unit),
        split(cols, own.across, unit),
        split(layer.weights.shape[1], own.groups, lanes),
    )


def deal(layer: Layer, own: Cut, nodes: list[tuple[int, int]], params: ChipParams) -> tuple[Slice, ...]:
    """The PEs at `nodes` in turn, tile by tile, row by row, and within a tile group by group."""
    parts = product(*runs(layer, own, params.lanes))
    return tuple(
        Slice(x, y, *filters, *rows, *cols)
        for (x, y), (rows, cols, filters) in zip(nodes, parts, strict=True)
    )
