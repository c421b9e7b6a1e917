"""Where a network's neurons go: how each layer is cut into PEs, and on which nodes these lie.

A memory word holds `lanes` neurons of one position, so filters, or a dense layer's neurons, are dealt out in
whole words: every word but the last is full, and the words of two PEs differ by one at most. The PEs of a
layer share one row stride, the words of its largest, so a spike's row address means the same in all of them.
"""

from __future__ import annotations

import numpy as np
from yoso_hw.params import ChipParams

from yoso_sw.compile.cost import activity, walk_cycles
from yoso_sw.compile.layout import LayerMap, Slice
from yoso_sw.compile.smallest import CompileError, remedy, smallest_cuts
from yoso_sw.compile.tiles import Cut, cut, cuts, deal, filter_words
from yoso_sw.network.network import Layer, Network

__all__ = ["CompileError", "LayerMap", "Slice", "choose_cuts", "choose_nodes", "lower_bound", "map_network"]


def lower_bound(layer: Layer, params: ChipParams) -> float:
    """The paper's least number of PEs for a layer, max(n / N, m n / W) (section IV.B), before rounding up.

    A convolution needs its weights once.
    """
    return max(layer.neurons / params.neurons, layer.weights.size / params.weights)


def choose_cuts(network: Network, params: ChipParams, spread: bool) -> list[Cut]:
    """How each layer is cut.

    With `spread`, spare PEs go where they save most cycles (`cost`).

    Raises
    ------
    CompileError
        If the mesh has too few PEs, or a PE is too small.
    """
    found = smallest_cuts(network, params)
    wanted = [own.pes for own in found]
    if sum(wanted) > params.nodes:
        sizes = f"{' + '.join(map(str, wanted))} = " if len(wanted) > 1 else ""
        raise CompileError(
            f"network {network.name!r} needs {sizes}{sum(wanted)} PEs, and the "
            f"{params.cols} x {params.rows} mesh has {params.nodes}: {remedy(network, params)}"
        )
    if not spread:
        return found
    if all(layer.window is None for layer in network.layers):
        return spread_dense(network, params, found)
    return spread_cuts(network, params)


def spread_dense(network: Network, params: ChipParams, found: list[Cut]) -> list[Cut]:
    """Cuts of dense layers with the spare PEs: word by word to the layer that saves most for each PE added.

    A layer costs (spikes it is likely to get + sweeps) times the words of its largest PE.
    """
    while True:
        spare = params.nodes - sum(own.pes for own in found)
        best, best_gain = -1, 0.0
        for i, (layer, own) in enumerate(zip(network.layers, found, strict=True)):
            if own.words > 1:
                larger = _a_word_less(layer, own, params)
                gain = (layer.inputs * activity(i) + network.steps) / (larger.pes - own.pes)
                if larger.pes - own.pes <= spare and gain > best_gain:
                    best, best_gain = i, gain
        if best < 0:
            return found
        found[best] = _a_word_less(network.layers[best], found[best], params)


def _a_word_less(layer: Layer, own: Cut, params: ChipParams) -> Cut:
    """The smallest cut of a dense layer with fewer words."""
    return cut(layer, 1, 1, -(-filter_words(layer, params) // (own.words - 1)), params)


def spread_cuts(network: Network, params: ChipParams) -> list[Cut]:
    """The cuts of least cost (`cost.cycles`) that the mesh holds.

    Sweeps cost the words of the largest PE of all layers, and walks add up. So for each bound on the words,
    the walks are least by dynamic programming over the PEs.
    """
    options = []
    for i, layer in enumerate(network.layers):
        priced = [(own, walk_cycles(layer, i, own)) for own in cuts(layer, params, params.nodes)]
        options.append(_worth_it(priced))
    best: tuple[float, list[Cut]] = (np.inf, [])
    for bound in sorted({own.words for priced in options for own, _ in priced}):
        walks, found = _least_walks(options, bound, params.nodes)
        best = min(best, (walks + network.steps * bound, found), key=lambda one: one[0])
    return best[1]


Priced = list[tuple[Cut, float]]


def _worth_it(priced: Priced) -> Priced:
    """Those cuts than which none is better in PEs, words and walk at once; of equals the first."""
    kept: Priced = []
    for own, walk in sorted(priced, key=lambda one: (one[0].pes, one[0].words, one[1])):
        if not any(other.words <= own.words and cost <= walk for other, cost in kept):
            kept.append((own, walk))
    return kept


def _least_walks(options: list[Priced], bound: int, nodes: int) -> tuple[float, list[Cut]]:
    """The least sum of walks of one cut a layer with up to `bound` words, in `nodes` PEs; infinite: none."""
    least = np.zeros(nodes + 1)  # by the PEs that there are
    choices = []
    for priced in options:
        with_layer, choice = np.full(nodes + 1, np.inf), np.zeros(nodes + 1, int)
        for k, (own, walk) in enumerate(priced):
            if own.words <= bound:
                walks = np.full(nodes + 1, np.inf)
                walks[own.pes :] = least[: nodes + 1 - own.pes] + walk
                choice[walks < with_layer] = k
                with_layer = np.minimum(with_layer, walks)
        least = with_layer
        choices.append(choice)
    if not np.isfinite(least[nodes]):
        return np.inf, []
    found, left = [], nodes
    for priced, choice in zip(reversed(options), reversed(choices), strict=True):
        found.append(priced[choice[left]][0])
        left -= found[-1].pes
    return float(least[nodes]), found[::-1]


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


def around(nodes: list[tuple[int, int]]) -> tuple[int, int, int, int]:
    """(x0, x1, y0, y1): the smallest rectangle about some nodes (x, y)."""
    xs, ys = zip(*nodes, strict=True)
    return min(xs), max(xs), min(ys), max(ys)


def map_network(network: Network, params: ChipParams, spread: bool = True) -> tuple[LayerMap, ...]:
    """Place every layer on the mesh, the output layer nearest to the host port.

    Raises
    ------
    CompileError
        As `choose_cuts`.
    """
    found = choose_cuts(network, params, spread)
    free = np.ones((params.rows, params.cols), bool)
    maps: list[LayerMap] = []
    for i in reversed(range(len(network.layers))):
        layer, own = network.layers[i], found[i]
        nodes = choose_nodes(free, own.pes)
        maps.append(
            LayerMap(
                tag=i + 1,
                axons=len(layer.weights),
                bias=layer.bias,
                neurons=layer.neurons,
                stride=own.stride,
                rectangle=around(nodes),
                slices=deal(layer, own, nodes, params),
                bias_row=layer.bias_row,
                writes_a=layer.neuron.sweeps_write_a,
                window=layer.window,
                pool=layer.pool,
            )
        )
    return tuple(reversed(maps))
