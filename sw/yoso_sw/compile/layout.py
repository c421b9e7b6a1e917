"""Where a network lies on the mesh: which neurons each PE of a layer holds, at which words and lanes.

A dense layer is dealt out by neurons. A convolution is cut twice: into tiles, rectangles of positions, and
into groups of filters; a PE holds one group of one tile. The words of a position hold its filters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yoso_sw.network.network import Window

Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True)
class Slice:
    """The part of a layer that the PE at node (x, y) holds.

    Attributes
    ----------
    x, y
        The node.
    first, count
        Filters `first` .. ``first + count - 1``; of a dense layer, its neurons.
    row, rows, col, cols
        Its tile: `rows` rows of positions from `row` on, and columns alike. A dense layer is one position.
    """

    x: int
    y: int
    first: int
    count: int
    row: int = 0
    rows: int = 1
    col: int = 0
    cols: int = 1

    @property
    def positions(self) -> int:
        """Positions of the tile."""
        return self.rows * self.cols

    def filter_words(self, lanes: int) -> int:
        """Neuron words of one position."""
        return -(-self.count // lanes)

    def words(self, lanes: int) -> int:
        """Neuron words that the slice fills."""
        return self.positions * self.filter_words(lanes)

    @property
    def neurons(self) -> int:
        """Neurons that it holds."""
        return self.positions * self.count


@dataclass(frozen=True)
class LayerMap:
    """One layer on the mesh.

    Attributes
    ----------
    tag
        1 for the first layer, and so on.
    axons, bias, neurons
        Rows of its weight matrix (bias included), whether the last one is a bias, and its neurons.
    stride
        Weight words from one axon's row to the next, the same in all its PEs: of one position, in the PE with
        the most filters.
    rectangle
        (x0, x1, y0, y1), inclusive: the smallest that holds all its PEs. Nodes of other layers may lie in it.
    slices
        Its PEs: of a dense layer in the order of their neurons; of a convolution tile by tile, row by row,
        and within a tile in the order of their filters.
    bias_row
        The bias is added by sweeps, so nobody sends a spike for it.
    writes_a
        Its sweeps write A.
    window
        The geometry of a convolution; None: dense.
    pool
        Whether it is pooled.
    """

    tag: int
    axons: int
    bias: bool
    neurons: int
    stride: int
    rectangle: Rectangle
    slices: tuple[Slice, ...]
    bias_row: bool = False
    writes_a: bool = False
    window: Window | None = None
    pool: bool = False

    @property
    def filters(self) -> int:
        """Neurons of one position."""
        return self.neurons if self.window is None else self.neurons // self.window.positions

    @property
    def inputs(self) -> int:
        """Outputs of the layer before, or pixels."""
        return self.axons - self.bias if self.window is None else self.window.inputs

    @property
    def outputs(self) -> int:
        """Neurons, or what pooling leaves of them."""
        return self.neurons // 4 if self.pool else self.neurons

    @property
    def bias_axon(self) -> bool:
        """Whether its bias is one spike at step 0."""
        return self.bias and not self.bias_row

    def held(self, part: Slice, lanes: int) -> np.ndarray:
        """The layer's neuron in each word and lane of a PE; int64 (words, lanes), -1 where there is none."""
        rows, cols = self._places(part)
        across = 1 if self.window is None else self.window.out_cols
        return self._spread(part, rows * across + cols, self.filters, lanes)

    def senders(self, part: Slice, lanes: int) -> np.ndarray:
        """The layer's output that each word and lane sends; int64 (words, lanes), -1 where there is none.

        Of a pooled layer the last of each 2 x 2 positions sends what the four pass on.
        """
        if not self.pool or self.window is None:
            return self.held(part, lanes)
        rows, cols = self._places(part)
        outputs = self._spread(part, rows // 2 * (self.window.out_cols // 2) + cols // 2, self.filters, lanes)
        last = np.repeat((rows & cols & 1).ravel(), part.filter_words(lanes))
        return np.where(last[:, None] == 1, outputs, -1)

    @staticmethod
    def _places(part: Slice) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of each position of a tile, int64 (rows, cols)."""
        rows, cols = np.indices((part.rows, part.cols))
        return part.row + rows, part.col + cols

    @staticmethod
    def _spread(part: Slice, positions: np.ndarray, filters: int, lanes: int) -> np.ndarray:
        """Positions (rows, cols) with the filters of the part, in words and lanes."""
        lane = np.arange(part.filter_words(lanes) * lanes)
        numbers = positions.reshape(-1, 1) * filters + part.first + lane
        return np.where(lane < part.count, numbers, -1).reshape(-1, lanes)
