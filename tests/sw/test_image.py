"""The weight image: what it sends, and what it knows the spikes by."""

import dataclasses
import time

import numpy as np
import pytest
from support.flit_machine import FlitMachine
from support.reference import random_inputs, random_network
from support.small_image import PARAMS, small_network
from yoso_hw.packet import Packets
from yoso_hw.registers import Memory, Register, chunks, register_fields
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.flits import read_flits
from yoso_sw.compile.image import (
    ImageError,
    WeightImage,
    WrongChipError,
)
from yoso_sw.data.encoding import spike_steps
from yoso_sw.network.events import Events
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.neuron import CLEARED, KEPT, Neuron, Reset


@pytest.fixture(scope="module")
def image() -> WeightImage:
    return compile_network(small_network(), PARAMS)


# ---- load phase ------------------------------------------------------------------------------------------


def test_the_load_flits_leave_the_network_in_the_memories(image):
    network = small_network()
    machine = FlitMachine(PARAMS)
    machine.load(image.load_flits())
    for index, (layer, own) in enumerate(zip(network.layers, image.layers, strict=True)):
        for part in own.slices:
            memory = machine.nodes[part.x, part.y].memory
            registers = dict(zip(register_fields(PARAMS), map(int, memory[Memory.REGISTER]), strict=True))
            assert registers[Register.TAG] == index + 1
            assert registers[Register.WORDS] == -(-part.count // PARAMS.lanes)
            assert registers[Register.LAST_MASK] == (1 if part.count % 2 else 3)
            assert registers[Register.THRESHOLD] == layer.neuron.threshold
            assert registers[Register.SLOPE] == layer.neuron.slope
            assert (registers[Register.WINDOW_START], registers[Register.WINDOW_END]) == (
                layer.neuron.start,
                layer.neuron.end,
            )
            assert registers[Register.ERRORS] == 0
            for axon in range(own.axons):
                for j in range(part.count):
                    word = int(memory[Memory.WEIGHT][axon * own.stride + j // 2])
                    byte = word >> 8 * (j % 2) & 255
                    assert np.uint8(byte).astype(np.int8) == layer.weights[axon, part.first + j]
            if index == 0:
                following = image.layers[1]
                x0, x1, y0, y1 = following.rectangle
                assert registers[Register.DESTINATION] == x0 | x1 << 2 | y0 << 4 | y1 << 5
                assert registers[Register.DESTINATION_TAG] == 2 and registers[Register.OUTPUT] == 0
                for j in range(part.count):
                    assert memory[Memory.SPIKE][j] == (part.first + j) * following.stride
            else:
                assert registers[Register.OUTPUT] == 1 << 31 | part.first


def test_the_load_writes_only_what_is_used(image):
    for run in image.runs:
        owner = next(
            (own for own in image.layers for part in own.slices if (part.x, part.y) == (run.x, run.y)), None
        )
        if run.memory is Memory.WEIGHT:
            assert len(run.data) == owner.axons * owner.stride
        elif run.memory is Memory.REGISTER:
            assert len(run.data) == len(register_fields(PARAMS))
    words = sum(len(run.data) * chunks(PARAMS, run.memory) for run in image.runs)
    assert len(image.load_flits()) == words + len(image.runs)
    registers = [run for run in image.runs if run.memory is Memory.REGISTER]
    assert {(run.x, run.y) for run in registers} == {(x, y) for x in range(3) for y in range(2)}


def test_read_flits_seek_and_read_word_by_word():
    packets = Packets(PARAMS)
    flits = [packets.unpack(int(flit)) for flit in read_flits(packets, 2, 1, Memory.COUNTER, 3, 2)]
    assert [flit["name"] for flit in flits] == ["SEEK", "READ", "READ"]
    assert flits[0]["memory"] == Memory.COUNTER and flits[0]["address"] == 3
    assert all((flit["x0"], flit["x1"], flit["y0"], flit["y1"]) == (2, 2, 1, 1) for flit in flits)


# ---- run phase -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_an_image_is_start_then_each_step_then_end(image, seed):
    """Against a plain loop over steps and axons."""
    rng = np.random.default_rng(seed)
    steps = random_inputs(rng, 1, small_network(), density=seed / 7)[0]
    packets, first, second = Packets(PARAMS), *image.layers

    def spike(layer, axon, step):
        to = dict(zip(("x0", "x1", "y0", "y1"), layer.rectangle, strict=True))
        return packets.pack("SPIKE", **to, tag=layer.tag, parity=step & 1, row=axon * layer.stride)

    expected = [packets.pack("START", steps=20, early=seed & 1), spike(first, 6, 0), spike(second, 5, 0)]
    last = max([0, *(int(step) for step in steps if step != NEVER)])
    for step in range(last + 1):
        expected += [spike(first, axon, step) for axon in range(6) if steps[axon] == step]
        expected.append(packets.pack("STEP" if step < last else "END"))
    assert image.image_flits(steps, early_exit=bool(seed & 1)).tolist() == expected


def test_spikes_of_a_step_are_sent_in_the_order_of_their_axons():
    wide = compile_network(Network("n", (Layer(np.ones((500, 2), np.int8), Neuron(1, 0, 4)),), 4, 4))
    steps = np.random.default_rng(0).integers(0, 4, 500).astype(np.int16)
    flits = [wide.packets.unpack(int(flit)) for flit in wide.image_flits(steps)]
    rows = [flit["row"] for flit in flits if flit["name"] == "SPIKE"]
    stride = wide.layers[0].stride
    assert rows == [axon * stride for step in range(4) for axon in range(500) if steps[axon] == step]


def test_an_image_without_any_spike_is_start_and_end():
    silent = compile_network(Network("n", (Layer(np.ones((3, 2), np.int8), Neuron(1, 0, 4)),), 4, 4), PARAMS)
    names = [
        silent.packets.unpack(int(flit))["name"] for flit in silent.image_flits(np.full(3, NEVER, np.int16))
    ]
    assert names == ["START", "END"]


def test_pixels_are_sent_as_their_time_code(image):
    pixels = np.array([0, 1, 100, 200, 254, 255], np.uint8)
    assert image.image_flits(pixels).tolist() == image.image_flits(spike_steps(pixels, 16)).tolist()


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros(7, np.uint8), r"shape \(7,\)"),
        (np.zeros((1, 6), np.uint8), r"shape \(1, 6\)"),
        (np.zeros(6, np.int32), "int32"),
        (np.array([0, 0, 0, 20, 0, 0], np.int16), r"0\.\.20"),
        (np.array([0, -1, 0, 2, 0, 0], np.int16), r"-1\.\.2"),
    ],
)
def test_an_image_that_does_not_fit_is_refused(image, pixels, message):
    with pytest.raises(ImageError, match=message):
        image.image_flits(pixels)


def test_each_neuron_is_known_by_the_flit_it_sends(image):
    packets, following = image.packets, image.layers[1]
    for part in image.layers[0].slices:
        for j in range(part.first, part.first + part.count):
            row = j * following.stride
            flit = packets.pack("SPIKE", x0=0, x1=0, y0=0, y1=0, tag=2, parity=1, row=row)
            assert image.spike_of(part.x, part.y, flit) == (0, j)
    for part in following.slices:
        for j in range(part.first, part.first + part.count):
            assert image.spike_of(part.x, part.y, packets.pack("RESULT", index=j, potential=-5)) == (1, j)


def test_a_flit_that_no_neuron_of_the_node_sends_is_refused():
    wide = compile_network(random_network(np.random.default_rng(1), [5, 12, 6], 16), PARAMS, spread=False)
    packets, hidden, output = wide.packets, *wide.layers
    assert len(hidden.slices) > 1 and output.stride > 1
    x, y = hidden.slices[0].x, hidden.slices[0].y

    def spike(row):
        return packets.pack("SPIKE", x0=0, x1=0, y0=0, y1=0, tag=2, parity=0, row=row)

    elsewhere = hidden.slices[1].first * output.stride
    for flit in (
        spike(elsewhere),
        spike(1),
        packets.pack("RESULT", index=0, potential=0),
        packets.pack("STEP"),
    ):
        with pytest.raises(ImageError, match="layer 0"):
            wide.spike_of(x, y, flit)
    used = {(part.x, part.y) for layer in wide.layers for part in layer.slices}
    for node in {(x, y) for x in range(3) for y in range(2)} - used:
        with pytest.raises(ImageError, match="no layer"):
            wide.spike_of(*node, spike(0))


def test_an_mnist_sized_image_takes_less_than_a_millisecond():
    layers = (
        Layer(np.ones((785, 40), np.int8), Neuron(1, 0, 64, 0), bias=True),
        Layer(np.ones((40, 10), np.int8), Neuron(1, 0, 64)),
    )
    image = compile_network(Network("n", layers, 64, 64))
    pixels = np.random.default_rng(0).integers(0, 256, 784).astype(np.uint8)
    image.image_flits(pixels)
    begin = time.process_time()
    for _ in range(50):
        image.image_flits(pixels)
    assert (time.process_time() - begin) / 50 < 1e-3


# ---- the neuron family -----------------------------------------------------------------------------------

FAMILY = dataclasses.replace(PARAMS, neuron="all")


def counting_network(**changes) -> Network:
    """Rate-coded: a layer that leaks and one that is cleared, both with biases, and a decision by counts."""
    rng = np.random.default_rng(6)
    first, second = (rng.integers(-9, 9, shape).astype(np.int8) for shape in ((7, 5), (6, 3)))
    layers = (
        Layer(first, Neuron(9, 1, 19, current=KEPT, leak=3, reset=Reset.SUBTRACT), bias=True),
        Layer(second, Neuron(8, 2, 20, current=CLEARED, reset=Reset.ZERO), bias=True),
    )
    return Network(**{"name": "n", "layers": layers, "steps": 20, "levels": 16, "code": "rate", **changes})


def charged_network() -> Network:
    layer = Layer(np.ones((6, 3), np.int8), Neuron(9, 17, 20, reset=Reset.SUBTRACT, charge=16))
    return Network("charged", (layer,), 20, 16, "count")


def names(image: WeightImage, flits: np.ndarray) -> list[str]:
    return [str(image.packets.unpack(int(flit))["name"]) for flit in flits]


def test_only_biases_of_kept_currents_are_sent_and_start_asks_for_counts():
    image = compile_network(counting_network(decision="count"), FAMILY)
    flits = image.image_flits(Events.none(1, 6))
    assert names(image, flits) == ["START", "SPIKE", "END"]
    start, bias = (image.packets.unpack(int(flit)) for flit in flits[:2])
    assert start["count"] == 1 and (bias["tag"], bias["row"]) == (1, 6 * image.layers[0].stride)


def test_start_asks_for_no_counts_where_another_rule_decides(image):
    flits = compile_network(small_network(), FAMILY).image_flits(np.full(6, NEVER, np.int16))
    assert image.packets.unpack(int(flits[0])).get("count") is None
    assert Packets(FAMILY).unpack(int(flits[0]))["count"] == 0


def test_an_axon_that_spikes_in_consecutive_steps_is_sent_in_each():
    image = compile_network(counting_network(decision="count"), FAMILY)
    step, axon = np.array([0, 1, 1, 2, 2]), np.array([4, 4, 0, 4, 5])
    flits = image.image_flits(Events.of_pairs(np.zeros(5, int), step, axon, 1, 6))
    assert names(image, flits) == [
        *("START", "SPIKE", "SPIKE", "STEP", "SPIKE", "SPIKE", "STEP", "SPIKE", "SPIKE", "END")
    ]
    spikes = [image.packets.unpack(int(flit)) for flit in flits]
    sent = [(own["parity"], own["row"]) for own in spikes if own["name"] == "SPIKE"][1:]
    stride = image.layers[0].stride
    assert sent == [(step & 1, axon * stride) for step, axon in ((0, 4), (1, 0), (1, 4), (0, 4), (0, 5))]


def test_pixels_are_refused_where_the_code_is_not_ttfs():
    image = compile_network(counting_network(decision="count"), FAMILY)
    with pytest.raises(ImageError, match="uint8 pixels, and network 'n' has code rate: give events"):
        image.image_flits(np.zeros(6, np.uint8))


@pytest.mark.parametrize(("code", "most"), [("ttfs", 1), ("events", 16)])
def test_an_input_spikes_no_more_often_than_a_was_bounded_for(code, most):
    image = compile_network(counting_network(decision="count", code=code), FAMILY)

    def spikes(count):
        return Events.of_pairs(np.zeros(count, int), np.arange(count), np.full(count, 2), 1, 6)

    image.image_flits(spikes(most))
    with pytest.raises(ImageError, match=f"input 2 spikes {most + 1} times.*code {code} takes {most} "):
        image.image_flits(spikes(most + 1))


def test_inputs_from_the_charging_sweep_on_are_refused():
    image = compile_network(charged_network(), FAMILY)
    steps = np.full(6, 15, np.int16)
    image.image_flits(steps)
    steps[3] = 16
    with pytest.raises(ImageError, match=r"steps 15\.\.16 leave 0\.\.15; sweep 16 charges the first layer"):
        image.image_flits(steps)


def test_an_image_of_the_family_is_saved_and_loaded_whole(tmp_path):
    image = compile_network(counting_network(decision="count"), FAMILY)
    image.save(tmp_path / "a.img")
    loaded = WeightImage.load(tmp_path / "a.img")
    assert (loaded.decision, loaded.code, loaded.params) == ("count", "rate", FAMILY)
    assert [(own.bias_row, own.writes_a) for own in loaded.layers] == [(False, False), (True, True)]
    assert loaded.to_bytes() == image.to_bytes()


def test_an_old_image_after_a_rate_coded_one_leaves_no_register_of_it(image):
    """On the chip with neuron=all it is loaded as if it had been compiled for that."""
    machine = FlitMachine(FAMILY)
    machine.load(compile_network(counting_network(decision="count"), FAMILY).load_flits())
    added = [Register.DYNAMICS, Register.CHARGE, Register.BIAS_ROW]
    assert any(pe.register(register) for pe in machine.nodes.values() for register in added)
    machine.load(image.for_chip(FAMILY).load_flits())
    assert not any(pe.register(register) for pe in machine.nodes.values() for register in added)
    fresh = FlitMachine(FAMILY)
    fresh.load(compile_network(small_network(), FAMILY).load_flits())
    for node, pe in machine.nodes.items():
        assert pe.memory[Memory.REGISTER].tolist() == fresh.nodes[node].memory[Memory.REGISTER].tolist()


def test_an_old_image_is_for_chips_that_differ_in_neuron_all_alone(image):
    assert image.for_chip(FAMILY).params == FAMILY
    for other in (dataclasses.replace(FAMILY, lanes=4), dataclasses.replace(FAMILY, steps=64)):
        with pytest.raises(WrongChipError, match="neuron: rel_psp != all"):
            image.for_chip(other)
    with pytest.raises(WrongChipError, match=r": neuron: all != rel_psp$"):
        compile_network(small_network(), FAMILY).for_chip(PARAMS)
