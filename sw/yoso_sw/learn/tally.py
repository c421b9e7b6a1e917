"""What a network comes to on many images, by the golden model: so many at a time that their spikes fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yoso_sw.data.samples import Inputs
from yoso_sw.network import golden
from yoso_sw.network.network import Network

BLOCK = 1000  # images a run, of which every spike is kept meanwhile


@dataclass(frozen=True)
class Tally:
    """Of some images: how many are decided as labelled, sums over all.

    Attributes
    ----------
    images, right
        Images, and those whose decision is their label.
    steps
        Steps up to the decision.
    spiked
        Images that output spikes decide; the highest V decides the others.
    spikes
        Spikes of each layer, of pooled ones all neurons', up to the decision.
    """

    images: int
    right: int
    steps: int
    spiked: int
    spikes: tuple[int, ...]

    @property
    def accuracy(self) -> float:
        """In per cent."""
        return 100 * self.right / self.images


def tally(network: Network, images: Inputs, labels: np.ndarray) -> Tally:
    """Run images, one at least, with labels (n,); raises `GoldenError` if they do not fit the network."""
    right = steps = spiked = 0
    spikes = np.zeros(len(network.layers), np.int64)
    for first in range(0, len(images), BLOCK):
        result = golden.run(network, images[first : first + BLOCK])
        right += int((result.decisions == labels[first : first + BLOCK]).sum())
        steps += int(result.decision_steps.sum())
        spiked += int(result.spiked.sum())
        spikes += [layer.total for layer in result.spikes]
    return Tally(len(images), right, steps, spiked, tuple(map(int, spikes)))
