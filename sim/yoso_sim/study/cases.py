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
from yoso_hw.params import NEURONS, ROUTERS, ChipParams
from yoso_hw.registers import Reset
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.network.events import NEVER, Events
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network, most_spikes
from yoso_sw.network.neuron import LARGEST_DECAY, Neuron, of_words

#: Chips to begin with, before random ones: the smallest there is, lines of nodes, the widest words, narrow
#: unicast ones, the paper's mesh, the default chip, and one beyond it in all but its mesh; then chips with
#: neuron=all of every lane count.
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
    ChipParams(**_SMALL, cols=2, rows=3, lanes=1, acc_bits=12, pot_bits=14, neuron="all", banked=True),
    ChipParams(**_SMALL, cols=3, rows=2, lanes=2, neuron="all", router="bus"),
    ChipParams(**_SMALL, cols=2, rows=2, lanes=4, weight_bits=4, neuron="all", multicast=False),
    ChipParams(**_SMALL, cols=4, rows=1, lanes=8, neuron="all", banked=True, router="bus", multicast=False),
)

#: How a layer's weights are drawn. The simplest comes first, as below: cases shrink to it.
WEIGHTS = ("one", "random", "small", "same", "extreme", "highest", "lowest", "zero")

#: When the inputs of an image spike: of code ttfs each at one step, of events each at some.
IMAGES = ("first step", "random", "every step", "sparse", "last step", "silent")

#: What random cases draw from: neurons that fire now and then are wanted most, for they show most.
_DRAWN_WEIGHTS = (*WEIGHTS, "random", "random", "random", "same", "extreme", "extreme")
_DRAWN_IMAGES = (*IMAGES, "random", "random", "every step", "first step")

MOST_LAYERS, MOST_RUNS, MOST_IMAGES = 9, 3, 3

#: Spikes of an image of events, which any of its inputs can send in each of its levels.
MOST_EVENTS = 2000

#: Resets of an output layer, by the decision.
OUTPUT_RESETS = {"ttfs": ("once",), "softmax": ("never", "once"), "count": ("subtract", "zero")}

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
    """A `yoso_sw.network.layer.Layer`; `weights`, of `WEIGHTS`, says how its weights come from `seed`.

    What stands behind `end` is as a network's file says it (`yoso_sw.network.neuron.of_words`).
    """

    neurons: int
    weights: str
    seed: int
    bias: bool
    threshold: int
    slope: int
    start: int
    end: int
    current: int | str = "kept"
    leak: int = 0
    reset: str = "once"
    charge: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights not in WEIGHTS:
            raise CaseError(f"weights are {self.weights!r}, none of {WEIGHTS}")
        _ = self.neuron

    @cached_property
    def neuron(self) -> Neuron:
        """Raises `CaseError` if there is none of such words."""
        names = {field.name for field in dataclasses.fields(Neuron)}
        try:
            return of_words({name: getattr(self, name) for name in names})
        except (ValueError, TypeError) as error:
            raise CaseError(str(error)) from None


@dataclass(frozen=True)
class Run(Recipe):
    """A network, its mapping and the images that it is shown: each one of `IMAGES` and a seed.

    With `old_image` it is compiled for a chip with neuron=rel_psp, and loaded as such on the chip that it is.
    """

    inputs: int
    steps: int
    layers: tuple[LayerRecipe, ...]
    softmax: bool
    spread: bool
    early_exit: bool
    images: tuple[tuple[str, int], ...]
    count: bool = False
    code: str = "ttfs"
    levels: int = 1
    old_image: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.softmax and self.count:
            raise CaseError("softmax and count are two decisions")
        if self.code not in ("ttfs", "events"):
            raise CaseError(f"code is {self.code!r}, neither ttfs nor events")
        if not (self.inputs and self.layers and self.images):
            raise CaseError("a run has one input, layer and image at least")
        for kind, seed in self.images:
            if kind not in IMAGES or type(seed) is not int or seed < 0:
                raise CaseError(f"an image is one of {IMAGES} and a seed from 0 on, not {kind!r}, {seed!r}")

    def network(self, params: ChipParams) -> Network:
        """Raises `CaseError` for a layer of more weights than there are on the chip, `NetworkError`."""
        layers, axons, spikes = [], self.inputs, most_spikes(self.code, self.levels)
        for recipe in self.layers:
            if (axons + recipe.bias) * recipe.neurons > params.nodes * params.weights:
                raise CaseError(f"{axons} x {recipe.neurons} weights are more than the chip has")
            weights = draw_weights(recipe, axons + recipe.bias, params)
            layer = Layer(weights, recipe.neuron, bias=recipe.bias)
            # Axons that never spike are bounded as if they did, as they were in earlier cases.
            layers.append(within_bounds(layer, max(1, spikes), self.steps, params))
            axons, spikes = recipe.neurons, recipe.neuron.most_spikes
        return Network(
            "random",
            tuple(layers),
            self.steps,
            self.levels,
            self.decision,
            params.weight_bits,
            code=self.code,
        )

    @property
    def decision(self) -> str:
        return "softmax" if self.softmax else "count" if self.count else "ttfs"

    def events(self) -> Events:
        """Spikes of the inputs in each image; those of a layer that is charged come before that."""
        if self.code == "ttfs":
            steps = [self._one_step(kind, np.random.default_rng(seed)) for kind, seed in self.images]
            return Events.of_steps(np.array(steps).astype(np.int16))
        fired = np.array([self._fired(kind, np.random.default_rng(seed)) for kind, seed in self.images])
        image, step, axon = np.nonzero(fired)
        return Events.of_pairs(image, step, axon, len(self.images), self.inputs)

    def _one_step(self, kind: str, rng: np.random.Generator) -> np.ndarray:
        """The step of each input, (inputs,)."""
        last = (self.layers[0].charge or self.steps) - 1
        steps = rng.integers(0, last + 1, self.inputs)
        return {
            "silent": np.full(self.inputs, NEVER),
            "first step": np.zeros(self.inputs),
            "every step": np.arange(self.inputs) % (last + 1),
            "random": np.where(rng.random(self.inputs) < 0.7, steps, NEVER),
            "sparse": np.where(rng.random(self.inputs) < 0.1, steps, NEVER),
            "last step": np.full(self.inputs, last),
        }[kind]

    def _fired(self, kind: str, rng: np.random.Generator) -> np.ndarray:
        """Whether each input spikes in each step, bool (levels, inputs)."""
        drawn = rng.random((self.levels, self.inputs))
        step = np.arange(self.levels)[:, None]
        return {
            "silent": drawn < 0,
            "first step": (step == 0) & (drawn >= 0),
            "every step": drawn >= 0,
            "random": drawn < 0.5,
            "sparse": drawn < 0.1,
            "last step": (step == self.levels - 1) & (drawn >= 0),
        }[kind]


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
        plain = dataclasses.replace(self.chip, neuron="rel_psp")
        return [
            (
                network,
                compile_network(network, plain if run.old_image else self.chip, spread=run.spread).for_chip(
                    self.chip
                ),
            )
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
    """Weights of a layer, int8 (axons, neurons), within the chip's weights alone."""
    rng, shape = np.random.default_rng(recipe.seed), (axons, recipe.neurons)
    low, high = params.weight_min, params.weight_max
    return {
        "zero": np.zeros(shape, np.int64),
        "one": np.ones(shape, np.int64),
        "same": np.repeat(rng.integers(low, high + 1, (axons, 1)), recipe.neurons, axis=1),
        "small": rng.integers(-1, 2, shape),
        "random": rng.integers(low, high + 1, shape),
        "lowest": np.full(shape, low),
        "highest": np.full(shape, high),
        "extreme": rng.choice([low, high], shape),
    }[recipe.weights].astype(np.int8)


def within_bounds(layer: Layer, spikes: int, steps: int, params: ChipParams) -> Layer:
    """The layer with 0 for weights that could carry A beyond its range, which the compiler would refuse."""
    counted = layer.weights * layer.times_counted(spikes, steps)[:, None]
    up = np.maximum(counted, 0).cumsum(0) <= params.acc_max
    down = np.minimum(counted, 0).cumsum(0) >= params.acc_min
    return dataclasses.replace(layer, weights=np.where(up & down, layer.weights, 0).astype(np.int8))


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
        neuron=rng.choice(NEURONS),
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
    old_image = params.neuron == "all" and rng.random() > 0.8
    family = params.neuron == "all" and not old_image
    decision = rng.choice(["ttfs", "count", "count", "softmax"] if family else ["ttfs"] * 3 + ["softmax"])
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
        if family:
            resets = [reset.name.lower() for reset in Reset] if i + 1 < count else OUTPUT_RESETS[decision]
            layer = random_kind(rng, params, layer, tuple(resets), steps, first=i == 0)
        layers.append(layer)
        axons = layer.neurons
    if decision == "softmax" and layers[-1].reset == "once":
        layers[-1] = dataclasses.replace(layers[-1], end=0)
    charge = layers[0].charge
    code = "ttfs" if charge else rng.choice(["ttfs", "events"])
    levels = min(256, rng.randint(1, charge)) if charge else 1
    if code == "events":
        most = max(1, min(256, steps, MOST_EVENTS // inputs))
        levels = rng.choice([rng.randint(1, min(most, 4)), rng.randint(1, most)])
    images = tuple(
        (rng.choice(_DRAWN_IMAGES), rng.randint(0, 1 << 31)) for _ in range(rng.randint(1, MOST_IMAGES))
    )
    return Run(
        inputs=inputs,
        steps=steps,
        layers=tuple(layers),
        softmax=decision == "softmax",
        spread=rng.random() > 0.5,
        early_exit=rng.random() > 0.5,
        images=images,
        count=decision == "count",
        code=code,
        levels=levels,
        old_image=old_image,
    )


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


def random_kind(
    rng: Random, params: ChipParams, layer: LayerRecipe, resets: tuple[str, ...], steps: int, *, first: bool
) -> LayerRecipe:
    """The layer with a neuron of the whole family that has one of some resets and is legal for `Network`."""
    reset = rng.choice(resets)
    if reset == "once" and rng.random() < 0.3:
        return layer
    if first and reset != "once" and rng.random() < 0.4:
        charge = rng.randint(1, steps - 1)
        start = rng.choice([charge + 1, rng.randint(charge + 1, steps)])
        return dataclasses.replace(layer, reset=reset, slope=0, charge=charge, start=start, end=steps)
    threshold = rng.choice([layer.threshold, 1, rng.randint(1, 4), rng.randint(1, 12)])
    currents: list[int | str] = ["kept", "cleared", rng.randint(1, 3), rng.randint(1, LARGEST_DECAY)]
    current = rng.choice(currents)
    return dataclasses.replace(
        layer,
        reset=reset,
        threshold=min(params.pot_max, threshold),
        slope=0,
        current=current,
        leak=rng.choice([0, 0, rng.randint(1, 3), rng.randint(1, LARGEST_DECAY)]),
        start=max(layer.start, int(layer.bias and current != "kept")),
    )


def some_size(rng: Random, most: int) -> int:
    """1 .. `most`: often small, often all there is."""
    return rng.choice([rng.randint(1, min(4, most)), rng.randint(1, most), most])
