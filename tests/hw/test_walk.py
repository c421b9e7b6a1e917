"""Walk: which words spikes go through, in which order and in which cycle."""

import random
from dataclasses import replace

import pytest
from support.bench import held
from support.extremes import LARGEST
from support.paths import Paths, dense, random_paths, square
from support.walk_bench import WalkBench
from yoso_hw.core.ops import Op
from yoso_hw.params import ChipParams

PARAMS = ChipParams(lanes=2, neurons=64, weights=512, side=9)
BANKED = replace(PARAMS, banked=True)
FAMILY = replace(PARAMS, neuron="all")
SPIKE, SWEEP, FIRST = Op.SPIKE.value, Op.SWEEP.value, Op.FIRST.value
plain_and_banked = pytest.mark.parametrize("params", [PARAMS, BANKED], ids=["plain", "banked"])


@pytest.mark.parametrize("stall", [0.0, 0.5])
@plain_and_banked
@pytest.mark.parametrize("seed", range(12))
def test_spikes_go_through_the_words_of_their_paths_once_each_and_in_order(params, stall, seed):
    rng = random.Random(seed)
    paths, channel = random_paths(params, rng)
    bench = WalkBench(paths, stall=stall, seed=seed)
    bench.step()
    for _ in range(30):
        r, q = rng.randrange(params.side - 1), rng.randrange(params.side - 1)
        bench.spike(channel * rng.randrange(params.weight_words // channel), r, q)
        if rng.random() < 0.1:
            bench.spike(rng.randrange(params.weight_words - paths.filter_words + 1), *[params.side - 1] * 2)
        if rng.random() < 0.3:
            bench.step(rng.randrange(9))
    bench.settle()
    bench.check()
    assert len(bench.asked()) >= 30 and not any(bad for _, bad in bench.due)


# ---- order -----------------------------------------------------------------------------------------------


def test_a_sweep_comes_before_the_steps_spikes():
    bench = WalkBench(square(PARAMS, 4, 4))
    for r in range(3):
        bench.spike(9 * r, r, r, parity=1)
    bench.step(12)  # the spikes are of the step to come, and two of them are in the walker's registers
    assert bench.issued == [] and len(bench.spikes.queue) == 1
    assert (
        bench.get(bench.dut.holds) == 1 and bench.get(bench.dut.idle) == 1 and bench.get(bench.dut.due) == 0
    )
    bench.pulse(start=1)
    bench.drive(parity=1)
    bench.settle()
    assert [reads for _, reads, *_ in bench.issued[:16]] == [("a", "v")] * 16
    bench.check()
    cycles = [cycle for cycle, *_ in bench.issued]
    assert cycles == [*range(13, 13 + len(cycles))]


def test_a_spike_is_walked_in_the_step_that_its_parity_names():
    """Whatever it finds in the registers before the walker: an older one of the last step, or one ahead."""
    bench = WalkBench(square(PARAMS, 4, 4))
    for parity in (0, 0, 1, 1):
        bench.spike(0, 1, 1, parity=parity)
    bench.step(40)
    assert bench.asked() == bench.due[0][0] * 2
    bench.pulse(start=1)
    bench.drive(parity=1)
    bench.settle()
    bench.check()


def test_a_spike_waits_while_it_is_held_and_is_not_due():
    bench = WalkBench(square(FAMILY, 4, 4))
    bench.drive(hold=1)
    bench.spike(0, 1, 1)
    bench.step(12)
    assert bench.issued == [] and bench.get(bench.dut.due) == 0 and sum(bench.counts["stalled"]) == 0
    assert bench.get(bench.dut.idle) == 1 and bench.get(bench.dut.holds) == 1
    bench.drive(hold=0)
    bench.settle()
    bench.check()


@pytest.mark.parametrize("stall", [0.0, 0.7])
def test_a_spike_is_seen_until_its_last_word_is_taken(stall):
    """By `holds`, or by `idle` of its last request: a step may not end before."""
    for r in range(8):
        bench = WalkBench(square(PARAMS, 4, 4), stall=stall, seed=r)
        seen = [bench.record(value) for value in (bench.dut.holds, bench.dut.idle)]
        words = bench.spike(0, r, r)
        bench.settle()
        bench.step(12)
        came = bench.spikes.sent[0]
        gone = bench.requests.cycles[-1] if words else came + 2
        assert all(holds or not idle for holds, idle in list(zip(*seen, strict=True))[came + 1 : gone + 1])
        assert seen[0][gone + 1] == 0 and seen[1][gone + 1] == 1


# ---- pace ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lines", "run"), [(1, 1), (1, 2), (2, 1), (1, 5), (3, 1), (3, 2), (2, 4)])
def test_spikes_follow_each_other_without_a_gap(lines, run):
    paths = Paths(PARAMS, 32, 1, 8, 4, rows={1: {"lines": lines}}, columns={2: {"run": run}})
    bench = WalkBench(paths)
    bench.step()
    for i in range(10):
        bench.spike(3 * i, 1, 2)
    bench.settle()
    bench.check()
    first = bench.issued[0][0]
    assert [each[0] for each in bench.issued] == [*range(first, first + 10 * lines * run)]
    assert first == bench.spikes.sent[0] + 3


@pytest.mark.parametrize("drops", [1, 2, 3])
def test_spikes_that_are_dropped_between_others_cost_their_cycles_only_where_none_is_walked(drops):
    paths = Paths(PARAMS, 32, 1, 8, 4, rows={1: {"lines": 2}, 3: {"lines": 0}}, columns={2: {"run": 2}})
    bench = WalkBench(paths)
    bench.step()
    for i in range(6):
        bench.spike(i, 1, 2)
        for r, q in [(3, 2), (1, 0), (3, 0)][:drops]:
            bench.spike(0, r, q)
    bench.settle()
    bench.check()
    cycles = [each[0] for each in bench.issued]
    assert cycles == [*range(cycles[0], cycles[0] + 6 * 4)]


def test_spikes_that_reach_nothing_are_dropped_one_a_cycle_uncounted_and_whatever_their_step():
    bench = WalkBench(square(PARAMS, 2, 2))
    for i in range(20):  # lines without a word, and words without a line
        bench.spike(i, *((7, i % 2) if i % 3 else (i % 2, 7)), parity=1)
    bench.step(21)
    assert not bench.spikes.queue
    bench.settle()
    bench.check()
    assert bench.issued == [] and not any(map(sum, bench.counts.values()))


def test_in_banks_a_word_waits_for_its_bank_and_no_longer():
    paths = square(BANKED, 3, 5)
    bench = WalkBench(paths)
    banks = bench.record(bench.dut.bank)
    bench.step()
    for r in range(3):
        for q in range(5):
            bench.spike(0, r, q)
    bench.pulse(start=1)
    bench.settle()
    bench.check()
    words = [(cycle, word) for cycle, _, word, _ in bench.issued]
    assert all(banks[cycle] == word % 2 for cycle, word in words)
    gaps = [(b - a, (y - x) % 2) for (a, x), (b, y) in zip(words, words[1:], strict=False)]
    assert all(gap == 2 - other for gap, other in gaps)
    assert sum(bench.counts["stalled"]) >= sum(gap == 2 for gap, _ in gaps) > 0


# ---- streams ---------------------------------------------------------------------------------------------


def test_each_request_stays_as_it_is_until_it_is_taken_in_every_state_of_the_walker():
    """Of a sweep, at the end of a line, of a position, of a spike and of the last one."""
    paths = square(PARAMS, 2, 2, 2, blocks=1)
    bench = WalkBench(paths)
    bench.requests.stall = 1.0
    bench.pulse(start=1)
    due = [{"op": SWEEP, "word": word, "last": int(place == 1)} for word, place in paths.sweep()]
    for r, q in ((0, 1), (8, 8), (1, 0)):
        due += [{"op": SPIKE, "word": word} for word, _ in bench.spike(5, r, q)]
    got = [held(bench.requests, 9) for _ in due]
    assert [{key: each[key] for key in wanted} for wanted, each in zip(due, got, strict=True)] == due
    bench.check()


def test_no_word_is_read_while_a_request_waits():
    """The SRAMs' outputs are its operands."""
    bench = WalkBench(square(PARAMS, 4, 4))
    bench.requests.stall = 1.0
    bench.spike(4, 1, 1)
    bench.step(12)
    assert len(bench.issued) == 1 and sum(bench.counts["stalled"]) == 12 - 4
    bench.requests.stall = 0.0
    bench.settle()
    bench.check()


# ---- what is wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("neighbours", [0, 3])
@pytest.mark.parametrize(
    ("rows", "columns", "row", "walked"),
    [
        ({"lines": 1}, {"run": 5}, 251, 5),  # just fits
        ({"lines": 1}, {"run": 5}, 252, 4),
        ({"lines": 1}, {"run": 1}, 255, 1),
        ({"lines": 1, "weight_offset": 1}, {"run": 1}, 255, 0),
        ({"lines": 1, "weight_offset": 255}, {"run": 1, "weight_offset": 255}, 255, 0),
        ({"lines": 1, "weight_offset": 255}, {"run": 1, "weight_offset": 255}, 2, 0),
        ({"lines": 1, "weight_offset": 255}, {"run": 1, "weight_offset": 0}, 0, 1),
        ({"lines": 9}, {"run": 1}, 240, 4),  # the weights' pitch leaves the memory
        ({"lines": 5}, {"run": 8}, 0, 32),  # so does the neurons', right after the last word
        ({"lines": 15}, {"run": 63}, 0, 32),
        ({"lines": 1}, {"run": 33}, 0, 32),
        ({"lines": 1, "neuron_offset": 31}, {"run": 2}, 0, 1),
        ({"lines": 1, "neuron_offset": 31}, {"run": 1, "neuron_offset": 31}, 0, 0),
        ({"lines": 1, "neuron_offset": 31}, {"run": 1, "neuron_offset": 1}, 0, 0),
        ({"lines": 2, "neuron_offset": 31}, {"run": 1}, 0, 1),
        ({"lines": 1}, {"run": 16, "rewind": 1}, 255, 1),
    ],
)
@plain_and_banked
def test_a_path_that_leaves_a_memory_ends_with_one_error(params, rows, columns, row, walked, neighbours):
    """And the spikes around it are walked as if it were not there."""
    paths = Paths(params, 32, 2, 8, 4, rows={0: {"lines": 1}, 1: rows}, columns={0: {"run": 2}, 1: columns})
    bench = WalkBench(paths, stall=0.2)
    bench.step()
    for _ in range(neighbours):
        bench.spike(7)
    assert len(bench.spike(row, 1, 1)) == walked
    for _ in range(neighbours):
        bench.spike(9)
    bench.settle()
    bench.check()


def test_a_line_that_begins_again_at_the_same_words_ends():
    paths = Paths(PARAMS, 32, 0, 0, 0, rows={1: {"lines": 15}}, columns={1: {"run": 32}})
    bench = WalkBench(paths)
    bench.step()
    assert len(bench.spike(0, 1, 1)) == 15 * 32
    bench.settle()
    bench.check()


def test_a_path_may_have_more_lines_than_the_pe_has_words():
    params = ChipParams(lanes=1, neurons=2, weights=512, side=256)
    paths = Paths(params, 2, 1, 0, 2, rows={255: {"lines": 250}}, columns={255: {"run": 2}})
    bench = WalkBench(paths)
    bench.step()
    assert len(bench.spike(3, 255, 255)) == 500
    bench.settle()
    bench.check()


@pytest.mark.parametrize("parity", [0, 1])
def test_a_coordinate_beyond_the_tables_is_an_error_and_its_spike_is_dropped(parity):
    bench = WalkBench(square(PARAMS, 4, 4))
    for beyond in range(9, 16):  # whatever a memory gives that has no such word
        bench.paths.rows[beyond], bench.paths.columns[beyond] = {"lines": 1}, {"run": 1}
    bench.step()
    for r, q in ((9, 0), (0, 9), (15, 15), (8, 8), (0, 15), (1, 1)):
        bench.spike(3, r, q, parity=parity * (max(r, q) > 8))
    bench.settle()
    bench.check()
    assert sum(bench.counts["bad_row"]) == 4


def test_of_a_side_that_is_a_power_of_two_every_coordinate_is_in_the_tables():
    bench = WalkBench(square(replace(PARAMS, side=8), 5, 5))
    bench.step()
    for r in range(8):
        bench.spike(3, r, 7 - r)
    bench.settle()
    bench.check()
    assert sum(bench.counts["bad_row"]) == 0


# ---- sizes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "words"),
    [(ChipParams(side=35), 64), (replace(LARGEST, side=256), 512), (replace(LARGEST, lanes=1, side=2), 4096)],
    ids=["default", "largest", "one lane"],
)
def test_of_large_chips_the_last_words_and_rows_are_reached(params, words):
    """Through every offset at its end, by a dense layer, and by a line as long as the memory."""
    assert words == params.neuron_words
    bench = WalkBench(dense(params, words))
    last, side = params.weight_words - 1, params.side - 1
    bench.paths.rows[side] = {"lines": 1, "weight_offset": last, "neuron_offset": words - 1}
    bench.paths.columns[side] = {"run": 1}
    bench.step()
    for row, r, q in ((last + 1 - words, 0, 0), (0, side, side), (1, side, side), (last + 1 - words, 0, 0)):
        bench.spike(row, r, q)
    bench.paths.columns[side] = {"run": 1}
    bench.settle(limit=3 * words + 50)
    bench.check()
    assert sum(bench.counts["bad_row"]) == 1 and len(bench.asked()) == 2 * words + 1
