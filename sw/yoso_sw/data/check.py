"""What must hold of samples before a network sees them; each refusal names set, value and remedy."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from yoso_sw.data.samples import DatasetError, Inputs
from yoso_sw.network.events import NEVER, Events


class Reader(Protocol):
    """Who is to see samples: a network, or the configuration of one."""

    @property
    def name(self) -> str: ...

    @property
    def inputs(self) -> int: ...

    @property
    def classes(self) -> int: ...

    @property
    def steps(self) -> int: ...

    @property
    def levels(self) -> int: ...


def as_arrays(inputs: Any, labels: Any, part: str) -> tuple[Any, np.ndarray]:
    """Inputs as (n, inputs) and labels (n,): lists become arrays, their whole numbers pixels; events stay.

    Raises `DatasetError` if a list has rows of several lengths.
    """
    if isinstance(inputs, Events):
        return inputs, np.asarray(labels)
    try:
        images, classes = np.asarray(inputs), np.asarray(labels)
    except ValueError as error:
        raise DatasetError(f"{part} images or labels are no array ({error}); make them one size") from None
    if not images.ndim:
        raise DatasetError(f"{part} images are {images.dtype} alone, no array; give (n, inputs)")
    listed = not isinstance(inputs, np.ndarray) and images.dtype.kind in "iu"
    if listed and images.size and images.min() >= 0 and images.max() <= 255:
        images = images.astype(np.uint8)
    if images.ndim > 2:
        images = images.reshape(len(images), int(np.prod(images.shape[1:])))
    return images, classes


def check(inputs: Inputs, labels: np.ndarray, dataset: str, part: str, reader: Reader) -> None:
    """Raise `DatasetError` unless these are samples for `reader`, with a label each of its classes."""
    where = f"{dataset}, {part} images"
    if not len(inputs):
        raise DatasetError(f"{dataset} has no {part} images; {reader.name} needs one at least: add some")
    if isinstance(inputs, Events):
        _check_events(inputs, where, reader)
    else:
        _check_array(inputs, dataset, part, reader)
    if labels.shape != (len(inputs),) or labels.dtype.kind not in "iu":
        raise DatasetError(
            f"{dataset}, {part} labels are {labels.dtype} of shape {labels.shape}; "
            f"{len(inputs)} images need as many classes, whole numbers, not the values of a regression"
        )
    beyond = (labels < 0) | (labels >= reader.classes)
    if beyond.any():
        first = int(beyond.argmax())
        raise DatasetError(
            f"{dataset}, {part} image {first}: label {labels[first]} is outside "
            f"0..{reader.classes - 1}; {reader.name} has {reader.classes} output neurons"
        )


def _check_events(events: Events, where: str, reader: Reader) -> None:
    if events.axons != reader.inputs:
        raise DatasetError(
            f"{where} have {events.axons} axons, not inputs={reader.inputs} of {reader.name}; change "
            "inputs or the recordings"
        )
    latest = int(events.step.max(initial=0))
    if latest >= reader.levels:
        raise DatasetError(
            f"{where} have spikes at step {latest}, outside 0..{reader.levels - 1} of {reader.name}; "
            "change levels"
        )


def _check_array(inputs: np.ndarray, dataset: str, part: str, reader: Reader) -> None:
    where = f"{dataset}, {part} images"
    if inputs.dtype not in (np.uint8, np.int16):
        bad = int((~np.isfinite(inputs)).sum()) if inputs.dtype.kind == "f" else 0
        found = f", {bad} of them NaN or infinite" if bad else ""
        raise DatasetError(f"{where}: pixels are {inputs.dtype}{found}; they must be uint8, 0..255")
    if inputs.ndim != 2 or inputs.shape[1] != reader.inputs:
        raise DatasetError(
            f"{where} have {inputs[0].size} pixels, not inputs={reader.inputs} of {reader.name}; "
            "change inputs or the images"
        )
    if inputs.dtype == np.int16:
        wrong = ((inputs < 0) | (inputs >= reader.steps)) & (inputs != NEVER)
        if wrong.any():
            image, axon = (int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
            raise DatasetError(
                f"{dataset}, {part} image {image}: input {axon} spikes at step {inputs[image, axon]}, "
                f"outside 0..{reader.steps - 1} of {reader.name}; change steps, or write {NEVER} for silent"
            )
