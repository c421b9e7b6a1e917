"""Draws random chips and cases; every choice is taken from a `random.Random`."""

from __future__ import annotations

import dataclasses
from random import Random
from typing import Any

from yoso_hw.params import NEURONS, ROUTERS, ChipParams
from yoso_hw.registers import Reset
from yoso_sw.compile.compiler import check_network
from yoso_sw.compile.smallest import CompileError, smallest_cuts
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.layer import Window
from yoso_sw.network.neuron import LARGEST_DECAY

from yoso_sim.study.cases import IMAGES, WEIGHTS, Case, CaseError, LayerRecipe, Run

#: Chips to begin with, before random ones: the smallest there is, lines of nodes, the widest words, narrow
#: unicast ones, the paper's mesh, the default chip, and one beyond it in all but its mesh; then chips with
#: neuron=all of every lane count, and chips for convolutions.
_SMALL: dict[str, Any] = {"neurons": 16, "weights": 256, "steps": 32, "layers": 8, "classes": 64}
_MAPS: dict[str, Any] = {"neurons": 64, "weights": 512, "steps": 32, "layers": 8, "classes": 64}
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
    ChipParams(**_MAPS, cols=3, rows=3, lanes=1, side=12),
    ChipParams(**_MAPS, cols=4, rows=2, lanes=2, side=9, banked=True, neuron="all"),
    ChipParams(**_MAPS, cols=2, rows=4, lanes=4, side=29, router="bus", neuron="all"),
    ChipParams(**_MAPS, cols=3, rows=2, lanes=8, side=20, multicast=False),
    ChipParams(side=35),
)

#: What random cases draw from: neurons that fire now and then are wanted most, for they show most.
_DRAWN_WEIGHTS = (*WEIGHTS, "random", "random", "random", "same", "extreme", "extreme")
_DRAWN_IMAGES = (*IMAGES, "random", "random", "every step", "first step")

MOST_LAYERS, MOST_RUNS, MOST_IMAGES = 9, 3, 3

#: Spikes of an image of events, which any of its inputs can send in each of its levels.
MOST_EVENTS = 2000

#: Resets of an output layer, by the decision.
OUTPUT_RESETS = {"ttfs": ("once",), "softmax": ("never", "once"), "count": ("subtract", "zero")}


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
        side=rng.choice([0, 0, rng.randint(3, 12), rng.randint(3, 40), rng.randint(3, 256)]),
    )


def random_case(rng: Random, params: ChipParams) -> Case:
    """Networks that fit the chip, whatever the choices."""
    runs = tuple(_some_run(rng, params) for _ in range(rng.randint(1, MOST_RUNS)))
    stalls = [rng.choice([0, 0, 128, 250]) for _ in range(2)]
    return Case(params, runs, stalls[0], stalls[1], rng.randint(1, 1 << 31))


def _some_run(rng: Random, params: ChipParams) -> Run:
    """A dense network or, on chips for convolutions, two times in three, one with such layers."""
    run = random_run(rng, params)
    return with_convolutions(rng, params, run) if params.side and rng.random() < 0.67 else run


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


#: Most rows and columns of an input, whatever coordinates there are for.
LARGEST_MAP = 40

#: Draws of layers in front of a dense network, of which one has to fit the chip with it.
_TRIES = 12


def with_convolutions(rng: Random, params: ChipParams, run: Run) -> Run:
    """A network with one to three convolutions before the last layer of `run`; `run` if none fits the chip.

    The neurons are those of layers of `run`, the first layer's first, as far as there are as many.
    """
    most = min(3, params.layers - 2, params.nodes - 1)
    for _ in range(_TRIES if most > 0 else 0):
        count = rng.randint(1, most)
        kinds = run.layers[:-1] or run.layers
        rows, cols = (rng.randint(1, min(LARGEST_MAP, params.side - 1)) for _ in range(2))
        shape = rows, cols, rng.choice([1, 1, 2, rng.randint(1, 6)])
        inputs = shape[0] * shape[1] * shape[2]
        layers = []
        for i in range(count):
            recipe = random_convolution(rng, params, shape, kinds[min(i, len(kinds) - 1)], first=i == 0)
            window, side = recipe.geometry, 2 if recipe.pool else 1
            assert window is not None
            shape = window.out_rows // side, window.out_cols // side, recipe.neurons
            layers.append(recipe)
        last = dataclasses.replace(run.layers[-1], charge=0)
        longest = max(1, min(run.levels, MOST_EVENTS // inputs))
        found = dataclasses.replace(
            run,
            inputs=inputs,
            layers=(*layers, last),
            levels=run.levels if run.code == "ttfs" else longest,
            old_image=False,
        )
        if _is_held(found, params):
            return found
    return run


def _is_held(run: Run, params: ChipParams) -> bool:
    """Whether the chip holds a network; the compiler would say why not, which takes longer."""
    try:
        network = run.network(params)
        check_network(network, params)
        return sum(own.pes for own in smallest_cuts(network, params)) <= params.nodes
    except (CaseError, NetworkError, CompileError):
        return False


def random_convolution(
    rng: Random, params: ChipParams, shape: tuple[int, int, int], kind: LayerRecipe, *, first: bool
) -> LayerRecipe:
    """A convolution of a map of `shape` (rows, cols, channels) with the neuron of another layer."""
    pool = rng.random() < 0.5
    for _ in range(_TRIES):
        padding = rng.choice([0, 0, 0, 1, 2])
        kernel = rng.randint(1, min(shape[:2]) + 2 * padding)
        kernel = min(kernel, rng.choice([1, 3, 5, kernel]))
        stride = rng.choice([1, 1, 1, 2, 3])
        window = Window(*shape, kernel, stride, padding)
        even = window.out_rows % 2 == 0 and window.out_cols % 2 == 0
        if even or not pool:
            break
    filters = rng.choice([1, params.lanes, max(1, params.lanes - 1), params.lanes + 1, rng.randint(1, 12)])
    return dataclasses.replace(
        kind,
        neurons=filters,
        charge=kind.charge if first else 0,
        window=(*shape, kernel, stride, padding),
        pool=even and pool,
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
