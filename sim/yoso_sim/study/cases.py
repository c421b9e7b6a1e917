"""Random cases for cosimulation: a chip, networks, their images and the host's stalls, from one generator.

`random_chip` and `random_case` take every choice from a `random.Random`. A case is a recipe of a few numbers,
so it fits a command line, and what it makes depends on nothing else.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

import numpy as np
from yoso_hw.params import ROUTERS, ChipParams
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.network.network import NEVER, Layer, Network
from yoso_sw.network.neuron import Neuron

#: Chips to begin with, before random ones: the smallest there is, lines of nodes, the widest words, narrow
#: unicast ones, the paper's mesh, the default chip, and one beyond it in all but its mesh.
_SMALL: dict[str, Any] = {"neurons": 16, "weights": 256, "steps": 32, "layers": 8, "classes": 64}
_LARGE: dict[str, Any] = {"neurons": 512, "weights": 32768, "steps": 1024, "layers": 64, "classes": 4096}
CORNERS = (
    ChipParams(**{**_SMALL, "neurons": 1, "weights": 4, "layers": 2, "classes": 2}, cols=1, rows=1, lanes=1),
    ChipParams(**_SMALL, cols=5, rows=1, lanes=2, acc_bits=9, pot_bits=11),
    ChipParams(**_SMALL, cols=1, rows=5, lanes=4, banked=True),
    ChipParams(**_SMALL, cols=2, rows=2, lanes=8, acc_bits=32, pot_bits=32),
    ChipParams(**_SMALL, cols=3, rows=3, lanes=1, weight_bits=2, acc_bits=4, pot_bits=6, multicast=False),
    ChipParams(**{**_SMALL, "layers": 64}, cols=6, rows=7),
    ChipParams(),
    ChipParams(**_LARGE, cols=3, rows=2, lanes=8, acc_bits=32, pot_bits=32, link_fifo=8, spike_fifo=16),
)

#: How a layer's weights are drawn. The simplest comes first, as below: cases shrink to it.
WEIGHTS = ("one", "random", "small", "same", "extreme", "highest", "lowest", "zero")

#: When the inputs of an image spike.
IMAGES = ("first step", "random", "every step", "sparse", "last step", "silent")

#: What random cases draw from: neurons that fire now and then are wanted most, for they show most.
_DRAWN_WEIGHTS = (*WEIGHTS, "random", "random", "random", "same", "extreme", "extreme")
_DRAWN_IMAGES = (*IMAGES, "random", "random", "every step", "first step")

MOST_LAYERS, MOST_RUNS, MOST_IMAGES = 9, 3, 3


#: No number of a case is larger: seeds of `Link.stall` have 32 bits.
LARGEST = (1 << 32) - 1


class CaseError(ValueError):
    """A case cannot be read; the message says why."""


class Recipe:
    """A dataclass whose int fields are 0 to `LARGEST` and whose bool fields are such. Raises `CaseError`."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if field.type == "int" and not (type(value) is int and 0 <= value <= LARGEST):
                raise CaseError(f"{field.name} is {value!r}, not an integer of 0 to {LARGEST}")
            if field.type == "bool" and type(value) is not bool:
                raise CaseError(f"{field.name} is {value!r}, neither true nor false")


@dataclass(frozen=True)
class LayerRecipe(Recipe):
    """A `yoso_sw.network.network.Layer`; `weights`, of `WEIGHTS`, says how its weights come from `seed`."""

    neurons: int
    weights: str
    seed: int
    bias: bool
    threshold: int
    slope: int
    start: int
    end: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights not in WEIGHTS:
            raise CaseError(f"weights are {self.weights!r}, none of {WEIGHTS}")


@dataclass(frozen=True)
class Run(Recipe):
    """A network, its mapping and the images that it is shown: each one of `IMAGES` and a seed."""

    inputs: int
    steps: int
    layers: tuple[LayerRecipe, ...]
    softmax: bool
    spread: bool
    early_exit: bool
    images: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.inputs and self.layers and self.images):
            raise CaseError("a run has one input, layer and image at least")
        for kind, seed in self.images:
            if kind not in IMAGES or type(seed) is not int or seed < 0:
                raise CaseError(f"an image is one of {IMAGES} and a seed from 0 on, not {kind!r}, {seed!r}")

    def network(self, params: ChipParams) -> Network:
        """Raises `CaseError` for a layer of more weights than there are on the chip, `NetworkError`."""
        layers, axons = [], self.inputs
        for recipe in self.layers:
            if (axons + recipe.bias) * recipe.neurons > params.nodes * params.weights:
                raise CaseError(f"{axons} x {recipe.neurons} weights are more than the chip has")
            weights = draw_weights(recipe, axons + recipe.bias, params)
            layers.append(
                Layer(
                    weights,
                    Neuron(recipe.threshold, recipe.start, recipe.end, recipe.slope),
                    bias=recipe.bias,
                )
            )
            axons = recipe.neurons
        decision = "softmax" if self.softmax else "ttfs"
        return Network("random", tuple(layers), self.steps, 1, decision, params.weight_bits)

    def pixels(self) -> np.ndarray:
        """Steps of the inputs, int16 (images, inputs)."""
        rows = []
        for kind, seed in self.images:
            rng = np.random.default_rng(seed)
            steps = rng.integers(0, self.steps, self.inputs)
            rows.append(
                {
                    "silent": np.full(self.inputs, NEVER),
                    "first step": np.zeros(self.inputs),
                    "every step": np.arange(self.inputs) % self.steps,
                    "random": np.where(rng.random(self.inputs) < 0.7, steps, NEVER),
                    "sparse": np.where(rng.random(self.inputs) < 0.1, steps, NEVER),
                    "last step": np.full(self.inputs, self.steps - 1),
                }[kind]
            )
        return np.array(rows).astype(np.int16)


@dataclass(frozen=True)
class Case(Recipe):
    """Networks that follow each other on one chip after a reset, under a host that stalls.

    `stall_in`, `stall_out` and `stall_seed` are those of `yoso_sim.link.Link`.
    """

    chip: ChipParams
    runs: tuple[Run, ...]
    stall_in: int
    stall_out: int
    stall_seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.runs or max(self.stall_in, self.stall_out) > 255 or not self.stall_seed:
            raise CaseError("a case has one run at least, stalls of 0 to 255 and a seed of stalls from 1 on")

    @cached_property
    def programs(self) -> list[tuple[Network, WeightImage]]:
        """Each run's network, and its weight image for the chip.

        Raises `CaseError`, `NetworkError` or `CompileError` if the chip cannot hold them.
        """
        networks = [run.network(self.chip) for run in self.runs]
        return [
            (network, compile_network(network, self.chip, spread=run.spread))
            for network, run in zip(networks, self.runs, strict=True)
        ]

    def to_json(self) -> str:
        """One line; of the chip, what is not the default."""
        values = dataclasses.asdict(self)
        default = dataclasses.asdict(ChipParams())
        values["chip"] = {name: value for name, value in values["chip"].items() if value != default[name]}
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: str) -> Case:
        """The inverse of `to_json`. Raises `CaseError`."""
        try:
            values = json.loads(text)
            runs = []
            for run in values["runs"]:
                layers = tuple(LayerRecipe(**layer) for layer in run["layers"])
                images = tuple((kind, seed) for kind, seed in run["images"])
                runs.append(Run(**{**run, "layers": layers, "images": images}))
            return cls(**{**values, "chip": ChipParams(**values["chip"]), "runs": tuple(runs)})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CaseError(f"the text is no case ({error}): {text[:80]!r}") from None

    def command(self) -> str:
        """What a shell runs to see the case again."""
        return f"make soak CASE='{self.to_json()}'"


def draw_weights(recipe: LayerRecipe, axons: int, params: ChipParams) -> np.ndarray:
    """int8 (axons, neurons); weights that could carry A beyond its range, as the compiler forbids, are 0."""
    rng, shape = np.random.default_rng(recipe.seed), (axons, recipe.neurons)
    low, high = params.weight_min, params.weight_max
    weights = {
        "zero": np.zeros(shape, np.int64),
        "one": np.ones(shape, np.int64),
        "same": np.repeat(rng.integers(low, high + 1, (axons, 1)), recipe.neurons, axis=1),
        "small": rng.integers(-1, 2, shape),
        "random": rng.integers(low, high + 1, shape),
        "lowest": np.full(shape, low),
        "highest": np.full(shape, high),
        "extreme": rng.choice([low, high], shape),
    }[recipe.weights]
    up = np.maximum(weights, 0).cumsum(0) <= params.acc_max
    down = np.minimum(weights, 0).cumsum(0) >= params.acc_min
    return np.where(up & down, weights, 0).astype(np.int8)


# ---- the generator ---------------------------------------------------------------------------------------


def random_chip(rng: Random) -> ChipParams:
    """A small chip with anything that a parameter can be; one in eight is the paper's mesh."""
    lines = [(1, rng.randint(2, 16)), (rng.randint(2, 16), 1)]
    cols, rows = rng.choice([(1, 1), *lines, (2, 2), (3, 2), (2, 3), (4, 3), (6, 7)])
    lanes = rng.choice([1, 2, 4, 8])
    words = rng.choice([rng.randint(1, 8)] * 7 + [rng.randint(9, 80)])
    weight_bits = rng.randint(2, 8)
    acc_bits = rng.randint(weight_bits, rng.choice([weight_bits + 2, 16, 32]))
    return ChipParams(
        cols=cols,
        rows=rows,
        lanes=lanes,
        neurons=lanes * words,
        weights=lanes * rng.randint(words, 16 * words),
        weight_bits=weight_bits,
        acc_bits=acc_bits,
        pot_bits=rng.randint(acc_bits, rng.choice([min(32, acc_bits + 2), 32])),
        steps=rng.choice([rng.randint(2, 64)] * 7 + [rng.randint(65, 1024)]),
        layers=rng.choice([2, 3, 8, rng.randint(2, 64)]),
        classes=rng.choice([2, 10, 256, 1 << rng.randint(1, 12)]),
        router=rng.choice(ROUTERS),
        link_fifo=rng.choice([2, 3, 4, rng.randint(2, 64)]),
        spike_fifo=rng.choice([2, 3, 4, rng.randint(2, 64)]),
        multicast=rng.random() < 0.7,
        banked=rng.random() < 0.4,
    )


def random_case(rng: Random, params: ChipParams) -> Case:
    """Networks that fit the chip, whatever the choices."""
    runs = tuple(random_run(rng, params) for _ in range(rng.randint(1, MOST_RUNS)))
    stalls = [rng.choice([0, 0, 128, 250]) for _ in range(2)]
    return Case(params, runs, stalls[0], stalls[1], rng.randint(1, 1 << 31))


def random_run(rng: Random, params: ChipParams) -> Run:
    """One network: its layers share out the PEs, and each is of any size up to what its PEs hold."""
    deepest = min(MOST_LAYERS, params.layers - 1, params.nodes)
    count = rng.choice([1, rng.randint(1, deepest), rng.randint(1, deepest), deepest])
    steps = rng.randint(2, params.steps)
    spare = params.nodes - count
    inputs = axons = some_size(rng, max(1, params.weight_words - 1))
    layers = []
    for i in range(count):
        taken = rng.randint(0, spare)
        spare -= taken
        bias = axons < params.weight_words and rng.random() > 0.6
        words = min(params.neuron_words, params.weight_words // (axons + bias))
        most = (1 + taken) * words * params.lanes
        # The neurons of a layer are the axons of the next, or classes.
        most = min(most, params.classes if i + 1 == count else params.weight_words)
        layer = random_layer(rng, params, some_size(rng, most), bias, steps)
        layers.append(layer)
        axons = layer.neurons
    softmax = rng.random() > 0.75
    if softmax:
        layers[-1] = dataclasses.replace(layers[-1], start=0, end=0)
    images = tuple(
        (rng.choice(_DRAWN_IMAGES), rng.randint(0, 1 << 31)) for _ in range(rng.randint(1, MOST_IMAGES))
    )
    return Run(inputs, steps, tuple(layers), softmax, rng.random() > 0.5, rng.random() > 0.5, images)


def random_layer(rng: Random, params: ChipParams, neurons: int, bias: bool, steps: int) -> LayerRecipe:
    start = rng.choice([0, 0, 0, rng.randint(0, steps)])
    threshold = rng.choice([1, rng.randint(1, 8), rng.randint(1, 40), rng.randint(1, 40), params.pot_max])
    return LayerRecipe(
        neurons=neurons,
        weights=rng.choice(_DRAWN_WEIGHTS),
        seed=rng.randint(0, 1 << 31),
        bias=bias,
        threshold=min(params.pot_max, threshold),
        slope=min(params.pot_max, rng.choice([0, 0, 0, 1, rng.randint(1, 40), params.pot_max])),
        start=start,
        end=rng.choice([steps, steps, steps, steps, rng.randint(start, steps), start]),
    )


def some_size(rng: Random, most: int) -> int:
    """1 .. `most`: often small, often all there is."""
    return rng.choice([rng.randint(1, min(4, most)), rng.randint(1, most), most])
