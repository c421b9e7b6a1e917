"""Kernels that run in several threads, a share of the work each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

SMALL = 1 << 18  # operations that one thread does as soon as two


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


def run_in_threads(kernel: Any, threads: int, work: int, *arguments: Any) -> None:
    """Run a kernel in `threads` threads at once; in one if its work is too small to be worth handing out.

    The caller's thread takes the first share: waking another costs as much as a small layer.
    """
    shares = threads if work >= SMALL else 1
    task = partial(kernel, *arguments)
    others = [_pool(shares - 1).submit(task, share, shares) for share in range(1, shares)]
    task(0, shares)
    for other in others:
        other.result()
