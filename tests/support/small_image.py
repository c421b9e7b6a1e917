"""A small network with biases, and the chip of six PEs that its weight image is for."""

import numpy as np
from yoso_hw.params import ChipParams
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron

PARAMS = ChipParams(
    cols=3, rows=2, lanes=2, neurons=8, weights=64, acc_bits=12, pot_bits=16, steps=32, layers=4
)


def small_network() -> Network:
    rng = np.random.default_rng(5)
    weights = [rng.integers(-20, 20, shape).astype(np.int8) for shape in ((7, 5), (6, 3))]
    return Network(
        "small",
        (
            Layer(weights[0], Neuron(9, 0, 20, 0), bias=True),
            Layer(weights[1], Neuron(8, 2, 19, 3), bias=True),
        ),
        20,
        16,
    )
