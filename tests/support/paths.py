"""Tables and registers of a PE with convolution, and the words through which they lead sweeps and spikes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isqrt

from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory, entry_fields, pack_entry

from support.walker import groups, walk

Entries = dict[int, dict[str, int]]


@dataclass
class Paths:
    """What a PE is told.

    `rows` and `columns` hold what a coordinate's entry says, by field name; what is missing is 0.
    """

    params: ChipParams
    words: int
    filter_words: int
    neuron_pitch: int
    weight_pitch: int
    blocks: int = 0
    rows: Entries = field(default_factory=dict)
    columns: Entries = field(default_factory=dict)

    def registers(self) -> dict[str, int]:
        """The registers of convolution, by field."""
        names = ("filter_words", "neuron_pitch", "weight_pitch", "blocks")
        return {name: getattr(self, name) for name in names}

    def entry(self, memory: Memory, coordinate: int) -> dict[str, int]:
        """What a table says of a coordinate."""
        given = self.rows if memory is Memory.ROWS else self.columns
        names = [each.name for each in entry_fields(self.params)[memory]]
        return {**dict.fromkeys(names, 0), **given.get(coordinate, {})}

    def tables(self) -> dict[Memory, list[int]]:
        """The words of both tables."""
        return {
            memory: [
                pack_entry(self.params, memory, **self.entry(memory, i)) for i in range(self.params.side)
            ]
            for memory in (Memory.ROWS, Memory.COLUMNS)
        }

    def sweep(self) -> list[tuple[int, int]]:
        """(neuron word, filter word) of a sweep, in its order."""
        order = [*range(self.words)]
        if self.blocks:
            order = [word for four in groups(self.words, self.registers()) for word in four]
        return [(word, word % self.filter_words) for word in order]

    def spike(self, spike: Mapping[str, int]) -> tuple[list[tuple[int, int]], bool]:
        """(neuron word, weight word) of a spike, in order, and whether it is given up after them."""
        side = self.params.side
        if spike["r"] >= side or spike["q"] >= side:
            return [], True
        tables = [[self.entry(memory, i) for i in range(side)] for memory in (Memory.ROWS, Memory.COLUMNS)]
        found = []
        for word, row in walk(spike, *tables, self.registers()):
            if word >= self.words or row >= self.params.weight_words:
                return found, True
            found.append((word, row))
        return found, False


def dense(params: ChipParams, words: int) -> Paths:
    """Of a dense layer."""
    return Paths(params, words, words, words, 0, rows={0: {"lines": 1}}, columns={0: {"run": words}})


def square(
    params: ChipParams, rows: int, cols: int, filters: int = 1, kernel: int = 3, blocks: int = 0
) -> Paths:
    """Of a PE that holds a map, each input reaching the positions down and right of its own.

    The last coordinate is the bias's.
    """
    paths = Paths(params, rows * cols * filters, filters, cols * filters, kernel * filters, blocks)
    for r in range(params.side - 1):
        lines, run = max(0, min(kernel, rows - r)), max(0, min(kernel, cols - r)) * filters
        paths.rows[r] = {"lines": lines, "neuron_offset": r * cols * filters if lines else 0}
        paths.columns[r] = {"run": run, "neuron_offset": r * filters if run else 0}
    paths.rows[params.side - 1] = {"lines": rows}
    paths.columns[params.side - 1] = {"run": cols * filters, "rewind": 1}
    return paths


def random_paths(params: ChipParams, rng: random.Random, *, pool: bool = False) -> tuple[Paths, int]:
    """Of a PE of random size, as a compiler could fill them, and the weight words of an input channel.

    Every path ends within the PE's words and the channel's.
    """
    unit = 2 if pool else 1
    filters = rng.choice([1, 1, 2, 3])
    positions = params.neuron_words // filters
    cols = unit * rng.randint(1, max(1, isqrt(positions) // unit))
    most = min(positions // cols, params.side - 1) // unit
    rows = unit * rng.randint(-(-most // 2), most)
    kernel = rng.choice([1, 2, 3, 3, 4])
    paths = Paths(
        params, rows * cols * filters, filters, cols * filters, kernel * filters, cols // 2 if pool else 0
    )
    for r in range(params.side - 1):
        first, top = rng.randrange(rows), rng.choice([0, 0, rng.randrange(kernel)])
        paths.rows[r] = {
            "lines": some(rng, min(rows - first, kernel - top)),
            "neuron_offset": first * cols * filters,
            "weight_offset": top * kernel * filters,
        }
        first, left = rng.randrange(cols), rng.choice([0, 0, rng.randrange(kernel)])
        paths.columns[r] = {
            "run": some(rng, min(cols - first, kernel - left)) * filters,
            "neuron_offset": first * filters,
            "weight_offset": left * filters,
        }
    paths.rows[params.side - 1] = {"lines": rows}
    paths.columns[params.side - 1] = {"run": cols * filters, "rewind": 1}
    return paths, kernel * kernel * filters


def some(rng: random.Random, most: int) -> int:
    """0 to `most`, more often `most` than not."""
    return rng.choice([most, most, most, rng.randint(0, most)])
