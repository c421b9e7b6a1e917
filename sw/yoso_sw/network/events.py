"""Spikes as events: what an input, a layer or a chip sends in an image is a set of (step, axon) pairs.

An axon spikes at most once a step. Where it also spikes at most once an image, as today's inputs and neurons
do, the same spikes can be had as one step an axon (`Events.of_steps`, `Events.steps`), which is the faster
form; whichever form they came in, the other is made when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numba import njit

#: Step of an axon that stays silent: later than any step.
NEVER = 32767


class EventsError(ValueError):
    """Spikes are not what was asked for; the message names image, axon and step."""


@njit(cache=True)
def _sort(steps, ends, step, axon):  # type: ignore[no-untyped-def]
    """The pairs of each image of `steps` (images, axons) by step and axon, to ``ends[b] : ends[b + 1]``."""
    for b in range(len(steps)):
        latest = 0
        for t in steps[b]:
            if t != NEVER and t >= latest:
                latest = t + 1
        places = np.zeros(latest + 1, np.int64)
        for t in steps[b]:
            if t != NEVER:
                places[t + 1] += 1
        places = np.cumsum(places)
        for i in range(steps.shape[1]):
            t = steps[b, i]
            if t != NEVER:
                place = ends[b] + places[t]
                step[place], axon[place] = t, i
                places[t] += 1


@njit(cache=True)
def _collect(record, ends, step, axon):  # type: ignore[no-untyped-def]
    """The pairs of each image of `record` (images, T, axons) to ``ends[b] : ends[b + 1]``."""
    for b in range(len(record)):
        place = ends[b]
        for t in range(record.shape[1]):
            for i in range(record.shape[2]):
                if record[b, t, i]:
                    step[place], axon[place] = t, i
                    place += 1


class Events:
    """The spikes of some images, on `axons` axons.

    Parameters
    ----------
    ends
        int64 (images + 1,): image b has the pairs ``ends[b] : ends[b + 1]``.
    step, axon
        int16 and int32 (spikes,): step, and axon 0 .. axons - 1; in each image by step, then by axon.
    axons
        Axons that there are, silent ones included.
    """

    def __init__(self, ends: np.ndarray, step: np.ndarray, axon: np.ndarray, axons: int) -> None:
        self.axons = axons
        self._pairs: tuple[np.ndarray, np.ndarray, np.ndarray] | None = (ends, step, axon)
        self._steps: np.ndarray | None = None

    # ---- from other forms ----------------------------------------------------------------------------

    @classmethod
    def of_steps(cls, steps: np.ndarray) -> Events:
        """One step an axon, int16 (images, axons), `NEVER` for silent. Raises `EventsError` if one is < 0."""
        if steps.ndim != 2 or steps.dtype != np.int16:
            raise EventsError(f"steps are {steps.dtype} of shape {steps.shape}, not int16 (images, axons)")
        if steps.size and int(steps.min()) < 0:
            image, axon = np.argwhere(steps < 0)[0]
            raise EventsError(f"image {image}, axon {axon}: step {steps[image, axon]} is negative")
        events = cls.__new__(cls)
        events.axons, events._pairs, events._steps = steps.shape[1], None, steps
        return events

    @classmethod
    def of_pairs(
        cls, image: np.ndarray, step: np.ndarray, axon: np.ndarray, images: int, axons: int
    ) -> Events:
        """Spikes in any order: the image, step and axon of each, whole numbers (spikes,).

        Raises
        ------
        EventsError
            If one lies outside the images, the axons or 0 .. NEVER - 1, or an axon spikes twice in a step.
        """
        columns = {"image": (image, images), "step": (step, NEVER), "axon": (axon, axons)}
        whole = {name: np.asarray(values).astype(np.int64) for name, (values, _) in columns.items()}
        for name, (_, count) in columns.items():
            if len(wrong := np.flatnonzero((whole[name] < 0) | (whole[name] >= count))):
                raise EventsError(
                    f"spike {wrong[0]}: {name} {whole[name][wrong[0]]} is outside 0..{count - 1}"
                )
        order = np.lexsort((whole["axon"], whole["step"], whole["image"]))
        b, t, i = (whole[name][order] for name in columns)
        again = np.flatnonzero((np.diff(b) == 0) & (np.diff(t) == 0) & (np.diff(i) == 0))
        if len(again):
            k = again[0]
            raise EventsError(f"image {b[k]}, axon {i[k]} spikes twice in step {t[k]}")
        ends = np.concatenate([[0], np.cumsum(np.bincount(b, minlength=images))]).astype(np.int64)
        return cls(ends, t.astype(np.int16), i.astype(np.int32), axons)

    @classmethod
    def of_record(cls, record: np.ndarray) -> Events:
        """Who spikes in which step: bool (images, T, axons)."""
        ends = np.concatenate([[0], np.cumsum(np.count_nonzero(record, axis=(1, 2)))]).astype(np.int64)
        step, axon = np.empty(ends[-1], np.int16), np.empty(ends[-1], np.int32)
        _collect(record, ends, step, axon)
        return cls(ends, step, axon, record.shape[2])

    @classmethod
    def none(cls, images: int, axons: int) -> Events:
        """Images without a spike."""
        return cls.of_steps(np.full((images, axons), NEVER, np.int16))

    @classmethod
    def joined(cls, parts: list[Events]) -> Events:
        """The images of some events, one part after another, all on as many axons."""
        if all(part._steps is not None for part in parts):
            return cls.of_steps(np.concatenate([part.steps for part in parts]))
        counts = np.concatenate([np.diff(part.pairs[0]) for part in parts])
        ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        step, axon = (np.concatenate([part.pairs[k] for part in parts]) for k in (1, 2))
        return cls(ends, step, axon, parts[0].axons)

    # ---- as pairs ------------------------------------------------------------------------------------

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(ends, step, axon), as the class takes them."""
        if self._pairs is None:
            steps = np.ascontiguousarray(self._steps)
            ends = np.concatenate([[0], np.cumsum((steps != NEVER).sum(1))]).astype(np.int64)
            step, axon = np.empty(ends[-1], np.int16), np.empty(ends[-1], np.int32)
            _sort(steps, ends, step, axon)
            self._pairs = ends, step, axon
        return self._pairs

    @property
    def step(self) -> np.ndarray:
        """int16 (spikes,): step of each spike, images one after another."""
        return self.pairs[1]

    @property
    def axon(self) -> np.ndarray:
        """int32 (spikes,): axon of each spike."""
        return self.pairs[2]

    @property
    def image(self) -> np.ndarray:
        """int64 (spikes,): image of each spike."""
        return np.repeat(np.arange(len(self)), np.diff(self.pairs[0]))

    # ---- as one step an axon -------------------------------------------------------------------------

    @property
    def steps(self) -> np.ndarray:
        """int16 (images, axons): the step of each axon's one spike, `NEVER` for silent; a view.

        Raises `EventsError` that names the first axon that spikes more than once in an image.
        """
        if self._steps is None:
            _, step, axon = self.pairs
            if len(twice := np.argwhere(self.counts > 1)):
                raise EventsError(f"image {twice[0, 0]}, axon {twice[0, 1]} spikes more than once")
            steps = np.full((len(self), self.axons), NEVER, np.int16)
            steps[self.image, axon] = step
            self._steps = steps
        return self._steps

    @property
    def first(self) -> np.ndarray:
        """int16 (images, axons): the step of each axon's first spike, `NEVER` for silent."""
        if self._steps is not None:
            return self._steps
        first = np.full((len(self), self.axons), NEVER, np.int16)
        np.minimum.at(first, (self.image, self.axon), self.step)
        return first

    # ---- counts --------------------------------------------------------------------------------------

    @cached_property
    def counts(self) -> np.ndarray:
        """int64 (images, axons): spikes of each axon."""
        if self._steps is not None:
            return (self._steps != NEVER).astype(np.int64)
        flat = np.bincount(self.image * self.axons + self.axon, minlength=len(self) * self.axons)
        return flat.reshape(len(self), self.axons)

    @property
    def per_image(self) -> np.ndarray:
        """int64 (images,): spikes of each image."""
        return self.counts.sum(1) if self._pairs is None else np.diff(self.pairs[0])

    @property
    def total(self) -> int:
        """Spikes of all images."""
        return int(self.per_image.sum())

    @property
    def latest(self) -> int:
        """Step of the latest spike of all images, -1 without any."""
        if self._steps is None:
            return int(self.step.max(initial=-1))
        return int(self._steps.max(initial=-1, where=self._steps != NEVER))

    # ---- images --------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Images."""
        return len(self._steps) if self._steps is not None else len(self.pairs[0]) - 1

    def __getitem__(self, index: int | slice | np.ndarray) -> Events:
        """Some images: a slice, or an array of their numbers, in its order; of a number, that one alone."""
        if isinstance(index, np.ndarray):
            return self._chosen(index)
        if not isinstance(index, slice):
            if not 0 <= index < len(self):
                raise IndexError(f"image {index} is outside 0..{len(self) - 1}")
            index = slice(index, index + 1)
        if self._steps is not None:
            return Events.of_steps(self._steps[index])
        ends, step, axon = self.pairs
        first, stop, stride = index.indices(len(self))
        if stride != 1:
            raise IndexError(f"images in strides of {stride}; only neighbours can be taken")
        stop = max(first, stop)
        own = slice(ends[first], ends[stop])
        return Events(ends[first : stop + 1] - ends[first], step[own], axon[own], self.axons)

    def _chosen(self, images: np.ndarray) -> Events:
        if self._steps is not None:
            return Events.of_steps(self._steps[images])
        ends, step, axon = self.pairs
        counts = np.diff(ends)[images]
        new = np.concatenate([[0], np.cumsum(counts)])
        own = np.arange(new[-1]) + np.repeat(ends[:-1][images] - new[:-1], counts)
        return Events(new, step[own], axon[own], self.axons)

    def __iter__(self) -> Iterator[Events]:
        return (self[i] for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        """Whether both have the same spikes in the same images on as many axons."""
        if not isinstance(other, Events):
            return NotImplemented
        if (len(self), self.axons) != (len(other), other.axons):
            return False
        return all(np.array_equal(mine, theirs) for mine, theirs in zip(self.pairs, other.pairs, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def unlike(self, other: Events) -> int:
        """How many spikes only one of both has; one a step late counts on either side."""
        mine, theirs = (
            {*zip(own.image.tolist(), own.step.tolist(), own.axon.tolist(), strict=True)}
            for own in (self, other)
        )
        return len(mine ^ theirs)

    def __repr__(self) -> str:
        return f"Events({self.total} spikes in {len(self)} images on {self.axons} axons)"
