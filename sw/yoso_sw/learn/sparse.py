"""Matrix products of spike trains with weights, over the spikes alone: all steps of a layer at once.

A train is 0 or 1, so a product with weights is a sum of rows of weights, and its gradient, axon by axon, a
sum of rows of gradients. Where a fifth of the axons spike, as with pixels as rates, this takes a third of what a
dense product does; from `DENSE` on the dense one is taken, and on GPUs. Which of the two depends on the
trains alone, and sums are in the order of axons or rows whatever the threads, so results are the same in every run.
Of whole numbers both are exact.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit

from yoso_sw.learn.row_sums import aligned, sum_rows
from yoso_sw.learn.threads import run_in_threads

BLOCK = 64  # columns that are summed at once, so that a block of the table stays in the cache
DENSE = 0.4  # share of spikes from which on a dense product is faster (measured)
NARROW = BLOCK // 2  # columns below which it is


@njit(cache=True, nogil=True)
def _indices(table, which, counts):  # type: ignore[no-untyped-def]
    """Columns that are not 0 in each row: the first counts[row] of which[row]."""
    rows, columns = table.shape
    for row in range(rows):
        n = 0
        for column in range(columns):
            which[row, n] = column
            n += table[row, column] != 0
        counts[row] = n


@njit(cache=True, nogil=True)
def _turned(which, counts, turned, found):  # type: ignore[no-untyped-def]
    """The same the other way round: rows of each column."""
    found[:] = 0
    for row in range(len(counts)):
        for column in which[row, : counts[row]]:
            turned[column, found[column]] = row
            found[column] += 1


@njit(cache=True, nogil=True)
def _sums(which, counts, table, out, share, shares):  # type: ignore[no-untyped-def]
    """out[i] = the sum of the rows which[i] of a table."""
    rows, columns = table.shape
    block = aligned(rows * BLOCK, table.dtype.type).reshape(rows, BLOCK)
    total = aligned(BLOCK, table.dtype.type)
    for first in range(share * BLOCK, columns, shares * BLOCK):
        size = min(BLOCK, columns - first)
        block[:, size:] = 0
        block[:, :size] = table[:, first : first + size]
        for i in range(len(counts)):
            sum_rows(block, which[i], 0, counts[i], total, BLOCK)
            out[i, first : first + size] = total[:size]


class Spikes:
    """Which of a matrix of trains (rows, axons) are spikes, by row and by axon."""

    def __init__(self, trains: torch.Tensor) -> None:
        self.shape = rows, axons = trains.shape
        self.which = np.empty((rows, axons + 1), np.uint32)
        self.counts = np.empty(rows, np.int64)
        _indices(trains.detach().numpy(), self.which, self.counts)
        self.total = int(self.counts.sum())

    def product(self, weights: torch.Tensor) -> torch.Tensor:
        """trains @ weights, (rows, columns)."""
        return self._sums(self.which, self.counts, weights)

    def turned(self, gradient: torch.Tensor) -> torch.Tensor:
        """trains.T @ gradient, (axons, columns)."""
        rows, axons = self.shape
        which, counts = np.empty((axons, rows), np.uint32), np.empty(axons, np.int64)
        _turned(self.which, self.counts, which, counts)
        return self._sums(which, counts, gradient)

    def _sums(self, which: np.ndarray, counts: np.ndarray, table: torch.Tensor) -> torch.Tensor:
        rows = table.detach().contiguous()
        out = rows.new_empty(len(counts), rows.shape[1])
        work = self.total * rows.shape[1]
        run_in_threads(_sums, torch.get_num_threads(), work, which, counts, rows.numpy(), out.numpy())
        return out


def spikes_of(trains: torch.Tensor, columns: int) -> Spikes | None:
    """The spikes of trains (rows, axons), if products of so many columns are faster over them; else None."""
    if trains.is_cuda or columns < NARROW:
        return None
    spikes = Spikes(trains)
    return None if spikes.total > DENSE * trains.numel() else spikes


def product(trains: torch.Tensor, spikes: Spikes | None, weights: torch.Tensor) -> torch.Tensor:
    """trains @ weights, of `spikes_of` these trains."""
    return trains @ weights if spikes is None else spikes.product(weights)


def turned(trains: torch.Tensor, spikes: Spikes | None, gradient: torch.Tensor) -> torch.Tensor:
    """trains.T @ gradient, of `spikes_of` these trains."""
    return trains.T @ gradient if spikes is None else spikes.turned(gradient)
