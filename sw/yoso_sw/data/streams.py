"""Recorded event streams, and the bins that make steps of their times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from yoso_sw.data.samples import DatasetError
from yoso_sw.data.source import Resolution
from yoso_sw.network.events import Events

#: Polarities of an event camera: 0 darker, 1 brighter.
POLARITIES = 2


class Stream(NamedTuple):
    """A recording of an event camera, an event each.

    Attributes
    ----------
    time
        int64, microseconds from the recording's start.
    row, col
        int64.
    polarity
        int64, 0 or 1.
    """

    time: np.ndarray
    row: np.ndarray
    col: np.ndarray
    polarity: np.ndarray

    def check(self, name: str, rows: int, cols: int) -> None:
        """Raise `DatasetError` if an event lies beyond a sensor of these sides; `name` is for the message."""
        for side, values, count in (("row", self.row, rows), ("column", self.col, cols)):
            if (beyond := (values < 0) | (values >= count)).any():
                first = int(beyond.argmax())
                raise DatasetError(
                    f"{name}: event {first} is of {side} {values[first]}, outside 0..{count - 1} of the "
                    "sensor; replace the file"
                )

    def axons(self, cols: int) -> np.ndarray:
        """The axon of each event, in the order (row, column, polarity)."""
        return (self.row * cols + self.col) * POLARITIES + self.polarity


def binned(
    recordings: Iterable[tuple[np.ndarray, np.ndarray]], axons: int, resolution: Resolution, name: str
) -> Events:
    """Recordings in L equal bins, one step each; an axon's events of a bin are one spike.

    An event at time t, whole microseconds from the start, falls into bin ``t * L // span``. The span is the
    resolution's window, after which nothing counts, or else the recording's last time + 1.

    Parameters
    ----------
    recordings
        Times and axons of the events of each.
    axons
        That there are.
    name
        Of the set, for messages.

    Raises
    ------
    DatasetError
        If the resolution has no levels.
    """
    if resolution.levels is None:
        raise DatasetError(
            f"{name}: recordings are binned to the levels of a network, and none is known; name a network, "
            "or say --levels"
        )
    steps, spiking = [np.zeros(0, np.int16)], [np.zeros(0, np.int32)]
    for time, axon in recordings:
        span = resolution.window or int(time.max(initial=0)) + 1
        kept = time < span
        step, own = np.divmod(np.unique(time[kept] * resolution.levels // span * axons + axon[kept]), axons)
        steps.append(step.astype(np.int16))
        spiking.append(own.astype(np.int32))
    ends = np.cumsum([len(own) for own in steps], dtype=np.int64)
    return Events(ends, np.concatenate(steps), np.concatenate(spiking), axons)
