"""The tables of a PE and the order of its weights: a spike meets each of its (neuron, weight) pairs once."""

import numpy as np
import pytest
from support.convolutions import random_layer, random_window
from support.walker import walk
from yoso_hw.params import ChipParams
from yoso_sw.compile.layout import LayerMap
from yoso_sw.compile.tables import (
    Address,
    address,
    arranged,
    bias_address,
    column_table,
    inputs_at,
    row_table,
    tap_order,
    walk_registers,
)
from yoso_sw.compile.tiles import Cut, cut, deal, sides
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.neuron import Neuron


def laid(layer: Layer, own: Cut, params: ChipParams) -> LayerMap:
    """The layer on nodes of a mesh that is as long as need be."""
    return LayerMap(
        tag=1,
        axons=len(layer.weights),
        bias=layer.bias,
        neurons=layer.neurons,
        stride=own.stride,
        rectangle=(0, own.pes - 1, 0, 0),
        slices=deal(layer, own, [(x, 0) for x in range(own.pes)], params),
        window=layer.window,
        pool=layer.pool,
    )


def entries(table: dict[str, np.ndarray]) -> list[dict[str, int]]:
    return [dict(zip(table, map(int, row), strict=True)) for row in zip(*table.values(), strict=True)]


def check(layer: Layer, own: LayerMap, lanes: int, spikes: np.ndarray) -> None:
    """Some inputs, and the bias, meet the neurons that the golden synapse says, each once, by its weights."""
    unrolled = layer.unrolled().weights.astype(int)
    pes = [
        (
            own.held(part, lanes),
            arranged(layer, part, own.stride, lanes),
            (entries(row_table(own, part, lanes)), entries(column_table(own, part, lanes))),
            walk_registers(own, part, lanes),
        )
        for part in own.slices
    ]
    carried = dict(
        zip(spikes.tolist(), zip(*map(np.ndarray.tolist, address(own, spikes)), strict=True), strict=True)
    )
    if layer.bias:
        carried[-1] = tuple(bias_address(own).values())
    for axon, spike in carried.items():
        met, added = np.zeros(layer.neurons, int), np.zeros(layer.neurons, int)
        for held, weights, tables, told in pes:
            for neuron, weight in walk(dict(zip(Address._fields, spike, strict=True)), *tables, told):
                assert neuron < len(held) and weight < len(weights), "a word that the PE has not"
                lane = held[neuron] >= 0
                assert not weights[weight][~lane].any(), "a weight in a lane without a neuron"
                met[held[neuron][lane]] += 1
                added[held[neuron][lane]] += weights[weight][lane]
        np.testing.assert_array_equal(added, unrolled[axon], err_msg=f"input {axon} of {layer.window}")
        np.testing.assert_array_equal(met, unrolled[axon] != 0)


@pytest.mark.parametrize("part", range(20))
def test_of_any_geometry_all_pes_together_do_what_the_golden_synapse_does(part):
    """1,000 geometries: kernel, stride, padding, odd and oblong maps, uneven tiles, groups, lanes."""
    for seed in range(50 * part, 50 * part + 50):
        rng = np.random.default_rng([29, seed])
        lanes = int(rng.choice([1, 2, 4, 8]))
        params = ChipParams(lanes=lanes, neurons=4096, weights=1 << 20)
        window = random_window(rng, *rng.integers(1, 10, 2).tolist(), int(rng.integers(1, 4)))
        layer = random_layer(rng, window, window.axons, int(rng.integers(1, 14)))
        pool = window.out_rows % 2 == window.out_cols % 2 == 0 and bool(rng.integers(2))
        layer = Layer(layer.weights, layer.neuron, layer.bias, window, pool)
        down, across = (int(rng.integers(1, side + 1)) for side in sides(layer))
        words = -(-layer.weights.shape[1] // lanes)
        own = laid(layer, cut(layer, down, across, int(rng.integers(1, words + 1)), params), params)
        spikes = np.arange(layer.inputs)
        check(layer, own, lanes, rng.permutation(spikes)[:20])


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("window", "filters", "cuts"),
    {
        "a kernel of one": (Window(4, 5, 2, 1), 3, (2, 2, 1)),
        "a kernel of one in strides": (Window(5, 5, 1, 1, 2), 3, (3, 1, 1)),
        "a kernel that is the whole map": (Window(5, 5, 2, 5), 3, (1, 1, 2)),
        "one channel": (Window(8, 8, 1, 3), 8, (2, 2, 2)),
        "a stride of 2 in a kernel of 5": (Window(9, 9, 1, 5, 2), 4, (3, 2, 1)),
        "a stride of 3 in a kernel of 4": (Window(11, 10, 2, 4, 3), 4, (2, 3, 1)),
        "a stride that leaves inputs out": (Window(8, 8, 1, 2, 3), 2, (2, 1, 1)),
        "padding": (Window(5, 6, 2, 3, 1, 2), 5, (3, 2, 1)),
        "padding in strides": (Window(7, 7, 1, 5, 2, 2), 2, (2, 2, 1)),
        "a long map": (Window(3, 17, 1, 3), 2, (1, 5, 1)),
        "tiles of one position": (Window(6, 6, 1, 3), 2, (4, 4, 1)),
        "tiles smaller than the kernel": (Window(9, 9, 1, 5), 3, (3, 3, 1)),
        "uneven tiles": (Window(9, 10, 1, 3), 3, (2, 3, 1)),
        "uneven groups": (Window(6, 6, 2, 3), 5, (1, 1, 2)),
        "uneven groups in uneven tiles": (Window(7, 7, 2, 3), 9, (2, 2, 4)),
        "a filter more than lanes": (Window(5, 5, 1, 3), 3, (1, 2, 1)),
        "one filter": (Window(5, 5, 2, 3), 1, (2, 1, 1)),
    }.values(),
)
def test_in_corner_cases_every_input_meets_its_neurons_once(window, filters, cuts, bias):
    rng = np.random.default_rng(5)
    weights = rng.integers(1, 127, (window.axons + bias, filters)).astype(np.int8)
    layer, params = Layer(weights, Neuron(1, 0, 1), bias=bias, window=window), ChipParams(lanes=2)
    own = laid(layer, cut(layer, *cuts, params), params)
    assert len(own.slices) == np.prod(cuts)
    check(layer, own, 2, np.arange(layer.inputs))


def test_a_spike_beside_a_tile_is_dropped_there():
    window = Window(8, 8, 1, 3)
    layer = Layer(np.ones((9, 2), np.int8), Neuron(1, 0, 1), window=window)
    params = ChipParams(lanes=2)
    own = laid(layer, cut(layer, 2, 2, 1, params), params)  # tiles of 3 x 3 positions, which see 5 x 5 inputs
    reached = [row_table(own, part, 2)["lines"].tolist() for part in own.slices]
    assert reached[0] == [1, 2, 3, 2, 1, 0, 0, 0] and reached[2] == [0, 0, 0, 1, 2, 3, 2, 1]
    assert [sum(map(bool, lines)) for lines in reached] == [5] * 4


def test_taps_lie_by_residue_and_descending():
    assert tap_order(5, 1).tolist() == [4, 3, 2, 1, 0]
    assert tap_order(5, 2).tolist() == [4, 2, 0, 3, 1]
    assert tap_order(4, 3).tolist() == [3, 0, 1, 2]
    assert tap_order(1, 3).tolist() == [0]


def test_weights_by_hand_are_mirrored_by_channel_tap_and_filter_word():
    """Two channels, a kernel of 2 x 2, three filters in words of two, on two PEs."""
    window = Window(3, 3, 2, 2)
    # Weight of tap (y, x), channel n, filter f: 40 y + 20 x + 10 n + f + 1.
    weights = np.array(
        [[40 * y + 20 * x + 10 * n + f + 1 for f in range(3)] for y in (0, 1) for x in (0, 1) for n in (0, 1)]
    )
    layer = Layer(np.vstack([weights, [101, 102, 103]]).astype(np.int8), Neuron(1, 0, 1), True, window)
    own = laid(layer, cut(layer, 1, 1, 2, ChipParams(lanes=2)), ChipParams(lanes=2))
    first, second = (arranged(layer, part, own.stride, 2).tolist() for part in own.slices)
    assert first == [[61, 62], [41, 42], [21, 22], [1, 2], [71, 72], [51, 52], [31, 32], [11, 12], [101, 102]]
    assert second == [[63, 0], [43, 0], [23, 0], [3, 0], [73, 0], [53, 0], [33, 0], [13, 0], [103, 0]]
    uneven = Layer(np.hstack([layer.weights, layer.weights[:, :2]]), layer.neuron, True, window)
    own = laid(uneven, cut(uneven, 1, 1, 2, ChipParams(lanes=2)), ChipParams(lanes=2))
    assert own.stride == 2 and [part.count for part in own.slices] == [4, 1]
    second = arranged(uneven, own.slices[1], own.stride, 2)[:, 0].tolist()
    assert second == [62, 42, 22, 2, 0, 0, 0, 0, 72, 52, 32, 12, 0, 0, 0, 0, 102, 0]  # channels 8 words apart


def test_a_dense_layer_is_one_position_and_its_rows_lie_as_ever():
    layer = Layer(np.arange(1, 13, dtype=np.int8).reshape(3, 4), Neuron(1, 0, 1), bias=True)
    params = ChipParams(lanes=2)
    own = laid(layer, cut(layer, 1, 1, 1, params), params)
    assert entries(row_table(own, own.slices[0], 2)) == [{"lines": 1, "weight_offset": 0, "neuron_offset": 0}]
    assert entries(column_table(own, own.slices[0], 2)) == [
        {"run": 2, "rewind": 0, "weight_offset": 0, "neuron_offset": 0}
    ]
    assert walk_registers(own, own.slices[0], 2) == {
        "filter_words": 2,
        "neuron_pitch": 2,
        "weight_pitch": 0,
        "blocks": 0,
    }
    assert arranged(layer, own.slices[0], 2, 2).tolist() == [
        [1, 2],
        [3, 4],
        [5, 6],
        [7, 8],
        [9, 10],
        [11, 12],
    ]
    check(layer, own, 2, np.arange(2))
    assert bias_address(own) == {"row": 4, "r": 0, "q": 0}


@pytest.mark.parametrize("window", [None, Window(4, 5, 3, 3, 2, 1), Window(3, 3, 1, 1)])
def test_what_a_spike_carries_names_one_input(window):
    axons = 12 if window is None else window.axons
    layer = Layer(np.ones((axons, 5), np.int8), Neuron(1, 0, 1), window=window)
    params = ChipParams(lanes=2)
    own = laid(layer, cut(layer, 1, 1, 2, params), params)
    inputs = np.arange(own.inputs)
    at = address(own, inputs)
    assert len({*zip(*map(np.ndarray.tolist, at), strict=True)}) == len(inputs)
    np.testing.assert_array_equal(inputs_at(own, at), inputs)
    for wrong in ({"row": 1}, {"r": 9}, {"q": 9}, {"row": own.axons * own.stride}):
        other = Address(*(values + wrong.get(name, 0) for name, values in at._asdict().items()))
        assert (inputs_at(own, other) == -1).all()
