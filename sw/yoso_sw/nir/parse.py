"""Import: the network that a NIR graph means, or the node that keeps it from being one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from yoso_sw.network.network import Layer, Network, Window
from yoso_sw.network.neuron import Neuron
from yoso_sw.nir.common import NirError, sums

_LEAKS = "it leaks; ReL-PSP integrates without a leak"
_SUMS = "it sums spikes; pooling passes the earliest on"

#: Why a node cannot be imported.
REASONS = {
    "LI": _LEAKS,
    "LIF": _LEAKS,
    "CubaLI": _LEAKS,
    "CubaLIF": _LEAKS,
    "SumPool2d": _SUMS,
    "AvgPool2d": _SUMS,
    "NIRGraph": "a graph within a graph; flatten it first",
    "Input": "a second input",
    "Output": "a second output",
}


def from_nir(
    graph: Any,
    *,
    name: str | None = None,
    steps: int | None = None,
    levels: int | None = None,
    weight_bits: int | None = None,
) -> Network:
    """The network that a ``nir.NIRGraph`` says.

    The integrator may stand before the weights, as `to_nir` writes it, or after them where there is no bias.

    Parameters
    ----------
    name, steps, levels, weight_bits
        As in `Network`; what is not given is taken from the graph's metadata. `weight_bits` is 8 where
        neither says it.

    Raises
    ------
    NirError
        If a node is no part of a ReL-PSP layer, or its numbers are not those of one; names node and type.
    NetworkError
        If the parts do not fit together.
    """
    metadata = graph.metadata
    steps = _told(metadata, "steps", steps)
    chain = _chain(graph)
    reader = _Reader(steps)
    for label, node in chain:
        reader.take(label, node)
    if weight_bits is None and "weight_bits" not in metadata:
        weight_bits = 8
    return Network(
        name=name or str(metadata.get("name", "nir")),
        layers=tuple(reader.layers),
        steps=steps,
        levels=_told(metadata, "levels", levels),
        decision="softmax" if reader.potential else "ttfs",
        weight_bits=_told(metadata, "weight_bits", weight_bits),
        about=_about(metadata),
    )


def _told(metadata: dict[str, Any], key: str, given: int | None) -> int:
    """A whole number that is given, or else in the metadata."""
    if given is not None:
        return given
    option = "--bits" if key == "weight_bits" else f"--{key}"
    if key not in metadata:
        raise NirError(f"the graph's metadata do not say {key}; give {option}")
    try:
        return int(metadata[key])
    except (TypeError, ValueError):
        raise NirError(
            f"the graph's metadata say {key}={metadata[key]!r}, no whole number; give {option}"
        ) from None


def _about(metadata: dict[str, Any]) -> dict[str, Any]:
    try:
        about = json.loads(metadata.get("about", "{}"))
    except (TypeError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _called(label: str, node: Any) -> str:
    return f"node {label!r} ({type(node).__name__})"


def _chain(graph: Any) -> Iterator[tuple[str, Any]]:
    """Nodes with their names from the input to the output. Raises `NirError` for any other shape of graph."""
    after: dict[str, list[str]] = {label: [] for label in graph.nodes}
    before: dict[str, list[str]] = {label: [] for label in graph.nodes}
    for source, target in graph.edges:
        after[source].append(target)
        before[target].append(source)
    for label, node in graph.nodes.items():
        for neighbours, side in ((before, "inputs"), (after, "outputs")):
            if len(neighbours[label]) > 1:
                raise NirError(
                    f"{_called(label, node)} has {len(neighbours[label])} {side}, "
                    f"{', '.join(map(repr, neighbours[label]))}; a network is one chain, without branches "
                    "and recurrence"
                )
    starts = [label for label, node in graph.nodes.items() if type(node).__name__ == "Input"]
    if len(starts) != 1:
        raise NirError(f"the graph has {len(starts)} Input nodes; a network has one")
    path = starts
    while following := after[path[-1]]:
        path.append(following[0])
    for label, node in graph.nodes.items():
        if label not in path:
            raise NirError(f"{_called(label, node)} is not on the way from {path[0]!r} to {path[-1]!r}")
    return ((label, graph.nodes[label]) for label in path)


class _Reader:
    """Puts layers together from the nodes of a chain, which `take` gets one by one.

    Attributes
    ----------
    layers
        Those that are whole.
    potential
        Whether the last layer's output is its potential.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.layers: list[Layer] = []
        self.potential = False
        self.shape: tuple[int, ...] = ()  # of the spikes that reach the next layer, channels first
        self._restart()

    def _restart(self) -> None:
        self.arrived = False  # whether spikes have been integrated, and so A is there
        self.flat = False
        self.weights: tuple[str, Any] | None = None
        self.matrix = np.empty((0, 0), np.int8)
        self.bias = False
        self.window: Window | None = None

    def take(self, label: str, node: Any) -> None:
        kind, called = type(node).__name__, _called(label, node)
        if self.potential and kind != "Output":
            raise NirError(f"{called} follows a potential; only the output may be one")
        if kind == "Input":
            if self.shape:
                raise NirError(f"{called}: {REASONS[kind]}")
            self.shape = tuple(int(side) for side in node.input_type["input"])
        elif kind == "Flatten":
            self._flatten(called, node)
        elif kind in ("Linear", "Affine", "Conv2d"):
            self._weigh(label, called, node)
        elif kind == "I":
            self._integrate(called, node)
        elif kind == "IF":
            self._fire(called, node)
        elif kind == "Output":
            if self.weights is not None or self.arrived or self.flat or not self.layers:
                raise NirError(
                    f"{called} follows no IF and no potential; the last layer of a network spikes (IF) "
                    "or integrates its A (I)"
                )
        else:
            raise NirError(f"{called}: {REASONS.get(kind, 'no part of a ReL-PSP layer says this')}")

    def _flatten(self, called: str, node: Any) -> None:
        if self.weights is not None or self.flat:
            raise NirError(f"{called} stands after the weights; it may stand before a dense layer only")
        if tuple(np.ravel(node.output_type["output"])) != (int(np.prod(self.shape)),):
            raise NirError(f"{called} keeps some of the dimensions {self.shape}; it must merge them all")
        self.flat = True

    def _weigh(self, label: str, called: str, node: Any) -> None:
        if self.weights is not None:
            raise NirError(
                f"{called} follows {_called(*self.weights)}; a layer has one set of weights, then neurons"
            )
        self.weights = label, node
        weight = np.asarray(node.weight)
        if type(node).__name__ == "Conv2d":
            self._convolve(called, node, weight)
            matrix = weight.transpose(2, 3, 1, 0).reshape(-1, len(weight))
        elif weight.ndim != 2:
            raise NirError(f"{called}: weights have shape {weight.shape}; they must be a matrix")
        else:
            matrix = weight.T
            if len(matrix) != int(np.prod(self.shape)):
                raise NirError(f"{called} has {len(matrix)} inputs and gets {self.shape}")
            if len(self.shape) > 1:
                if not self.flat:
                    raise NirError(f"{called} gets {self.shape}; a Flatten node must come first")
                matrix = matrix[np.arange(len(matrix)).reshape(self.shape).transpose(1, 2, 0).ravel()]
        bias = np.asarray([] if getattr(node, "bias", None) is None else node.bias)
        self.bias = bool(bias.any()) or type(node).__name__ == "Affine"
        if self.bias and not self.arrived:
            raise NirError(
                f"{called}: its bias stands before the integrator, which makes a ramp of it; ReL-PSP's bias "
                "is added after it"
            )
        if self.bias:
            if bias.shape != matrix.shape[1:]:
                raise NirError(f"{called}: bias has shape {bias.shape}; there are {matrix.shape[1]} outputs")
            matrix = np.vstack([matrix, bias])
        wrong = matrix[~((matrix == np.round(matrix)) & (matrix >= -128) & (matrix <= 127))]
        if wrong.size:
            raise NirError(
                f"{called}: weight {wrong[0]} is no whole number of -128..127; train it in integers "
                "(yoso train), an import does not round"
            )
        self.matrix = matrix.astype(np.int8)

    def _convolve(self, called: str, node: Any, weight: np.ndarray) -> None:
        if weight.ndim != 4 or weight.shape[2] != weight.shape[3]:
            raise NirError(f"{called}: weights have shape {weight.shape}; kernels must be square")
        padding = 0 if isinstance(node.padding, str) and node.padding == "valid" else node.padding
        for what, value, allowed in (
            ("stride", node.stride, 1),
            ("padding", padding, 0),
            ("dilation", node.dilation, 1),
            ("groups", node.groups, 1),
        ):
            if isinstance(value, str) or (np.ravel(value) != allowed).any():
                raise NirError(f"{called}: {what}={value}; a convolution has {what} {allowed}")
        if len(self.shape) != 3 or self.flat or self.shape[0] != weight.shape[1]:
            raise NirError(
                f"{called}: its input has shape {self.shape}, not ({weight.shape[1]} channels, rows, cols)"
            )
        channels, rows, cols = self.shape
        self.window = Window(rows, cols, channels, weight.shape[2])

    def _integrate(self, called: str, node: Any) -> None:
        _check_rate(called, node)
        if self.arrived and self.weights is None:
            raise NirError(f"{called} integrates a second time before the weights")
        if not self.arrived:
            self.arrived = True
            return
        self.potential = True
        self._finish(1, 0, 0)

    def _fire(self, called: str, node: Any) -> None:
        _check_rate(called, node)
        if self.weights is None or not self.arrived:
            missing = "weights" if self.weights is None else "integrator (I) of its spikes"
            raise NirError(
                f"{called} comes without {missing}: it adds a spike's weight to V once; ReL-PSP adds it "
                "each step"
            )
        # On whole steps V is whole, so V > x is V >= floor(x) + 1.
        limits = np.ravel(node.v_threshold).astype(np.float64)
        if not np.isfinite(limits).all() or limits.min() < 0:
            raise NirError(f"{called}: v_threshold={limits.min()}; it must be 0 or more")
        thresholds = np.unique(np.floor(limits).astype(np.int64) + 1)
        if len(thresholds) > 1:
            raise NirError(f"{called}: thresholds differ, {limits.min()}..{limits.max()}; a layer has one")
        threshold = int(thresholds[0])
        # The most that a reset neuron reaches by step T - 1, if each axon spikes once, at step 0.
        reset = float(np.max(node.v_reset))
        climb = (self.steps - 1) * int(sums(self.matrix)[1].max())
        if not reset + climb <= limits.min():
            raise NirError(
                f"{called} resets to {reset:g} and may spike again; a ReL-PSP neuron spikes once an image. "
                f"In {self.steps} steps v_reset must be at most {limits.min() - climb:g}"
            )
        self._finish(threshold, 0, self.steps)

    def _finish(self, threshold: int, start: int, end: int) -> None:
        layer = Layer(self.matrix, Neuron(threshold, start, end), bias=self.bias, window=self.window)
        window, filters = layer.window, layer.weights.shape[1]
        self.shape = (layer.neurons,)
        if window is not None and min(window.out_rows, window.out_cols) > 0:
            self.shape = filters, window.out_rows, window.out_cols
        self.layers.append(layer)
        self._restart()


def _check_rate(called: str, node: Any) -> None:
    rates = np.ravel(node.r)
    if (rates != 1).any():
        raise NirError(f"{called}: r={rates[rates != 1][0]}; it must be 1, V grows by A each step")
