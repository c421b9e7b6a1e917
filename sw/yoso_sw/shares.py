"""Kernels that run in shares, a thread each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

SMALL = 1 << 18  # operations that one thread does as soon as two


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


def run(kernel: Any, threads: int, work: int, *arguments: Any) -> None:
    """Run a kernel in `threads` shares at once; in one if its work is too small to be worth handing out."""
    shares = threads if work >= SMALL else 1
    others = [_pool(shares - 1).submit(kernel, *arguments, share, shares) for share in range(1, shares)]
    kernel(*arguments, 0, shares)
    for other in others:
        other.result()
