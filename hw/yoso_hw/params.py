"""The chip's parameters: the one object that hardware, software and simulation share.

Pure Python. Every width and depth that two blocks must agree on is derived here and nowhere else.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class ParamError(ValueError):
    """A chip parameter is out of range; the message names it, its value and what is allowed."""


def bits_for(count: int) -> int:
    """Bits that number `count` things, 0 .. count - 1; at least one, so that no field vanishes."""
    return max(1, (count - 1).bit_length())


#: What lies between the inputs and the outputs of a router.
ROUTERS = ("crossbar", "bus")

#: Which neurons a PE has.
NEURONS = ("rel_psp", "all")

#: Parameters that were added after the first weight images were written; their defaults are "off".
ADDED = ("neuron", "side")


@dataclass(frozen=True)
class ChipParams:
    """One chip. The defaults are the paper's 6 x 7 mesh with 256 neurons a PE.

    The paper fixes the mesh and the neurons a PE; every other figure is our choice.

    Parameters
    ----------
    cols, rows
        Mesh size in nodes, 1..16 each. Node (0, 0) carries the host port.
    lanes
        Neurons in one memory word, updated together in one cycle: 1, 2, 4 or 8.
    neurons, weights
        Capacity of one PE; multiples of `lanes`.
    weight_bits
        Signed weight, 2..8.
    acc_bits, pot_bits
        Signed accumulated weight A and potential V; ``weight_bits <= acc_bits <= pot_bits <= 32``.
    steps
        Longest image in time steps, 2..1024.
    layers
        Layer tags, 2..64; tag 0 is for a PE that belongs to no layer.
    classes
        Most neurons in an output layer, 2..4096.
    router
        "crossbar": every link moves a flit a cycle. "bus": a router of half the logic, whose links move one
        every other cycle.
    link_fifo, spike_fifo
        Flits buffered at each input of a crossbar, and between router and core; 2..64.
    multicast
        True: the routers copy a flit along an X-Y tree. False: the sender injects one flit a node of the
        destination rectangle (the paper's unicast, kept as a baseline).
    banked
        True: A and V are pairs of single-port memories (even and odd words) for macros with one port.
        A spike then takes one more cycle in a PE with an odd number of words.
    neuron
        "rel_psp": neurons that fire once an image, with the paper's potential. "all": the whole family of
        docs/arithmetic.md, and the decision by spike count.
    side
        0: every layer is dense. Else, 2..256, the chip computes convolutions as well: its spikes carry a row
        and a column, each 0 .. side - 1, by which a PE finds the neurons that they reach. The largest map has
        so many rows and columns at most, one less where a layer's bias is an axon.

    Raises
    ------
    ParamError
        If a value is out of range.
    """

    cols: int = 6
    rows: int = 7
    lanes: int = 4
    neurons: int = 256
    weights: int = 16384
    weight_bits: int = 8
    acc_bits: int = 16
    pot_bits: int = 20
    steps: int = 256
    layers: int = 8
    classes: int = 256
    router: str = "crossbar"
    link_fifo: int = 2
    spike_fifo: int = 4
    multicast: bool = True
    banked: bool = False
    neuron: str = "rel_psp"
    side: int = 0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if type(value).__name__ != field.type:
                raise ParamError(f"chip parameter {field.name}={value!r} is not of type {field.type}")
        for name, low, high in (
            ("cols", 1, 16),
            ("rows", 1, 16),
            ("neurons", 1, 4096),
            ("weights", 1, 1 << 20),
            ("weight_bits", 2, 8),
            ("acc_bits", self.weight_bits, 32),
            ("pot_bits", self.acc_bits, 32),
            ("steps", 2, 1024),
            ("layers", 2, 64),
            ("classes", 2, 4096),
            ("link_fifo", 2, 64),
            ("spike_fifo", 2, 64),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ParamError(f"chip parameter {name}={value} is outside {low}..{high}")
        if self.router not in ROUTERS:
            raise ParamError(f"chip parameter router={self.router!r} is not {' or '.join(ROUTERS)}")
        if self.neuron not in NEURONS:
            raise ParamError(f"chip parameter neuron={self.neuron!r} is not {' or '.join(NEURONS)}")
        if self.side and not 2 <= self.side <= 256:
            raise ParamError(f"chip parameter side={self.side} is neither 0 nor within 2..256")
        if self.lanes not in (1, 2, 4, 8):
            raise ParamError(f"chip parameter lanes={self.lanes} is not 1, 2, 4 or 8")
        for name in ("neurons", "weights"):
            value = getattr(self, name)
            if value % self.lanes:
                raise ParamError(f"chip parameter {name}={value} is not a multiple of lanes={self.lanes}")

    # ---- derived sizes -------------------------------------------------------------------------------

    @property
    def nodes(self) -> int:
        """Processing elements in the mesh."""
        return self.cols * self.rows

    @property
    def link_cycles(self) -> int:
        """Cycles from one flit on a link to the next, at full pace."""
        return 1 if self.router == "crossbar" else 2

    @property
    def neuron_words(self) -> int:
        """Depth of the A and V memories in words of `lanes` neurons."""
        return self.neurons // self.lanes

    @property
    def weight_words(self) -> int:
        """Depth of the weight memory in words of `lanes` weights."""
        return self.weights // self.lanes

    @property
    def x_bits(self) -> int:
        return bits_for(self.cols)

    @property
    def y_bits(self) -> int:
        return bits_for(self.rows)

    @property
    def word_bits(self) -> int:
        """Address of a neuron word."""
        return bits_for(self.neuron_words)

    @property
    def row_bits(self) -> int:
        """Address of a weight word; a spike carries the first of its axon's row."""
        return bits_for(self.weight_words)

    @property
    def neuron_bits(self) -> int:
        """Address of a neuron within a PE: neuron word and lane."""
        return self.word_bits + self.lane_bits

    @property
    def lane_bits(self) -> int:
        """Bits of a lane number; none at one lane."""
        return (self.lanes - 1).bit_length()

    @property
    def step_bits(self) -> int:
        """A time step 0 .. steps - 1."""
        return bits_for(self.steps)

    @property
    def tag_bits(self) -> int:
        return bits_for(self.layers)

    @property
    def class_bits(self) -> int:
        return bits_for(self.classes)

    @property
    def coord_bits(self) -> int:
        """A row or a column of a spike, where there are any (`side`)."""
        return bits_for(self.side)

    @property
    def acc_max(self) -> int:
        return (1 << (self.acc_bits - 1)) - 1

    @property
    def acc_min(self) -> int:
        return -(1 << (self.acc_bits - 1))

    @property
    def pot_max(self) -> int:
        return (1 << (self.pot_bits - 1)) - 1

    @property
    def pot_min(self) -> int:
        return -(1 << (self.pot_bits - 1))

    @property
    def weight_max(self) -> int:
        return (1 << (self.weight_bits - 1)) - 1

    @property
    def weight_min(self) -> int:
        return -(1 << (self.weight_bits - 1))

    # ---- identity ------------------------------------------------------------------------------------

    def to_json(self) -> str:
        """The chip as one line of JSON, keys sorted: what a weight image names its chip by."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ChipParams:
        """The inverse of `to_json`. Raises `ParamError` on unknown or missing keys.

        A chip that was written before a key of `ADDED` was there is one without what it stands for.
        """
        try:
            values: dict[str, Any] = json.loads(text)
        except json.JSONDecodeError as error:
            raise ParamError(f"chip parameters are not JSON: {error}") from None
        names = {field.name for field in dataclasses.fields(cls)}
        if isinstance(values, dict):
            values = {
                **{field.name: field.default for field in dataclasses.fields(cls) if field.name in ADDED},
                **values,
            }
        if not isinstance(values, dict) or set(values) != names:
            wrong = sorted(set(values) ^ names) if isinstance(values, dict) else values
            raise ParamError(f"chip parameters have unknown or missing keys: {wrong}")
        return cls(**values)

    @classmethod
    def changed(cls, values: dict[str, Any], where: str) -> ChipParams:
        """The default chip with some parameters of other values.

        Raises
        ------
        ParamError
            Naming `where`, if a name is no parameter's or a value is out of range.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        if unknown := sorted(values.keys() - {*names}):
            raise ParamError(
                f"{where}: no chip parameter is called {unknown[0]!r}; there are {', '.join(names)}"
            )
        try:
            return cls(**values)
        except ParamError as error:
            raise ParamError(f"{where}: {error}") from None

    @classmethod
    def with_settings(cls, settings: Iterable[str], chip: ChipParams | None = None) -> ChipParams:
        """`chip`, or the default one, with some parameters changed, given as ``name=value`` texts.

        Raises
        ------
        ParamError
            If a text is not of that form, names no parameter or has a value that is out of range.
        """
        types = {field.name: field.type for field in dataclasses.fields(cls)}
        values: dict[str, Any] = dataclasses.asdict(chip or cls())
        for setting in settings:
            name, equals, text = setting.partition("=")
            if not equals or name not in types:
                raise ParamError(f"{setting!r} is not NAME=VALUE with a name of {', '.join(types)}")
            if types[name] == "bool" and text in ("True", "False", "true", "false", "0", "1"):
                values[name] = text in ("True", "true", "1")
            elif types[name] == "int" and text.lstrip("-").isdecimal():
                values[name] = int(text)
            elif types[name] == "str":
                values[name] = text
            else:
                raise ParamError(f"chip parameter {name}={text!r} is not of type {types[name]}")
        return cls(**values)

    def differences(self, other: ChipParams) -> list[str]:
        """Fields in which two chips differ, as ``name: mine != theirs``; empty if they are the same."""
        return [
            f"{field.name}: {getattr(self, field.name)} != {getattr(other, field.name)}"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
        ]
