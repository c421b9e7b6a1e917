"""The Poisson code: in every step a pixel p spikes with probability p / 255, whatever it did before."""

from __future__ import annotations

import numpy as np

from yoso_sw.data.encoding.encoder import of_rasters
from yoso_sw.network.events import Events


def draws(seed: int, image: int, count: int) -> np.ndarray:
    """uint64 (count,), 0..254, all as likely but for 2^-32: the numbers of an image, whatever else is drawn.

    Each is the upper half of a number of Philox4x64-10, a counter-based generator, whose key is seed and
    image; NumPy promises that these numbers stay what they are on every machine.
    """
    numbers = np.random.Philox(key=np.array([seed, image], np.uint64)).random_raw(count)
    half = np.uint64(32)
    return (numbers >> half) * np.uint64(255) >> half


def encode(pixels: np.ndarray, levels: int, seed: int, first: int) -> Events:
    """An `encoder.Encoder`: input i spikes at step t if number ``t * inputs + i`` is below its pixel."""
    count, inputs = pixels.shape
    rasters = (
        draws(seed, first + image, levels * inputs).reshape(levels, inputs) < pixels[image]
        for image in range(count)
    )
    return of_rasters(rasters, inputs)
