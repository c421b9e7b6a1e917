"""What all PEs do in images, and how long that is likely to take: by mapping and golden model."""

from __future__ import annotations

import numpy as np

from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.work import EVENTS, all_work
from yoso_sw.network.golden import GoldenResult

#: Cycles of a step beside words: barrier, end of the sweep, way of the last spike. Our choice: so estimates
#: of dense networks come to what the RTL takes.
STEP_CYCLES = 18

#: Spikes that lie between a layer and a PE of the next before a sweep waits for it: the PE's own queue, and
#: in routers and links so many more for each PE that sends. Our choice, by committed networks on the RTL.
ON_THE_WAY, ON_THE_WAY_A_SENDER = 4, 0.5


class Predicted:
    """What all PEs do in the images of a golden model's result; nothing of it was run on the RTL.

    Attributes
    ----------
    steps
        Of each image its `EVENTS`, int64 (PEs, steps, events), PEs as in `works`.
    """

    def __init__(self, image: WeightImage, result: GoldenResult) -> None:
        self.image, self.result, self.works = image, result, all_work(image)
        self.steps = [
            np.array([work.steps(result, index) for work in self.works]) for index in range(len(result.last))
        ]

    def of_pes(self, name: str) -> np.ndarray:
        """An event of every PE in an image on average, float64 (rows, cols)."""
        found = np.zeros((self.image.params.rows, self.image.params.cols))
        for i, work in enumerate(self.works):
            done = sum(int(steps[i, :, EVENTS.index(name)].sum()) for steps in self.steps)
            found[work.part.y, work.part.x] = done / len(self.steps)
        return found

    @property
    def cycles(self) -> float:
        """Estimated cycles of an image on average: within -30 and +23 % of the RTL, committed networks'.

        In a step a PE sweeps its words, then walks the spikes that come to it, a cycle for each word that
        they update. A sweep that sends more spikes than lie on the way waits until the next layer's PEs have
        swept and walk (back-pressure), so that layers which spike in one step follow each other. Inputs come
        one a cycle, without multicast one for each PE that they go to. A step ends with its slowest PE.
        """
        return float(np.mean([self._cycles(index) for index in range(len(self.steps))]))

    def _cycles(self, index: int) -> int:
        events = dict(zip(EVENTS, np.moveaxis(self.steps[index], 2, 0), strict=True))
        layers, steps = np.array([work.number for work in self.works]), self.steps[index].shape[1]
        longest = self._given(index, steps)
        # Of the layer behind: when its busiest PE has done a step, what a spike costs it, its most spikes.
        done, each, most = np.zeros(steps), np.zeros(steps), np.zeros(steps)
        for layer in range(layers.max(), -1, -1):
            own = {name: found[layers == layer] for name, found in events.items()}
            words, updates, spikes = (own[name].max(0) for name in ("words", "updates", "spikes"))
            on_the_way = ON_THE_WAY + ON_THE_WAY_A_SENDER * (own["sent"] > 0).sum(0)
            waits = own["sent"].any(0) & (most > on_the_way)
            swept = np.where(waits, np.maximum(words, done - on_the_way * each), words)
            ready = events["words"][layers == layer - 1]
            sends = events["sent"][layers == layer - 1]
            begins = np.where(sends > 0, ready, 0).max(0, initial=0)
            done = np.where(updates > 0, np.maximum(swept, begins) + updates, swept)
            each, most = updates / np.maximum(spikes, 1), spikes
            longest = np.maximum(longest, done)
        return int(longest.sum()) + STEP_CYCLES * steps

    def _given(self, index: int, steps: int) -> np.ndarray:
        """Flits of the inputs in each step of an image, float64 (steps,)."""
        given, flits = self.result.inputs[index], np.ones(self.result.inputs.axons + 1)
        if not self.image.params.multicast:
            x0, x1, y0, y1 = next(work for work in self.works if work.number == 0).ways.T
            flits = (x1 - x0 + 1.0) * (y1 - y0 + 1)
        return np.bincount(given.step, flits[given.axon], int(self.result.last[index]) + 1)[:steps]
