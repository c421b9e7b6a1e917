"""The integer network: what the trainer writes, and the compiler and the golden model read.

A network is a chain of dense and convolutional layers of neurons of the family (docs/arithmetic.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yoso_hw.params import ChipParams

from yoso_sw.network import network_file
from yoso_sw.network.checks import CODES as CODES
from yoso_sw.network.checks import DECISIONS as DECISIONS
from yoso_sw.network.checks import faults
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.events import NEVER as NEVER
from yoso_sw.network.html import html_table
from yoso_sw.network.layer import Layer
from yoso_sw.network.neuron import Neuron, to_words


def most_spikes(code: str, levels: int) -> int:
    """Spikes that an input of a code can bring in an image at most."""
    return 1 if code == "ttfs" else levels


#: A neuron that does nothing of its own.
PLAIN = to_words(Neuron(threshold=1, start=0, end=0))


@dataclass(frozen=True, eq=False, repr=False)
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
        If the parts do not fit together; all that is wrong with them (`checks.faults`).
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
        if found := [*faults(self)]:
            raise NetworkError.of(self.name, found)

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
        parts = [
            f"layer {i}: {name}={value}"
            for i, layer in enumerate(self.layers)
            for name, value in to_words(layer.neuron).items()
            if name in ("current", "leak", "reset", "charge") and value != PLAIN[name]
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
        """The usual notation, such as 784-800-10, 28x28-16C5-P2-32C5-P2-800-128-10 or 32x32x3-24C3-10."""
        window = self.layers[0].window
        first = str(self.inputs) if window is None else f"{window.rows}x{window.cols}"
        if window is not None and window.channels > 1:
            first += f"x{window.channels}"
        return "-".join([first, *(layer.shape for layer in self.layers)])

    def __repr__(self) -> str:
        return f"Network({self.name!r}, {self.shape}, {self.steps} steps, decision {self.decision})"

    def _repr_html_(self) -> str:
        accuracy = self.about.get("golden_accuracy")
        rows: dict[str, Any] = {
            "network": f"{self.name} ({self.shape})",
            "neurons, weights": f"{sum(layer.neurons for layer in self.layers):,}, "
            f"{sum(layer.weights.size for layer in self.layers):,} of {self.weight_bits} bits",
            "steps, levels, code": f"{self.steps}, {self.levels}, {self.code}",
            "decision": self.decision,
        }
        for i, layer in enumerate(self.layers):
            own = to_words(layer.neuron)
            said = ", ".join(f"{name} {value}" for name, value in own.items() if value != PLAIN[name])
            rows[f"layer {i}, {layer.shape}"] = said or "a readout"
        if accuracy is not None:
            rows["accuracy on the golden model, %"] = accuracy
        return html_table(rows)

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
