"""The code of recorded spikes, taken as they are: their source has binned them (`streams.binned`)."""

from __future__ import annotations

import numpy as np

from yoso_sw.data.samples import DatasetError
from yoso_sw.network.events import Events


def encode(pixels: np.ndarray, levels: int, seed: int, first: int) -> Events:
    """An `encoder.Encoder` that refuses pixels: they have no times of their own."""
    raise DatasetError(
        "code events takes recorded spikes, not pixels: give it events (docs/data.md), or take a network of "
        "code ttfs, rate or poisson"
    )
