"""Walk: the words of sweeps, in linear and in pool order, their marks and their bias."""

from dataclasses import replace

import pytest
from support.paths import Paths, dense, square
from support.walk_bench import WalkBench
from yoso_hw.core.ops import Op
from yoso_hw.params import ChipParams

PARAMS = ChipParams(lanes=2, neurons=64, weights=512, side=9)
BANKED = replace(PARAMS, banked=True)
FAMILY = replace(PARAMS, neuron="all")
SWEEP, FIRST = Op.SWEEP.value, Op.FIRST.value
plain_and_banked = pytest.mark.parametrize("params", [PARAMS, BANKED], ids=["plain", "banked"])


def swept(bench, first=0):
    """The words of a sweep as they were asked for, and the requests' words and marks."""
    bench.drive(parity=1)
    before, taken = len(bench.issued), len(bench.requests.taken)
    bench.pulse(start=1, first=first)
    bench.settle()
    requests = bench.requests.taken[taken:]
    assert {request["op"] for request in requests} == {FIRST if first else SWEEP}
    asked = [word for _, reads, word, _ in bench.issued[before:]]
    if not first:
        assert asked == [request["word"] for request in requests]
    return [(request["word"], request["last"]) for request in requests]


@pytest.mark.parametrize("first", [0, 1])
@plain_and_banked
@pytest.mark.parametrize(
    ("rows", "cols", "filters"),
    [(1, 1, 1), (1, 1, 3), (1, 3, 1), (2, 2, 2), (3, 5, 2), (1, 32, 1), (1, 1, 32)],
)
def test_a_sweep_goes_through_all_words_and_marks_the_last_one_of_each_position(
    params, rows, cols, filters, first
):
    paths = square(params, rows, cols, filters)
    bench = WalkBench(paths, stall=0.3)
    bench.step()
    marks = [(word, int(place == filters - 1)) for word, place in paths.sweep()]
    assert [swept(bench, first) for _ in range(2)] == [marks] * 2 and len(marks) == paths.words
    assert sum(bench.counts["bad_row"]) == 0


@pytest.mark.parametrize("first", [0, 1])
@plain_and_banked
@pytest.mark.parametrize(
    ("rows", "cols", "filters"),
    [(2, 2, 1), (2, 2, 3), (2, 4, 1), (4, 2, 2), (4, 4, 2), (2, 16, 1), (2, 2, 8)],
)
def test_where_the_pe_pools_a_sweep_goes_group_by_group(params, rows, cols, filters, first):
    paths = square(params, rows, cols, filters, blocks=cols // 2)
    bench = WalkBench(paths, stall=0.3)
    bench.step()
    marks = [(word, int(place == filters - 1)) for word, place in paths.sweep()]
    assert [swept(bench, first) for _ in range(2)] == [marks] * 2
    assert sorted(word for word, _ in marks) == [*range(paths.words)]


def test_the_default_chip_sweeps_all_its_words_in_pool_order():
    params = ChipParams(side=35)
    paths = square(params, 8, 4, 2, blocks=2)
    bench = WalkBench(paths)
    bench.step()
    assert [word for word, _ in swept(bench)] == [word for word, _ in paths.sweep()]
    assert paths.words == params.neuron_words == 64


@pytest.mark.parametrize("blocks", [0, 1])
def test_a_sweep_takes_its_words_beginning_with_the_cycle_after_its_start(blocks):
    paths = square(PARAMS, 4, 2, 3, blocks=blocks)
    bench = WalkBench(paths)
    bench.step(3)
    bench.pulse(start=1)
    bench.settle()
    assert [cycle for cycle, *_ in bench.issued] == [*range(4, 4 + paths.words)]


@pytest.mark.parametrize(
    ("filter_words", "neuron_pitch", "blocks", "words"),
    [
        (0, 0, 0, 7),
        (0, 0, 3, 7),
        (63, 63, 63, 32),
        (1, 63, 1, 5),
        (2, 0, 1, 32),
        (3, 9, 40, 31),
        (63, 1, 0, 32),
    ],
)
def test_whatever_registers_say_a_sweep_ends_after_its_words(filter_words, neuron_pitch, blocks, words):
    bench = WalkBench(Paths(PARAMS, words, filter_words, neuron_pitch, 5, blocks))
    bench.step()
    for _ in range(2):
        assert len(swept(bench)) == words
    assert sum(bench.counts["bad_row"]) == 0


def test_a_pe_of_no_words_sweeps_nothing():
    bench = WalkBench(dense(PARAMS, 0))
    bench.pulse(start=1)
    bench.step(5)
    assert bench.issued == [] and bench.requests.taken == [] and bench.get(bench.dut.idle) == 1


@pytest.mark.parametrize("bias_row", [0, 17, 256 - 3])
@pytest.mark.parametrize("blocks", [0, 2])
def test_a_sweep_reads_the_bias_row_by_filter_word(bias_row, blocks):
    """With the operation that takes it, of a first sweep too."""
    paths = square(FAMILY, 2, 4, 3, blocks=blocks)
    bench = WalkBench(paths, stall=0.3)
    bench.drive(bench.dut.neuron, bias=1, bias_row=bias_row)
    bench.step(2)
    for first in (1, 0):
        before = len(bench.issued)
        swept(bench, first)
        due = [(word, bias_row + place) for word, place in paths.sweep()]
        reads = ("w",) if first else ("a", "v", "w")
        assert [each[1:] for each in bench.issued[before:]] == [(reads, *each) for each in due]
    assert sum(bench.counts["bad_row"]) == 0


@pytest.mark.parametrize("blocks", [0, 2])
def test_a_bias_row_that_runs_past_the_weight_memory_is_an_error_and_the_sweep_ends(blocks):
    """Each word that it would be added to is one."""
    paths = square(FAMILY, 2, 4, 4, blocks=blocks)
    bench = WalkBench(paths)
    bench.drive(bench.dut.neuron, bias=1, bias_row=254)
    bench.step(2)
    assert len(swept(bench)) == 32
    assert [row for _, reads, _, row in bench.issued if "w" in reads] == [
        254 + place for _, place in paths.sweep() if place < 2
    ]
    assert sum(bench.counts["bad_row"]) == 16


def test_without_a_bias_a_sweep_reads_no_weight():
    bench = WalkBench(square(FAMILY, 1, 4, 3))
    bench.drive(bench.dut.neuron, bias=0, bias_row=255)
    bench.step(2)
    swept(bench)
    assert {reads for _, reads, *_ in bench.issued} == {("a", "v")} and sum(bench.counts["bad_row"]) == 0
