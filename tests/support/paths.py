"""Which words sweeps and spikes go through on a chip with convolution: the promise of `Walk`, in Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from yoso_hw.params import ChipParams

Fields = Mapping[str, int]


@dataclass
class Paths:
    """A PE's tables and registers.

    `rows` and `columns` hold what a coordinate's entry says, by field name; those that are missing say 0.
    """

    params: ChipParams
    words: int
    filter_words: int
    neuron_pitch: int
    weight_pitch: int
    blocks: int = 0
    rows: dict[int, Fields] = field(default_factory=dict)
    columns: dict[int, Fields] = field(default_factory=dict)

    def sweep(self) -> list[tuple[int, int]]:
        """(neuron word, filter word) of a sweep, in its order."""
        filters = self.filter_words
        if not self.blocks:
            return [(word, word % filters) for word in range(self.words)]
        found = []
        for block_row in range(self.words // (self.blocks * 4 * filters)):
            for block in range(self.blocks):
                for filter_word in range(filters):
                    for y in (0, 1):
                        for x in (0, 1):
                            place = (2 * block_row + y) * self.neuron_pitch + (2 * block + x) * filters
                            found.append((place + filter_word, filter_word))
        return found

    def spike(self, spike: Fields) -> tuple[list[tuple[int, int]], bool]:
        """(neuron word, weight word) of a spike, in order, and whether it is given up after them."""
        side = self.params.side
        if spike["r"] >= side or spike["q"] >= side:
            return [], True
        found = []
        for word, row in self._path(spike):
            if word >= self.words or row >= self.params.weight_words:
                return found, True
            found.append((word, row))
        return found, False

    def _path(self, spike: Fields) -> Iterator[tuple[int, int]]:
        r, q = self.rows.get(spike["r"], {}), self.columns.get(spike["q"], {})
        n0 = r.get("neuron_offset", 0) + q.get("neuron_offset", 0)
        w0 = spike["row"] + r.get("weight_offset", 0) + q.get("weight_offset", 0)
        for line in range(r.get("lines", 0)):
            for i in range(q.get("run", 0)):
                if q.get("rewind", 0):
                    yield n0 + line * self.neuron_pitch + i, w0 + i % self.filter_words
                else:
                    yield n0 + line * self.neuron_pitch + i, w0 + line * self.weight_pitch + i
