"""Load: which words it asks for, in which order and in which cycle."""

import random
from dataclasses import replace

import pytest
from support.bench import Bench, held
from support.extremes import LARGEST
from yoso_hw.core.load import Load
from yoso_hw.core.ops import Op
from yoso_hw.params import ChipParams

PARAMS = ChipParams(lanes=2, neurons=16, weights=64)
BANKED = ChipParams(lanes=2, neurons=16, weights=64, banked=True)
SPIKE, SWEEP, FIRST = Op.SPIKE.value, Op.SWEEP.value, Op.FIRST.value


class LoadBench(Bench):
    """Load, with a compute that takes requests with some stalls; `issued` is what it asked of the SRAMs."""

    def __init__(self, params, words, *, stall=0.0, seed=0):
        super().__init__(Load(params), seed=seed)
        self.drive(words=words)
        self.spikes = self.source(self.dut.spike)
        self.requests = self.sink(self.dut.request, stall=stall)
        self.issued, self.bank = [], 0
        self.counts = {name: self.record(getattr(self.dut, name)) for name in ("taken", "stalled", "bad_row")}
        self.each_cycle(self._watch)

    def _watch(self):
        names = ("a_read", "v_read", "w_read")
        reads = tuple(name[0] for name in names if self.get(getattr(self.dut, name)))
        if reads:
            row = self.get(self.dut.row) if "w" in reads else None
            self.issued.append((self.cycle, reads, self.get(self.dut.word), row))

    def step(self, cycles=1):
        for _ in range(cycles):
            self.bank ^= 1
            self.drive(bank=self.bank)
            super().step()

    def spike(self, row, parity=0):
        self.spikes.put({"row": row, "parity": parity})

    def asked(self):
        return [each[1:] for each in self.issued]


def requests_of(op, words):
    return [{"op": op, "word": word, "last": int(word == words - 1)} for word in range(words)]


def sweep_words(words):
    return [(("a", "v"), word, None) for word in range(words)]


def spike_words(row, words):
    return [(("a", "w"), word, row + word) for word in range(words)]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        *((chip, words) for chip in (PARAMS, BANKED) for words in (1, 2, 5, 8)),
        (ChipParams(), 64),
        (LARGEST, 512),
        *((replace(LARGEST, neurons=2048, weights=1 << bits), 3) for bits in range(12, 20)),
    ],
)
@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_a_sweep_comes_before_the_steps_spikes_and_every_word_is_asked_for_in_order(params, stall, words):
    bench = LoadBench(params, words, stall=stall, seed=words)
    last = params.weight_words - words
    rows = [*random.Random(words).choices(range(last + 1), k=5), last]
    for row in rows:
        bench.spike(row)
    bench.drive(parity=1)
    bench.step(5)  # the spikes are of the step to come
    assert bench.issued == []
    bench.drive(parity=0)
    bench.pulse(start=1)
    bench.run(lambda: not bench.spikes.queue and bench.get(bench.dut.idle), limit=100 + 25 * words)
    assert bench.asked() == sweep_words(words) + [each for row in rows for each in spike_words(row, words)]
    requests = requests_of(SWEEP, words)
    for _ in rows:
        requests += requests_of(SPIKE, words)
    assert bench.requests.taken == requests
    assert sum(bench.counts["taken"]) == len(rows)


def test_a_first_sweep_asks_for_nothing():
    bench = LoadBench(PARAMS, 3)
    bench.pulse(start=1, first=1)
    bench.step(8)
    assert bench.issued == [] and bench.requests.taken == requests_of(FIRST, 3)


@pytest.mark.parametrize("words", [1, 2, 3, 8])
def test_one_word_is_asked_for_in_every_cycle_through_sweep_and_spikes(words):
    bench = LoadBench(PARAMS, words)
    for row in range(8):
        bench.spike(row)
    bench.pulse(start=1)
    bench.step(9 * words + 5)
    assert [each[0] for each in bench.issued] == list(range(1, 1 + 9 * words))


@pytest.mark.parametrize("words", [1, 2, 3, 8])
def test_with_banks_even_words_are_read_in_even_cycles_only(words):
    bench = LoadBench(BANKED, words)
    banks = bench.record(bench.dut.bank)
    for row in range(4):
        bench.spike(row)
    bench.pulse(start=1)
    bench.run(lambda: not bench.spikes.queue and bench.get(bench.dut.idle))
    assert all(banks[cycle] == word % 2 for cycle, _, word, _ in bench.issued)


def test_each_request_stays_as_it_is_until_it_is_taken():
    """Of a sweep and of spikes, though more spikes are there."""
    bench = LoadBench(PARAMS, 2)
    bench.requests.stall = 1.0
    for row in (4, 9, 2):
        bench.spike(row)
    bench.pulse(start=1)
    due = [*requests_of(SWEEP, 2), *requests_of(SPIKE, 2) * 3]
    assert [held(bench.requests) for _ in due] == due


def test_the_words_of_a_request_stay_until_it_is_taken():
    """No new read while a request waits: the SRAMs' outputs are its operands."""
    bench = LoadBench(PARAMS, 2)
    bench.requests.stall = 1.0
    bench.spike(4)
    bench.spike(9)
    bench.pulse(start=1)
    bench.step(6)
    assert bench.asked() == sweep_words(2)[:1] and sum(bench.counts["stalled"]) == 5
    bench.requests.stall = 0.0
    bench.step(10)
    assert bench.asked() == sweep_words(2) + spike_words(4, 2) + spike_words(9, 2)


@pytest.mark.parametrize(
    ("words", "row", "fits"), [(1, 31, 1), (2, 30, 1), (2, 31, 0), (8, 24, 1), (8, 25, 0)]
)
def test_a_row_must_end_within_the_weight_memory(words, row, fits):
    bench = LoadBench(PARAMS, words)
    bench.step()
    bench.spike(row)
    bench.spike(0)
    bench.step(2 * words + 5)
    assert bench.asked() == (spike_words(row, words) if fits else []) + spike_words(0, words)
    assert sum(bench.counts["bad_row"]) == 1 - fits and sum(bench.counts["taken"]) == 1 + fits


def test_nothing_fits_where_a_row_has_more_words_than_the_weight_memory():
    bench = LoadBench(ChipParams(lanes=2, neurons=16, weights=8), 8)
    bench.step()
    for row in range(4):
        bench.spike(row)
    bench.step(30)
    assert bench.asked() == [] and sum(bench.counts["bad_row"]) == 4


def test_a_pe_of_no_words_sweeps_nothing():
    bench = LoadBench(PARAMS, 0)
    bench.pulse(start=1)
    bench.step(5)
    assert bench.issued == [] and bench.requests.taken == [] and bench.get(bench.dut.idle) == 1
