"""Walk: which words sweeps and spikes go through, in which order and in which cycle."""

import random
from dataclasses import replace

import pytest
from support.bench import Bench
from support.paths import Paths
from yoso_hw.core.ops import Op
from yoso_hw.core.walk import Walk
from yoso_hw.params import ChipParams

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
            rows, columns = self.get(self.dut.r), self.get(self.dut.q)
            return [
                *(
                    (self.dut.rows[name], value)
                    for name, value in {**ROW, **self.paths.rows.get(rows, {})}.items()
                ),
                *(
                    (self.dut.columns[name], value)
                    for name, value in {**COLUMN, **self.paths.columns.get(columns, {})}.items()
                ),
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


ROW = dict.fromkeys(("lines", "weight_offset", "neuron_offset"), 0)
COLUMN = dict.fromkeys(("run", "rewind", "weight_offset", "neuron_offset"), 0)


def random_paths(params, rng):
    """Tables of a PE of random size, as a compiler could fill them: every path ends within its memories."""
    filters = rng.choice([1, 1, 2, 3])
    cols = rng.randint(1, max(1, params.neuron_words // filters // 2))
    rows = rng.randint(1, params.neuron_words // (filters * cols))
    kernel = rng.randint(1, 4)
    paths = Paths(params, rows * cols * filters, filters, cols * filters, kernel * filters)
    for r in range(params.side - 1):
        first, top = rng.randrange(rows), rng.randrange(kernel)
        paths.rows[r] = {
            "lines": rng.randint(0, min(rows - first, kernel - top)),
            "neuron_offset": first * cols * filters,
            "weight_offset": top * kernel * filters,
        }
        first, left = rng.randrange(cols), rng.randrange(kernel)
        paths.columns[r] = {
            "run": rng.randint(0, min(cols - first, kernel - left)) * filters,
            "neuron_offset": first * filters,
            "weight_offset": left * filters,
        }
    paths.rows[params.side - 1] = {"lines": rows}
    paths.columns[params.side - 1] = {"run": cols * filters, "rewind": 1}
    return paths, kernel * kernel * filters


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
