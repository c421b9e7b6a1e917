"""Two references that the golden model is held against; written from docs/arithmetic.md, not from the model.

`simulate` walks through docs/arithmetic.md one neuron at a time in plain Python, saturation included.
`closed_form` never steps at all: it evaluates equation 8 of the paper for every step at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from yoso_hw.params import ChipParams
from yoso_sw.network.network import NEVER, Layer, Network
from yoso_sw.network.neuron import Neuron


@dataclass
class Outcome:
    """One image; lists a layer, as in `yoso_sw.network.vectors.Case`."""

    decision: int
    decision_step: int
    spiked: bool
    last: int
    steps: list[list[int]]
    potentials: list[list[int]]
    accumulated: list[list[int]]
    spikes_in: list[int]


def simulate(network: Network, inputs: np.ndarray, params: ChipParams, early_exit: bool) -> Outcome:
    """One image (steps, shape (inputs,)), as docs/arithmetic.md says it."""

    def clamp(value: int, low: int, high: int) -> int:
        return low if value < low else high if value > high else value

    sizes = [layer.neurons for layer in network.layers]
    a, v, fired = ([[start] * n for n in sizes] for start in (0, 0, NEVER))
    spikes_in = [0] * len(sizes)
    winner = None
    for t in range(network.steps):
        for index, layer in enumerate(network.layers):
            for j in range(layer.neurons):
                if fired[index][j] != NEVER:
                    continue
                x = a[index][j]
                if layer.neuron.slope and t >= layer.neuron.start:
                    x = layer.neuron.slope
                v[index][j] = clamp(v[index][j] + x, params.pot_min, params.pot_max)
                if layer.neuron.start <= t < layer.neuron.end and v[index][j] >= layer.neuron.threshold:
                    fired[index][j] = t
        for index, layer in enumerate(network.layers):
            sources = list(inputs) if index == 0 else list(fired[index - 1])
            sources += [0] * layer.bias
            for i, step in enumerate(sources):
                if step == t:
                    spikes_in[index] += 1
                    for j in range(layer.neurons):
                        total = a[index][j] + int(layer.weights[i, j])
                        a[index][j] = clamp(total, params.acc_min, params.acc_max)
        if winner is None:
            ranked = sorted((-v[-1][j], j) for j in range(sizes[-1]) if fired[-1][j] == t)
            if ranked:
                winner = (ranked[0][1], t)
        if winner is not None and early_exit:
            break
    if winner is None:
        best = max(range(sizes[-1]), key=lambda j: (v[-1][j], -j))
        return Outcome(best, network.steps - 1, False, t, fired, v, a, spikes_in)
    return Outcome(*winner, True, t, fired, v, a, spikes_in)


def closed_form(layer: Layer, arrivals: np.ndarray, total: int) -> tuple[np.ndarray, np.ndarray]:
    """Spike steps and firing (or final) potentials of an unsaturated ReL-PSP layer.

    V_j(t) = sum_i w_ij max(0, t - t_i) for t < `total` (paper, eq. 8), `arrivals` int (axons,) with the bias;
    a neuron fires at the first t of its window with V_j(t) >= theta.
    """
    t = np.arange(total)
    kernel = np.where(
        arrivals[:, None] == NEVER, 0, np.maximum(0, t[None, :] - arrivals[:, None].astype(int))
    )
    v = layer.weights.T.astype(np.int64) @ kernel
    may_fire = (v >= layer.neuron.threshold) & (t >= layer.neuron.start) & (t < layer.neuron.end)
    fires = may_fire.any(axis=1)
    steps = np.where(fires, may_fire.argmax(axis=1), NEVER)
    held = v[np.arange(layer.neurons), np.where(fires, steps, total - 1)]
    return steps, held


def random_network(
    rng: np.random.Generator,
    sizes: list[int],
    steps: int,
    *,
    weight_bits: int = 4,
    decision: str = "ttfs",
    slopes: bool = False,
    biases: bool = True,
    excess: float = 0.4,
) -> Network:
    """A network of random weights with thresholds that about half of the neurons reach."""
    limit = 1 << (weight_bits - 1)
    layers = []
    for inputs, neurons in zip(sizes, sizes[1:], strict=False):
        bias = bool(biases and rng.integers(2))
        weights = np.clip(
            rng.normal(excess * limit / 2, limit / 2, (inputs + bias, neurons)), -limit, limit - 1
        )
        start = int(rng.integers(0, max(1, steps // 3))) if rng.integers(2) else 0
        end = steps - (int(rng.integers(0, steps // 4 + 1)) if rng.integers(2) else 0)
        slope = int(rng.integers(1, limit)) if slopes and rng.integers(2) else 0
        threshold = int(rng.integers(1, max(2, inputs * limit)))
        if slope:  # inputs prime V until the window opens, then it climbs by the slope
            start = steps // 2 if layers else steps // 4
            threshold = int(rng.integers(1, max(2, slope * steps // 2)))
        layers.append(Layer(weights.astype(np.int8), Neuron(threshold, start, end, slope), bias=bias))
    if decision == "softmax":
        last = layers[-1]
        layers[-1] = Layer(last.weights, Neuron(last.neuron.threshold, 0, 0, 0), bias=last.bias)
    return Network("random", tuple(layers), steps, min(steps, 256), decision, weight_bits)


def random_inputs(
    rng: np.random.Generator, images: int, network: Network, density: float = 0.6
) -> np.ndarray:
    """int16 (images, inputs): steps of the first two thirds of an image, some silent."""
    steps = rng.integers(0, max(1, network.steps * 2 // 3), (images, network.inputs))
    return np.where(rng.random(steps.shape) < density, steps, NEVER).astype(np.int16)
