"""What export and import share: the error, the package nir, and the bounds of a neuron's A."""

from __future__ import annotations

from typing import Any

import numpy as np
from yoso_hw.extras import advice


class NirError(ValueError):
    """A network cannot be said in NIR, or a NIR graph is no network of ReL-PSP; the message says why."""


def package() -> Any:
    """The package nir, which only this file needs."""
    try:
        import nir
    except ImportError:
        raise NirError(advice("nir")) from None
    return nir


def sums(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of each neuron's negative and of its positive weights, int64 (neurons,): the bounds of its A."""
    weights = weights.astype(np.int64)
    return np.minimum(weights, 0).sum(0), np.maximum(weights, 0).sum(0)
