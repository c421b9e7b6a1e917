"""Tiles of convolutions, as the compiler cuts them: what the PE that holds one is told."""

from __future__ import annotations

import random
from dataclasses import dataclass

from yoso_hw.params import ChipParams
from yoso_sw.compile.layout import LayerMap, Slice
from yoso_sw.compile.tables import column_table, row_table, walk_registers
from yoso_sw.network.layer import Window

from support.paths import Paths


@dataclass(frozen=True)
class Tile:
    """A PE's part of a convolution, its layer's bias an axon.

    Attributes
    ----------
    paths
        Tables and registers.
    window
        What the layer sees.
    live
        Lanes of a position's last word that hold neurons.
    """

    paths: Paths
    window: Window
    live: int

    @property
    def channel(self) -> int:
        """Weight words of an input channel."""
        return self.window.kernel**2 * self.paths.filter_words

    @property
    def bias(self) -> tuple[int, int, int]:
        """Weight word, row and column of the bias's spike."""
        return self.window.channels * self.channel, self.window.rows, self.window.cols


def tile(params: ChipParams, window: Window, part: Slice, *, pool: bool = False) -> Tile:
    """The tile that is `part` of a convolution of as many filters."""
    words = part.filter_words(params.lanes)
    layer = LayerMap(
        tag=1,
        axons=window.axons + 1,
        bias=True,
        neurons=part.count * window.positions,
        stride=words,
        rectangle=(part.x, part.x, part.y, part.y),
        slices=(part,),
        window=window,
        pool=pool,
    )
    rows, columns = (
        {i: {name: int(values[i]) for name, values in table.items()} for i in range(size + 1)}
        for table, size in (
            (row_table(layer, part, params.lanes), window.rows),
            (column_table(layer, part, params.lanes), window.cols),
        )
    )
    told = walk_registers(layer, part, params.lanes)
    paths = Paths(params, part.words(params.lanes), **told, rows=rows, columns=columns)
    return Tile(paths, window, (part.count - 1) % params.lanes + 1)


def random_tile(params: ChipParams, rng: random.Random, *, pool: bool = False) -> Tile:
    """One of any place and size of a random convolution that fits the PE; pooled ones are of whole groups."""
    unit = 1 + pool
    while True:
        kernel = rng.choice([1, 2, 3, 3, 3, 4])
        rows, cols = (rng.randint(kernel, params.side - 1) for _ in range(2))
        stride, padding = rng.choice([1, 1, 2, 3]), rng.choice([0, rng.randrange(kernel)])
        window = Window(rows, cols, rng.randint(1, 2), kernel, stride, padding)
        place = [1, 1, 1, 1]
        for i, groups in enumerate((window.out_rows // unit, window.out_cols // unit)):
            if groups:
                size = rng.randint(1, groups)
                place[2 * i : 2 * i + 2] = unit * rng.randint(0, groups - size), unit * size
        part = Slice(2, 1, 0, rng.randint(1, 2 * params.lanes), *place)
        words = part.filter_words(params.lanes)
        weights = (window.axons + 1) * words
        whole = window.out_rows >= unit <= window.out_cols
        if whole and part.words(params.lanes) <= params.neuron_words and weights <= params.weight_words:
            return tile(params, window, part, pool=pool)
