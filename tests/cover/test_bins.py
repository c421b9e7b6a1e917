"""Bins of convolution rise for the reason that their names say, and for no other.

What must rise follows from the definition of a convolution, or of a group of neurons, alone: neither tables
nor walker are asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from support.bench import Bench
from support.paths import Paths, square
from support.tiles import Tile, tile
from support.walk_bench import WalkBench
from yoso_hw.core.pool import Pool
from yoso_hw.core.walk import Walk
from yoso_hw.params import ChipParams
from yoso_sw.compile.layout import Slice
from yoso_sw.network.layer import Window

from cover.bins.pool import PLACES
from cover.planting import planted

PARAMS = ChipParams(cols=2, rows=1, lanes=2, neurons=192, weights=512, side=9)
SIDES = ("top", "bottom", "left", "right")
CORNERS = ("top left", "top right", "bottom left", "bottom right")


class Watch:
    """A bench whose block has its bins, and which of them rise."""

    def __init__(self, make: Callable[[], Bench], block: type) -> None:
        with planted() as registers:
            self.bench: Any = make()
        self._seen = {name: self.bench.record(register) for name, register in registers[block].items()}
        self._from = 0

    def rose(self) -> set[str]:
        """Those that have risen since the last call."""
        self.bench.step(2)
        begun, self._from = self._from, self.bench.cycle
        return {name for name, seen in self._seen.items() if any(seen[begun:])}


def walking(paths: Paths) -> Watch:
    return Watch(lambda: WalkBench(paths), Walk)


def part_of(window: Window, filters: int = 1, place: tuple[int, int, int, int] | None = None) -> Tile:
    """A tile (row, rows, col, cols) of a convolution; the whole map if none is given."""
    where = place or (0, window.out_rows, 0, window.out_cols)
    return tile(PARAMS, window, Slice(1, 0, 0, filters, *where))


def seen_from(window: Window, at: int, first: int, size: int) -> tuple[int, bool, bool]:
    """How many positions of a tile see an input coordinate, and whether others before, and behind it, would.

    The map goes on in every direction here, and so does its padding.
    """
    every = [
        position
        for position in range(-window.kernel, at + window.padding + 1)
        if 0 <= at + window.padding - position * window.stride < window.kernel
    ]
    inside = [position for position in every if first <= position < first + size]
    return len(inside), any(p < first for p in every), any(p >= first + size for p in every)


@pytest.mark.parametrize(
    ("window", "place"),
    [
        (Window(6, 7, 1, 3), None),
        (Window(5, 5, 1, 3, 1, 1), None),
        (Window(5, 6, 1, 2, 1, 1), None),
        (Window(8, 8, 1, 3), (2, 4, 1, 3)),
        (Window(8, 8, 1, 3, 1, 1), (4, 4, 4, 4)),
    ],
    ids=["unpadded", "padded", "even kernel", "tile in the middle", "tile in a corner"],
)
@pytest.mark.parametrize("filters", [1, 3])
def test_a_kernel_is_cut_where_a_border_of_the_tile_lies_in_it(window, place, filters):
    own = part_of(window, filters, place)
    row, rows, col, cols = place or (0, window.out_rows, 0, window.out_cols)
    watch = walking(own.paths)
    middle = (row + window.kernel - 1 - window.padding, col + window.kernel - 1 - window.padding)
    watch.bench.spike(0, *middle)  # a kernel that is whole, which shows that the stride is 1
    watch.bench.settle()
    watch.rose()
    names = {f"kernel cut at the {name}" for name in (*SIDES, *CORNERS)} | {"kernel whole"}
    for r in range(window.rows):
        for q in range(window.cols):
            down, top, bottom = seen_from(window, r, row, rows)
            across, left, right = seen_from(window, q, col, cols)
            cut = {side for side, there in zip(SIDES, (top, bottom, left, right), strict=True) if there}
            cut |= {corner for corner in CORNERS if {*corner.split()} <= cut}
            due = {f"kernel cut at the {side}" for side in cut} or {"kernel whole"}
            watch.bench.spike(0, r, q)
            watch.bench.settle()
            assert watch.rose() & names == (due if down and across else set()), (r, q)
    watch.bench.check()


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_strides_and_padding_are_seen_where_there_are_any(stride, padding):
    window = Window(8, 7, 1, 4, stride, padding)
    own = part_of(window)
    watch = walking(own.paths)
    found = set()
    for r in range(window.rows):
        for q in range(window.cols):
            watch.bench.spike(0, r, q)
            watch.bench.settle()
            rose = watch.rose()
            for name, at in (("padding at the top", r), ("padding at the left", q)):
                assert (name in rose) == (at == 0 and padding >= stride), (name, r, q)
            found |= rose
    assert ("stride down" in found) == ("stride across" in found) == (stride > 1)
    if stride > 1:  # without a path through all of a kernel nothing is said to cut it off
        assert not any(name.startswith("kernel") for name in found)


def test_a_bias_is_one_of_its_words_and_lines():
    for filters, name in ((1, "bias of one filter word"), (3, "bias of several filter words")):
        own = part_of(Window(4, 4, 1, 3), filters)
        watch = walking(own.paths)
        watch.bench.spike(*own.bias)
        watch.bench.settle()
        assert {each for each in watch.rose() if "bias" in each} == {name, "bias of several lines"}


@pytest.mark.parametrize("banked", [False, True], ids=["plain", "banked"])
def test_spikes_are_one_right_behind_another_if_no_cycle_lies_between(banked):
    params = ChipParams(**{**PARAMS.__dict__, "banked": banked})
    memories = "banked" if banked else "plain"
    behind = {f"{memories} {words} right behind a spike" for words in ("one word", "several words")}
    watch = walking(square(params, 4, 4, 1, kernel=2))
    bench = watch.bench
    for places, due in (
        (((3, 3),), set()),
        (((0, 0), (3, 3)), {f"{memories} one word right behind a spike"}),
        (((3, 3), (0, 0)), {f"{memories} several words right behind a spike"}),
        (((0, 0), (1, 1)), {f"{memories} several words right behind a spike"}),
    ):
        seen = set()
        for _ in range(2):  # in banks, the first word's parity is to be the cycle's once in two
            for place in places:
                bench.spike(0, *place)
            bench.settle()
            seen |= watch.rose()
            bench.step()
        assert seen & behind == due or (banked and seen & behind <= due), places
        assert seen & behind or not due or banked
    for place in ((0, 0), (1, 1), (3, 3)):
        bench.spike(0, *place)
        bench.settle()
        assert not watch.rose() & behind


def test_a_spike_is_dropped_for_what_does_not_reach_the_tile():
    watch = walking(square(PARAMS, 3, 4))
    names = {"dropped for its row", "dropped for its column", "dropped for both"}
    for place, due in (
        ((5, 0), "dropped for its row"),
        ((0, 5), "dropped for its column"),
        ((5, 5), "dropped for both"),
        ((2, 3), None),
    ):
        watch.bench.spike(0, *place)
        watch.bench.settle()
        assert watch.rose() & names == {due} - {None}, place
    between = "dropped between two without a gap"
    for places, due in (
        (((0, 0), (5, 0), (1, 1)), True),
        (((0, 0), (1, 1)), False),
        (((5, 0), (1, 1)), False),
    ):
        for place in places:
            watch.bench.spike(0, *place)
        watch.bench.settle()
        assert (between in watch.rose()) == due, places


def test_a_path_is_given_up_where_it_leaves_a_memory():
    last = PARAMS.weight_words - 1
    for row, column, base, due in (
        ({"lines": 1, "neuron_offset": 12}, {"run": 1}, 0, {"path begins beyond the words in use"}),
        ({"lines": 1}, {"run": 1, "weight_offset": 2}, last, {"path begins beyond the weights"}),
        ({"lines": 1, "neuron_offset": 11}, {"run": 2}, 0, set()),
        ({"lines": 1}, {"run": 2}, last, set()),
    ):
        paths = square(PARAMS, 3, 4)
        paths.rows[1], paths.columns[1] = row, column
        watch = walking(paths)
        watch.bench.spike(0, 0, 0)
        watch.bench.settle()
        assert not {name for name in watch.rose() if name.startswith("path")}
        watch.bench.spike(base, 1, 1)
        watch.bench.settle()
        ends = "path given up at once" if due else "path given up after some words"
        assert {name for name in watch.rose() if name.startswith("path")} == due | {ends}
        watch.bench.check()
    for place, name in (((9, 0), "row"), ((0, 15), "column")):
        watch.bench.spike(0, *place)
        watch.bench.settle()
        assert {each for each in watch.rose() if "beyond" in each} == {f"{name} beyond the table"}


class PoolBench(Bench):
    """Groups of four words, as a sweep brings them."""

    def __init__(self) -> None:
        super().__init__(Pool(ChipParams(lanes=2, neurons=64, weights=64, side=9)))
        self.drive(pools=1)

    def group(self, fires: list[int], marked: list[int]) -> None:
        self.pulse(start=1)
        for word in range(4):
            self.set(self.dut.fire, {"word": word, "lanes": fires[word]})
            self.pulse(valid=1, marked=marked[word])


def said_of(fires: list[int], marked: list[int]) -> set[str]:
    """The bins of a group of two lanes."""
    found, passes, late, silent = set(), set(), set(), set()
    for lane in range(2):
        new = [member for member in range(4) if fires[member] >> lane & 1]
        if any(marks >> lane & 1 for marks in marked):
            late |= {lane} if new else set()
            found |= {f"{PLACES[member]} comes too late" for member in new}
            found |= {"several come too late at once"} if len(new) > 1 else set()
        elif new:
            passes.add(lane)
            found.add(f"{PLACES[new[0]]} is first" if len(new) == 1 else f"{len(new)} are first at once")
        else:
            silent.add(lane)
    found |= {"one lane passes and another comes too late"} if passes and late else set()
    found |= {"one lane passes and another is silent"} if passes and silent else set()
    found |= {"every lane passes"} if len(passes) == 2 else set()
    found |= {"no member fires"} if not any(fires) else set()
    return found


def test_a_group_has_the_bins_of_who_fires_and_who_had_before():
    watch, rng = Watch(PoolBench, Pool), random.Random(1)
    seen = set()
    for case in range(300):
        density = rng.choice([0, 1, 1, 2])
        fires = [rng.getrandbits(2) if density else 0 for _ in range(4)]
        marked = [rng.getrandbits(2) & rng.getrandbits(2) if density > 1 else 0 for _ in range(4)]
        marked[case % 4] |= (case % 3 == 0) << case % 2
        watch.bench.group(fires, marked)
        rose = watch.rose()
        assert rose == said_of(fires, marked), (fires, marked)
        seen |= rose
    assert len(seen) == 4 + 3 + 4 + 5
