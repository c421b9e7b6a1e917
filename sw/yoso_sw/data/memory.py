"""Data that a program has in memory, as a training run takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from yoso_sw.data import splits
from yoso_sw.data.check import as_arrays
from yoso_sw.data.parts import Data, Task, prepared
from yoso_sw.data.samples import SPLITS, DatasetError, Samples
from yoso_sw.network.events import Events


def data_of(given: Any, task: Task) -> Data:
    """The three parts of what a program has.

    Parameters
    ----------
    given
        Inputs and labels, a pair: uint8 pixels (n, ...), int16 spike steps (n, inputs) or `Events`, and whole
        numbers (n,), of which the seed draws the parts (`splits.SHARES`). Or a mapping with such a pair for
        "train", "validation" and "test"; without "validation", the last of the training ones serve.
    task
        What is to be trained.

    Raises
    ------
    DatasetError
        If they are something else, or not for this task.
    """
    name = task.dataset or "own"
    if isinstance(given, Mapping):
        parts = _parts(given, task, name)
    else:
        whole = _samples(given, "given", name)
        _check(whole, task)
        parts = {part: splits.drawn(whole, part, task.seed) for part in SPLITS}
    seen: dict[str, Any] = {part: prepared(own, part, task).pair for part, own in parts.items()}
    record: dict[str, Any] = {"dataset": name}
    if task.shape is not None:
        record["shape"] = list(task.shape)
    data = Data(**seen, record=record)
    data.check(task)
    return data


def _parts(given: Mapping[str, Any], task: Task, name: str) -> dict[str, Samples]:
    if unknown := [key for key in given if key not in SPLITS]:
        raise DatasetError(f"{name} has a part {unknown[0]!r}; there are {', '.join(SPLITS)}")
    if missing := [part for part in ("train", "test") if part not in given]:
        raise DatasetError(f"{name} has no {missing[0]} images; give (images, labels) for it")
    parts = {part: _samples(pair, part, name) for part, pair in given.items()}
    if "validation" not in parts:
        train, cut = parts["train"], len(parts["train"]) - task.validation
        if cut < 1:
            raise DatasetError(
                f"{name}: {len(train)} training images leave none beside validation={task.validation}; "
                "lower it"
            )
        parts |= {"train": train[:cut], "validation": train[cut:]}
    return parts


def _samples(pair: Any, part: str, name: str) -> Samples:
    if isinstance(pair, Samples):
        return pair
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise DatasetError(f"{name}, {part}: it is {type(pair).__name__}; give (images, labels)")
    given, classes = pair
    inputs, labels = as_arrays(given if isinstance(given, Events) else _plain(given), _plain(classes), part)
    if len(inputs) != len(labels) or labels.ndim != 1:
        raise DatasetError(f"{name}, {part}: {len(inputs)} images and labels of shape {labels.shape}")
    return Samples(name, inputs, labels)


def _plain(values: Any) -> Any:
    """Whatever offers itself as an array, a tensor above all, as one of NumPy's."""
    return np.asarray(values) if hasattr(values, "__array__") else values


def _check(samples: Samples, task: Task) -> None:
    """Refuse labels that cannot be divided into parts; all else is checked part by part."""
    if samples.labels.dtype.kind not in "iu":
        raise DatasetError(f"labels are {samples.labels.dtype}; {task.name} needs whole numbers")
