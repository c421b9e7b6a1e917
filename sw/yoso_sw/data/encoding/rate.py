"""The rate code: the brighter a pixel, the more spikes, spread evenly."""

from __future__ import annotations

import numpy as np

from yoso_sw.data.encoding.encoder import of_rasters
from yoso_sw.network.events import Events


def fires(levels: int) -> np.ndarray:
    """bool (levels, 256): whether a pixel p spikes at step t.

    It has ``n = (p * levels + 127) // 255`` spikes, one wherever ``floor(t * n / levels)`` rises.
    """
    spikes = (np.arange(256) * levels + 127) // 255
    steps = np.arange(levels)[:, None]
    return (steps + 1) * spikes // levels > steps * spikes // levels


def encode(pixels: np.ndarray, levels: int, seed: int, first: int) -> Events:
    """An `encoder.Encoder`; nothing is drawn."""
    table = fires(levels)
    return of_rasters((table[:, image] for image in pixels), pixels.shape[1])
