"""A small network on a small chip, and the kit whose testbench runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from yoso_hw.kit.write import Trial, write
from yoso_hw.params import ChipParams
from yoso_sim.commands.rtl import decided
from yoso_sw.compile.compiler import compile_network
from yoso_sw.network.network import Layer, Network
from yoso_sw.network.neuron import Neuron

CHIP = {"cols": 2, "rows": 1, "lanes": 2, "neurons": 8, "weights": 128, "weight_bits": 4, "acc_bits": 10}
CHIP |= {"pot_bits": 14, "layers": 4, "classes": 8, "steps": 16}
PARAMS = ChipParams(**CHIP)


def network() -> Network:
    """16-6-3 with random weights."""
    rng = np.random.default_rng(1)
    hidden = Layer(rng.integers(-6, 8, (16, 6)).astype(np.int8), Neuron(threshold=30, start=0, end=16))
    output = Layer(rng.integers(-7, 8, (6, 3)).astype(np.int8), Neuron(threshold=40, start=0, end=16))
    return Network("small", (hidden, output), steps=16, levels=8, decision="ttfs", weight_bits=4)


def images(count: int = 40) -> np.ndarray:
    """Noise, uint8 (count, 16)."""
    return np.random.default_rng(2).integers(0, 256, (count, 16)).astype(np.uint8)


def make(folder: Path) -> Path:
    """A kit with a testbench."""
    own = network()
    trial = Trial(**decided(own, compile_network(own, PARAMS), images(1)), image=0)
    write(PARAMS, folder, about="a small chip", trial=trial)
    return folder
