"""The least that a network takes: the fewest PEs of a chip, and the smallest chip of a kind."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from yoso_hw.params import ChipParams

from yoso_sw.compile.cost import walk_cycles
from yoso_sw.compile.tiles import Cut, cut, cuts, filter_words
from yoso_sw.network.network import Layer, Network

#: More PEs than any mesh has.
UNBOUNDED = 1 << 30

#: The largest chip: nodes a side, neurons and weights a PE.
MOST_NODES, MOST_NEURONS, MOST_WEIGHTS = 16, 4096, 1 << 20


class CompileError(ValueError):
    """The network does not fit the chip; the message names what, the numbers and what to do."""


def smallest_cut(layer: Layer, index: int, params: ChipParams) -> Cut:
    """The cut of the fewest PEs that hold the layer, and of those the one that walks least.

    Raises
    ------
    CompileError
        If a PE cannot hold even one filter word of one position, or of four that are pooled.
    """
    axons, positions = len(layer.weights), 4 if layer.pool else 1
    if axons > params.weight_words:
        raise CompileError(
            f"layer {index} has {axons} axons, and a PE's {params.weights} weights hold rows for "
            f"{params.weight_words} axons at {params.lanes} lanes: use a chip with weights >= "
            f"{axons * params.lanes}, or fewer lanes"
        )
    if positions > params.neuron_words:
        raise CompileError(
            f"layer {index} pools 2 x 2 positions, and a PE's {params.neurons} neurons hold "
            f"{params.neuron_words} at {params.lanes} lanes: use a chip with neurons >= "
            f"{positions * params.lanes}, or fewer lanes"
        )
    if layer.window is None:
        most = min(params.neuron_words, params.weight_words // axons)
        return cut(layer, 1, 1, -(-filter_words(layer, params) // most), params)
    return min(cuts(layer, params, UNBOUNDED), key=lambda own: (own.pes, walk_cycles(layer, index, own)))


def smallest_cuts(network: Network, params: ChipParams) -> list[Cut]:
    """The cuts of the fewest PEs, a layer each; they may be more than the mesh has.

    Raises
    ------
    CompileError
        As `smallest_cut`.
    """
    return [smallest_cut(layer, i, params) for i, layer in enumerate(network.layers)]


def side_of(layer: Layer) -> int:
    """The least `ChipParams.side` with which a chip has the layer; 0 if it is dense.

    A bias that is an axon has a row and a column of its own.
    """
    window = layer.window
    return 0 if window is None else max(2, max(window.rows, window.cols) + layer.bias_axon)


def needed_side(network: Network) -> int:
    """The least `ChipParams.side` with which a chip has all layers of a network."""
    return max(side_of(layer) for layer in network.layers)


def memory_bits(params: ChipParams) -> int:
    """Bits of the memories of all PEs of a chip that hold weights and neurons: how large it is."""
    neuron = params.acc_bits + params.pot_bits + 1 + params.row_bits
    return params.nodes * (params.weights * params.weight_bits + params.neurons * neuron)


def smallest_chip(network: Network, params: ChipParams) -> ChipParams | None:
    """The chip of least memory that holds the network and has the mesh, neurons and weights of `params` or
    more, neurons and weights doubled; None if there is none.
    """
    found: ChipParams | None = None
    for neurons, weights in product(
        _doubled(params.neurons, MOST_NEURONS), _doubled(params.weights, MOST_WEIGHTS)
    ):
        chip = replace(params, neurons=neurons, weights=weights)
        try:
            larger = _with_mesh(chip, sum(own.pes for own in smallest_cuts(network, chip)))
        except CompileError:
            continue
        if larger is not None and (found is None or memory_bits(larger) < memory_bits(found)):
            found = larger
    return found


def _doubled(value: int, most: int) -> list[int]:
    """A size and what it doubles to, up to the largest that a PE can have."""
    sizes = [value]
    while sizes[-1] * 2 <= most:
        sizes.append(sizes[-1] * 2)
    return sizes


def _with_mesh(params: ChipParams, pes: int) -> ChipParams | None:
    """The chip with the smallest, squarest mesh, no side of it shorter, that has so many PEs."""
    sides = product(range(params.cols, MOST_NODES + 1), range(params.rows, MOST_NODES + 1))
    large = [(cols, rows) for cols, rows in sides if cols * rows >= pes]
    if not large:
        return None
    cols, rows = min(large, key=lambda own: (own[0] * own[1], own[0] + own[1]))
    return replace(params, cols=cols, rows=rows)


def remedy(network: Network, params: ChipParams) -> str:
    """What to do where a mesh is too small: what the network has, and the chip that would hold it."""
    neurons = sum(layer.neurons for layer in network.layers)
    weights = sum(layer.weights.size for layer in network.layers)
    chip = smallest_chip(network, params)
    if chip is None:
        return (
            f"its {neurons} neurons and {weights} weights fit no chip of this kind; make the network smaller"
        )
    changes = [
        f"{name}={getattr(chip, name)}"
        for name in ("cols", "rows", "neurons", "weights")
        if getattr(chip, name) != getattr(params, name)
    ]
    return (
        f"use a larger mesh, or more weights or neurons a PE; the smallest of its kind that holds {neurons} "
        f"neurons and {weights} weights has {' '.join(changes)}"
    )
