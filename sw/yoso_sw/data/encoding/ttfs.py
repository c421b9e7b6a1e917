"""The temporal code of images: the brighter a pixel, the earlier its one spike.

The paper (section V.A) fixes "stronger is earlier, once"; the formula is our choice.
"""

from __future__ import annotations

import numpy as np

from yoso_sw.network.events import NEVER, Events


def spike_steps(images: np.ndarray, levels: int) -> np.ndarray:
    """Input spike steps, ``((255 - p) * levels) >> 8`` for a pixel p > 0 and `NEVER` for p = 0.

    Parameters
    ----------
    images
        uint8, any shape. int16 are spike steps already and stay as they are.
    levels
        L, 1..256: the steps are 0 .. L-1.

    Returns
    -------
    int16 array of the same shape.
    """
    if images.dtype == np.int16:
        return images
    if images.dtype != np.uint8:
        raise TypeError(f"pixels are {images.dtype}, not uint8")
    if not 1 <= levels <= 256:
        raise ValueError(f"levels={levels} is outside 1..256")
    pixels = np.arange(256)
    table = ((255 - pixels) * levels >> 8).astype(np.int16)
    table[0] = NEVER
    return table[images]


def encode(pixels: np.ndarray, levels: int, seed: int, first: int) -> Events:
    """An `encoder.Encoder`; nothing is drawn."""
    return Events.of_steps(spike_steps(pixels, levels))
