"""Where a network's neurons go: how many PEs each layer gets, which neurons each holds, where each lies.

A memory word holds `lanes` neurons, so a layer is dealt out in whole words: every word but the layer's last
is full, and the words of two PEs of a layer differ by one at most. The PEs of a layer share one row stride,
the words of its largest PE, so a spike's row address means the same axon in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from yoso_hw.params import ChipParams

from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network

#: Share of the inputs that spike in an image, and of a hidden layer's neurons by the decision. Only `spread`
#: weighs layers with them: 147 of 784 MNIST pixels, and 48.6 % in the paper's 784-400-10 (section V.B).
INPUT_ACTIVITY = 0.19
HIDDEN_ACTIVITY = 0.49


class CompileError(ValueError):
    """The network does not fit the chip; the message names what, the numbers and what to do."""


@dataclass(frozen=True)
class Slice:
    """The neurons `first` .. ``first + count - 1`` of a layer, held by the PE at node (x, y)."""

    x: int
    y: int
    first: int
    count: int

    def words(self, lanes: int) -> int:
        """Neuron words that the slice fills."""
        return -(-self.count // lanes)


@dataclass(frozen=True)
class LayerMap:
    """One layer on the mesh.

    Attributes
    ----------
    tag
        1 for the first layer, and so on.
    axons, bias, neurons
        Rows of its weight matrix (bias included), whether the last one is a bias, and its columns.
    stride
        Weight words from one axon's row to the next, the same in all its PEs.
    rectangle
        (x0, x1, y0, y1), inclusive: the smallest that holds all its PEs. Nodes of other layers may lie in it.
    slices
        Its PEs, in the order of their neurons.
    bias_row
        The bias is added by sweeps, so nobody sends a spike for it.
    writes_a
        Its sweeps write A.
    """

    tag: int
    axons: int
    bias: bool
    neurons: int
    stride: int
    rectangle: tuple[int, int, int, int]
    slices: tuple[Slice, ...]
    bias_row: bool = False
    writes_a: bool = False


def lower_bound(layer: Layer, params: ChipParams) -> float:
    """The paper's least number of PEs for a layer, max(n / N, m n / W) (section IV.B), before rounding up."""
    axons, neurons = layer.weights.shape
    return max(neurons / params.neurons, axons * neurons / params.weights)


def layer_words(layer: Layer, params: ChipParams) -> int:
    """Neuron words of a whole layer."""
    return -(-layer.neurons // params.lanes)


def fewest_pes(layer: Layer, index: int, params: ChipParams) -> int:
    """PEs that hold the layer when each holds all it can.

    Raises
    ------
    CompileError
        If a PE cannot hold even one neuron word of the layer.
    """
    axons = layer.weights.shape[0]
    most = min(params.neuron_words, params.weight_words // axons)
    if most == 0:
        raise CompileError(
            f"layer {index} has {axons} axons, and a PE's {params.weights} weights hold rows for "
            f"{params.weight_words} axons at {params.lanes} lanes: use a chip with weights >= "
            f"{axons * params.lanes}, or fewer lanes"
        )
    return -(-layer_words(layer, params) // most)


def pes_per_layer(network: Network, params: ChipParams, spread: bool) -> list[int]:
    """PEs each layer gets.

    With `spread`, spare PEs go where they save most: a layer costs (spikes it is likely to get + sweeps)
    times the words of its largest PE, in cycles an image; the layer that saves most cycles for each PE added
    goes first.

    Raises
    ------
    CompileError
        If the mesh has too few PEs, or a PE is too small for one word of a layer.
    """
    counts = [fewest_pes(layer, i, params) for i, layer in enumerate(network.layers)]
    if sum(counts) > params.nodes:
        sizes = f"{' + '.join(map(str, counts))} = " if len(counts) > 1 else ""
        raise CompileError(
            f"network {network.name!r} needs {sizes}{sum(counts)} PEs, and the "
            f"{params.cols} x {params.rows} mesh has {params.nodes}: use a larger mesh, or more weights or "
            f"neurons a PE"
        )
    while spread:
        spare = params.nodes - sum(counts)
        best, best_gain, best_count = -1, 0.0, 0
        for i, layer in enumerate(network.layers):
            total = layer_words(layer, params)
            words = -(-total // counts[i])
            if words == 1:
                continue
            count = -(-total // (words - 1))
            extra = count - counts[i]
            activity = HIDDEN_ACTIVITY if i else INPUT_ACTIVITY
            gain = (layer.inputs * activity + network.steps) / extra
            if extra <= spare and gain > best_gain:
                best, best_gain, best_count = i, gain, count
        if best < 0:
            break
        counts[best] = best_count
    return counts


def choose_nodes(free: np.ndarray, count: int) -> list[tuple[int, int]]:
    """Take `count` nodes (x, y) in the smallest rectangle that has so many free; clears them in `free`.

    `free` is bool (rows, cols). Among rectangles of one area the squarest wins, then the one nearest to the
    host port at node (0, 0).
    """
    rows, cols = free.shape
    inside = np.zeros((rows + 1, cols + 1), np.int64)
    inside[1:, 1:] = free.cumsum(0).cumsum(1)
    x0, x1 = np.triu_indices(cols)
    y0, y1 = (edge[:, None] for edge in np.triu_indices(rows))
    holds = inside[y1 + 1, x1 + 1] - inside[y0, x1 + 1] - inside[y1 + 1, x0] + inside[y0, x0]
    width, height = x1 - x0 + 1, y1 - y0 + 1
    # One number orders the candidates; each factor exceeds what stands below it.
    rank = ((width * height) * 64 + width + height) * 64 + x0 + y0
    rank = np.where(holds >= count, rank, np.iinfo(np.int64).max)
    j, i = np.unravel_index(int(rank.argmin()), rank.shape)
    box = [
        (x, y)
        for y in range(int(y0[j, 0]), int(y1[j, 0]) + 1)
        for x in range(int(x0[i]), int(x1[i]) + 1)
        if free[y, x]
    ][:count]
    for x, y in box:
        free[y, x] = False
    return box


def map_network(network: Network, params: ChipParams, spread: bool = True) -> tuple[LayerMap, ...]:
    """Place every layer on the mesh, the output layer nearest to the host port.

    Raises
    ------
    CompileError
        As `pes_per_layer`.
    """
    counts = pes_per_layer(network, params, spread)
    free = np.ones((params.rows, params.cols), bool)
    maps: list[LayerMap] = []
    for i in reversed(range(len(network.layers))):
        layer = network.layers[i]
        nodes = choose_nodes(free, counts[i])
        words, larger = divmod(layer_words(layer, params), counts[i])
        slices, first = [], 0
        for k, (x, y) in enumerate(nodes):
            count = min((words + (k < larger)) * params.lanes, layer.neurons - first)
            slices.append(Slice(x, y, first, count))
            first += count
        xs, ys = zip(*nodes, strict=True)
        maps.append(
            LayerMap(
                tag=i + 1,
                axons=layer.weights.shape[0],
                bias=layer.bias,
                neurons=layer.neurons,
                stride=max(part.words(params.lanes) for part in slices),
                rectangle=(min(xs), max(xs), min(ys), max(ys)),
                slices=tuple(slices),
                bias_row=layer.bias_row,
                writes_a=layer.neuron.sweeps_write_a,
            )
        )
    return tuple(reversed(maps))
