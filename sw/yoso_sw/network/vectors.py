"""The frozen test vectors of `docs/arithmetic.md`: a network, a chip, inputs and all that must come out.

Golden model, trainer and RTL benches load the same JSON files (tests/vectors). In them a neuron or input has
the step of its spike, ``null`` where it stays silent, or a list of its steps; here it has events.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw.params import ChipParams

from yoso_sw.network.events import Events
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import of_words


@dataclass(frozen=True, eq=False)
class Case:
    """One image of a vector and what must come out at the barrier that ends it.

    Attributes
    ----------
    inputs
        Events of the one image.
    pixels
        uint8 (inputs,) that the time code turns into `inputs`, or None.
    early_exit
        Whether the image ends at its deciding step.
    decision, decision_step, spiked, last, spikes, potentials, accumulated
        As in `yoso_sw.network.golden.GoldenResult`, without the leading axis.
    spike_potentials
        int32 (spikes,): V that each spike of the last layer carries, by step, then by neuron; None where the
        file leaves it out.
    """

    inputs: Events
    pixels: np.ndarray | None
    early_exit: bool
    decision: int
    decision_step: int
    spiked: bool
    last: int
    spikes: tuple[Events, ...]
    potentials: tuple[np.ndarray, ...]
    accumulated: tuple[np.ndarray, ...]
    spike_potentials: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Vector:
    """A test vector.

    Attributes
    ----------
    about
        What it is there to catch.
    compiles
        False: A saturates, so the compiler must refuse the network; run it on one PE with axons in order.
    """

    name: str
    about: str
    compiles: bool
    params: ChipParams
    network: Network
    cases: tuple[Case, ...]


def to_events(values: list[int | list[int] | None]) -> Events:
    """What the file has of each axon or neuron, as the events of one image."""
    spikes = [
        (step, axon)
        for axon, value in enumerate(values)
        for step in (value if isinstance(value, list) else [] if value is None else [value])
    ]
    step, axon = np.array(spikes, np.int64).reshape(-1, 2).T
    return Events.of_pairs(np.zeros_like(step), step, axon, 1, len(values))


def _layer(words: dict[str, Any]) -> Layer:
    """A layer of a vector; what is left of its words is its neuron's."""
    window = words.pop("window", None)
    return Layer(
        np.array(words.pop("weights"), np.int8),
        bias=words.pop("bias", False),
        window=None if window is None else Window(**window),
        pool=words.pop("pool", False),
        neuron=of_words(words),
    )


def load_vector(path: str | Path) -> Vector:
    """Read one test vector. The files are part of the source, so a wrong one raises what Python raises."""
    text: dict[str, Any] = json.loads(Path(path).read_text())
    entry = dict(text["network"])
    layers = tuple(_layer(words) for words in entry.pop("layers"))
    cases = []
    for image in text["images"]:
        pixels = image.get("pixels")
        expect = image["expect"]
        cases.append(
            Case(
                inputs=to_events(image["inputs"]),
                pixels=None if pixels is None else np.array(pixels, np.uint8),
                early_exit=image["early_exit"],
                decision=expect["decision"],
                decision_step=expect["decision_step"],
                spiked=expect["spiked"],
                last=expect["last"],
                spikes=tuple(to_events(values) for values in expect["steps"]),
                potentials=tuple(np.array(values, np.int32) for values in expect["potentials"]),
                accumulated=tuple(np.array(values, np.int32) for values in expect["accumulated"]),
                spike_potentials=(
                    np.array(expect["spike_potentials"], np.int32) if "spike_potentials" in expect else None
                ),
            )
        )
    return Vector(
        name=text["name"],
        about=text["about"],
        compiles=text["compiles"],
        params=ChipParams(**text["params"]),
        network=Network(name=text["name"], layers=layers, **entry),
        cases=tuple(cases),
    )


def load_vectors(folder: str | Path) -> list[Vector]:
    """All test vectors of a folder, by name."""
    return [load_vector(path) for path in sorted(Path(folder).glob("*.json"))]
