"""Random convolutions: every kernel of 1 to 5, stride of 1 to 3 and padding, on odd and oblong maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron, Reset

from support.reference import RESETS, random_kind


def random_window(
    rng: np.random.Generator, channels: int = 0, sides: tuple[int, ...] = (1, 2, 3, 4)
) -> Window:
    """A window with positions of `sides`, rows and columns that no position sees among its inputs.

    `channels` 0: one to three.
    """
    kernel, stride = int(rng.integers(1, 6)), int(rng.integers(1, 4))
    padding = int(rng.integers(kernel)) if rng.integers(2) else 0
    rows, cols = (
        (int(rng.choice(sides)) - 1) * stride + kernel - 2 * padding + int(rng.integers(stride))
        for _ in range(2)
    )
    if min(rows, cols) < 1:
        return random_window(rng, channels, sides)
    return Window(rows, cols, channels or int(rng.integers(1, 4)), kernel, stride, padding)


def window_over(rng: np.random.Generator, rows: int, cols: int, channels: int) -> Window:
    """A window whose inputs are these."""
    while True:
        kernel, stride = int(rng.integers(1, 6)), int(rng.integers(1, 4))
        window = Window(rows, cols, channels, kernel, stride, int(rng.integers(kernel)))
        if not list(window.faults):
            return window


def random_layer(rng: np.random.Generator, window: Window, steps: int, *, first: bool, family: bool) -> Layer:
    """A convolution of 1 to 4 filters, pooled where it can be, one in two; a legal neuron if `family`."""
    filters, bias = int(rng.integers(1, 5)), bool(rng.integers(2))
    weights = np.clip(rng.normal(1.2, 4, (window.axons + bias, filters)), -8, 7).astype(np.int8)
    neuron = Neuron(int(rng.integers(4, 60)), int(rng.integers(0, 4)), steps - int(rng.integers(0, 3)))
    if family:
        resets = (Reset.ONCE, Reset.SUBTRACT, Reset.ZERO)
        neuron = random_kind(rng, neuron, steps, resets, charge=first, bias=bias)
    pool = window.out_rows % 2 == window.out_cols % 2 == 0 and bool(rng.integers(2))
    return Layer(weights, neuron, bias=bias, window=window, pool=pool)


def random_convolutional(rng: np.random.Generator, steps: int = 14, *, family: bool = True) -> Network:
    """One or two convolutions and a dense output; its neurons of the family, or all the paper's."""
    even = (2, 4) if rng.integers(2) else (1, 2, 3, 4)
    layers = [random_layer(rng, random_window(rng, sides=even), steps, first=True, family=family)]
    if rng.integers(3) == 0:
        before, side = layers[0], 2 if layers[0].pool else 1
        assert before.window is not None
        rows, cols = before.window.out_rows // side, before.window.out_cols // side
        window = window_over(rng, rows, cols, before.weights.shape[1])
        layers.append(random_layer(rng, window, steps, first=False, family=family))
    decision = ("ttfs", "softmax", "count")[rng.integers(3 if family else 2)]
    weights = np.clip(rng.normal(1, 4, (layers[-1].outputs, 3)), -8, 7).astype(np.int8)
    resets = RESETS[decision]
    output = Neuron(int(rng.integers(4, 30)), 0, steps, reset=resets[rng.integers(len(resets))])
    if decision == "softmax" and not family:
        output = Neuron(1, 0, 0)
    layers.append(Layer(weights, output))
    q = layers[0].neuron.charge
    code, levels = ("ttfs", q or steps * 2 // 3) if q or not family else ("events", steps * 2 // 3)
    return Network("random convolutional", tuple(layers), steps, levels, decision, 4, code=code)


def unrolled(network: Network) -> Network:
    """The dense network with the same neurons; pooling stays behind, so no layer may have it."""
    assert not any(layer.pool for layer in network.layers)
    return replace(network, layers=tuple(layer.unrolled() for layer in network.layers))
