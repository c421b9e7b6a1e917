"""What a PE does in an image, by step, by mapping and golden model: what energy is spent on, and time."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.layout import Slice
from yoso_sw.compile.routes import updated, ways
from yoso_sw.network.events import NEVER, Events
from yoso_sw.network.golden import GoldenResult

#: Events of a PE, in the order of `Work.steps`:
#: *sweeps*; *words* swept; those of them that a spike of an input has *reached* in an earlier step, so that V
#: moves; spikes *sent*; *spikes* that reach neurons, a bias that is an axon included; the words that they
#: update (*updates*); and spikes that come and are *dropped*, as they reach no neuron of the PE.
EVENTS = ("sweeps", "words", "reached", "sent", "spikes", "updates", "dropped")


class Work:
    """What the PE of a part of layer `number` of a compiled network does.

    `inputs` are its layer's `routes.ways`, where they are known.

    Attributes
    ----------
    words
        Its neuron words.
    ways
        int64 (inputs + 1, 4): the rectangle that a spike of each input goes to; the last one's is the bias.
    comes
        bool (inputs + 1,): whether it comes to this PE.
    updates
        int64 (inputs + 1,): neuron words that it updates here.
    senders
        int64 (outputs,): outputs of the layer that the PE sends.
    """

    def __init__(
        self, image: WeightImage, number: int, part: Slice, inputs: np.ndarray | None = None
    ) -> None:
        layer, lanes = image.layers[number], image.params.lanes
        if inputs is None:
            inputs = ways(image.layers, number, lanes)
        self.number, self.part, self.layer, self.lanes = number, part, layer, lanes
        self.words = part.words(lanes)
        self.ways = np.vstack([inputs, layer.rectangle])
        x0, x1, y0, y1 = self.ways.T
        self.comes = (x0 <= part.x) & (part.x <= x1) & (y0 <= part.y) & (part.y <= y1)
        self.updates = np.append(updated(layer, part, np.arange(layer.inputs), lanes), self.words)
        senders = layer.senders(part, lanes)
        self.senders = senders[senders >= 0]

    def axons(self, result: GoldenResult, index: int) -> list[list[int]]:
        """Inputs whose spikes come to the PE, by step, in image `index`; a bias is one beyond the inputs."""
        came, last = self._came(result, index), int(result.last[index])
        found: list[list[int]] = [[] for _ in range(last + 1)]
        for step, axon in zip(came.step.tolist(), came.axon.tolist(), strict=True):
            if step <= last and self.comes[axon]:
                found[step].append(axon)
        if self.layer.bias_axon:
            found[0].append(self.layer.inputs)
        return found

    def fired(self, result: GoldenResult, index: int) -> list[int]:
        """Outputs that the PE sends in image `index`, ascending, each as often as it does."""
        sent = result.sent[self.number][index]
        own = np.isin(sent.axon, self.senders) & (sent.step <= result.last[index])
        return sorted(sent.axon[own].tolist())

    def steps(self, result: GoldenResult, index: int) -> np.ndarray:
        """Its `EVENTS` in each step of image `index`, int64 (steps, events)."""
        steps = int(result.last[index]) + 1
        found = np.zeros((steps, len(EVENTS)), np.int64)
        column = dict(zip(EVENTS, found.T, strict=True))
        column["sweeps"][:], column["words"][:] = 1, self.words
        first = self._first(self._came(result, index))
        column["reached"][:] = [
            self.part.filter_words(self.lanes) * int((first < t).sum()) for t in range(steps)
        ]
        sent = result.sent[self.number][index]
        np.add.at(column["sent"], sent.step[np.isin(sent.axon, self.senders) & (sent.step < steps)], 1)
        for step, axons in enumerate(self.axons(result, index)):
            words = self.updates[axons]
            column["spikes"][step] = np.count_nonzero(words)
            column["updates"][step] = words.sum()
            column["dropped"][step] = np.count_nonzero(words == 0)
        return found

    def _came(self, result: GoldenResult, index: int) -> Events:
        return (result.sent[self.number - 1] if self.number else result.inputs)[index]

    def _first(self, came: Events) -> np.ndarray:
        """Step of the first spike that reaches each position of the PE's tile; `NEVER` where none does."""
        first = came.first[0]
        window = self.layer.window
        if window is None:
            return first.min(keepdims=True)
        places = first.reshape(window.rows, window.cols, -1).min(2)
        places = np.pad(places, window.padding, constant_values=NEVER)
        within = sliding_window_view(places, (window.kernel, window.kernel))[
            :: window.stride, :: window.stride
        ]
        tile = self.part
        return within.min((2, 3))[tile.row : tile.row + tile.rows, tile.col : tile.col + tile.cols]


def all_work(image: WeightImage) -> list[Work]:
    """Of all PEs that hold neurons."""
    found = []
    for number, layer in enumerate(image.layers):
        inputs = ways(image.layers, number, image.params.lanes)
        found += [Work(image, number, part, inputs) for part in layer.slices]
    return found


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
        """Estimated cycles of an image on average: within -30 and +22 % of the RTL, committed networks'.

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
