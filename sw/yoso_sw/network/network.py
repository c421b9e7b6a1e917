"""The integer network: what the trainer writes, and the compiler and the golden model read.

A network is a chain of dense and convolutional layers of neurons of the family (docs/arithmetic.md). Its file
is a NumPy ``.npz`` with the weights of each layer and one JSON text; it is read without executing anything.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw.params import ChipParams
from yoso_hw.writing import write_whole

from yoso_sw.network.events import NEVER
from yoso_sw.network.neuron import CLEARED, KEPT, Neuron, Reset, of_words, to_words

FORMAT_VERSION = 6

#: Versions that can be read; 1 has no convolution, 2 no widths of A and V, 3 the neuron's keys in the layer,
#: 4 the ReL-PSP neuron and the input code ttfs alone, 5 no stride and no padding: a network without either is
#: written as before them.
READABLE = (1, 2, 3, 4, 5, 6)
UNSTRIDED = 5

DECISIONS = ("ttfs", "softmax", "count")

#: How inputs become spikes (docs/arithmetic.md, "Input codes").
CODES = ("ttfs", "rate", "poisson", "events")


def most_spikes(code: str, levels: int) -> int:
    """Spikes that an input of a code can bring in an image at most."""
    return 1 if code == "ttfs" else levels


#: Bytes to which a network's file may unpack; the weights of all PEs of the largest chip take fewer.
LARGEST_FILE = 1 << 28


class NetworkError(ValueError):
    """A network, or its file, is not valid; the message names the part, its value and what is allowed."""


@dataclass(frozen=True)
class Window:
    """What a convolution sees: windows of kernel x kernel positions, `stride` apart (docs/arithmetic.md).

    Its inputs are rows x cols positions of `channels` spikes each, in the order (row, col, channel). That
    order, not PyTorch's, keeps all neurons of a position side by side, where one spike finds them.

    Parameters
    ----------
    stride
        Positions from one window to the next, down and across.
    padding
        Silent positions on each side of the inputs that windows reach into, fewer than `kernel`.
    """

    rows: int
    cols: int
    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0

    @property
    def inputs(self) -> int:
        return self.rows * self.cols * self.channels

    @property
    def axons(self) -> int:
        """Inputs within one window, in the order (row, col, channel)."""
        return self.kernel * self.kernel * self.channels

    @property
    def out_rows(self) -> int:
        return (self.rows + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def out_cols(self) -> int:
        return (self.cols + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def positions(self) -> int:
        return self.out_rows * self.out_cols

    @property
    def faults(self) -> Iterator[str]:
        """What is wrong with kernel, stride and padding, for inputs of these rows and columns."""
        if self.stride < 1:
            yield f"stride={self.stride} is below 1"
        if not 0 <= self.padding < self.kernel:
            yield (
                f"padding={self.padding} is outside 0..{self.kernel - 1}: with kernel={self.kernel} some "
                "windows would hold nothing but padding"
            )
        if self.kernel > min(self.rows, self.cols) + 2 * self.padding:
            padded = f" with padding={self.padding}" if self.padding else ""
            yield f"kernel={self.kernel} is larger than its {self.rows} x {self.cols} inputs{padded}"

    @property
    def shape(self) -> str:
        """The usual notation: C5 of a kernel of 5, C5s2p1 with a stride of 2 and a padding of 1."""
        stride = f"s{self.stride}" if self.stride > 1 else ""
        return f"C{self.kernel}{stride}" + (f"p{self.padding}" if self.padding else "")


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer, dense or, with a `window`, a convolution.

    Parameters
    ----------
    weights
        int8, shape (axons, neurons). Axons are the inputs in order and, with `bias`, one more last. In a
        convolution, those of one window (`Window.axons`) and the neurons of one position (its filters):
        every position shares them.
    neuron
        What its neurons do, all alike.
    bias
        Whether the last row of `weights` is a bias. Where the current is kept, it is one more axon, which
        spikes at step 0 of every image; else sweeps add it to A.
    window
        The geometry of a convolution, whose neurons are ordered (row, col, filter); None: dense.
    pool
        P2 after a convolution: of each 2 x 2 positions only the earliest spike of each filter goes on, at its
        own step.
    """

    weights: np.ndarray
    neuron: Neuron
    bias: bool = False
    window: Window | None = None
    pool: bool = False

    @property
    def inputs(self) -> int:
        """Outputs of the layer before, or pixels; the bias is not counted."""
        return self.weights.shape[0] - self.bias if self.window is None else self.window.inputs

    @property
    def neurons(self) -> int:
        return self.weights.shape[1] * (1 if self.window is None else self.window.positions)

    @property
    def outputs(self) -> int:
        """Neurons, or what pooling leaves of them."""
        return self.neurons // 4 if self.pool else self.neurons

    @property
    def bias_axon(self) -> bool:
        """Whether it has a bias that is an axon, which spikes at step 0."""
        return self.bias and self.neuron.current == KEPT

    @property
    def bias_row(self) -> bool:
        """Whether it has a bias that its sweeps add to A."""
        return self.bias and self.neuron.current != KEPT

    def times_counted(self, spikes: int, steps: int) -> np.ndarray:
        """How often A can hold each row of the weights at once, int64 (axons,).

        A never leaves [sum of the negative weights, sum of the positive ones], each row taken so often.

        Parameters
        ----------
        spikes
            The most spikes of an axon in an image (`Network.most_spikes`).
        steps
            Steps of an image.
        """
        neuron = self.neuron
        times = np.ones(self.weights.shape[0], np.int64)
        if neuron.current == KEPT:
            times[: self.weights.shape[0] - self.bias] = spikes
            return times * max(1, neuron.charge)
        return times if neuron.current == CLEARED else times * min(1 << neuron.current, steps)

    def unrolled(self) -> Layer:
        """The dense layer with the same neurons; pooling, which no dense layer has, is left out."""
        window = self.window
        if window is None:
            return self
        filters, kernel, padding = self.weights.shape[1], window.kernel, window.padding
        rows, cols = window.rows + 2 * padding, window.cols + 2 * padding
        padded = np.zeros(
            (rows, cols, window.channels, window.out_rows, window.out_cols, filters), self.weights.dtype
        )
        shared = self.weights[: window.axons].reshape(kernel, kernel, window.channels, filters)
        for row in range(window.out_rows):
            for col in range(window.out_cols):
                top, left = row * window.stride, col * window.stride
                padded[top : top + kernel, left : left + kernel, :, row, col, :] = shared
        full = padded[padding : rows - padding, padding : cols - padding]
        weights = full.reshape(window.inputs, self.neurons)
        if self.bias:
            weights = np.vstack([weights, np.tile(self.weights[-1], window.positions)])
        return replace(self, weights=weights, window=None, pool=False)

    @property
    def shape(self) -> str:
        """The usual notation: 800 of a dense layer, 16C5s2-P2 of a pooled convolution of stride 2."""
        name = str(self.weights.shape[1])
        return name if self.window is None else name + self.window.shape + "-P2" * self.pool


@dataclass(frozen=True, eq=False)
class Network:
    """A chain of layers with its time code and decision.

    Parameters
    ----------
    layers
        Input side first.
    steps
        T: an image takes steps 0 .. T-1.
    levels
        L of the input code, which has the steps 0 .. L-1.
    decision
        "ttfs": the earliest output spike; "softmax": the highest output potential after the last sweep;
        "count": the most output spikes.
    weight_bits
        Bits of the signed weights, 2..8.
    about
        Free text of the trainer: data set, seed, command, ``float_accuracy`` (per cent), ...
    acc_bits, pot_bits
        Bits of A and V of the chip that it is for; ``weight_bits <= acc_bits <= pot_bits <= 32``.
    code
        How its inputs spike, one of `CODES`; "ttfs": a pixel p > 0 at step ``((255 - p) * L) >> 8``.

    Raises
    ------
    NetworkError
        If the parts do not fit together.
    """

    name: str
    layers: tuple[Layer, ...]
    steps: int
    levels: int
    decision: str = "ttfs"
    weight_bits: int = 8
    about: dict[str, Any] = field(default_factory=dict)
    acc_bits: int = 16
    pot_bits: int = 20
    code: str = "ttfs"

    def __post_init__(self) -> None:
        def check(condition: bool, message: str) -> None:
            if not condition:
                raise NetworkError(f"network {self.name!r}: {message}")

        check(len(self.layers) > 0, "has no layers")
        check(self.decision in DECISIONS, f"decision={self.decision!r} is not one of {DECISIONS}")
        check(self.code in CODES, f"code={self.code!r} is not one of {CODES}")
        check(2 <= self.weight_bits <= 8, f"weight_bits={self.weight_bits} is outside 2..8")
        check(
            self.weight_bits <= self.acc_bits <= self.pot_bits <= 32,
            f"acc_bits={self.acc_bits} and pot_bits={self.pot_bits}: not weight_bits={self.weight_bits} <= "
            "acc_bits <= pot_bits <= 32",
        )
        check(2 <= self.steps < NEVER, f"steps={self.steps} is outside 2..{NEVER - 1}")
        check(1 <= self.levels <= min(self.steps, 256), f"levels={self.levels} is outside 1..min(steps, 256)")
        limit = 1 << (self.weight_bits - 1)
        for i, layer in enumerate(self.layers):
            w = layer.weights
            check(isinstance(w, np.ndarray) and w.ndim == 2, f"layer {i}: weights are not a matrix")
            check(w.dtype == np.int8, f"layer {i}: weights are {w.dtype}, not int8")
            check(w.shape[0] > layer.bias and w.shape[1] >= 1, f"layer {i}: weights have shape {w.shape}")
            if layer.window is not None:
                self._check_window(i, layer.window, layer, check)
            check(layer.window is not None or not layer.pool, f"layer {i}: only a convolution can be pooled")
            low, high = int(w.min()), int(w.max())
            check(
                -limit <= low and high < limit,
                f"layer {i}: weights {low}..{high} do not fit {self.weight_bits} bits",
            )
            for wrong in layer.neuron.faults(self.steps):
                check(False, f"layer {i}: {wrong}")
            check(
                not layer.bias_row or layer.neuron.start > 0,
                f"layer {i}: a bias of a current that is not kept comes with sweep start - 1, and start=0",
            )
            if layer.neuron.charge:
                check(i == 0, f"layer {i}: charge={layer.neuron.charge}; only the first layer can be charged")
                check(
                    self.code == "ttfs" and self.levels <= layer.neuron.charge,
                    f"layer {i}: charge={layer.neuron.charge} needs inputs of code ttfs with as many levels "
                    f"at most, not {self.code} with {self.levels}",
                )
            if i:
                before = self.layers[i - 1].outputs
                check(
                    layer.inputs == before,
                    f"layer {i} has {layer.inputs} inputs and layer {i - 1} {before} "
                    + ("pooled outputs" if self.layers[i - 1].pool else "neurons"),
                )
        output = self.layers[-1].neuron
        if self.decision == "softmax":
            check(
                not output.fires,
                "decision is softmax, so the output layer's window must be empty, or its reset never",
            )
        else:
            resets = (Reset.ONCE,) if self.decision == "ttfs" else (Reset.SUBTRACT, Reset.ZERO)
            names = " or ".join(reset.name.lower() for reset in resets)
            check(
                output.reset in resets,
                f"decision is {self.decision}, so the output layer's reset must be {names}, "
                f"not {output.reset.name.lower()}",
            )
        check(self.layers[-1].window is None, "the output layer is a convolution; it must be dense")

    @staticmethod
    def _check_window(i: int, window: Window, layer: Layer, check: Callable[[bool, str], None]) -> None:
        check(
            min(window.rows, window.cols, window.channels, window.kernel) >= 1,
            f"layer {i}: {window} has a side below 1",
        )
        for fault in window.faults:
            check(False, f"layer {i}: {fault}")
        axons = layer.weights.shape[0] - layer.bias
        check(
            axons == window.axons,
            f"layer {i}: {axons} weights a filter; a window of {window.kernel} x {window.kernel} x "
            f"{window.channels} has {window.axons}",
        )
        check(
            not layer.pool or (window.out_rows % 2 == 0 and window.out_cols % 2 == 0),
            f"layer {i}: {window.out_rows} x {window.out_cols} positions cannot be pooled in 2 x 2",
        )

    @property
    def inputs(self) -> int:
        return self.layers[0].inputs

    @property
    def classes(self) -> int:
        return self.layers[-1].neurons

    @property
    def fires_once(self) -> bool:
        """Whether every neuron fires at most once an image."""
        return all(layer.neuron.once for layer in self.layers)

    @property
    def beyond_rel_psp(self) -> list[str]:
        """What chips with neuron=rel_psp have not, of what it asks for: "layer 0: leak=3", ..."""
        plain = to_words(Neuron(threshold=1, start=0, end=0))
        parts = [
            f"layer {i}: {name}={value}"
            for i, layer in enumerate(self.layers)
            for name, value in to_words(layer.neuron).items()
            if name in ("current", "leak", "reset", "charge") and value != plain[name]
        ]
        return parts + ["decision=count"] * (self.decision == "count")

    @property
    def rel_psp(self) -> bool:
        """Whether every chip has its neurons and its decision."""
        return not self.beyond_rel_psp

    def most_spikes(self, index: int) -> int:
        """Spikes that an axon of layer `index` can bring in an image at most."""
        if index:
            return self.layers[index - 1].neuron.most_spikes
        return most_spikes(self.code, self.levels)

    @property
    def chip(self) -> ChipParams:
        """The default chip with A and V as wide as the network wants them, and its neurons."""
        neuron = "rel_psp" if self.rel_psp else "all"
        return ChipParams(acc_bits=self.acc_bits, pot_bits=self.pot_bits, neuron=neuron)

    @property
    def shape(self) -> str:
        """The usual notation, such as 784-800-10 or 28x28-16C5-P2-32C5-P2-800-128-10."""
        window = self.layers[0].window
        first = str(self.inputs) if window is None else f"{window.rows}x{window.cols}"
        return "-".join([first, *(layer.shape for layer in self.layers)])

    def save(self, path: str | Path) -> None:
        """Write the network; the file appears whole or not at all.

        A file that means the same already stays as it is, whatever its format: files are committed.
        """
        path = Path(path)
        if self._is_in(path):
            return
        weights: dict[str, Any] = {f"weights{i}": layer.weights for i, layer in enumerate(self.layers)}
        contents = io.BytesIO()
        np.savez_compressed(contents, network=np.frombuffer(self._text().encode(), np.uint8), **weights)
        write_whole(path, contents.getvalue())

    def _is_in(self, path: Path) -> bool:
        """Whether a file is there that holds just this network."""
        if not path.is_file():
            return False
        try:
            other = Network.load(path)
        except NetworkError:
            return False
        pairs = [(own.weights, layer.weights) for own, layer in zip(self.layers, other.layers, strict=False)]
        return self._text() == other._text() and all(
            own.dtype == weights.dtype and np.array_equal(own, weights) for own, weights in pairs
        )

    def _text(self) -> str:
        """All but the weights, as the file says it."""
        windows = [layer.window for layer in self.layers if layer.window is not None]
        strided = any((window.stride, window.padding) != (1, 0) for window in windows)
        return json.dumps(
            {
                "format": FORMAT_VERSION if strided else UNSTRIDED,
                "name": self.name,
                "steps": self.steps,
                "levels": self.levels,
                "decision": self.decision,
                "weight_bits": self.weight_bits,
                "acc_bits": self.acc_bits,
                "pot_bits": self.pot_bits,
                "code": self.code,
                "about": self.about,
                "layers": [
                    {
                        "neuron": to_words(layer.neuron),
                        "bias": bool(layer.bias),
                        "window": _window_entry(layer.window),
                        "pool": bool(layer.pool),
                    }
                    for layer in self.layers
                ],
            }
        )

    @classmethod
    def load(cls, path: str | Path) -> Network:
        """Read a network. Raises `NetworkError` for anything but a whole, valid file."""
        path = Path(path)
        if not path.is_file():
            raise NetworkError(f"there is no network file {path}")
        try:
            _check_archive(path)
            with np.load(path, allow_pickle=False) as arrays:
                meta = json.loads(arrays["network"].tobytes().decode())
                if meta["format"] not in READABLE:
                    raise NetworkError(
                        f"{path} has format {meta['format']!r}; this program reads "
                        f"{' and '.join(map(str, READABLE))}: train it again or update this program"
                    )
                layers = tuple(
                    Layer(
                        weights=arrays[f"weights{i}"],
                        neuron=_neuron(entry, nested=meta["format"] >= 4),
                        bias=_of(bool, entry["bias"]),
                        window=_window(entry.get("window")),
                        pool=_of(bool, entry.get("pool", False)),
                    )
                    for i, entry in enumerate(meta["layers"])
                )
                return cls(
                    layers=layers,
                    **{key: _of(str, meta[key]) for key in ("name", "decision")},
                    **{key: _of(int, meta[key]) for key in ("steps", "levels", "weight_bits")},
                    **{key: _of(int, meta[key]) for key in ("acc_bits", "pot_bits") if key in meta},
                    **{key: _of(str, meta[key]) for key in ("code",) if key in meta},
                    about=_about(_of(dict, meta["about"])),
                )
        except NetworkError as error:
            raise NetworkError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
        except Exception as error:  # NumPy, zipfile and json raise whatever their readers raise
            reason = f"{type(error).__name__}: {error}"
            raise NetworkError(f"{path} is not a whole network file: {reason}") from None


def _of(kind: type, value: Any) -> Any:
    """`value`, which must be of just that type: JSON's true is no number, its 3.5 no whole one."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _about(about: dict[str, Any]) -> dict[str, Any]:
    """What the trainer says, of which reports and cards show accuracies and silent layers as numbers."""
    for key, value in about.items():
        if key.endswith("_accuracy") and value is not None and type(value) not in (int, float):
            raise NetworkError(f"about.{key}={value!r} is no number: correct the file, or train it again")
    silent = about.get("silent_layers", [])
    if not isinstance(silent, list) or any(type(i) is not int for i in silent):
        raise NetworkError(
            f"about.silent_layers={silent!r} is no list of layers: correct the file, or train it again"
        )
    return about


def _neuron(entry: dict[str, Any], nested: bool) -> Neuron:
    """A layer's neuron, of the keys that are its own; up to version 3 they stand among the layer's."""
    names = {one.name for one in fields(Neuron)}
    own = _of(dict, entry["neuron"]) if nested else {key: entry[key] for key in names if key in entry}
    try:
        return of_words(own)
    except ValueError as error:
        raise NetworkError(str(error)) from None


def _window_entry(window: Window | None) -> dict[str, int] | None:
    """A window as the file says it: stride and padding only where they are."""
    if window is None:
        return None
    plain = {"stride": 1, "padding": 0}
    return {key: value for key, value in asdict(window).items() if value != plain.get(key)}


def _window(entry: dict[str, Any] | None) -> Window | None:
    return None if entry is None else Window(**{key: _of(int, value) for key, value in entry.items()})


def _check_archive(path: Path) -> None:
    """Refuse an archive that unpacks to more than a network, or by another method than `save` uses."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    size = sum(member.file_size for member in members)
    if size > LARGEST_FILE:
        raise NetworkError(f"{path} unpacks to {size} bytes; a network file has {LARGEST_FILE} at most")
    names = [member.filename for member in members]
    if again := sorted({name for name in names if names.count(name) > 1}):
        raise NetworkError(f"{path} is not a whole network file: it has {again[0]} twice")
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise NetworkError(f"{path} is not a whole network file: it is packed by an unknown method")
