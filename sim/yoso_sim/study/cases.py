"""Cases for cosimulation: a chip, networks, their images and the host's stalls.

A case is a recipe of a few numbers, so it fits a command line, and what it makes depends on nothing else.
`yoso_sim.study.draw` draws random ones.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from yoso_hw.params import ChipParams
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.network.events import NEVER, Events
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network, most_spikes
from yoso_sw.network.neuron import Neuron, of_words

#: How a layer's weights are drawn. The simplest comes first, as below: cases shrink to it.
WEIGHTS = ("one", "random", "small", "same", "extreme", "highest", "lowest", "zero")

#: When the inputs of an image spike: of code ttfs each at one step, of events each at some.
IMAGES = ("first step", "random", "every step", "sparse", "last step", "silent")

#: No side of a convolution is larger: more than chips have coordinates for.
LARGEST_SIDE = 256

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

    From `current` to `charge` it is as a network's file says it (`yoso_sw.network.neuron.of_words`). With a
    `window` (rows, cols, channels, kernel, stride, padding) it is a convolution of `neurons` filters.
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
    window: tuple[int, ...] | None = None
    pool: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights not in WEIGHTS:
            raise CaseError(f"weights are {self.weights!r}, none of {WEIGHTS}")
        if self.window is not None and not (
            len(self.window) == 6
            and all(type(value) is int and 0 <= value <= LARGEST_SIDE for value in self.window)
            and all(self.window[:5])
        ):
            raise CaseError(f"window is {self.window}, not six numbers from 1 on, the padding from 0 on")
        _ = self.neuron

    @property
    def geometry(self) -> Window | None:
        """What a convolution sees."""
        return None if self.window is None else Window(*self.window)

    def axons(self, inputs: int) -> int:
        """Rows of its weights; `inputs` are those of a dense layer."""
        return (inputs if self.geometry is None else self.geometry.axons) + self.bias

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
            rows = recipe.axons(axons)
            if rows * recipe.neurons > params.nodes * params.weights:
                raise CaseError(f"{rows} x {recipe.neurons} weights are more than the chip has")
            weights = draw_weights(recipe, rows, params)
            layer = Layer(weights, recipe.neuron, recipe.bias, recipe.geometry, recipe.pool)
            # Axons that never spike are bounded as if they did, as they were in earlier cases.
            layers.append(within_bounds(layer, max(1, spikes), self.steps, params))
            axons, spikes = layer.outputs, recipe.neuron.most_spikes
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
                layers = tuple(
                    LayerRecipe(**{**layer, "window": tuple(own) if (own := layer.get("window")) else None})
                    for layer in run["layers"]
                )
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
