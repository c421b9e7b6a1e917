"""What the kernels of spike times are made of: sums of rows, the order of events, shares of the work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError
from yoso_sw.learn.row_sums import LINE, add_to_rows, aligned, sum_rows
from yoso_sw.learn.stdbp.spike_order import sort_spikes, workspace
from yoso_sw.learn.threads import SMALL, run_in_threads

INF = np.float32(np.inf)


def of_width(width: int) -> tuple[Any, Any]:
    """`sum_rows` and `add_to_rows` of rows of one width, to be called from Python."""

    @njit
    def total(rows, which, first, stop, out):  # type: ignore[no-untyped-def]
        sum_rows(rows, which, first, stop, out, width)

    @njit
    def add(rows, which, first, stop, step):  # type: ignore[no-untyped-def]
        add_to_rows(rows, which, first, stop, step, width)

    return total, add


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 3, 32, 64])
def test_rows_are_summed_and_added_to_as_numpy_does_it(width, kind):
    total, add = of_width(width)
    rng = np.random.default_rng(width)
    rows = rng.integers(-99, 99, (17, width)).astype(kind)  # whole numbers: in any order the same
    which = rng.integers(0, 17, 40).astype(np.int32)  # some more than once
    out, step = np.full(width, 7, kind), rng.integers(-9, 9, width).astype(kind)
    for first, stop in ((0, 40), (3, 4), (5, 5), (40, 40)):
        total(rows, which, first, stop, out)
        np.testing.assert_array_equal(out, rows[which[first:stop]].sum(0))
        expected = rows.copy()
        np.add.at(expected, which[first:stop], step)
        add(rows, which, first, stop, step)
        np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize(
    ("rows", "out", "message"),
    [
        (np.zeros((4, 8), np.float32).T, np.zeros(4, np.float32), "no contiguous array of 2 dimensions"),
        (np.zeros((4, 8), np.float32), np.zeros(8), "not one type of float"),
        (np.zeros((4, 8), np.int32), np.zeros(8, np.int32), "not one type of float"),
        (np.zeros((4, 8), np.float32), np.zeros(16, np.float32)[::2], "no contiguous array of 1 dimensions"),
    ],
)
def test_rows_of_another_form_are_refused_when_the_kernel_is_compiled(rows, out, message):
    total, _ = of_width(8)
    with pytest.raises(TypingError, match=message):
        total(rows, np.zeros(1, np.int32), 0, 1, out)


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.float32])
def test_an_index_of_another_width_is_refused(kind):
    _, add = of_width(8)
    with pytest.raises(TypingError, match="is no index of 32 bits"):
        add(np.zeros((4, 8), np.float32), np.zeros(1, kind), 0, 1, np.zeros(8, np.float32))


@pytest.mark.parametrize("size", [1, 5, 32, 1000])
def test_lines_begin_with_a_cache_line(size):
    for kind in (np.float32, np.float64):
        array = aligned(size, kind)
        assert (array.shape, array.dtype) == ((size,), kind)
        assert array.ctypes.data % LINE == 0


CASES = {
    "no axon spikes": [INF, INF, INF],
    "one axon": [3.0],
    "all at one time": [5.0] * 7,
    "already in order": np.arange(9.0),
    "backwards": np.arange(9.0)[::-1],
    "ties": [4, 2, 4, 2, 4, 0, 2, INF, 4],
    "some at the end and later": [63.0, 62.9, 64.0, 0.0, 63.5, INF],
    "two close to each other and one far": [1.0, np.nextafter(np.float32(1), INF), 0.0, 62.0, 1.0],
    "next to no time apart": np.float32([3, 1, 2, 0]) * np.float32(1e-45),
}


@pytest.mark.parametrize("times", CASES.values(), ids=CASES.keys())
def test_events_are_in_order_of_time_and_ties_in_order_of_their_axons(times):
    check_order(np.array(times, np.float32))


@pytest.mark.parametrize("inputs", [2, 63, 784, 5000])
@pytest.mark.parametrize("levels", [1, 7, 32, None])
def test_random_events_are_in_order(inputs, levels):
    rng = np.random.default_rng(inputs)
    times = rng.uniform(0, 70, inputs) if levels is None else rng.integers(0, levels, inputs)
    times = times.astype(np.float32)
    times[rng.random(inputs) < 0.2] = INF
    check_order(times)
    check_order(times.astype(np.float64))


def check_order(times: np.ndarray, last: float = 63.0) -> None:
    """`sort` against NumPy's stable sort."""
    axons, when = np.empty(len(times), np.int32), np.empty_like(times)
    spikes = sort_spikes(times, times.dtype.type(last), axons, when, workspace(len(times)))
    expected = np.argsort(times, kind="stable")
    expected = expected[times[expected] < last]
    assert spikes == len(expected)
    np.testing.assert_array_equal(axons[:spikes], expected)
    np.testing.assert_array_equal(when[:spikes], times[expected])


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_every_share_is_run_once_and_an_error_in_any_of_them_is_raised(threads):
    seen: list[tuple[int, int]] = []
    run_in_threads(lambda share, count: seen.append((share, count)), threads, SMALL)
    assert sorted(seen) == [(share, threads) for share in range(threads)]

    def fails(share: int, count: int) -> None:
        if share == count - 1:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_in_threads(fails, threads, SMALL)


def test_small_work_is_not_handed_out():
    seen: list[tuple[int, int]] = []
    run_in_threads(lambda share, count: seen.append((share, count)), 2, SMALL - 1)
    assert seen == [(0, 1)]
