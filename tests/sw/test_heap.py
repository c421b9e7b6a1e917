"""A training keeps its memory, and where that cannot be it trains all the same."""

import ctypes
import subprocess
import sys

import pytest
from yoso_sw.learn import heap

#: Page faults of twenty arrays of 64 MB, each freed before the next, after three of them.
FAULTS = """
import resource, sys
import numpy as np
from yoso_sw.learn import heap
if sys.argv[1] == "kept":
    assert heap.keep()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    np.ones(1 << 23)
before = faults()
for _ in range(20):
    np.ones(1 << 23)
print(faults() - before)
"""


def faults(how):
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library has no mallopt")
def test_memory_that_was_freed_is_not_taken_from_the_kernel_again():
    assert 20 * faults("kept") < faults("plain")


def test_another_c_library_changes_nothing(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert heap.keep() is False
