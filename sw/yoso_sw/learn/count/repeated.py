"""How often integrate-and-fire neurons spike for a current that every step brings again, as a kernel.

What `layer.fire` does step by step, to the bit, but that only the counts leave the processor's cache: V of a
row of neurons stays there for all T steps.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from yoso_hw.params import ChipParams

from yoso_sw.learn.threads import run_in_threads


@njit(cache=True, nogil=True)
def _count(current, threshold, low, high, steps, counts, share, shares):  # type: ignore[no-untyped-def]
    rows, neurons = current.shape
    v = np.empty(neurons, current.dtype)
    theta, lowest, highest = v.dtype.type(threshold), v.dtype.type(low), v.dtype.type(high)
    zero = v.dtype.type(0)
    one = v.dtype.type(1)
    for row in range(rows * share // shares, rows * (share + 1) // shares):
        own, count = current[row], counts[row]
        for j in range(neurons):
            v[j] = zero
            count[j] = zero
        for _ in range(steps):
            for j in range(neurons):
                reached = v[j] + own[j]  # clamped without max and min, whose NaN is a branch
                reached = lowest if reached < lowest else reached
                reached = highest if reached > highest else reached
                fires = one if reached >= theta else zero
                v[j] = reached - theta * fires
                count[j] += fires


def count_repeated(current: torch.Tensor, threshold: int, chip: ChipParams, steps: int) -> torch.Tensor:
    """Spikes in `steps` steps, for a current; both (batch, neurons), of neurons reset by subtraction."""
    given = current.detach().contiguous()
    counts = torch.empty_like(given)
    arrays = given.numpy(), threshold, chip.pot_min, chip.pot_max, steps, counts.numpy()
    run_in_threads(_count, torch.get_num_threads(), given.numel() * steps, *arrays)
    return counts
