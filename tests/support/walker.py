"""The walk of a spike through a PE's neurons and weights, word by word, in plain Python.

It is the chip's rule (`yoso_hw.core.walk`) without any of the compiler's arithmetic: it knows two tables and
four registers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

Entry = Mapping[str, int]


def walk(
    spike: Mapping[str, int], rows: Sequence[Entry], columns: Sequence[Entry], told: Mapping[str, int]
) -> Iterator[tuple[int, int]]:
    """(neuron word, weight word) of each request of a spike; none if it is dropped.

    Parameters
    ----------
    spike
        Its `row`, `r` and `q`.
    rows, columns
        The entries of the memories ROWS and COLUMNS.
    told
        The register fields `filter_words`, `neuron_pitch` and `weight_pitch`.
    """
    assert spike["r"] < len(rows) and spike["q"] < len(columns), f"{spike} is beyond the tables"
    down, across = rows[spike["r"]], columns[spike["q"]]
    neuron = down["neuron_offset"] + across["neuron_offset"]
    weight = spike["row"] + down["weight_offset"] + across["weight_offset"]
    for line in range(down["lines"]):
        for i in range(across["run"]):
            if across["rewind"]:
                yield neuron + line * told["neuron_pitch"] + i, weight + i % told["filter_words"]
            else:
                word = weight + line * told["weight_pitch"] + i
                yield neuron + line * told["neuron_pitch"] + i, word


def groups(words: int, told: Mapping[str, int]) -> Iterator[tuple[int, int, int, int]]:
    """The words of each four positions that a PE pools, for each of their filter words, in sweep order."""
    filters, pitch, blocks = told["filter_words"], told["neuron_pitch"], told["blocks"]
    for row, col, word in product(range(words // (2 * pitch)), range(blocks), range(filters)):
        first = 2 * row * pitch + 2 * col * filters + word
        yield first, first + filters, first + pitch, first + pitch + filters
