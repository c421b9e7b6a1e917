"""Export: the NIR graph of a network, or why there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

import numpy as np
from yoso_hw.params import ChipParams

from yoso_sw.network.network import Layer, Network
from yoso_sw.network.neuron import CLEARED, Neuron, Reset
from yoso_sw.nir.common import NirError, package, sums

#: Fields of a layer and of its neuron that `to_nir` says or refuses; any other must have its default.
KNOWN_OF_LAYER = frozenset(("weights", "neuron", "bias", "window", "pool"))
KNOWN_OF_NEURON = frozenset(
    ("threshold", "slope", "start", "end", "current", "leak", "reset", "charge"),
)


def to_nir(network: Network) -> Any:
    """`network` as a ``nir.NIRGraph``.

    Channels come first in NIR: an input of rows x cols positions has shape (channels, rows, cols), and the
    rows of a dense layer's weights follow that order. Arrays are float32, which holds each number exactly.

    Raises
    ------
    NirError
        If no node says what a layer does, or its A or V could reach a bound of the default chip's adders.
    """
    nir = package()
    if network.code != "ttfs" or network.decision == "count":
        raise NirError(
            f"network {network.name!r}: inputs of code {network.code} and decision {network.decision}; "
            "NIR files have those of code ttfs and decisions ttfs or softmax"
        )
    window = network.layers[0].window
    shape = (network.inputs,) if window is None else (window.channels, window.rows, window.cols)
    chain: list[tuple[str, Any]] = [("input", nir.Input(np.array(shape)))]
    for i, layer in enumerate(network.layers):
        _check_sayable(network, i)
        order = np.arange(layer.inputs)
        if layer.window is None and len(shape) > 1:
            channels, rows, cols = shape
            order = order.reshape(rows, cols, channels).transpose(2, 0, 1).ravel()
            chain.append((f"flatten{i}", nir.Flatten(np.array(shape), start_dim=0)))
            shape = (layer.inputs,)
        chain.append((f"arrived{i}", nir.I(r=np.ones(shape, np.float32))))
        chain.append((f"weights{i}", _weights_node(nir, layer, order)))
        if layer.window is None:
            shape = (layer.neurons,)
        else:
            shape = (layer.weights.shape[1], layer.window.out_rows, layer.window.out_cols)
        r = np.ones(shape, np.float32)
        if network.decision == "softmax" and i == len(network.layers) - 1:
            chain.append(("potential", nir.I(r=r)))
        else:
            fire = nir.IF(
                r=r, v_threshold=r * (layer.neuron.threshold - 0.5), v_reset=r * _silencing(network, i)
            )
            chain.append((f"fire{i}", fire))
    chain.append(("output", nir.Output(np.array(shape))))
    names = [name for name, _ in chain]
    metadata = {
        "name": network.name,
        "dt": 1.0,
        "steps": network.steps,
        "levels": network.levels,
        "decision": network.decision,
        "weight_bits": network.weight_bits,
        "about": json.dumps(network.about),
    }
    return nir.NIRGraph(dict(chain), list(zip(names, names[1:], strict=False)), metadata)


def _weights_node(nir: Any, layer: Layer, order: np.ndarray) -> Any:
    """The weights of a layer; `order` (inputs,) lists a dense layer's axons as NIR numbers them."""
    weights = layer.weights.astype(np.float32)
    filters, window = weights.shape[1], layer.window
    bias = weights[-1] if layer.bias else np.zeros(filters, np.float32)
    if window is not None:
        kernel = weights[: window.axons].reshape(window.kernel, window.kernel, window.channels, filters)
        return nir.Conv2d(
            input_shape=(window.rows, window.cols),
            weight=kernel.transpose(3, 2, 0, 1).copy(),
            stride=1,
            padding=0,
            dilation=1,
            groups=1,
            bias=bias,
        )
    matrix = weights[order].T.copy()
    return nir.Affine(matrix, bias) if layer.bias else nir.Linear(matrix)


def _beyond_rel_psp(neuron: Neuron, silent: bool) -> Iterator[str]:
    """What of the neuron family keeps a neuron from being said, each with its reason.

    `silent` neurons are a layer's whose potentials decide, so that never firing is what is said of them.
    """
    if neuron.current > 0:
        yield f"current={neuron.current} loses whole numbers, rounded up; a NIR current decays by a fraction"
    if neuron.leak:
        yield f"leak={neuron.leak} takes whole numbers, rounded up; a NIR potential leaks by a fraction"
    if neuron.charge:
        yield f"charge={neuron.charge} makes V the current at one step; no NIR node does"
    if neuron.current == CLEARED:
        yield "its current is cleared: a spike acts on V once; here a layer integrates its spikes before"
    if neuron.reset is Reset.SUBTRACT:
        yield "its reset is subtract; NIR's IF sets V to v_reset"
    if neuron.reset is Reset.ZERO:
        yield (
            "its reset is zero; with a current that is kept, V crosses the threshold again between steps, "
            "where NIR's IF fires in continuous time"
        )
    if neuron.reset is Reset.NEVER and not silent:
        yield "its reset is never, and it is not the layer whose potentials decide"


def _silencing(network: Network, i: int) -> float:
    """A power of two, exact in any float, from which no V climbs back to 0 within an image, negated."""
    highest = (network.steps - 1) * int(sums(network.layers[i].weights)[1].max())
    return -float(1 << max(1, highest).bit_length())


def _check_sayable(network: Network, i: int) -> None:
    layer, name = network.layers[i], f"network {network.name!r}, layer {i}"
    neuron = layer.neuron
    silent = network.decision == "softmax" and i == len(network.layers) - 1
    for wrong in _beyond_rel_psp(neuron, silent):
        raise NirError(f"{name}: {wrong}")
    for part, known in ((layer, KNOWN_OF_LAYER), (neuron, KNOWN_OF_NEURON)):
        for own in fields(part):
            value = getattr(part, own.name)
            if own.name not in known and own.default is not MISSING and value != own.default:
                raise NirError(f"{name}: {own.name}={value!r} cannot be said in NIR")
    if neuron.slope:
        raise NirError(
            f"{name} has the constant slope {neuron.slope}; no NIR node goes over from one slope to another. "
            'Only layers of slope A (slope = "psp") can be exported'
        )
    if layer.pool:
        raise NirError(f"{name} is pooled by the earliest spike; NIR's pooling nodes sum or average")
    if not silent and (neuron.start, neuron.end) != (0, network.steps):
        raise NirError(
            f"{name} fires in steps {neuron.start}..{neuron.end - 1} only; NIR has no firing windows, "
            f"so the window must be all {network.steps} steps"
        )
    chip = ChipParams()
    low, high = (int(bound) for bound in (sums(layer.weights)[0].min(), sums(layer.weights)[1].max()))
    climb = (network.steps - 1) * high if silent else neuron.threshold - 1 + high
    fall = (network.steps - 1) * low
    if low < chip.acc_min or high > chip.acc_max or fall < chip.pot_min or climb > chip.pot_max:
        raise NirError(
            f"{name}: A may reach {low}..{high} and V {fall}..{climb}, where the chip clamps them at "
            f"{chip.acc_min}..{chip.acc_max} and {chip.pot_min}..{chip.pot_max}; NIR has no clamp"
        )
