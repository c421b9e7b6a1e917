"""Memory that a training keeps from batch to batch.

Every batch has tensors of tens of megabytes, which glibc would take from the kernel anew each time and give
back: its pages are cleared and mapped again, which took an eighth to a third of a training's time.
"""

from __future__ import annotations

import ctypes

# Of glibc's malloc.h. What is freed stays with the process, and large blocks come from the same heap.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
NEVER, AHEAD = 2**31 - 1, 1 << 26


def keep() -> bool:
    """Have this process keep the memory that it frees; where its C library is not glibc, nothing changes.

    It holds what it once needed until it ends. No result depends on it. Returns whether it could be done.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(mallopt(*own) for own in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, NEVER), (M_TOP_PAD, AHEAD)))
