"""A layer in real numbers, as a NIR graph says it, and what a chain of them does step by step.

Time goes as on the chip (docs/arithmetic.md): the sweeps of a step, then its spikes. Leaks are shares, and
nothing is rounded or clamped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from yoso_hw.registers import Reset

from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.neuron import Neuron


@dataclass(frozen=True, eq=False)
class RealLayer:
    """One layer.

    Parameters
    ----------
    called
        The node that says what its neurons do.
    weights
        float64 (axons, neurons), as in `network.Layer`; what the neurons' resistances and a step's length
        make of a weight is in it.
    bias, window
        As in `network.Layer`.
    kept
        The share of the current that a step leaves: 1 all, 0 nothing.
    leak
        The share of V that a step takes.
    reset
        What firing does.
    threshold
        A neuron fires with V above it; of a readout it is without meaning.
    start, end
        Its window, in steps of the chip.
    spikes
        The spikes of an axon, all of which the current may hold at once, at most.
    unit
        What a weight of 1 of the graph is here, but for what is not alike for all neurons.
    """

    called: str
    weights: np.ndarray
    bias: bool
    window: Window | None
    kept: float
    leak: float
    reset: Reset
    threshold: float
    start: int
    end: int
    spikes: float = 1
    unit: float = 1


@dataclass(frozen=True, eq=False)
class Course:
    """What layers did: per layer who fired, bool (images, T, neurons), and V after each sweep, float64."""

    fired: tuple[np.ndarray, ...]
    potentials: tuple[np.ndarray, ...]


def run(
    layers: tuple[RealLayer, ...],
    inputs: np.ndarray,
    forced: tuple[np.ndarray, ...] | None = None,
) -> Course:
    """Run images, bool (images, T, inputs).

    `forced` are the spikes of each layer, which then fires just these: what is left is how V goes.
    """
    images, steps = inputs.shape[:2]
    matrices, biases = zip(*(_dense(layer) for layer in layers), strict=True)
    a = [np.zeros((images, matrix.shape[1])) for matrix in matrices]
    v = [own.copy() for own in a]
    done = [np.zeros(own.shape, bool) for own in a]
    fired = tuple(np.zeros((images, steps, own.shape[1]), bool) for own in a)
    potentials = tuple(np.zeros((images, steps, own.shape[1])) for own in a)
    for t in range(steps):
        for i, layer in enumerate(layers):
            v[i] = np.where(done[i], v[i], v[i] * (1 - layer.leak) + a[i])
            if forced is not None:
                fires = forced[i][:, t]
            else:
                open_now = layer.reset is not Reset.NEVER and layer.start <= t < layer.end
                fires = (v[i] > layer.threshold) & ~done[i] & open_now
            if layer.reset is Reset.ONCE:
                done[i] |= fires
            elif layer.reset is Reset.SUBTRACT:
                v[i] = v[i] - fires * layer.threshold
            else:
                v[i] = np.where(fires, 0, v[i])
            fired[i][:, t], potentials[i][:, t] = fires, v[i]
            a[i] = a[i] * layer.kept
            if t == 0 if layer.kept == 1 else layer.start <= t + 1 < layer.end:
                a[i] = a[i] + biases[i]
        for i, matrix in enumerate(matrices):
            a[i] = a[i] + (fired[i - 1] if i else inputs)[:, t] @ matrix
    return Course(fired, potentials)


def _dense(layer: RealLayer) -> tuple[np.ndarray, np.ndarray]:
    """Its weights without the bias, and its bias, as those of a dense layer."""
    dense = Layer(layer.weights, Neuron(1, 0, 0), layer.bias, layer.window).unrolled().weights
    return (dense[:-1], dense[-1]) if layer.bias else (dense, np.zeros(dense.shape[1]))
