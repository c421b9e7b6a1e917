"""Random convolutions, and networks of them in every order that a network allows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from yoso_sw.network.network import Layer, Network, Window
from yoso_sw.network.neuron import Neuron

from support.reference import of_family

#: Orders of layers: C a convolution, P a pooled one, D a dense one.
ORDERS = ("CD", "PD", "CCD", "CPD", "PCD", "DCD", "DPDD", "PPD", "CDD")


def random_window(rng: np.random.Generator, rows: int, cols: int, channels: int) -> Window:
    """A window of a kernel of 1..5, a stride of 1..3 and any padding that fits inputs of these sides."""
    while True:
        kernel, stride = int(rng.integers(1, 6)), int(rng.choice([1, 1, 2, 3]))
        window = Window(rows, cols, channels, kernel, stride, int(rng.integers(0, kernel)))
        if not [*window.faults]:
            return window


def random_layer(rng: np.random.Generator, window: Window | None, axons: int, filters: int) -> Layer:
    """A layer of random weights, none of them 0, so that each tells; most excite. Half have a bias."""
    bias = bool(rng.integers(2))
    weights = rng.integers(1, 8, (axons + bias, filters)) * rng.choice([-1, 1, 1, 1], (axons + bias, filters))
    return Layer(weights.astype(np.int8), Neuron(1, 0, 1), bias=bias, window=window)


def random_convolutions(
    rng: np.random.Generator, order: str, steps: int, *, family: bool = False, decision: str = "ttfs"
) -> Network:
    """A network of small layers in some order, whose thresholds many of its neurons reach."""
    layers = None
    while layers is None:
        layers = _layers(rng, order, steps)
    if family:
        return of_family(rng, layers, steps, 4, decision)
    if decision == "softmax":
        silent = replace(layers[-1].neuron, start=0, end=0)
        layers[-1] = replace(layers[-1], neuron=silent)
    return Network("random", tuple(layers), steps, steps // 2, decision, 4)


def _layers(rng: np.random.Generator, order: str, steps: int) -> list[Layer] | None:
    """None where a drawn window makes a map that cannot be pooled."""
    layers: list[Layer] = []
    shape = (int(rng.integers(5, 9)), int(rng.integers(5, 9)), int(rng.integers(1, 4)))
    for i, (kind, following) in enumerate(zip(order, order[1:] + "D", strict=True)):
        inputs = layers[-1].outputs if layers else int(np.prod(shape))
        if kind == "D":
            shape = (int(rng.integers(3, 6)), int(rng.integers(3, 6)), int(rng.integers(1, 3)))
            neurons = int(rng.integers(2, 9)) if following == "D" else int(np.prod(shape))
            layer = random_layer(rng, None, inputs, neurons)
        else:
            window = random_window(rng, *shape)
            layer = random_layer(rng, window, window.axons, int(rng.integers(1, 6)))
            down, across = window.out_rows, window.out_cols
            if kind == "P" and (down % 2 or across % 2):
                return None
            pool = 1 + (kind == "P")
            shape = (down // pool, across // pool, layer.weights.shape[1])
        drive = float(np.clip(layer.weights.astype(int), 0, None).sum(0).mean())
        threshold = int(rng.integers(1, max(2, int(drive * steps / (8 + 8 * i)))))
        first = int(rng.integers(0, steps // 4)) if i + 1 < len(order) else steps // 2
        neuron = Neuron(threshold, first, steps)
        layers.append(Layer(layer.weights, neuron, layer.bias, layer.window, kind == "P"))
    return layers
