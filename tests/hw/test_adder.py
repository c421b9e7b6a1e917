"""Saturating adder: every sum of narrow widths, the corners and random sums of the chip's widths."""

import random

import pytest
from support.bench import evaluate
from yoso_hw.adder import SaturatingAdder


def bounds(width):
    return -(1 << width - 1), (1 << width - 1) - 1


def rtl(width, addend_width, pairs):
    cases = [{"a": a, "b": b} for a, b in pairs]
    return [result["sum"] for result in evaluate(SaturatingAdder(width, addend_width), cases)]


def expected(width, pairs):
    low, high = bounds(width)
    return [min(max(a + b, low), high) for a, b in pairs]


def every(width):
    low, high = bounds(width)
    return range(low, high + 1)


@pytest.mark.parametrize(("width", "addend_width"), [(1, 1), (2, 1), (2, 2), (3, 2), (5, 3), (5, 5)])
def test_every_sum_of_narrow_numbers_is_clamped(width, addend_width):
    pairs = [(a, b) for a in every(width) for b in every(addend_width)]
    assert rtl(width, addend_width, pairs) == expected(width, pairs)


@pytest.mark.parametrize(("width", "addend_width"), [(16, 8), (20, 20), (32, 2), (32, 32)])
def test_sums_at_the_bounds_and_random_ones_are_clamped(width, addend_width):
    rng = random.Random(width)
    corners = [
        (a, b)
        for low, high in [bounds(width)]
        for a in (low, low + 1, -1, 0, 1, high - 1, high)
        for b in (*bounds(addend_width), -1, 0, 1)
    ]
    pairs = corners + [(rng.randint(*bounds(width)), rng.randint(*bounds(addend_width))) for _ in range(200)]
    assert rtl(width, addend_width, pairs) == expected(width, pairs)


@pytest.mark.parametrize(("width", "addend_width"), [(4, 5), (4, 0)])
def test_an_addend_that_is_too_wide_is_refused_by_its_width(width, addend_width):
    with pytest.raises(ValueError, match=f"addend_width={addend_width} is outside 1..width={width}"):
        SaturatingAdder(width, addend_width)
