"""Networks in NIR, the neuromorphic intermediate representation (neuroir.org): export and import.

NIR's nodes are equations in continuous time. A layer of slope A is three of them, exactly (docs/nir.md):

    I (r = 1)                 integrates input spikes, Dirac impulses: 1 from each axon's spike on
    Linear, Affine, Conv2d    A = W x + b; the bias axon, which spikes at step 0, is the constant b
    IF (r = 1)                V' = A, a spike where V > theta - 1/2: V is whole at whole steps
    I (r = 1)                 V' = A, in place of IF in the output layer of decision "softmax"

Time is counted in steps. IF resets V so low that it cannot spike again within an image, as ReL-PSP does not.
A graph says nothing about the number of steps, the code of pixels and the bits of a weight; they go along as
metadata, and `from_nir` takes them from its arguments where a foreign graph has none. What no node says
exactly (constant slopes, firing windows, pooling, clamping) is refused, never approximated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click
import numpy as np
from yoso_hw.params import ChipParams

from yoso_sw.config import ConfigError, locate
from yoso_sw.network import Layer, Network, NetworkError, Window

#: Fields of a layer that `to_nir` says or refuses; any other must have its default.
KNOWN = frozenset(("weights", "threshold", "slope", "start", "end", "bias", "window", "pool"))

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


class NirError(ValueError):
    """A network cannot be said in NIR, or a NIR graph is no network of ReL-PSP; the message says why."""


def _package() -> Any:
    """The package nir, which only this file needs."""
    try:
        import nir
    except ImportError:
        raise NirError('NIR needs the package nir: pip install "yoso[nir]"') from None
    return nir


# ---- export ----------------------------------------------------------------------------------------------


def to_nir(network: Network) -> Any:
    """`network` as a ``nir.NIRGraph``.

    Channels come first in NIR: an input of rows x cols positions has shape (channels, rows, cols), and the
    rows of a dense layer's weights follow that order. Arrays are float32, which holds each number exactly.

    Raises
    ------
    NirError
        If no node says what a layer does, or its A or V could reach a bound of the default chip's adders.
    """
    nir = _package()
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
            fire = nir.IF(r=r, v_threshold=r * (layer.threshold - 0.5), v_reset=r * _silencing(network, i))
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


def _sums(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of each neuron's negative and of its positive weights, int64 (neurons,): the bounds of its A."""
    weights = weights.astype(np.int64)
    return np.minimum(weights, 0).sum(0), np.maximum(weights, 0).sum(0)


def _silencing(network: Network, i: int) -> float:
    """A power of two, exact in any float, from which no V climbs back to 0 within an image, negated."""
    highest = (network.steps - 1) * int(_sums(network.layers[i].weights)[1].max())
    return -float(1 << max(1, highest).bit_length())


def _check_sayable(network: Network, i: int) -> None:
    layer, name = network.layers[i], f"network {network.name!r}, layer {i}"
    for own in fields(Layer):
        default = own.default
        if own.name not in KNOWN and default is not MISSING and getattr(layer, own.name) != default:
            raise NirError(f"{name}: {own.name}={getattr(layer, own.name)!r} cannot be said in NIR")
    if layer.slope:
        raise NirError(
            f"{name} has the constant slope {layer.slope}; no NIR node goes over from one slope to another. "
            'Only layers of slope A (slope = "psp") can be exported'
        )
    if layer.pool:
        raise NirError(f"{name} is pooled by the earliest spike; NIR's pooling nodes sum or average")
    silent = network.decision == "softmax" and i == len(network.layers) - 1
    if not silent and (layer.start, layer.end) != (0, network.steps):
        raise NirError(
            f"{name} fires in steps {layer.start}..{layer.end - 1} only; NIR has no firing windows, "
            f"so the window must be all {network.steps} steps"
        )
    chip = ChipParams()
    low, high = (int(bound) for bound in (_sums(layer.weights)[0].min(), _sums(layer.weights)[1].max()))
    climb = (network.steps - 1) * high if silent else layer.threshold - 1 + high
    fall = (network.steps - 1) * low
    if low < chip.acc_min or high > chip.acc_max or fall < chip.pot_min or climb > chip.pot_max:
        raise NirError(
            f"{name}: A may reach {low}..{high} and V {fall}..{climb}, where the chip clamps them at "
            f"{chip.acc_min}..{chip.acc_max} and {chip.pot_min}..{chip.pot_max}; NIR has no clamp"
        )


# ---- import ----------------------------------------------------------------------------------------------


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
        bias = np.asarray(getattr(node, "bias", None) if getattr(node, "bias", None) is not None else [])
        self.bias = bool(bias.any()) or type(node).__name__ == "Affine"
        if self.bias and not self.arrived:
            raise NirError(
                f"{called}: its bias stands before the integrator, which makes a ramp of it; ReL-PSP's bias "
                "is added after it"
            )
        if self.bias:
            matrix = np.vstack([matrix, bias.reshape(1, -1)])
        wrong = matrix[~((matrix == np.round(matrix)) & (matrix >= -128) & (matrix <= 127))]
        if wrong.size:
            raise NirError(
                f"{called}: weight {wrong[0]} is no whole number of -128..127; train it in integers "
                "(python -m yoso_sw.train), an import does not round"
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
        climb = (self.steps - 1) * int(_sums(self.matrix)[1].max())
        if not reset + climb <= limits.min():
            raise NirError(
                f"{called} resets to {reset:g} and may spike again; a ReL-PSP neuron spikes once an image. "
                f"In {self.steps} steps v_reset must be at most {limits.min() - climb:g}"
            )
        self._finish(threshold, 0, self.steps)

    def _finish(self, threshold: int, start: int, end: int) -> None:
        layer = Layer(self.matrix, threshold, start, end, bias=self.bias, window=self.window)
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


# ---- files -----------------------------------------------------------------------------------------------


def read(path: Path) -> Any:
    """The graph in a NIR file (HDF5). Raises `NirError` for anything but a whole graph of known nodes."""
    nir = _package()
    import h5py  # comes with nir

    if not path.is_file():
        raise NirError(f"there is no NIR file {path}")
    try:
        with h5py.File(path) as file:
            kinds = {label: node["type"][()].decode() for label, node in file["node/nodes"].items()}
        for label, kind in kinds.items():
            if not isinstance(getattr(nir, kind, None), type):
                raise NirError(f"node {label!r} ({kind}): nir {nir.__version__} has no such node")
        return nir.read(path)
    except NirError:
        raise
    except Exception as error:  # nir and h5py raise whatever their readers raise
        raise NirError(f"{path} is not a whole NIR graph: {error or type(error).__name__}") from None


def write(path: Path, graph: Any) -> None:
    """Write a graph; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    _package().write(partial, graph)
    partial.replace(path)


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command("export")
@click.argument("net")
@click.option("--out", type=click.Path(path_type=Path), help="NIR file; build/nir/<name>.nir if not given.")
def export_command(net: str, out: Path | None) -> None:
    """Write NET, the name of a committed network or an .npz file, as a NIR file."""
    try:
        network = Network.load(locate(net, ".npz"))
        out = out or Path("build/nir") / f"{network.name}.nir"
        write(out, to_nir(network))
    except (ConfigError, NetworkError, NirError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write {out}: {error}") from None
    click.echo(f"{out}: {network.name}, {network.shape}, decision {network.decision}")


@main.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Network; build/nir/<file>.npz if not given.")
@click.option("--name", help="Name of the network; the metadata's if not given.")
@click.option("--steps", type=int, help="Steps of an image; the metadata's if not given.")
@click.option("--levels", type=int, help="Levels of the input code; the metadata's if not given.")
@click.option("--bits", type=int, help="Bits of a weight; the metadata's, or else 8, if not given.")
def import_command(
    file: Path, out: Path | None, name: str | None, steps: int | None, levels: int | None, bits: int | None
) -> None:
    """Make a network of FILE, a NIR graph of integer weights; what ReL-PSP does not mean is refused."""
    out = out or Path("build/nir") / f"{file.stem}.npz"
    try:
        network = from_nir(read(file), name=name, steps=steps, levels=levels, weight_bits=bits)
        out.parent.mkdir(parents=True, exist_ok=True)
        network.save(out)
    except (NetworkError, NirError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write {out}: {error}") from None
    click.echo(f"{out}: {network.name}, {network.shape}, decision {network.decision}")


if __name__ == "__main__":
    main()
