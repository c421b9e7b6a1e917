"""What energy is spent on (`yoso_sw.compile.work`), event by event, as a chip made of flits does it."""

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
from support.convolutions import ORDERS, random_convolutions
from support.flit_machine import FlitMachine, Pe
from support.reference import random_events
from support.walker import walk
from yoso_hw.params import ChipParams
from yoso_hw.registers import Register
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.estimate import Predicted
from yoso_sw.compile.tables import bias_address
from yoso_sw.compile.work import EVENTS, Work, all_work
from yoso_sw.network.events import NEVER
from yoso_sw.network.golden import run
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron

PARAMS = ChipParams(
    *(7, 6), lanes=2, neurons=128, weights=2048, acc_bits=18, pot_bits=22, side=24, classes=16
)


class Watched(Pe):
    """A PE that notes the events of each step; `biases` are the addresses of biases, by tag."""

    biases: ClassVar[dict[int, dict[str, int]]] = {}

    def start(self) -> None:
        super().start()
        self.steps: list[dict[str, int]] = []
        self.touched: set[int] = set()

    def sweep(self, step: int) -> list[int]:
        sent = super().sweep(step)
        words = self.told["words"]
        now = {"sweeps": 1, "words": words, "reached": len(self.touched), "sent": len(sent)}
        self.steps.append({**dict.fromkeys(EVENTS, 0), **now})
        return sent

    def take(self, spike: dict) -> None:
        super().take(spike)
        if spike["tag"] != self.register(Register.TAG) or not self.told["words"]:
            return
        requests = [*walk(spike, *self.tables, self.told)]
        now = self.steps[-1]
        now["spikes" if requests else "dropped"] += 1
        now["updates"] += len(requests)
        bias = self.biases.get(spike["tag"])
        if bias is None or any(spike[name] != value for name, value in bias.items()):
            self.touched |= {word for word, _ in requests}


def watched(image) -> FlitMachine:
    machine = FlitMachine(image.params)
    machine.nodes = {place: Watched(image.params) for place in machine.nodes}
    machine.load(image.load_flits())
    biases = {layer.tag: bias_address(layer) for layer in image.layers if layer.bias_axon}
    for pe in machine.nodes.values():
        pe.biases = biases
    return machine


@pytest.mark.parametrize("order", ORDERS)
def test_every_event_of_every_step_is_what_a_pe_does_that_takes_flits_literally(order):
    rng = np.random.default_rng([28, *order.encode()])
    network = random_convolutions(rng, order, 20)
    image, inputs = compile_network(network, PARAMS), random_events(rng, 2, network)
    result = run(network, inputs, params=PARAMS)
    machine, sums = watched(image), {}
    for index in range(2):
        machine.run(image.image_flits(inputs[index]))
        for work in all_work(image):
            place = work.part.x, work.part.y
            seen = [[step[name] for name in EVENTS] for step in machine.nodes[place].steps]
            np.testing.assert_array_equal(work.steps(result, index), seen)
            sums[place] = sums.get(place, 0) + np.sum(seen, axis=0)
    assert all(sum(one[EVENTS.index(name)] for one in sums.values()) > 0 for name in EVENTS[:-1])
    done = Predicted(image, result)
    for (x, y), own in sums.items():
        assert [2 * done.of_pes(name)[y, x] for name in EVENTS] == own.tolist()


def test_a_spike_for_one_tile_is_dropped_at_the_other_tiles_that_it_comes_to():
    """One PE sends 16 positions to the rectangle of both tiles of 8, each of which sees half of them."""

    def layer(filters: int, channels: int) -> Layer:
        weights = np.ones((channels, filters), np.int8)
        return Layer(weights, Neuron(1, 0, 8), window=Window(4, 4, channels, 1))

    output = Layer(np.ones((32, 2), np.int8), Neuron(100, 0, 8))
    network = Network("tiles", (layer(1, 1), layer(2, 1), output), 8, 8)
    params = dataclasses.replace(PARAMS, lanes=1, neurons=16, cols=2, rows=2)
    image = compile_network(network, params, spread=False)
    assert [len(own.slices) for own in image.layers] == [1, 2, 1]
    inputs = np.full((1, 16), NEVER, np.int16)
    inputs[0, [0, 15]] = 0
    result = run(network, inputs, params=params)
    for tile in image.layers[1].slices:
        assert tile.positions == 8
        done = dict(zip(EVENTS, Work(image, 1, tile).steps(result, 0).sum(0).tolist(), strict=True))
        assert (done["spikes"], done["updates"], done["dropped"]) == (1, 2, 1)
