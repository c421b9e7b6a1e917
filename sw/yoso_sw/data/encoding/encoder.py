"""What an input code is: from pixels to events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from yoso_sw.network.events import Events


class Encoder(Protocol):
    """An input code."""

    def __call__(self, pixels: np.ndarray, levels: int, seed: int, first: int) -> Events:
        """The spikes of images.

        Parameters
        ----------
        pixels
            uint8 (images, inputs).
        levels
            L, 1..256: spikes have the steps 0 .. L-1.
        seed
            Of what is drawn, if anything is.
        first
            Place of the first image in its part of the data set, so that a piece of it gets the spikes that
            it has in the whole.

        Raises
        ------
        DatasetError
            If the code takes no pixels.
        """


def of_rasters(rasters: Iterable[np.ndarray], inputs: int) -> Events:
    """Events of images, each bool (steps, inputs): whether an input spikes in a step."""
    found = [np.nonzero(raster) for raster in rasters]
    steps, axons = ([own[side] for own in found] for side in (0, 1))
    ends = np.cumsum([0, *map(len, steps)], dtype=np.int64)
    none = np.zeros(0, np.int64)
    return Events(
        ends,
        np.concatenate([none, *steps]).astype(np.int16),
        np.concatenate([none, *axons]).astype(np.int32),
        inputs,
    )
