"""Convolutions on PEs: the compiler's flits, taken literally, compute the network, in any order of layers."""

import dataclasses
import re

import numpy as np
import pytest
from support.convolutions import ORDERS, random_convolutions
from support.flit_machine import FlitMachine
from support.reference import random_events
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Memory, Register, register_fields, unpack
from yoso_sw.compile import sound
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import ImageError, WeightImage, WrongChipError
from yoso_sw.compile.mapping import CompileError
from yoso_sw.compile.predict import PREDICTED, predict_counters, predict_load_counters
from yoso_sw.network.events import Events
from yoso_sw.network.golden import run
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, Neuron

PARAMS = ChipParams(
    cols=7, rows=6, lanes=2, neurons=64, weights=1024, acc_bits=18, pot_bits=22, steps=32, side=24, classes=16
)


def outputs_fired(golden, b: int) -> set[tuple[int, int, int]]:
    """(layer, output, step) of every spike of image b that goes on."""
    return {
        (layer, int(j), int(step))
        for layer, sent in enumerate(golden.sent)
        for step, j in zip(sent[b].step, sent[b].axon, strict=True)
        if step <= golden.last[b]
    }


def compare(
    network: Network, params: ChipParams, images: Events, early: bool, spread: bool = True
) -> WeightImage:
    """Run images on the flits alone; every spike, inner fire, A, V, decision and counter as predicted."""
    image = compile_network(network, params, spread=spread)
    assert [*sound.faults(image)] == []
    machine = FlitMachine(params)
    machine.load(image.load_flits())
    for (x, y), pe in machine.nodes.items():
        assert [pe.count[counter] for counter in Counter] == predict_load_counters(image)[y, x].tolist()
        pe.count.clear()
    golden = run(network, images, params=params, early_exit=early)
    for b in range(len(images)):
        decided, spikes = machine.run(image.image_flits(images[b], early))
        assert decided == (golden.decisions[b], golden.decision_steps[b], golden.spiked[b])
        seen = [(*image.spike_of(x, y, flit), step) for x, y, step, flit in spikes]
        assert len({*seen}) == len(seen) and {*seen} == outputs_fired(golden, b)
        inner = [
            (image.neurons_at(y * params.cols + x, word, lanes), step)
            for x, y, step, word, lanes in machine.inner
        ]
        found = {(layer, int(j), step) for (layer, neurons), step in inner for j in neurons}
        assert found == {
            (layer, int(j), int(step))
            for layer, fired in enumerate(golden.spikes)
            for step, j in zip(fired[b].step, fired[b].axon, strict=True)
            if image.layers[layer].pool
        }
        for layer, own in enumerate(image.layers):
            for part in own.slices:
                state, held = machine.nodes[part.x, part.y], own.held(part, params.lanes).ravel()
                where = held >= 0
                np.testing.assert_array_equal(
                    np.array(state.a)[where], golden.accumulated[layer][b][held[where]]
                )
                np.testing.assert_array_equal(
                    np.array(state.v)[where], golden.potentials[layer][b][held[where]]
                )
    if network.rel_psp:
        assert all(own.per_image.sum() > 0 for own in golden.sent[:-1]), "a hidden layer is silent"
    predicted = predict_counters(image, golden)
    for (x, y), pe in machine.nodes.items():
        for counter in PREDICTED:
            assert pe.count[counter] == predicted[y, x, counter], (x, y, counter.name)
    return image


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
@pytest.mark.parametrize("order", ORDERS)
def test_the_flits_compute_convolutions_in_any_order_of_layers(order, lanes):
    rng = np.random.default_rng([3, lanes, *order.encode()])
    params = dataclasses.replace(PARAMS, lanes=lanes, weights=2048, neurons=128)
    network = random_convolutions(rng, order, 20, decision="softmax" if rng.integers(2) else "ttfs")
    compare(network, params, random_events(rng, 3, network), early=bool(lanes % 4), spread=lanes != 4)


@pytest.mark.parametrize("decision", ["ttfs", "softmax", "count"])
@pytest.mark.parametrize("order", ORDERS)
def test_the_flits_compute_convolutions_of_the_whole_family(order, decision):
    rng = np.random.default_rng([len(decision), *order.encode()])
    params = dataclasses.replace(PARAMS, neuron="all", weights=2048, neurons=128)
    network = random_convolutions(rng, order, 16, family=True, decision=decision)
    compare(network, params, random_events(rng, 2, network), early=True)


# ---- by hand ---------------------------------------------------------------------------------------------


def small(pool: bool = True, bias: bool = True, **window) -> Network:
    """6 x 6 inputs, two filters of 3 x 3, which are pooled; three outputs."""
    geometry = Window(**{"rows": 6, "cols": 6, "channels": 1, "kernel": 3, **window})
    weights = np.arange(1, 2 * (geometry.axons + bias) + 1).reshape(-1, 2).astype(np.int8)
    layer = Layer(weights, Neuron(20, 1, 8), bias=bias, window=geometry, pool=pool)
    output = Layer(np.ones((layer.outputs, 3), np.int8), Neuron(5, 0, 8))
    return Network("small", (layer, output), 8, 8)


def test_registers_tables_and_addresses_by_hand():
    """Tiles of 4 x 2 positions of one filter word, in a map of 4 x 4, on PEs of eight words."""
    params = dataclasses.replace(PARAMS, neurons=16, cols=2, rows=2, side=7)
    image = compile_network(small(), params, spread=False)
    assert [(p.row, p.rows, p.col, p.cols) for p in image.layers[0].slices] == [(0, 4, 0, 2), (0, 4, 2, 2)]
    machine = FlitMachine(params)
    machine.load(image.load_flits())
    left, right = (machine.nodes[part.x, part.y] for part in image.layers[0].slices)
    walk = (Register.FILTERS, Register.PITCH, Register.KERNEL, Register.POOL)
    assert [right.register(register) for register in (Register.WORDS, Register.LAST_MASK, *walk)] == [
        *(8, 3, 1, 2, 3, 1)
    ]
    rows = [tuple(entry.values()) for entry in right.entries(Memory.ROWS)]  # lines, weights, neurons
    assert rows == [(1, 6, 0), (2, 3, 0), (3, 0, 0), (3, 0, 2), (2, 0, 4), (1, 0, 6), (4, 0, 0)]
    columns = [tuple(entry.values()) for entry in right.entries(Memory.COLUMNS)]  # run, rewind, ...
    assert columns == [
        *((0, 0, 0, 0), (0, 0, 0, 0), (1, 0, 2, 0), (2, 0, 1, 0), (2, 0, 0, 0), (1, 0, 0, 1), (2, 1, 0, 0))
    ]
    stride = image.layers[1].stride
    for pe, outputs in ((left, (0, 4)), (right, (2, 6))):  # of the last of each four positions
        addresses = pe.memory[Memory.SPIKE][:16].tolist()
        for word, output in zip((3, 7), outputs, strict=True):
            assert addresses[2 * word : 2 * word + 2] == [output * stride, (output + 1) * stride]
        assert sum(map(bool, addresses)) == sum(output + lane > 0 for output in outputs for lane in (0, 1))
        assert pe.memory[Memory.WEIGHT][:10].tolist() == [
            (2 * tap + 2) << 8 | (2 * tap + 1) for tap in (8, 7, 6, 5, 4, 3, 2, 1, 0, 9)
        ]
    words = -(-image.layers[1].slices[0].count // 2)
    assert [machine.nodes[0, 0].register(register) for register in walk] == [words, words, 0, 0]


def test_spikes_go_to_the_smallest_rectangle_of_pes_that_they_touch():
    params = dataclasses.replace(PARAMS, neurons=8, cols=5, rows=5, side=7)
    image = compile_network(small(pool=False), params, spread=False)
    own = image.layers[0]
    assert len(own.slices) == 4
    touched = {}
    for part in own.slices:
        seen = {
            (r, q)
            for r in range(part.row, part.row + part.rows + 2)
            for q in range(part.col, part.col + part.cols + 2)
        }
        for place in seen:
            touched.setdefault(place, []).append((part.x, part.y))
    for axon, flit in enumerate(image._axon_flits):
        spike = image.packets.unpack(int(flit))
        assert (spike["row"], spike["r"], spike["q"]) == (0, *divmod(axon, 6))
        xs, ys = zip(*touched[divmod(axon, 6)], strict=True)
        sides = (min(xs), max(xs), min(ys), max(ys))
        assert tuple(spike[name] for name in ("x0", "x1", "y0", "y1")) == sides
    bias = image.packets.unpack(int(image.image_flits(np.full(36, 5, np.int16))[1]))
    assert (bias["row"], bias["r"], bias["q"]) == (9 * own.stride, 6, 6)
    assert tuple(bias[name] for name in ("x0", "x1", "y0", "y1")) == own.rectangle


def test_a_tile_sends_to_those_tiles_of_the_next_layer_that_see_it_and_an_input_that_none_sees_to_the_first():
    first = Layer(np.ones((1, 2), np.int8), Neuron(1, 0, 8), window=Window(8, 8, 1, 1))
    second = Layer(np.ones((2, 2), np.int8), Neuron(1, 0, 8), window=Window(8, 8, 2, 1, stride=3))
    output = Layer(np.ones((18, 2), np.int8), Neuron(1, 0, 8))
    network = Network("strided", (first, second, output), 8, 8)
    params = dataclasses.replace(PARAMS, neurons=8, cols=6, rows=6, side=8)
    image = compile_network(network, params, spread=False)
    machine = FlitMachine(params)
    machine.load(image.load_flits())
    tiles = image.layers[1].slices
    for part in image.layers[0].slices:
        seen = [
            (own.x, own.y)
            for own in tiles
            if any(part.row <= 3 * row < part.row + part.rows for row in range(own.row, own.row + own.rows))
            and any(part.col <= 3 * col < part.col + part.cols for col in range(own.col, own.col + own.cols))
        ] or [(tiles[0].x, tiles[0].y)]
        xs, ys = zip(*seen, strict=True)
        to = unpack(
            params, Register.DESTINATION, machine.nodes[part.x, part.y].register(Register.DESTINATION)
        )
        assert tuple(to.values()) == (min(xs), max(xs), min(ys), max(ys))
    single = compile_network(
        Network(
            "one",
            (dataclasses.replace(second, window=Window(8, 8, 1, 1, 3), weights=second.weights[:1]), output),
            8,
            8,
        ),
        params,
        spread=False,
    )
    unseen = single.packets.unpack(int(single._axon_flits[1]))
    part = single.layers[0].slices[0]
    assert (unseen["x0"], unseen["x1"], unseen["y0"], unseen["y1"]) == (part.x, part.x, part.y, part.y)


def test_a_flit_or_a_fire_that_no_neuron_can_have_sent_is_refused():
    params = dataclasses.replace(PARAMS, neurons=16, cols=2, rows=2, side=7)
    image = compile_network(small(), params, spread=False)
    left, right = image.layers[0].slices
    stride = image.layers[1].stride
    good = image.packets.pack("SPIKE", x0=0, x1=0, y0=0, y1=0, tag=2, parity=0, row=5 * stride, r=0, q=0)
    assert image.spike_of(left.x, left.y, good) == (0, 5)
    with pytest.raises(ImageError, match="a PE of layer 0 sent a SPIKE of a neuron it does not hold"):
        image.spike_of(right.x, right.y, good)
    for field, value in (("row", 5 * stride + 1), ("row", 8 * stride), ("r", 1), ("q", 1)):
        wrong = image.packets.pack(
            "SPIKE",
            **{
                **{k: v for k, v in image.packets.unpack(good).items() if k not in ("name", "kind")},
                field: value,
            },
        )
        with pytest.raises(ImageError, match="of a neuron it does not hold"):
            image.spike_of(left.x, left.y, wrong)
    node = right.y * params.cols + right.x
    assert image.neurons_at(node, 5, 0b11)[1].tolist() == [2 * 11, 2 * 11 + 1]
    with pytest.raises(ImageError, match="holds 8 neuron words, and fired in word 8"):
        image.neurons_at(node, 8, 1)
    idle = next(
        n for n in range(4) if not any(p.y * 2 + p.x == n for own in image.layers for p in own.slices)
    )
    with pytest.raises(ImageError, match="holds 0 neuron words"):
        image.neurons_at(idle, 0, 1)
    odd = compile_network(small(pool=False), dataclasses.replace(params, lanes=4, neurons=64), spread=False)
    part = odd.layers[0].slices[0]
    with pytest.raises(ImageError, match="lanes 0b100 of word 0, which are not all neurons"):
        odd.neurons_at(part.y * params.cols + part.x, 0, 0b100)


# ---- refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"side": 0},
            r"has a convolution, layer 0: 2C3-P2, which a chip with side=0 has not: use .* side >= 7",
        ),
        ({"side": 6}, r"layer 0: 6 x 6 inputs and a bias have more .* side=6: use a chip with side >= 7"),
        ({"weights": 16}, "layer 0 has 10 axons, and a PE's 16 weights hold rows for 8 axons at 2 lanes"),
        (
            {"neurons": 6},
            "layer 0 pools 2 x 2 positions, and a PE's 6 neurons hold 3 at 2 lanes: .*neurons >= 8",
        ),
        (
            {"cols": 1, "rows": 1, "neurons": 8},
            r"needs 4 \+ 1 = 5 PEs, and the 1 x 1 mesh has 1: use a larger mesh, or more weights or neurons "
            "a PE; the smallest of its kind that holds 35 neurons and 44 weights has rows=2 neurons=32$",
        ),
    ],
)
def test_what_a_chip_cannot_hold_is_refused_by_name_and_remedy(changes, message):
    with pytest.raises(CompileError, match=message) as refused:
        compile_network(small(), dataclasses.replace(PARAMS, **changes))
    assert "\n" not in str(refused.value)


def test_the_remedy_is_one():
    params = dataclasses.replace(PARAMS, cols=1, rows=2, neurons=32)
    assert compile_network(small(), params).pes == 2


def test_without_a_bias_or_with_one_that_sweeps_add_a_side_less_is_enough():
    compile_network(small(bias=False), dataclasses.replace(PARAMS, side=6))
    cleared = Neuron(20, 1, 8, current=CLEARED)
    network = small()
    network = dataclasses.replace(
        network, layers=(dataclasses.replace(network.layers[0], neuron=cleared), network.layers[1])
    )
    compile_network(network, dataclasses.replace(PARAMS, side=6, neuron="all"))


# ---- file ------------------------------------------------------------------------------------------------


def test_an_image_with_convolutions_is_saved_and_loaded_whole(tmp_path):
    image = compile_network(small(stride=1, padding=1), PARAMS)
    image.save(tmp_path / "a.yoso")
    loaded = WeightImage.load(tmp_path / "a.yoso")
    assert (loaded.layers, loaded.params) == (image.layers, image.params)
    assert loaded.layers[0].window == Window(6, 6, 1, 3, 1, 1) and loaded.layers[0].pool
    assert loaded.to_bytes() == image.to_bytes()


def test_an_image_runs_on_the_same_chip_with_the_whole_family_and_on_no_chip_of_another_side():
    image, family = compile_network(small(), PARAMS), dataclasses.replace(PARAMS, neuron="all")
    machine = FlitMachine(family)
    machine.load(image.for_chip(family).load_flits())
    direct = FlitMachine(family)
    direct.load(compile_network(small(), family).load_flits())
    for node, pe in machine.nodes.items():
        for memory, words in pe.memory.items():
            assert words.tolist() == direct.nodes[node].memory[memory].tolist()
    for side in (0, 25):
        with pytest.raises(WrongChipError, match=f"side: 24 != {side}"):
            image.for_chip(dataclasses.replace(PARAMS, side=side))


@pytest.mark.parametrize("memory", [Memory.ROWS, Memory.COLUMNS, Memory.SPIKE])
def test_a_table_or_an_address_that_the_mapping_does_not_ask_for_is_refused(memory):
    image = compile_network(small(), PARAMS)
    assert not [*sound.faults(image)]
    k = next(k for k, run in enumerate(image.runs) if run.memory == memory)
    data = image.runs[k].data.copy()
    data[1, 0] ^= 1
    runs = (*image.runs[:k], dataclasses.replace(image.runs[k], data=data), *image.runs[k + 1 :])
    wrong = next(sound.faults(dataclasses.replace(image, runs=runs)))
    assert f"word 1 of {memory.name} is not what the mapping asks for" in wrong


@pytest.mark.parametrize("field", ["filter_words", "neuron_pitch", "weight_pitch", "blocks"])
def test_a_register_of_the_walk_that_contradicts_the_mapping_is_refused(field):
    image = compile_network(small(), PARAMS)
    register = next(r for r, fields in register_fields(PARAMS).items() if fields[0].name == field)
    part = image.layers[0].slices[0]
    k = part.y * PARAMS.cols + part.x
    data = image.runs[k].data.copy()
    data[register, 0] ^= 1
    runs = (*image.runs[:k], dataclasses.replace(image.runs[k], data=data), *image.runs[k + 1 :])
    wrong = next(sound.faults(dataclasses.replace(image, runs=runs)))
    assert f"register field {field}=" in wrong


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"window": Window(6, 6, 1, 0)}, "layer 0: window: kernel=0 is no such number"),
        ({"window": Window(6, 6, 1, True)}, "layer 0: window: kernel=True is no such number"),
        ({"window": Window(6, 6, 1, 3, 1, 3)}, "layer 0: window: padding=3 is outside 0..2"),
        ({"window": Window(6, 6, 2, 3)}, "layer 0: axons=10 are not the 18 of its window and a bias"),
        ({"window": Window(24, 24, 1, 3)}, "layer 0: its 24 x 24 inputs need side=25, and the chip has 24"),
        ({"window": Window(7, 7, 1, 3)}, "pool=True, and its 5 x 5 positions make no groups of 2 x 2"),
        ({"pool": 1}, "layer 0: pool=1 is neither true nor false"),
        ({"window": None}, "layer 0: pool=True, and only a convolution can be pooled"),
        ({"neurons": 33}, "layer 0: neurons=33 are not so many at each of 16 positions"),
        ({"neurons": 48}, r"layer 0: the PE at .* holds rows, columns and filters .* are wanted"),
        ({"pool": False}, "layer 1: axons=8 are not those of 32 neurons before it"),
        ({"stride": 2}, "layer 0: stride=2 is not the 1 words of its largest PE"),
    ],
)
def test_a_header_of_a_convolution_that_makes_no_sense_is_refused_by_its_field(fields, says):
    image = compile_network(small(), PARAMS)
    layers = (dataclasses.replace(image.layers[0], **fields), image.layers[1])
    faults = sound.faults(dataclasses.replace(image, layers=layers))
    assert re.search(says, next(faults))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"row": 1}, "are wanted"),
        ({"rows": 1}, "are wanted"),
        ({"col": 1}, "are wanted"),
        ({"cols": 3}, "are wanted"),
        ({"count": 1}, "are wanted"),
        ({"rows": 2.0}, "are wanted"),
    ],
)
def test_a_tile_that_the_compiler_would_not_have_cut_is_refused(fields, says):
    params = dataclasses.replace(PARAMS, neurons=16)
    image = compile_network(small(), params, spread=False)
    own = image.layers[0]
    parts = (own.slices[0], dataclasses.replace(own.slices[1], **fields))
    layers = (dataclasses.replace(own, slices=parts), image.layers[1])
    assert says in next(sound.faults(dataclasses.replace(image, layers=layers)))


def test_a_dense_layer_has_no_tiles():
    image = compile_network(small(), PARAMS)
    part = dataclasses.replace(image.layers[1].slices[0], rows=2)
    layers = (
        image.layers[0],
        dataclasses.replace(image.layers[1], slices=(part, *image.layers[1].slices[1:])),
    )
    assert "holds a tile of a layer that has no positions" in next(
        sound.faults(dataclasses.replace(image, layers=layers))
    )
