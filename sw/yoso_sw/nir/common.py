"""What export and import share: the error, the package nir, how a node is called, and the bounds of an A."""

from __future__ import annotations

from typing import Any

import numpy as np
from yoso_hw.extras import advice


class NirError(ValueError):
    """A network cannot be said in NIR, or a NIR graph is no network of the neuron family.

    The message says why: one obstacle in one line, or all of them, a line each.
    """

    @classmethod
    def of(cls, obstacles: list[str]) -> NirError:
        """All obstacles at once."""
        if len(obstacles) == 1:
            return cls(obstacles[0])
        return cls("\n".join([f"{len(obstacles)} obstacles:", *(f"  {own}" for own in obstacles)]))


def package() -> Any:
    """The package nir, which only this file needs."""
    try:
        import nir
    except ImportError:
        raise NirError(advice("nir")) from None
    return nir


def called(label: str, node: Any) -> str:
    """How messages name a node."""
    return f"node {label!r} ({type(node).__name__})"


def sums(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of each neuron's negative and of its positive weights (neurons,): the bounds of its A."""
    weights = weights.astype(np.int64) if weights.dtype == np.int8 else weights
    return np.minimum(weights, 0).sum(0), np.maximum(weights, 0).sum(0)
