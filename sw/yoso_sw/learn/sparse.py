"""Matrix products of spikes with weights, over the spikes alone: all steps of a layer at once.

Trains are 0 or 1, so a product with weights is a sum of rows of weights, and its gradient, axon by axon, a
sum of rows of gradients; counts, and pixels as a current, are the factors of such sums. Where a fifth of the
inputs are not 0, as of MNIST, this takes less than half of what a dense product does; from `DENSE` on the
dense one is taken, and on GPUs. Which of the two depends on the inputs alone, and sums are in the order of
axons or rows whatever the threads, so results are the same in every run. Of whole numbers both are exact.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit

from yoso_sw.learn.row_sums import aligned, sum_rows, sum_weighted_rows
from yoso_sw.learn.threads import run_in_threads

BLOCK = 64  # columns that are summed at once, so that a block of the table stays in the cache
DENSE = 0.35  # share of inputs that are not 0 from which on a dense product is faster (measured)
NARROW = BLOCK  # columns below which it is


@njit(cache=True, nogil=True)
def _indices(table, which, values, counts):  # type: ignore[no-untyped-def]
    """Columns that are not 0 in each row, the first counts[row] of which[row], with their values."""
    rows, columns = table.shape
    for row in range(rows):
        n = 0
        for column in range(columns):
            value = table[row, column]
            which[row, n], values[row, n] = column, value
            n += value != 0
        counts[row] = n


@njit(cache=True, nogil=True)
def _turned(which, values, counts, turned, given, found):  # type: ignore[no-untyped-def]
    """The same the other way round: rows of each column."""
    found[:] = 0
    for row in range(len(counts)):
        for k in range(counts[row]):
            column = which[row, k]
            turned[column, found[column]] = row
            given[column, found[column]] = values[row, k]
            found[column] += 1


@njit(cache=True, nogil=True)
def _sums(which, values, counts, plain, table, out, share, shares):  # type: ignore[no-untyped-def]
    """out[i] = the sum of the rows which[i] of a table, times values[i] unless these are `plain`, all 1.

    There are many trains to a table, so that a copy of a block of its columns pays, and few other inputs.
    """
    rows, columns = table.shape
    total = aligned(BLOCK, table.dtype.type)
    if not plain:
        for begin in range(share * BLOCK, columns, shares * BLOCK):
            first = min(begin, columns - BLOCK)
            for i in range(len(counts)):
                sum_weighted_rows(table, which[i], 0, counts[i], total, BLOCK, values[i], first)
                out[i, first : first + BLOCK] = total
        return
    block = aligned(rows * BLOCK, table.dtype.type).reshape(rows, BLOCK)
    for first in range(share * BLOCK, columns, shares * BLOCK):
        size = min(BLOCK, columns - first)
        block[:, size:] = 0
        block[:, :size] = table[:, first : first + size]
        for i in range(len(counts)):
            sum_rows(block, which[i], 0, counts[i], total, BLOCK)
            out[i, first : first + size] = total[:size]


class Spikes:
    """Which inputs (rows, axons) are not 0, by row and by axon; `plain`: all of these are 1."""

    def __init__(self, inputs: torch.Tensor, plain: bool) -> None:
        given = inputs.detach().contiguous().numpy()
        self.shape = rows, axons = given.shape
        self.plain = plain
        self.which, self.values = (
            np.empty((rows, axons + 1), np.uint32),
            np.empty((rows, axons + 1), given.dtype),
        )
        self.counts = np.empty(rows, np.int64)
        _indices(given, self.which, self.values, self.counts)
        self.total = int(self.counts.sum())

    def product(self, weights: torch.Tensor) -> torch.Tensor:
        """inputs @ weights, (rows, columns)."""
        return self._sums(self.which, self.values, self.counts, weights)

    def turned(self, gradient: torch.Tensor) -> torch.Tensor:
        """inputs.T @ gradient, (axons, columns)."""
        rows, axons = self.shape
        which, counts = np.empty((axons, rows), np.uint32), np.empty(axons, np.int64)
        values = np.empty((axons, rows), self.values.dtype)
        _turned(self.which, self.values, self.counts, which, values, counts)
        return self._sums(which, values, counts, gradient)

    def _sums(
        self, which: np.ndarray, values: np.ndarray, counts: np.ndarray, table: torch.Tensor
    ) -> torch.Tensor:
        rows = table.detach().contiguous()
        out = rows.new_empty(len(counts), rows.shape[1])
        arrays = which, values, counts, self.plain, rows.numpy(), out.numpy()
        run_in_threads(_sums, torch.get_num_threads(), self.total * rows.shape[1], *arrays)
        return out


def spikes_of(inputs: torch.Tensor, columns: int, plain: bool = True) -> Spikes | None:
    """Those of inputs (rows, axons), if products of so many columns are faster over them; else None."""
    if inputs.is_cuda or columns < NARROW:
        return None
    spikes = Spikes(inputs, plain)
    return None if spikes.total > DENSE * inputs.numel() else spikes


def product(inputs: torch.Tensor, spikes: Spikes | None, weights: torch.Tensor) -> torch.Tensor:
    """inputs @ weights, of `spikes_of` these inputs."""
    return inputs @ weights if spikes is None else spikes.product(weights)


def turned(inputs: torch.Tensor, spikes: Spikes | None, gradient: torch.Tensor) -> torch.Tensor:
    """inputs.T @ gradient, of `spikes_of` these inputs."""
    return inputs.T @ gradient if spikes is None else spikes.turned(gradient)
