"""Walk: which words sweeps and spikes go through, in which order and in which cycle."""

import random
from dataclasses import replace

import pytest
from support.bench import Bench, held
from support.extremes import LARGEST
from support.paths import Paths, dense, random_paths, square
from yoso_hw.core.ops import Op
from yoso_hw.core.walk import Walk
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory

PARAMS = ChipParams(lanes=2, neurons=64, weights=512, side=9)
BANKED = replace(PARAMS, banked=True)
FAMILY = replace(PARAMS, neuron="all")
SPIKE, SWEEP, FIRST = Op.SPIKE.value, Op.SWEEP.value, Op.FIRST.value
plain_and_banked = pytest.mark.parametrize("params", [PARAMS, BANKED], ids=["plain", "banked"])


class WalkBench(Bench):
    """Walk, with its tables, and a compute that takes requests with some stalls."""

    def __init__(self, paths, *, stall=0.0, seed=0):
        super().__init__(Walk(paths.params), seed=seed)
        self.paths, self.params, self.bank = paths, paths.params, 0
        names = ("words", "filter_words", "neuron_pitch", "weight_pitch", "blocks")
        self.drive(**{name: getattr(paths, name) for name in names})
        self.spikes = self.source(self.dut.spike)
        self.requests = self.sink(self.dut.request, stall=stall)
        self.issued, self.due = [], []
        names = ("taken", "stalled", "bad_row", "update")
        self.counts = {name: self.record(getattr(self.dut, name)) for name in names}
        self.each_cycle(self._watch)

    def _watch(self):
        reads = tuple(name[0] for name in ("a_read", "v_read", "w_read") if self.get(getattr(self.dut, name)))
        if reads:
            row = self.get(self.dut.row) if "w" in reads else None
            self.issued.append((self.cycle, reads, self.get(self.dut.word), row))
        if self.get(self.dut.table_read):
            return [
                (table[name], value)
                for memory, table, at in (
                    (Memory.ROWS, self.dut.rows, self.dut.r),
                    (Memory.COLUMNS, self.dut.columns, self.dut.q),
                )
                for name, value in self.paths.entry(memory, self.get(at)).items()
            ]
        return []

    def step(self, cycles=1):
        for _ in range(cycles):
            self.bank ^= 1
            self.drive(bank=self.bank)
            super().step()

    def spike(self, row=0, r=0, q=0, parity=0):
        """Put a spike; what it must ask for."""
        spike = {"row": row, "r": r, "q": q}
        self.spikes.put({**spike, "parity": parity})
        words, bad = self.paths.spike(spike)
        self.due.append((words, bad))
        return words

    def settle(self, limit=2000):
        self.run(
            lambda: not self.spikes.queue and self.get(self.dut.idle) and not self.get(self.dut.holds), limit
        )

    def asked(self):
        """(neuron word, weight word) of spikes."""
        return [(word, row) for _, reads, word, row in self.issued if reads == ("a", "w")]

    def check(self):
        """What was asked for, said and counted is what the spikes so far must bring about."""
        assert self.asked() == [each for words, _ in self.due for each in words]
        assert sum(self.counts["bad_row"]) == sum(bad for _, bad in self.due)
        assert sum(self.counts["taken"]) == sum(bool(words) and not bad for words, bad in self.due)
        assert sum(self.counts["update"]) == sum(len(words) for words, _ in self.due)


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


# ---- sweeps ----------------------------------------------------------------------------------------------


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


def test_a_bias_row_that_runs_past_the_weight_memory_is_an_error_and_the_sweep_ends():
    paths = square(FAMILY, 1, 4, 3)
    bench = WalkBench(paths)
    bench.drive(bench.dut.neuron, bias=1, bias_row=254)
    bench.step(2)
    assert len(swept(bench)) == 12
    assert sum("w" in reads for _, reads, *_ in bench.issued) == 8 and sum(bench.counts["bad_row"]) == 4


def test_without_a_bias_a_sweep_reads_no_weight():
    bench = WalkBench(square(FAMILY, 1, 4, 3))
    bench.drive(bench.dut.neuron, bias=0, bias_row=255)
    bench.step(2)
    swept(bench)
    assert {reads for _, reads, *_ in bench.issued} == {("a", "v")} and sum(bench.counts["bad_row"]) == 0


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
