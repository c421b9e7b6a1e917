"""The neuron of a layer: one dataclass, whose fields are the chip's registers, a network file's keys and the
golden model's parameters by the same names (docs/arithmetic.md, "The neuron family").

A parameter is added here; network file, register group, golden model and NIR take the fields as they find
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from yoso_hw.registers import DECAY_BITS, Reset

from yoso_sw.network.events import NEVER

#: What a sweep leaves of A, where it is no decay by 1 .. `LARGEST_DECAY`: all of it, or nothing.
KEPT, CLEARED = -1, 0

#: Largest k of a decay, which takes ceil(|x| / 2^k) from x.
LARGEST_DECAY = (1 << DECAY_BITS) - 1


@dataclass(frozen=True)
class Neuron:
    """A neuron of the family; integers. The defaults are the ReL-PSP neuron of STDBP (equations 8 to 11).

    Parameters
    ----------
    threshold
        theta >= 1: a neuron fires at a step of its window with V >= theta.
    start, end
        The firing window [start, end); ``end <= start``: it never fires (softmax output).
    slope
        0: each sweep adds A (the paper's neuron). c >= 1: from step `start` on each sweep adds c instead
        (our choice).
    current
        What a sweep leaves of A: `KEPT`, `CLEARED`, or k = 1 .. 15: it loses decay(A, k).
    leak
        0: none. k = 1 .. 15: V loses decay(V, k) before a sweep adds to it.
    reset
        What firing does.
    charge
        0: none. q >= 1: sweep q makes V the current and starts V again from 0.
    """

    threshold: int
    start: int
    end: int
    slope: int = 0
    current: int = KEPT
    leak: int = 0
    reset: Reset = Reset.ONCE
    charge: int = 0

    @property
    def fires(self) -> bool:
        """Whether it may fire: its window holds a step, and it is no readout."""
        return self.start < self.end and self.reset is not Reset.NEVER

    @property
    def once(self) -> bool:
        """Whether it fires at most once an image."""
        return self.reset in (Reset.ONCE, Reset.NEVER)

    @property
    def most_spikes(self) -> int:
        """Spikes that it can send in an image at most."""
        return 0 if not self.fires else 1 if self.once else self.end - self.start

    @property
    def sweeps_write_a(self) -> bool:
        """Whether every sweep makes a new A."""
        return self.current != KEPT or self.charge > 0

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
        if not KEPT <= self.current <= LARGEST_DECAY:
            yield f"current={self.current} is none of kept, cleared and 1..{LARGEST_DECAY}"
        if not 0 <= self.leak <= LARGEST_DECAY:
            yield f"leak={self.leak} is outside 0..{LARGEST_DECAY}"
        if not 0 <= self.charge < steps:
            yield f"charge={self.charge} is outside 0..{steps - 1}"
        yield from self._illegal_sets()

    def _illegal_sets(self) -> Iterator[str]:
        """Of the table of docs/arithmetic.md, what a neuron alone can be refused for."""
        if self.slope > 0:
            for wrong, what in (
                (self.current != KEPT, "a current that is kept"),
                (self.leak > 0, "no leak"),
                (self.reset is not Reset.ONCE, "reset once"),
                (self.charge > 0, "no charge"),
            ):
                if wrong:
                    yield f"slope={self.slope} needs {what}"
        if self.charge > 0:
            for wrong, what in (
                (self.current != KEPT, "a current that is kept"),
                (self.leak > 0, "no leak"),
                (self.reset is Reset.ONCE, "reset subtract, zero or never"),
                (self.start <= self.charge, f"a window that starts after it, not at {self.start}"),
            ):
                if wrong:
                    yield f"charge={self.charge} needs {what}"

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


# ---- as a file says it ------------------------------------------------------------------------------------

#: The words of `current`; a decay is its number.
CURRENTS = {"kept": KEPT, "cleared": CLEARED}


def to_words(neuron: Neuron) -> dict[str, int | str]:
    """A neuron's fields as a file says them: whole numbers, and words for `current` and `reset`."""
    values: dict[str, int | str] = {field.name: int(getattr(neuron, field.name)) for field in fields(neuron)}
    named = {value: word for word, value in CURRENTS.items()}
    values["current"] = named.get(neuron.current, neuron.current)
    values["reset"] = neuron.reset.name.lower()
    return values


def of_words(values: dict[str, int | str]) -> Neuron:
    """The inverse of `to_words`; fields not given have their defaults.

    Raises
    ------
    ValueError
        If a field is unknown or missing, or its value is neither a whole number nor one of its words.
    """
    names = {field.name for field in fields(Neuron)}
    if unknown := sorted(values.keys() - names):
        raise ValueError(f"a neuron has {', '.join(unknown)}, which this program does not know: update it")
    if missing := [name for name in ("threshold", "start", "end") if name not in values]:
        raise ValueError(f"a neuron has no {missing[0]}")
    words: dict[str, dict[str, int]] = {
        "current": CURRENTS,
        "reset": {reset.name.lower(): reset for reset in Reset},
    }
    read: dict[str, int] = {}
    for name, value in values.items():
        known = words.get(name, {})
        if type(value) is str and value in known:
            read[name] = known[value]
        elif type(value) is int and name != "reset":
            read[name] = value
        else:
            raise ValueError(f"a neuron's {name}={value!r} is none of {', '.join(known) or 'whole numbers'}")
    if read.get("current", 1) < 1 and values["current"] not in CURRENTS:
        raise ValueError(f"a neuron's current={read['current']} is none of {', '.join(CURRENTS)}, 1, 2, ...")
    reset = Reset(read.pop("reset", Reset.ONCE))
    return Neuron(**read, reset=reset)
