"""A bench of `Walk`: its tables, and a compute that takes its requests."""

from __future__ import annotations

from yoso_hw.core.walk import Walk
from yoso_hw.registers import Memory

from support.bench import Bench


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
