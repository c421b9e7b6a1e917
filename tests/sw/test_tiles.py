"""Cuts of layers into PEs: each neuron once, within every capacity, and the best that the cost knows."""

import dataclasses
from itertools import product

import numpy as np
import pytest
from support.convolutions import ORDERS, random_convolutions, random_layer, random_window
from yoso_hw.params import ChipParams
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.cost import cycles, walk_cycles
from yoso_sw.compile.mapping import CompileError, choose_cuts, map_network
from yoso_sw.compile.smallest import memory_bits, needed_side, smallest_chip, smallest_cuts
from yoso_sw.compile.tiles import cut, cuts, deal, fits, sides, split, useful
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron

PARAMS = ChipParams(cols=8, rows=6, lanes=2, neurons=64, weights=512, side=24, layers=8, classes=16)


def convolution(window: Window, filters: int, **fields) -> Layer:
    return Layer(
        np.ones((window.axons + fields.get("bias", 0), filters), np.int8),
        Neuron(1, 0, 8),
        window=window,
        **fields,
    )


def test_a_split_is_even_in_whole_units_and_begins_with_the_larger_parts():
    assert split(10, 3) == [(0, 4), (4, 3), (7, 3)]
    assert split(10, 2, 4) == [(0, 8), (8, 2)]
    assert split(8, 3, 2) == [(0, 4), (4, 2), (6, 2)]
    for total, unit in product(range(1, 30), (1, 2, 4)):
        for parts in range(1, -(-total // unit) + 1):
            runs = split(total, parts, unit)
            assert [first for first, _ in runs] == np.cumsum([0, *(n for _, n in runs[:-1])]).tolist()
            units = [-(-count // unit) for _, count in runs]
            assert sum(count for _, count in runs) == total and max(units) - min(units) <= 1
            assert all(first % unit == 0 for first, _ in runs) and min(units) >= 1


def test_only_numbers_of_parts_that_make_them_smaller_are_tried():
    assert useful(8) == [1, 2, 3, 4, 8]
    for total in range(1, 40):
        largest = [-(-total // parts) for parts in useful(total)]
        assert sorted({*largest}, reverse=True) == largest
        assert {*largest} == {-(-total // parts) for parts in range(1, total + 1)}


@pytest.mark.parametrize("seed", range(40))
def test_every_cut_holds_each_neuron_once_within_every_capacity(seed):
    rng = np.random.default_rng(seed)
    params = dataclasses.replace(PARAMS, lanes=int(rng.choice([1, 2, 4, 8])))
    window = random_window(rng, *rng.integers(2, 12, 2).tolist(), 2)
    layer = random_layer(rng, window, window.axons, int(rng.integers(1, 10)))
    pool = window.out_rows % 2 == window.out_cols % 2 == 0
    layer = dataclasses.replace(layer, pool=pool)
    found = [*cuts(layer, params, params.nodes)]
    for own in found:
        assert own.pes <= params.nodes and fits(layer, own, params)
        parts = deal(layer, own, [(x, 0) for x in range(own.pes)], params)
        met = np.zeros((window.out_rows, window.out_cols, layer.weights.shape[1]), int)
        for part in parts:
            met[
                part.row : part.row + part.rows,
                part.col : part.col + part.cols,
                part.first : part.first + part.count,
            ] += 1
            assert not pool or not (part.row % 2 or part.col % 2 or part.rows % 2 or part.cols % 2)
            assert part.first % params.lanes == 0
        assert (met == 1).all()
        assert max(part.words(params.lanes) for part in parts) == own.words <= params.neuron_words
        assert max(part.filter_words(params.lanes) for part in parts) == own.stride
        assert len(layer.weights) * own.stride <= params.weight_words
    words = -(-layer.weights.shape[1] // params.lanes)
    down, across = sides(layer)
    every = [
        cut(layer, *parts, params)
        for parts in product(range(1, down + 1), range(1, across + 1), range(1, words + 1))
    ]
    held = [own for own in every if own.pes <= params.nodes and fits(layer, own, params)]
    for own in held:  # what is not tried is no better than what is
        assert any(other.pes <= own.pes and other.words <= own.words for other in found)


def every_choice(network: Network, params: ChipParams) -> float:
    """The least cost of all combinations of cuts that the mesh holds, by trying each."""
    least = np.inf
    for chosen in product(*([*cuts(layer, params, params.nodes)] for layer in network.layers)):
        if sum(own.pes for own in chosen) <= params.nodes:
            least = min(least, cycles(network, chosen))
    return least


@pytest.mark.parametrize("order", ["CD", "PD", "CCD"])
@pytest.mark.parametrize("seed", range(5))
def test_the_mapper_finds_the_least_cost_of_all_cuts(order, seed):
    rng = np.random.default_rng([seed, *order.encode()])
    network = random_convolutions(rng, order, 12)
    params = dataclasses.replace(PARAMS, cols=4, rows=3, neurons=512, weights=4096, lanes=4)
    assert cycles(network, choose_cuts(network, params, spread=True)) == pytest.approx(
        every_choice(network, params)
    )
    fewest = smallest_cuts(network, params)
    assert choose_cuts(network, params, spread=False) == fewest
    for layer, own in zip(network.layers, fewest, strict=True):
        assert own.pes == min(other.pes for other in cuts(layer, params, 1 << 30))


@pytest.mark.parametrize("order", ORDERS)
def test_every_node_holds_one_part_and_the_output_layer_is_nearest_to_the_host(order):
    network = random_convolutions(np.random.default_rng([7, *order.encode()]), order, 12)
    params = dataclasses.replace(PARAMS, neurons=128, weights=2048)
    for spread in (True, False):
        layers = map_network(network, params, spread)
        nodes = [(part.x, part.y) for own in layers for part in own.slices]
        assert len({*nodes}) == len(nodes) and (0, 0) in [(p.x, p.y) for p in layers[-1].slices]


def test_filters_are_split_before_space():
    """Of two cuts into as many PEs of as many words, the one of more groups keeps all PEs busy."""
    layer = convolution(Window(12, 12, 4, 5), 8)
    params = dataclasses.replace(PARAMS, lanes=1, neurons=512, weights=4096)
    space, filters = (cut(layer, *parts, params) for parts in ((4, 2, 1), (1, 1, 8)))
    assert (space.pes, space.words) == (filters.pes, filters.words)
    assert walk_cycles(layer, 1, filters) < walk_cycles(layer, 1, space)


def test_the_middle_of_a_picture_is_cut_finer_by_long_strips_than_by_squares():
    layer = convolution(Window(28, 28, 1, 5), 16, pool=True)
    params = ChipParams(lanes=8)
    strips, squares = (cut(layer, *parts, params) for parts in ((12, 1, 2), (3, 4, 2)))
    assert (strips.pes, strips.words) == (squares.pes, squares.words)
    assert walk_cycles(layer, 0, strips) < walk_cycles(layer, 0, squares)


# ---- the smallest chip -----------------------------------------------------------------------------------


def test_a_bias_that_is_an_axon_needs_a_row_and_a_column_of_its_own():
    window = Window(6, 9, 1, 3)
    dense = Layer(np.ones((28 * 2, 2), np.int8), Neuron(1, 0, 8))
    for bias, side in ((False, 9), (True, 10)):
        network = Network("net", (convolution(window, 2, bias=bias), dense), 8, 8)
        assert needed_side(network) == side
    assert needed_side(Network("net", (dense,), 8, 8)) == 0
    tiny = Network(
        "net", (convolution(Window(1, 1, 1, 1), 1), Layer(np.ones((1, 2), np.int8), Neuron(1, 0, 8))), 8, 8
    )
    assert needed_side(tiny) == 2


def test_the_smallest_chip_of_a_kind_holds_the_network_and_no_smaller_one_does():
    network = random_convolutions(np.random.default_rng(11), "PCD", 12)
    base = dataclasses.replace(PARAMS, cols=2, rows=1, neurons=16, weights=256)
    found = smallest_chip(network, base)
    choose_cuts(network, found, spread=True)
    for neurons, weights, cols, rows in product(
        (16, 32, 64, 128, 256), (256, 512, 1024, 2048), range(2, 9), range(1, 9)
    ):
        other = dataclasses.replace(base, neurons=neurons, weights=weights, cols=cols, rows=rows)
        if memory_bits(other) < memory_bits(found):
            with pytest.raises(CompileError):
                choose_cuts(network, other, spread=False)


def test_a_network_that_no_mesh_and_no_memories_hold_has_no_smallest_chip():
    ones = np.broadcast_to(np.int8(1), (66_000, 2050))  # one word of 8 lanes a PE, of the largest weights
    layer = Layer(ones, Neuron(1, 0, 8))
    network = Network("net", (layer,), 8, 8)
    params = dataclasses.replace(PARAMS, lanes=8)
    assert smallest_chip(network, params) is None
    with pytest.raises(CompileError, match="its 2050 neurons and 135300000 weights fit no chip of this kind"):
        choose_cuts(network, dataclasses.replace(params, weights=1 << 20), spread=True)


@pytest.mark.parametrize("spread", [True, False])
def test_a_tile_has_no_more_rows_than_its_table_can_say_of_a_bias(spread):
    """Padding makes 22 rows of 14, and a chip with 15 coordinates counts lines up to 15."""
    window = Window(14, 14, 1, 9, 1, 8)
    wide = Layer(np.ones((82, 1), np.int8), Neuron(5, 0, 8), True, window)
    last = Layer(np.ones((wide.outputs, 2), np.int8), Neuron(5, 0, 8))
    chip = ChipParams(cols=8, rows=8, lanes=1, neurons=4096, weights=32768, side=15)
    image = compile_network(Network("padded", (wide, last), 8, 4), chip, spread=spread)
    assert window.out_rows == 22 and max(part.rows for part in image.layers[0].slices) <= 15
