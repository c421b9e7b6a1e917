"""The neuron of a layer: one dataclass, whose fields are the chip's registers, a network file's keys and the
golden model's parameters by the same names (docs/arithmetic.md).

A parameter is added here; network file, register group, golden model and NIR take the fields as they find
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from yoso_sw.network.events import NEVER


@dataclass(frozen=True)
class Neuron:
    """A ReL-PSP neuron, which fires once an image (paper, equations 8 to 11); integers.

    Parameters
    ----------
    threshold
        theta >= 1: a neuron fires at the first step of its window with V >= theta.
    start, end
        The firing window [start, end); ``end <= start``: it never fires (softmax output).
    slope
        0: each sweep adds A (the paper's neuron). c >= 1: from step `start` on each sweep adds c instead
        (our choice).
    """

    threshold: int
    start: int
    end: int
    slope: int = 0

    @property
    def fires(self) -> bool:
        """Whether its window holds any step."""
        return self.start < self.end

    def faults(self, steps: int) -> Iterator[str]:
        """What is wrong with it in an image of `steps` steps, each with its value and what is allowed."""
        if self.threshold < 1:
            yield f"threshold={self.threshold} is below 1"
        if self.slope < 0:
            yield f"slope={self.slope} is negative"
        if not 0 <= self.start <= NEVER:
            yield f"window starts at {self.start}, not in 0..{NEVER}"
        if not 0 <= self.end <= steps:
            yield f"window ends at {self.end}, not in 0..{steps}"

    @property
    def largest(self) -> dict[str, int]:
        """What V must be able to hold, by name."""
        return {"threshold": self.threshold, "slope": self.slope}


#: A neuron as a record, for the golden model's kernels.
NEURON = np.dtype([(field.name, np.int64) for field in fields(Neuron)])


def records(neurons: list[Neuron]) -> np.ndarray:
    """Neurons as records of `NEURON`, (layers,)."""
    table = np.zeros(len(neurons), NEURON)
    for row, neuron in zip(table, neurons, strict=True):
        for field in fields(Neuron):
            row[field.name] = getattr(neuron, field.name)
    return table
