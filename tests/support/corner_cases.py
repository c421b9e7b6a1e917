"""Corner cases of convolution on a chip, each a network by its name."""

from __future__ import annotations

import dataclasses

from yoso_hw.params import ChipParams
from yoso_sim.study.cases import Case, CaseError, LayerRecipe, Run
from yoso_sw.compile.mapping import CompileError

STEPS = 16
IMAGES = ("random", 5), ("first step", 1), ("every step", 6)


def conv(filters, window, seed=1, threshold=9, weights="random", **changes):
    """A layer of `filters` that sees (rows, cols, channels, kernel, stride, padding)."""
    recipe = {"bias": False, "slope": 0, "start": 0, "end": STEPS, **changes}
    return LayerRecipe(filters, weights, seed, threshold=threshold, window=window, **recipe)


def dense(neurons, seed=2, threshold=12, weights="random", **changes):
    recipe = {"bias": False, "slope": 0, "start": 0, "end": STEPS, **changes}
    return LayerRecipe(neurons, weights, seed, threshold=threshold, **recipe)


def run(*layers, images=IMAGES, spread=True, inputs=0):
    if layers[0].window:
        rows, cols, channels = layers[0].window[:3]
        inputs = rows * cols * channels
    return Run(inputs, STEPS, layers, False, spread, False, images)


OUT = dense(3)

#: Corner cases that any of the chips holds.
CORNERS = {
    "a kernel of one place": run(conv(3, (5, 6, 2, 1, 1, 0)), OUT),
    "a kernel as large as the map": run(conv(9, (5, 5, 2, 5, 1, 0)), OUT),
    "stride 2": run(conv(3, (9, 8, 1, 3, 2, 0)), OUT),
    "stride 3 that divides no kernel": run(conv(3, (11, 11, 1, 5, 3, 0)), OUT),
    "a stride beyond the kernel, so that spikes are dropped between others": run(
        conv(2, (10, 10, 1, 2, 3, 0)), OUT
    ),
    "padding": run(conv(3, (6, 6, 1, 3, 1, 1)), OUT),
    "padding as wide as the kernel allows, and stride": run(conv(3, (5, 7, 1, 3, 2, 2)), OUT),
    "a map of one row": run(conv(3, (1, 17, 2, 1, 1, 0)), OUT),
    "a map of one column, padded": run(conv(3, (13, 1, 2, 3, 2, 1)), OUT),
    "many channels": run(conv(2, (4, 4, 11, 3, 1, 0)), OUT),
    "one filter": run(conv(1, (9, 9, 1, 3, 1, 0)), OUT),
    "a map as large as there are coordinates for, its bias counted": run(
        conv(1, (19, 19, 1, 5, 2, 0), bias=True), OUT
    ),
    "a map as large as there are coordinates for, without a bias": run(conv(1, (20, 20, 1, 5, 2, 0)), OUT),
    "few PEs": run(conv(2, (6, 6, 1, 3, 1, 0)), OUT, spread=False),
    "members of a group that fire in one step": run(
        conv(3, (8, 8, 1, 3, 1, 0), weights="one", threshold=3, pool=True), OUT
    ),
    "members of a group that fire in different steps": run(
        conv(3, (8, 8, 1, 3, 1, 0), seed=7, threshold=20, pool=True), OUT
    ),
    "two pooled layers": run(
        conv(2, (10, 10, 1, 3, 1, 0), weights="one", threshold=3, pool=True),
        conv(3, (4, 4, 2, 3, 1, 0), threshold=5, pool=True),
        OUT,
    ),
    "layers that are not pooled, one after another": run(
        conv(2, (7, 7, 1, 3, 1, 0), weights="one", threshold=2), conv(3, (5, 5, 2, 3, 1, 1), threshold=9), OUT
    ),
    "pooling of a strided layer that is padded": run(
        conv(2, (7, 11, 1, 3, 2, 1), pool=True, threshold=4), OUT
    ),
    "a fire at step 0 by a slope, which padding lanes must not follow": run(
        conv(3, (6, 6, 1, 3, 1, 0), slope=9, pool=True), OUT
    ),
    "a slope that opens late": run(conv(3, (6, 6, 1, 3, 1, 0), slope=4, start=5), OUT),
    "a window that ends": run(conv(3, (6, 6, 1, 3, 1, 0), threshold=4, start=2, end=6, pool=True), OUT),
    "a bias of several words": run(conv(9, (5, 5, 1, 3, 1, 0), bias=True), OUT),
    "a bias of a pooled layer": run(conv(5, (6, 6, 1, 3, 1, 0), bias=True, pool=True), OUT),
    "spikes of one word back to back": run(conv(1, (9, 9, 1, 1, 1, 0), weights="one", threshold=2), OUT),
    "a convolution behind a dense layer": run(
        dense(16, weights="one", threshold=2), conv(3, (4, 4, 1, 3, 1, 1), threshold=4), OUT, inputs=9
    ),
    "tiles behind tiles": run(
        conv(1, (8, 8, 1, 3, 1, 1), threshold=4), conv(1, (8, 8, 1, 3, 1, 0), threshold=4), OUT
    ),
    "dense layers alone": run(dense(30, threshold=5, bias=True), dense(20, 3, bias=True), OUT, inputs=40),
}


def around_lanes(params):
    """Filters just below, at and above the lanes, and groups of them on several PEs."""
    counts = {max(1, params.lanes - 1), params.lanes, params.lanes + 1, 3 * params.lanes + 1}
    return {f"{count} filters": run(conv(count, (5, 5, 1, 3, 1, 0), pool=False), OUT) for count in counts}


#: Of the family, on a chip that has it: several spikes of a neuron, and biases that sweeps add.
FAMILY = {
    "a group passes a spike in every step in which a member fires": run(
        conv(3, (8, 8, 1, 3, 1, 0), pool=True, threshold=6, reset="subtract", current="cleared"), OUT
    ),
    "a bias row of several words, by filter": run(
        conv(5, (6, 6, 1, 3, 1, 0), bias=True, start=1, threshold=4, reset="zero", current=2, pool=True), OUT
    ),
    "a bias row of a padded layer that leaks": run(
        conv(
            5,
            (5, 5, 1, 3, 1, 1),
            bias=True,
            start=1,
            threshold=4,
            reset="subtract",
            current="cleared",
            leak=2,
        ),
        OUT,
    ),
    "a layer that is charged": run(
        conv(3, (6, 6, 1, 3, 1, 0), reset="subtract", charge=4, start=5, threshold=20),
        OUT,
        images=(("random", 3),),
    ),
    "a pooled layer of events": dataclasses.replace(
        run(conv(2, (6, 6, 2, 3, 1, 0), pool=True, threshold=5, reset="subtract", weights="small"), OUT),
        code="events",
        levels=6,
    ),
}


def corner_cases(params: ChipParams) -> dict[str, Run]:
    """Those of a chip's lanes and neurons, whether it holds them or not."""
    return {**CORNERS, **around_lanes(params), **(FAMILY if params.neuron == "all" else {})}


def fitting(params: ChipParams) -> dict[str, Case]:
    """Those that a chip holds."""
    found = {}
    for name, own in corner_cases(params).items():
        case = Case(params, (own,), 0, 0, 1)
        try:
            _ = case.programs
        except (CaseError, CompileError):
            continue
        found[name] = case
    return found
