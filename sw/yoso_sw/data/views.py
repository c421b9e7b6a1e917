"""Ways in which a network may see its images: as they are, as negatives, as local contrast, as both.

The name of a data set ends in the views of it, in the order in which they are taken: ``mnist``,
``mnist-negative``, ``mnist-contrast``, ``mnist-contrast-negative``. Training, simulation and board follow the
name, so that a network always gets what it has learnt from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

#: Rows of an image for each pixel that a square reaches from its middle, one pixel at least: 1, 3 and 40
#: pixels of 160. The small squares know edges, the large one what is bright or dark in the picture.
ROWS_A_PIXEL = (160, 50, 4)

#: Greys below which a deviation counts as noise.
NOISE = 1.0

BLOCK = 500  # images at a time, which take 64 bits a pixel meanwhile


def negative(images: np.ndarray, rows: int) -> np.ndarray:
    """255 minus each pixel. Bright pixels spike early and black ones never; here it is dark ones first."""
    return 255 - images


def contrast(images: np.ndarray, rows: int) -> np.ndarray:
    """How each pixel differs from its surroundings near and far, whatever the light there.

    ``127.5 (1 + mean of d / sqrt(d^2 + v + NOISE^2))``, rounded; the mean is over squares of three sizes
    about the pixel (`ROWS_A_PIXEL`), d the pixel minus the square's mean, v the square's variance. Squares
    are cut off at the image's border. A pixel of an even area gets 128.

    Retinas divide by what surrounds a point, and Jarrett et al. (2009) have convolutional networks begin so.
    Squares and their sizes are our choice: sums over squares are whole numbers, so that every machine gets
    the same pixels.
    """
    seen = np.empty_like(images)
    for first in range(0, len(images), BLOCK):
        pixels = images[first : first + BLOCK].reshape(-1, rows, images.shape[1] // rows).astype(np.int64)
        shades = sum(_shade(pixels, max(1, rows // own)) for own in ROWS_A_PIXEL) / len(ROWS_A_PIXEL)
        seen[first : first + BLOCK] = np.rint(127.5 * (1 + shades)).reshape(len(pixels), -1)
    return seen


def _shade(pictures: np.ndarray, reach: int) -> np.ndarray:
    """Each pixel beside the square about it, -1..1; pictures are int64 (n, rows, cols)."""
    mean = _means(pictures, reach)
    variance = np.maximum(0, _means(pictures * pictures, reach) - mean * mean)
    difference = pictures - mean
    return difference / np.sqrt(difference * difference + variance + NOISE * NOISE)


def _means(pictures: np.ndarray, reach: int) -> np.ndarray:
    """Mean of the square about each pixel, `reach` pixels each way; pictures are int64 (n, rows, cols)."""
    sums = np.pad(pictures.cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0)))
    counts = []
    for axis in (1, 2):
        middle = np.arange(pictures.shape[axis])
        first, last = np.maximum(middle - reach, 0), np.minimum(middle + reach + 1, len(middle))
        sums = sums.take(last, axis) - sums.take(first, axis)
        counts.append(last - first)
    return sums / np.outer(*counts)


class View(NamedTuple):
    """A way to see images: what they are then, in words, and how, from uint8 (n, rows * cols) and rows."""

    noun: str
    see: Callable[[np.ndarray, int], np.ndarray]


#: Views by what a name ends in.
VIEWS = {"-contrast": View("local contrast", contrast), "-negative": View("negatives", negative)}


def views_of(dataset: str) -> tuple[str, ...]:
    """The views that the name of a data set ends in, by their names in `VIEWS`, first to last."""
    for name in VIEWS:
        if dataset.endswith(name):
            return (*views_of(dataset.removesuffix(name)), name)
    return ()


def family(dataset: str) -> str:
    """The data set itself, however its images are seen."""
    return dataset.removesuffix("".join(views_of(dataset)))


def see(images: np.ndarray, rows: int, dataset: str) -> np.ndarray:
    """Images of `family(dataset)` as `dataset` wants them seen, uint8 (n, rows * cols)."""
    for name in views_of(dataset):
        images = VIEWS[name].see(images, rows)
    return images
