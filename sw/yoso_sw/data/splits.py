"""Parts that the seed draws: of a set without any, and the order of images that are sorted by class."""

from __future__ import annotations

import numpy as np

from yoso_sw.data.samples import SPLITS, Samples

#: Per cent of each class's samples; a part gets one at least, where a class has as many as there are parts.
SHARES = {"train": 70, "validation": 10, "test": 20}


def drawn(samples: Samples, part: str, seed: int) -> Samples:
    """One part of a set that has none, in random order; every class is divided by `SHARES`.

    The same seed gives the same part: it depends on the seed, and on the labels and their order.
    """
    rng = np.random.default_rng(seed)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in SPLITS}
    for label in np.unique(samples.labels):
        own = rng.permutation(np.flatnonzero(samples.labels == label))
        test, validation = (
            max((len(own) * SHARES[name] + 50) // 100, int(len(own) >= least))
            for name, least in (("test", 2), ("validation", 3))
        )
        ends = [len(own) - test - validation, len(own) - test]
        for name, piece in zip(SPLITS, np.split(own, ends), strict=True):
            parts[name].append(piece)
    orders = {name: rng.permutation(np.concatenate(pieces)) for name, pieces in parts.items()}
    return samples[orders[part]]


def mixed(samples: Samples, seed: int) -> Samples:
    """The same in random order, so that the first or last of them are of all classes."""
    return samples[np.random.default_rng(seed).permutation(len(samples))]
