"""Chips of the chip-level benches, and random networks that fit them."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory, chunks
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.flits import rectangle_fields
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.neuron import Neuron
from yoso_sw.network.vectors import Vector, load_vectors

from support import reference

VECTORS = Path(__file__).parents[1] / "vectors"

_SMALL = {"neurons": 16, "weights": 256, "steps": 32, "layers": 4, "classes": 16}

#: Besides these, every chip of a frozen vector is a chip of the benches: 2 x 2 and 3 x 2, all lane counts.
CHIPS = {
    "1 x 1": ChipParams(**_SMALL, cols=1, rows=1),
    "1 x 2, one lane": ChipParams(**_SMALL, cols=1, rows=2, lanes=1, acc_bits=10, pot_bits=14),
    "2 x 1, banked": ChipParams(**_SMALL, cols=2, rows=1, lanes=2, banked=True),
    "3 x 2, unicast, bus": ChipParams(
        **_SMALL, cols=3, rows=2, pot_bits=23, multicast=False, router="bus", spike_fifo=2
    ),
    "2 x 1, family": ChipParams(
        **_SMALL, cols=2, rows=1, lanes=2, weight_bits=4, acc_bits=9, pot_bits=9, neuron="all"
    ),
    "2 x 2, convolution": ChipParams(
        **_SMALL, cols=2, rows=2, lanes=2, weight_bits=4, acc_bits=9, pot_bits=11, neuron="all", side=9
    ),
}

_MAPS = {"neurons": 128, "weights": 512, "steps": 32, "layers": 6, "classes": 16, "lanes": 2, "side": 20}

#: Chips for corner cases of convolution: of neurons that fire once, and of the family in either memories.
MAPS = {
    "2 x 1, maps": ChipParams(**_MAPS, cols=2, rows=1, weight_bits=4, acc_bits=9, pot_bits=11, neuron="all"),
    "2 x 1, maps, banked": ChipParams(**_MAPS, cols=2, rows=1, banked=True, router="bus"),
    "3 x 2, maps": ChipParams(**_MAPS, cols=3, rows=2),
}


def vectors(params: ChipParams | None = None) -> list[Vector]:
    """The frozen vectors that compile; with `params`, those for that chip."""
    found = [vector for vector in load_vectors(VECTORS) if vector.compiles]
    return [vector for vector in found if params is None or vector.params == params]


def vector_chips() -> dict[str, ChipParams]:
    """Every chip of a frozen vector, by a name for the test."""
    chips = {vector.params: vector.params for vector in vectors()}
    return {
        f"{p.cols} x {p.rows}, lanes={p.lanes}, A and V of {p.acc_bits} and {p.pot_bits} bits": p
        for p in chips
    }


def random_layer(rng: random.Random, params: ChipParams, inputs: int, neurons: int, steps: int) -> Layer:
    """A layer of random weights, window and slope whose neurons are likely to fire at many steps."""
    bias = rng.random() < 0.5
    top = rng.choice([1, 3, params.weight_max])
    weights = np.array(
        [[rng.randint(-top, top) + rng.randint(0, 1) for _ in range(neurons)] for _ in range(inputs + bias)]
    )
    start = rng.randint(0, steps // 2)
    return Layer(
        weights=weights.clip(params.weight_min, params.weight_max).astype(np.int8),
        neuron=Neuron(
            threshold=rng.randint(1, max(1, min(params.pot_max, top * inputs))),
            slope=rng.choice([0, 0, rng.randint(1, min(20, params.pot_max))]),
            start=rng.choice([0, start]),
            end=rng.choice([steps, rng.randint(start, steps)]),
        ),
        bias=bias,
    )


def random_network(rng: random.Random, params: ChipParams) -> tuple[Network, WeightImage]:
    """A random network that compiles for the chip, with its image; on chips for them often a convolution."""
    if params.side and rng.random() < 0.7:
        return convolution_network(rng, params)
    while True:
        steps = rng.randint(2, min(24, params.steps))
        sizes = [rng.randint(1, 12) for _ in range(rng.randint(2, min(4, params.layers)))]
        layers = [random_layer(rng, params, m, n, steps) for m, n in zip(sizes, sizes[1:], strict=False)]
        decision = rng.choice(["ttfs", "ttfs", "softmax"])
        if decision == "softmax":
            last = layers[-1]
            layers[-1] = Layer(
                last.weights,
                Neuron(last.neuron.threshold, 0, 0, slope=last.neuron.slope),
                bias=last.bias,
            )
        try:
            network = Network("random", tuple(layers), steps, 1, decision, params.weight_bits)
            return network, compile_network(network, params, spread=rng.random() < 0.5)
        except (NetworkError, CompileError):
            continue


def convolution_network(rng: random.Random, params: ChipParams) -> tuple[Network, WeightImage]:
    """A random convolution, pooled where it can be, before a dense layer, with its image."""
    while True:
        steps, padding = rng.randint(4, min(24, params.steps)), rng.choice([0, 0, 1])
        rows, cols, channels = (
            rng.randint(2, params.side - 1),
            rng.randint(2, params.side - 1),
            rng.randint(1, 2),
        )
        kernel = rng.randint(1, min(rows, cols, 4))
        window = Window(rows, cols, channels, kernel, rng.choice([1, 1, 2]), padding)
        plain = random_layer(rng, params, window.axons, rng.randint(1, 2 * params.lanes + 1), steps)
        pool = window.out_rows % 2 == window.out_cols % 2 == 0
        threshold = rng.randint(1, max(1, min(params.pot_max, 3 * window.axons)))
        neuron = replace(plain.neuron, threshold=threshold)
        first = replace(plain, neuron=neuron, window=window, pool=pool)
        try:
            last = random_layer(rng, params, first.outputs, rng.randint(2, 5), steps)
            network = Network("random", (first, last), steps, 1, "ttfs", params.weight_bits)
            return network, compile_network(network, params, spread=rng.random() < 0.5)
        except (NetworkError, CompileError):
            continue


def family_network(rng: np.random.Generator, params: ChipParams) -> tuple[Network, WeightImage]:
    """A random network of the neuron family that compiles for the chip, with its image."""
    while True:
        sizes = rng.integers(2, 13, rng.integers(2, min(params.layers, params.nodes + 1) + 1)).tolist()
        decision = ("count", "softmax", "ttfs")[rng.integers(3)]
        steps = int(rng.integers(4, min(15, params.steps)))
        try:
            network = reference.random_network(
                rng, sizes, steps, weight_bits=params.weight_bits, decision=decision, family=True
            )
            return network, compile_network(network, params)
        except (NetworkError, CompileError):
            continue


def long_network(rng: random.Random, params: ChipParams) -> tuple[Network, WeightImage]:
    """A network without a slope that takes every step the chip counts, with its image."""
    weights = np.array([[rng.randint(-1, 1) for _ in range(3)] for _ in range(4)], np.int8)
    layer = Layer(weights, Neuron(threshold=min(params.pot_max, 20), start=0, end=params.steps))
    network = Network("long", (layer,), params.steps, 1, "ttfs", params.weight_bits)
    return network, compile_network(network, params)


def random_inputs(rng: random.Random, network: Network, count: int) -> np.ndarray:
    """Input steps, int16 (count, inputs); some images silent, some all at once."""
    inputs = np.full((count, network.inputs), NEVER, np.int16)
    for image in inputs:
        active, last = rng.choice([0.0, 0.5, 0.9, 1.0]), rng.randint(1, network.steps)
        for i in range(network.inputs):
            if rng.random() < active:
                image[i] = rng.randrange(last)
    return inputs


def start_flit(packets: Packets, steps: int, early: int = 0) -> int:
    """START of an image whose spikes are not counted."""
    count = {"count": 0} if packets.params.neuron == "all" else {}
    return packets.pack("START", steps=steps, early=early, **count)


def write_words(packets: Packets, x: int, y: int, memory: Memory, words: list[int]) -> list[int]:
    """SEEK to word 0 of a memory of one node and WRITE the words, of any width."""
    return _write(packets, rectangle_fields((x, x, y, y)), memory, 0, words)


def write_everywhere(packets: Packets, memory: Memory, address: int, words: list[int]) -> list[int]:
    """The same for all nodes at once, from `address` up."""
    params = packets.params
    return _write(packets, rectangle_fields((0, params.cols - 1, 0, params.rows - 1)), memory, address, words)


def _write(packets: Packets, to: dict[str, int], memory: Memory, address: int, words: list[int]) -> list[int]:
    flits = [packets.pack("SEEK", **to, memory=memory, address=address)]
    for word in words:
        for chunk in range(chunks(packets.params, memory)):
            flits.append(packets.pack("WRITE", **to, data=word >> (16 * chunk) & 0xFFFF))
    return flits
