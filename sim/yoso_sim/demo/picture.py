"""From what was drawn to what a network sees."""

from __future__ import annotations

import numpy as np

#: MNIST's digits: 20 x 20 pixels of 28 x 28, their centre of mass in the middle (http://yann.lecun.com/exdb/mnist).
_BOX = 20 / 28


def shrunk(picture: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """A picture in another size, float64 (rows, cols): each pixel the mean of what it covers."""
    return _cover(picture.shape[0], rows) @ picture.astype(float) @ _cover(picture.shape[1], cols).T


def _cover(old: int, new: int) -> np.ndarray:
    """Which part of each new pixel each old one takes along a side, (new, old)."""
    edges = np.arange(new + 1) * old / new
    low, high = edges[:-1, None], edges[1:, None]
    place = np.arange(old)[None]
    return (np.minimum(high, place + 1) - np.maximum(low, place)).clip(0) * new / old


def centred(picture: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """What was drawn as MNIST's digits are, float64 (rows, cols): boxed, its centre of mass in the middle."""
    ys, xs = (np.flatnonzero(picture.any(axis)) for axis in (1, 0))
    found = np.zeros((rows, cols))
    if not len(ys):
        return found
    own = picture[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    scale = _BOX * min(rows / own.shape[0], cols / own.shape[1])
    small = shrunk(own, *(max(1, round(scale * side)) for side in own.shape))
    middle = [small.sum(1 - axis) @ (np.arange(small.shape[axis]) + 0.5) / small.sum() for axis in (0, 1)]
    y, x = (
        int(np.clip(round(side / 2 - own_middle), 0, side - own_side))
        for side, own_middle, own_side in zip((rows, cols), middle, small.shape, strict=True)
    )
    found[y : y + small.shape[0], x : x + small.shape[1]] = small
    return found


def pixels_of(picture: np.ndarray, rows: int, cols: int, as_mnist: bool) -> np.ndarray:
    """What a network of rows x cols inputs sees of a picture uint8 (height, width): uint8 (rows * cols,)."""
    seen = centred(picture, rows, cols) if as_mnist else shrunk(picture, rows, cols)
    return seen.round().clip(0, 255).astype(np.uint8).reshape(-1)
