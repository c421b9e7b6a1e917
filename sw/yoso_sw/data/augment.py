"""Distorted training images: a random affine map and a smooth elastic field, one pass over the pixels, and
rectangles painted over.

Affine and elastic distortions are Simard, Steinkraus and Platt's (2003), rectangles Zhong et al.'s (2020);
the ranges are our choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numba
import numpy as np

KNOTS = 7  # elastic control points on a side


@dataclass(frozen=True)
class Augment:
    """Ranges of the distortions; all zero leaves the images as they are.

    Parameters
    ----------
    rotate
        Largest turn either way, degrees.
    scale
        Largest relative change of each side, 0.15 for 0.85 .. 1.15.
    shear
        Largest shear, pixels of x a pixel of y.
    shift
        Largest shift along each side, pixels.
    crop
        Largest shift along each side by whole pixels, which leaves the image as sharp as it is.
    elastic
        Standard deviation of the elastic control points, pixels.
    mirror
        Whether every other image, by chance, is seen in a mirror: left is right.
    extend
        Whether pixels from outside the image repeat its border, as photographs want it; else they are black.
    erase
        Share of the images in which a rectangle, each side a seventh to a half of the image's, is painted
        over in one shade of grey.
    """

    rotate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    crop: int = 0
    elastic: float = 0.0
    mirror: bool = False
    extend: bool = False
    erase: float = 0.0

    def __call__(
        self, images: np.ndarray, rows: int, rng: np.random.Generator, channels: int = 1
    ) -> np.ndarray:
        """Distorted copies of `images`, uint8 (n, rows * cols * channels); all channels alike.

        The same state of `rng` gives the same.
        """
        ways = self.rotate, self.scale, self.shear, self.shift, self.crop, self.elastic, self.mirror
        if not any(ways) and not self.erase:
            return images
        pictures = images.reshape(len(images), rows, -1, channels)
        if any(ways):
            pictures = self._warped(pictures, rng)
        if self.erase:
            pictures = self._erased(pictures, rng)
        return pictures.reshape(images.shape)

    def _warped(self, pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, rows, cols, _ = pictures.shape
        turn = np.deg2rad(rng.uniform(-self.rotate, self.rotate, n))
        zoom = 1 + rng.uniform(-self.scale, self.scale, (n, 2))
        lean = rng.uniform(-self.shear, self.shear, n)
        shift = rng.uniform(-self.shift, self.shift, (n, 2))
        # Where each pixel comes from: (y, x) -> matrix (y, x) + shift + field, about the centre.
        matrix = np.empty((n, 2, 2))
        matrix[:, 0, 0], matrix[:, 0, 1] = zoom[:, 0] * np.cos(turn), -zoom[:, 0] * np.sin(turn)
        matrix[:, 1, 0], matrix[:, 1, 1] = zoom[:, 1] * (np.sin(turn) + lean), zoom[:, 1] * np.cos(turn)
        if self.mirror:
            matrix[:, 1] *= rng.choice((-1, 1), (n, 1))
        knots = rng.normal(0, self.elastic, (n, 2, KNOTS, KNOTS)).astype(np.float32)
        if self.crop:
            shift += rng.integers(-self.crop, self.crop + 1, (n, 2))
        field = _spline(rows) @ knots @ _spline(cols).T
        out = np.empty_like(pictures)
        _warp(pictures, matrix.astype(np.float32), shift.astype(np.float32), field, self.extend, out)
        return out

    def _erased(self, pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        pictures = pictures.copy()
        sides = np.array(pictures.shape[1:3])
        for n in np.flatnonzero(rng.random(len(pictures)) < self.erase):
            size = rng.integers(np.maximum(sides // 7, 1), sides // 2 + 1)
            top, left = rng.integers(0, sides - size + 1)
            pictures[n, top : top + size[0], left : left + size[1]] = rng.integers(256)
        return pictures


@cache
def _spline(side: int) -> np.ndarray:
    """Cubic B-spline weights of the control points at each pixel, (side, KNOTS), in L2 norm 1 on average."""
    position = np.linspace(0.5, KNOTS - 1.5, side)
    distance = np.abs(position[:, None] - np.arange(KNOTS)[None, :])
    near = 2 / 3 - distance**2 + distance**3 / 2
    weights = np.where(distance < 1, near, np.maximum(0, 2 - distance) ** 3 / 6)
    return (weights / np.sqrt((weights**2).sum(1).mean())).astype(np.float32)


@numba.njit(cache=True)
def _warp(
    images: np.ndarray,
    matrix: np.ndarray,
    shift: np.ndarray,
    field: np.ndarray,
    extend: bool,
    out: np.ndarray,
) -> None:
    """Bilinear samples of each image at its distorted coordinates; outside is black or repeats the border."""
    _, rows, cols, channels = images.shape
    middle, centre = np.float32((rows - 1) / 2), np.float32((cols - 1) / 2)
    for n in range(images.shape[0]):
        for row in range(rows):
            for col in range(cols):
                dy, dx = np.float32(row) - middle, np.float32(col) - centre
                y = matrix[n, 0, 0] * dy + matrix[n, 0, 1] * dx + middle + shift[n, 0] + field[n, 0, row, col]
                x = matrix[n, 1, 0] * dy + matrix[n, 1, 1] * dx + centre + shift[n, 1] + field[n, 1, row, col]
                if extend:
                    y = min(max(y, np.float32(0)), np.float32(rows - 1))
                    x = min(max(x, np.float32(0)), np.float32(cols - 1))
                y0, x0 = int(np.floor(y)), int(np.floor(x))
                fy, fx = y - np.float32(y0), x - np.float32(x0)
                for channel in range(channels):
                    value = np.float32(0.5)  # rounds
                    if 0 <= x0 < cols:
                        if 0 <= y0 < rows:
                            value += (1 - fy) * (1 - fx) * images[n, y0, x0, channel]
                        if -1 <= y0 < rows - 1:
                            value += fy * (1 - fx) * images[n, y0 + 1, x0, channel]
                    if -1 <= x0 < cols - 1:
                        if 0 <= y0 < rows:
                            value += (1 - fy) * fx * images[n, y0, x0 + 1, channel]
                        if -1 <= y0 < rows - 1:
                            value += fy * fx * images[n, y0 + 1, x0 + 1, channel]
                    out[n, row, col, channel] = np.uint8(value)
