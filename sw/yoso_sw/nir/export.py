"""Export: the NIR graph of a network, or why there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from yoso_sw.network.network import Layer, Network
from yoso_sw.network.neuron import KEPT, Neuron, Reset
from yoso_sw.nir.common import NirError, package, sums

#: Fields of a layer and of its neuron that `to_nir` says or refuses; any other must have its default.
KNOWN_OF_LAYER = frozenset(("weights", "neuron", "bias", "window", "pool"))
KNOWN_OF_NEURON = frozenset(
    ("threshold", "slope", "start", "end", "current", "leak", "reset", "charge"),
)


def to_nir(network: Network, dt: float = 1.0) -> Any:
    """`network` as a ``nir.NIRGraph``.

    Channels come first in NIR: an input of rows x cols positions has shape (channels, rows, cols), and the
    rows of a dense layer's weights follow that order. Arrays are float32, which holds each whole number
    exactly. What the graph does not say exactly is told by `losses`.

    Parameters
    ----------
    dt
        What a step is of the graph's time.

    Raises
    ------
    NirError
        If no node says what a layer does, or its A or V could reach a bound of the chip's adders; names all
        layers of which that is so.
    """
    nir = package()
    if obstacles := [why for i in range(len(network.layers)) for why in _unsayable(network, i)]:
        raise NirError.of(obstacles)
    window = network.layers[0].window
    shape = (network.inputs,) if window is None else (window.channels, window.rows, window.cols)
    chain: list[tuple[str, Any]] = [("input", nir.Input(np.array(shape)))]
    for i, layer in enumerate(network.layers):
        order = np.arange(layer.inputs)
        if layer.window is None and len(shape) > 1:
            channels, rows, cols = shape
            order = order.reshape(rows, cols, channels).transpose(2, 0, 1).ravel()
            chain.append((f"flatten{i}", nir.Flatten(np.array(shape), start_dim=0)))
            shape = (layer.inputs,)
        if layer.neuron.current == KEPT:
            chain.append((f"arrived{i}", nir.I(r=np.full(shape, 1 / dt, np.float32))))
        chain.append((f"weights{i}", _weights_node(nir, layer, order)))
        if layer.window is None:
            shape = (layer.neurons,)
        else:
            shape = (layer.weights.shape[1], layer.window.out_rows, layer.window.out_cols)
        chain += _neurons(nir, network, i, np.ones(shape, np.float32), dt)
    chain.append(("output", nir.Output(np.array(shape))))
    names = [name for name, _ in chain]
    subtracting = [
        f"fire{i}" for i, layer in enumerate(network.layers) if layer.neuron.reset is Reset.SUBTRACT
    ]
    metadata = {
        "name": network.name,
        "dt": dt,
        "steps": network.steps - _delay(network, len(network.layers)),
        "levels": network.levels,
        "code": network.code,
        "decision": network.decision,
        "subtract": json.dumps(subtracting),
        "weight_bits": network.weight_bits,
        "acc_bits": network.acc_bits,
        "pot_bits": network.pot_bits,
        "about": json.dumps(network.about),
    }
    return nir.NIRGraph(dict(chain), list(zip(names, names[1:], strict=False)), metadata=metadata)


def losses(network: Network) -> list[str]:
    """What the graph of a network does not say exactly, or at all, a line each."""
    lines = []
    for i, layer in enumerate(network.layers):
        neuron = layer.neuron
        for what, k in (("current", max(0, neuron.current)), ("potential", neuron.leak)):
            if k:
                lines.append(
                    f"layer {i}: its {what} loses 1/{1 << k} of itself a step, rounded up to whole numbers; "
                    "in the graph it is not rounded"
                )
        if neuron.reset is Reset.SUBTRACT:
            lines.append(
                f"layer {i}: firing subtracts the threshold, and no node says so: v_reset is 0, and the "
                f"metadata name fire{i}; its reader has to be told"
            )
    return lines


def _delay(network: Network, count: int) -> int:
    """Steps by which the answer of the first `count` layers comes later than in the graph."""
    return sum(layer.neuron.current != KEPT for layer in network.layers[:count])


def _weights_node(nir: Any, layer: Layer, order: np.ndarray) -> Any:
    """The weights of a layer; `order` (inputs,) lists a dense layer's axons as NIR numbers them.

    They are an Affine, without a bias as well, since not every tool reads Linear.
    """
    weights = layer.weights.astype(np.float32)
    filters, window = weights.shape[1], layer.window
    bias = weights[-1] if layer.bias else np.zeros(filters, np.float32)
    if window is not None:
        kernel = weights[: window.axons].reshape(window.kernel, window.kernel, window.channels, filters)
        return nir.Conv2d(
            input_shape=(window.rows, window.cols),
            weight=kernel.transpose(3, 2, 0, 1).copy(),
            stride=window.stride,
            padding=window.padding,
            dilation=1,
            groups=1,
            bias=bias,
        )
    return nir.Affine(weights[order].T.copy(), bias)


def _neurons(nir: Any, network: Network, i: int, one: np.ndarray, dt: float) -> Iterator[tuple[str, Any]]:
    """The nodes of a layer's neurons; `one` is 1 for each of them.

    A quantity that loses 1/2^k a step has the time constant 2^k dt. Of a spike a LIF or LI of resistance 1,
    which is all that some tools read, then gets 1/2^k of its weight, so its threshold is in this unit; a
    CubaLIF, or a current, has the resistance 2^k.
    """
    neuron = network.layers[i].neuron
    readout = not neuron.fires
    name = "potential" if readout else f"fire{i}"
    fires: dict[str, np.ndarray] = {}
    if not readout:
        fires = {"v_threshold": one * _threshold(neuron), "v_reset": one * _reset(network, i)}
    leak, zero = one * np.float32(1 << neuron.leak), one * 0
    if neuron.current > 0:
        current = one * np.float32(1 << neuron.current)
        if neuron.leak:
            node = nir.CubaLI if readout else nir.CubaLIF
            constants = {"tau_syn": current * dt, "tau_mem": leak * dt}
            yield name, node(**constants, r=leak, v_leak=zero, w_in=current, **fires)
            return
        yield f"current{i}", nir.LI(tau=current * dt, r=current, v_leak=zero)
    if neuron.leak:
        scaled = {name: values / leak for name, values in fires.items()}
        yield name, (nir.LI if readout else nir.LIF)(tau=leak * dt, r=one, v_leak=zero, **scaled)
    else:
        yield name, (nir.I if readout else nir.IF)(r=one / dt, **fires)


def _threshold(neuron: Neuron) -> np.float32:
    """What V has to pass to be `threshold` at least: between two whole numbers; where firing subtracts it,
    the number next to it."""
    if neuron.reset is Reset.SUBTRACT:
        return np.nextafter(np.float32(neuron.threshold), np.float32(0))
    return np.float32(neuron.threshold - 0.5)


def _reset(network: Network, i: int) -> float:
    """0, or, for neurons that fire once, a power of two, exact in any float, from which none climbs back to 0
    within an image, negated."""
    neuron = network.layers[i].neuron
    if neuron.reset is not Reset.ONCE:
        return 0.0
    highest = float(network.steps * _bounds(network, i)[1])
    if neuron.leak:
        highest /= (1 - 2.0**-neuron.leak) ** network.steps
    return -float(2.0 ** np.ceil(np.log2(max(2.0, highest + 1))))


def _bounds(network: Network, i: int) -> tuple[int, int]:
    """The lowest and the highest that an A of a layer can be."""
    layer = network.layers[i]
    low, high = (int(bound) for bound in (sums(layer.weights)[0].min(), sums(layer.weights)[1].max()))
    current = layer.neuron.current
    times = network.most_spikes(i) if current == KEPT else min(network.steps, 1 << current)
    return low * times, high * times


def _beyond_nir(neuron: Neuron, readout: bool) -> Iterator[str]:
    """What of the neuron family no node says, each with its reason."""
    if neuron.charge:
        yield f"charge={neuron.charge} makes V the current at one step; no NIR node does"
        return
    if neuron.reset is Reset.NEVER and not readout:
        yield "its reset is never, and it is not the layer whose potentials decide"
    if neuron.current == KEPT and neuron.leak:
        yield f"leak={neuron.leak} of a current that is kept; an import reads no leak behind an integrator"
    if neuron.current == KEPT and neuron.reset in (Reset.SUBTRACT, Reset.ZERO):
        yield (
            f"its reset is {neuron.reset.name.lower()}; with a current that is kept, V crosses the threshold "
            "again between steps, where NIR's IF fires in continuous time"
        )
    if neuron.slope:
        yield (
            f"it has the constant slope {neuron.slope}; no NIR node goes over from one slope to another. "
            'Only layers of slope A (slope = "psp") can be exported'
        )


def _unsayable(network: Network, i: int) -> Iterator[str]:
    """What of a layer cannot be said, a line each."""
    layer, name = network.layers[i], f"network {network.name!r}, layer {i}"
    neuron = layer.neuron
    readout = network.decision == "softmax" and i == len(network.layers) - 1
    for wrong in _beyond_nir(neuron, readout):
        yield f"{name}: {wrong}"
    for part, known in ((layer, KNOWN_OF_LAYER), (neuron, KNOWN_OF_NEURON)):
        for own in fields(part):
            value = getattr(part, own.name)
            if own.name not in known and own.default is not MISSING and value != own.default:
                yield f"{name}: {own.name}={value!r} cannot be said in NIR"
    if layer.pool:
        yield f"{name} is pooled by the earliest spike; NIR's pooling nodes sum or average"
    start = _delay(network, i + 1)
    steps = network.steps - _delay(network, len(network.layers))
    charged = network.layers[0].neuron.charge > 0  # which has been said
    if (
        not charged
        and (layer.bias_row or not readout)
        and (neuron.start, neuron.end) != (start, start + steps)
    ):
        yield (
            f"{name} fires in steps {neuron.start}..{neuron.end - 1} only; NIR has no firing windows, "
            f"so the window must be all {steps} steps of the graph, {start}..{start + steps - 1} here"
        )
    if layer.bias_axon and start:
        yield f"{name}: its bias comes at step 0, and its spikes {start} steps later than in the graph"
    yield from _clamped(network, i, name, steps, readout)


def _clamped(network: Network, i: int, name: str, steps: int, readout: bool) -> Iterator[str]:
    """Whether the chip could clamp an A or a V of a layer."""
    chip, neuron = network.chip, network.layers[i].neuron
    low, high = _bounds(network, i)
    sweeps = steps if neuron.current != KEPT else network.steps - 1
    if neuron.leak:
        sweeps = min(sweeps, 1 << neuron.leak)
    if readout:
        climb = sweeps * high
    elif neuron.reset is Reset.SUBTRACT:
        climb = high + max(neuron.threshold - 1, (sweeps - 1) * (high - neuron.threshold))
    else:
        climb = neuron.threshold - 1 + high
    fall = sweeps * low
    if low < chip.acc_min or high > chip.acc_max or fall < chip.pot_min or climb > chip.pot_max:
        yield (
            f"{name}: A may reach {low}..{high} and V {fall}..{climb}, where the chip clamps them at "
            f"{chip.acc_min}..{chip.acc_max} and {chip.pot_min}..{chip.pot_max}; NIR has no clamp"
        )
