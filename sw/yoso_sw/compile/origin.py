"""Whose a spike or a fire is: from what the nodes of a chip send back to the layers' outputs and neurons."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from yoso_hw.packet import Packets, kind_of
from yoso_hw.params import ChipParams

from yoso_sw.compile.image_errors import ImageError
from yoso_sw.compile.layout import LayerMap
from yoso_sw.compile.tables import Address, inputs_at


class Origins:
    """The senders of a mapped network.

    Parameters
    ----------
    params
        The chip.
    layers
        Where each layer lies.
    """

    def __init__(self, params: ChipParams, layers: tuple[LayerMap, ...]) -> None:
        self.params, self.layers, self.packets = params, layers, Packets(params)

    @cached_property
    def _owners(self) -> np.ndarray:
        """Index of the layer that each node holds, or -1; int64 (rows, cols)."""
        owners = np.full((self.params.rows, self.params.cols), -1, np.int64)
        for index, layer in enumerate(self.layers):
            for part in layer.slices:
                owners[part.y, part.x] = index
        return owners

    @cached_property
    def _senders(self) -> tuple[np.ndarray, ...]:
        """By layer, number y * cols + x of the node that sends each of its outputs; int64 (outputs,)."""
        senders = []
        for layer in self.layers:
            nodes = np.full(layer.outputs, -1, np.int64)
            for part in layer.slices:
                outputs = layer.senders(part, self.params.lanes)
                nodes[outputs[outputs >= 0]] = part.y * self.params.cols + part.x
            senders.append(nodes)
        return tuple(senders)

    def _outputs(self, index: int, flits: np.ndarray) -> np.ndarray:
        """The output of a layer that each SPIKE or RESULT is of; int64 (flits,), -1 where there is none."""
        sends_result = index == len(self.layers) - 1
        format = self.packets.formats["RESULT" if sends_result else "SPIKE"]

        def values(name: str) -> np.ndarray:
            known = {own.name: own for own in format.fields}
            if name not in known:
                return np.zeros(len(flits), np.int64)
            own = known[name]
            return (flits >> np.uint64(own.offset) & np.uint64((1 << own.width) - 1)).astype(np.int64)

        if sends_result:
            outputs = values("index")
            return np.where(outputs < self.layers[index].outputs, outputs, -1)
        return inputs_at(self.layers[index + 1], Address(*map(values, Address._fields)))

    def spikes_of(self, x: np.ndarray, y: np.ndarray, flits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which outputs the SPIKE or RESULT flits that nodes (x, y) injected are of.

        Returns
        -------
        layers, outputs
            int64 (flits,) each: the layer, and its neuron; of a pooled layer, what is left of its neurons.

        Raises
        ------
        ImageError
            If a flit is of another kind, a node holds no layer, or the output is not one of the node's.
        """
        x, y = np.atleast_1d(x), np.atleast_1d(y)
        flits = np.atleast_1d(np.asarray(flits, np.uint64))
        layers = self._owners[y, x]
        outputs = np.empty(len(flits), np.int64)
        for index in range(len(self.layers)):
            here = layers == index
            name = "RESULT" if index == len(self.layers) - 1 else "SPIKE"
            if (kind_of(flits[here]) != self.packets.formats[name].kind).any():
                raise ImageError(f"a PE of layer {index} sent a flit that is no {name}")
            found = self._outputs(index, flits[here])
            node = y[here] * self.params.cols + x[here]
            if (found < 0).any() or (self._senders[index][found] != node).any():
                raise ImageError(f"a PE of layer {index} sent a {name} of a neuron it does not hold")
            outputs[here] = found
        if (layers < 0).any():
            lost = int(np.flatnonzero(layers < 0)[0])
            raise ImageError(f"node ({x[lost]}, {y[lost]}) holds no layer and sent {int(flits[lost]):#x}")
        return layers, outputs

    @cached_property
    def _held(self) -> dict[int, tuple[int, np.ndarray]]:
        """By node number y * cols + x: its layer, and the neuron in each word and lane, -1 where none is."""
        return {
            part.y * self.params.cols + part.x: (index, layer.held(part, self.params.lanes))
            for index, layer in enumerate(self.layers)
            for part in layer.slices
        }

    def neurons_at(self, node: int, word: int, lanes: int) -> tuple[int, np.ndarray]:
        """The layer, and its neurons, int64, in some lanes of a word of a node.

        Parameters
        ----------
        node
            y * cols + x.
        lanes
            Bit i for lane i.

        Raises
        ------
        ImageError
            If the node holds no layer, or there is no neuron.
        """
        index, held = self._held.get(node, (-1, np.zeros((0, self.params.lanes), np.int64)))
        where = f"node ({node % self.params.cols}, {node // self.params.cols})"
        if not 0 <= word < len(held):
            raise ImageError(f"{where} holds {len(held)} neuron words, and fired in word {word}")
        found = held[word][[lane for lane in range(self.params.lanes) if lanes >> lane & 1]]
        if (found < 0).any():
            raise ImageError(f"{where} fired in lanes {lanes:#b} of word {word}, which are not all neurons")
        return index, found
