"""A training keeps its memory, and where that cannot be it trains all the same."""

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest
from yoso_sw.learn import heap

#: Page faults of twenty arrays of 64 MB, each freed before the next, after three of them; then the megabytes
#: that the process has when it is over.
FAULTS = """
import contextlib, resource, sys
import numpy as np
from yoso_sw.learn import heap
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
with heap.kept() if sys.argv[1] == "kept" else contextlib.nullcontext():
    for _ in range(3):
        np.ones(1 << 23)
    before = faults()
    for _ in range(20):
        np.ones(1 << 23)
    taken = faults() - before
    pages = int(open("/proc/self/statm").read().split()[1])
left = int(open("/proc/self/statm").read().split()[1])
before = faults()
for _ in range(20):
    np.ones(1 << 23)
print(taken, (pages - left) * resource.getpagesize() >> 20, faults() - before)
"""


def measured(how):
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return map(int, done.stdout.split())


@pytest.mark.skipif(heap._libc() is None, reason="the C library is not glibc")
def test_memory_that_was_freed_is_kept_while_a_training_lasts_and_then_given_back():
    taken, given_back, after = measured("kept")
    plain, _, _ = measured("plain")
    assert 20 * taken < plain
    assert given_back >= 60 and 2 * after > plain


def test_another_c_library_changes_nothing(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    with heap.kept():
        assert heap._libc() is None


def test_memory_is_given_back_after_a_training_that_fails(monkeypatch):
    told = []
    libc = SimpleNamespace(mallopt=lambda *own: told.append(own), malloc_trim=lambda own: told.append("trim"))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: libc)
    with pytest.raises(KeyboardInterrupt), heap.kept():
        assert told == [*heap.KEPT.items()]
        raise KeyboardInterrupt
    assert told == [*heap.KEPT.items(), *heap.GIVEN_BACK.items(), "trim"]
