"""What a PE does in an image, by step: the events that energy is spent on, by mapping and golden model."""

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
