"""Memory that a training keeps from batch to batch.

Every batch has tensors of tens of megabytes, which glibc would take from the kernel anew each time and give
back: its pages are cleared and mapped again, which took an eighth to a third of a training's time.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -2, -3, -4

#: What is freed stays with the process, and large blocks come from the same heap.
KEPT = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: 2**31 - 1, M_TOP_PAD: 1 << 26}

#: What glibc comes to by itself once large blocks were freed (malloc.h, mallopt(3)).
GIVEN_BACK = {M_MMAP_MAX: 65536, M_MMAP_THRESHOLD: 1 << 25, M_TRIM_THRESHOLD: 1 << 26, M_TOP_PAD: 1 << 17}


@contextmanager
def kept() -> Iterator[None]:
    """While it lasts this process keeps the memory that it frees, and gives it back at the end.

    No result depends on it. Where the C library is not glibc, nothing changes. Not for work whose blocks
    differ in size, such as the golden model's: between what is still used, a kept heap tears into pieces.
    """
    libc = _libc()
    if libc is None:
        yield
        return
    for key, value in KEPT.items():
        libc.mallopt(key, value)
    try:
        yield
    finally:
        for key, value in GIVEN_BACK.items():
            libc.mallopt(key, value)
        libc.malloc_trim(0)


def _libc() -> Any:
    """The C library, if it is glibc; else None."""
    try:
        libc = ctypes.CDLL(None)
        return libc if libc.mallopt and libc.malloc_trim else None
    except (AttributeError, OSError, TypeError):
        return None
