"""Dense networks on chips without convolutions compile to what they did before there were any."""

import dataclasses
import hashlib

import numpy as np
import pytest
from support.flit_machine import FlitMachine
from support.reference import random_events, random_network
from yoso_hw import chips
from yoso_hw.params import ChipParams
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.predict import PREDICTED, predict_counters
from yoso_sw.network import zoo
from yoso_sw.network.golden import run
from yoso_sw.network.network import Network

#: By network: its chip, and digests of its mapping, load phase and an image, with spare PEs given away and
#: without. They were made by the compiler of the commit before convolutions came.
BEFORE = {
    "caltech-160x250-4-2": ("caltech", "78bb284eb5478752", "78bb284eb5478752"),
    "caltech-160x250-4-2-stdbp": ("caltech", "e84bcf9c5d1bac7d", "e84bcf9c5d1bac7d"),
    "fashion-mnist-784-1000-10": ("fashion", "645302f18db29a05", "c3dcac4706e62a14"),
    "fashion-mnist-784-1000-10-stdbp": ("fashion", "37e4957e2ad0bac9", "f349df71b3e1e0e6"),
    "mnist-784-100-10": ("default", "f89a6cfb51df2100", "a9bff6191969a480"),
    "mnist-784-100-10-count": ("default", "bd5428f56f0ce8ff", "481bf3caec550998"),
    "mnist-784-100-10-stdbp": ("default", "13ddc54ef7a0a35f", "cd2eecc661f79c7a"),
    "mnist-784-400-10": ("default", "c39eb374dfa8337b", "edc27d3381adbe83"),
    "mnist-784-400-10-plain": ("default", "4c6c45916339f6fd", "092aeb9a59c7cc27"),
    "mnist-784-400-10-stdbp": ("default", "b4a1c1986f28d7e7", "bdeeea86a79f0486"),
    "mnist-784-800-10": ("default", "e481a11a5659c314", "df58da7ac2ca604a"),
    "mnist-784-800-10-4bit": ("default", "b877feea99a82cdc", "01130595cbadc51d"),
    "mnist-784-800-10-stdbp": ("default", "6b6d323965370f9b", "36287465c54064db"),
    "n-mnist-count": ("paper", "3a07801a8e349cf7", "253b01553e8e9213"),
}


def digest(image: WeightImage) -> str:
    """Of where all neurons lie, the load phase, and the flits of an image."""
    total = hashlib.sha256()
    for own in image.layers:
        places = [(part.x, part.y, part.first, part.count) for part in own.slices]
        kind = (
            own.tag,
            own.axons,
            own.bias,
            own.neurons,
            own.stride,
            own.rectangle,
            own.bias_row,
            own.writes_a,
        )
        total.update(repr((*kind, places)).encode())
    total.update(image.load_flits().astype("<u8").tobytes())
    if image.code == "ttfs":
        steps = (np.arange(image.inputs) % image.levels).astype(np.int16)
        total.update(image.image_flits(steps).astype("<u8").tobytes())
    return total.hexdigest()[:16]


@pytest.mark.parametrize("name", BEFORE)
def test_a_committed_dense_network_compiles_to_the_mapping_and_the_flits_that_it_had(name):
    chip, *due = BEFORE[name]
    network = Network.load(zoo.locate(name, ".npz"))
    params = dataclasses.replace(chips.load(chip), neuron=network.chip.neuron)
    assert [digest(compile_network(network, params, spread=spread)) for spread in (True, False)] == due


def test_they_are_dense_networks_that_are_committed():
    """Those of later are not among them: the compiler of before never saw them."""
    networks = {name: Network.load(zoo.locate(name, ".npz")) for name in BEFORE}
    assert all(layer.window is None for network in networks.values() for layer in network.layers)


@pytest.mark.parametrize("lanes", [1, 2, 8])
@pytest.mark.parametrize("neuron", ["rel_psp", "all"])
def test_a_dense_network_computes_the_same_on_a_chip_with_convolutions(lanes, neuron):
    rng = np.random.default_rng(lanes)
    plain = ChipParams(
        cols=4, rows=4, lanes=lanes, neurons=16, weights=256, acc_bits=14, steps=32, layers=4, neuron=neuron
    )
    params = dataclasses.replace(plain, side=5)
    network = random_network(rng, [9, 13, 5], 18, family=neuron == "all", decision="ttfs")
    images = [compile_network(network, own) for own in (plain, params)]
    assert images[0].layers == images[1].layers
    machines = [FlitMachine(image.params) for image in images]
    for image, machine in zip(images, machines, strict=True):
        machine.load(image.load_flits())
        for pe in machine.nodes.values():
            pe.count.clear()
    inputs = random_events(rng, 4, network)
    for one in inputs:
        found = []
        for image, machine in zip(images, machines, strict=True):
            decided, spikes = machine.run(image.image_flits(one))
            found.append((decided, [(*image.spike_of(x, y, flit), step) for x, y, step, flit in spikes]))
        assert found[0] == found[1]
    predicted = predict_counters(images[1], run(network, inputs, params=params))
    for (x, y), pe in machines[1].nodes.items():
        assert [pe.count[counter] for counter in PREDICTED] == [
            predicted[y, x, counter] for counter in PREDICTED
        ]
