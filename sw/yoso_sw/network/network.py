"""The integer network: what the trainer writes, and the compiler and the golden model read.

A network is a chain of dense and convolutional layers of neurons of the family (docs/arithmetic.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw.params import ChipParams

from yoso_sw.network import network_file
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.events import NEVER
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.neuron import Neuron, Reset, to_words

DECISIONS = ("ttfs", "softmax", "count")

#: How inputs become spikes (docs/arithmetic.md, "Input codes").
CODES = ("ttfs", "rate", "poisson", "events")


def most_spikes(code: str, levels: int) -> int:
    """Spikes that an input of a code can bring in an image at most."""
    return 1 if code == "ttfs" else levels


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
        weight_bits = min(ChipParams.weight_bits, self.acc_bits)  # its weights may not be wider than A
        return ChipParams(
            weight_bits=weight_bits, acc_bits=self.acc_bits, pot_bits=self.pot_bits, neuron=neuron
        )

    @property
    def shape(self) -> str:
        """The usual notation, such as 784-800-10 or 28x28-16C5-P2-32C5-P2-800-128-10."""
        window = self.layers[0].window
        first = str(self.inputs) if window is None else f"{window.rows}x{window.cols}"
        return "-".join([first, *(layer.shape for layer in self.layers)])

    def save(self, path: str | Path) -> None:
        """Write the network; the file appears whole or not at all (`network_file.write`)."""
        network_file.write(path, vars(self))

    @classmethod
    def load(cls, path: str | Path) -> Network:
        """Read a network. Raises `NetworkError` for anything but a whole, valid file."""
        parts = network_file.read(path)
        try:
            return cls(**parts)
        except NetworkError as error:
            raise NetworkError(f"{path}: {error}") from None
