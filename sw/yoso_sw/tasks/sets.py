"""Small sets of the UCI repository that scikit-learn brings along: tables of measured features.

Iris, wine, breast cancer (WDBC) and digits, within the package ``scikit-learn`` (BSD licence); nothing is
fetched. Features have units of their own; `scaled` makes them pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yoso_sw.data.samples import DatasetError

#: What a set is called here, and the function of `sklearn.datasets` that reads it.
SETS = {"iris": "load_iris", "wine": "load_wine", "wdbc": "load_breast_cancer", "digits": "load_digits"}


@dataclass(frozen=True, eq=False)
class Table:
    """A set.

    Parameters
    ----------
    name
        One of `SETS`.
    features
        float64 (n, features).
    labels
        int64 (n,), 0 .. classes - 1.
    """

    name: str
    features: np.ndarray
    labels: np.ndarray

    @property
    def classes(self) -> int:
        return int(self.labels.max()) + 1

    def folds(self, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Indices of the training and of the test samples of each of `count` stratified folds.

        Raises
        ------
        DatasetError
            If a class has fewer samples than there are folds.
        """
        fewest = int(np.bincount(self.labels).min())
        if not 2 <= count <= fewest:
            raise DatasetError(f"{count} folds of {self.name} are outside 2..{fewest}, its smallest class")
        from sklearn.model_selection import StratifiedKFold

        split = StratifiedKFold(count, shuffle=True, random_state=seed).split(self.features, self.labels)
        return [(train, test) for train, test in split]


def read(name: str) -> Table:
    """A set of `SETS`. Raises `DatasetError` if there is no such set."""
    if name not in SETS:
        raise DatasetError(f"there is no set {name!r}; there are {', '.join(SETS)}")
    from sklearn import datasets

    features, labels = getattr(datasets, SETS[name])(return_X_y=True)
    return Table(name, np.asarray(features, np.float64), np.asarray(labels, np.int64))


def scaled(features: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Features as shares, float64 0 .. 1, of the range that each has in the samples `by`; what lies beyond is
    cut, and a feature that never changes is 0."""
    low, high = by.min(0), by.max(0)
    return np.clip((features - low) / np.where(high > low, high - low, 1), 0, 1)
