"""What a cut of a layer is likely to cost in cycles an image: `cycles` is the mapper's only ground to choose.

In every step a PE sweeps its words and then walks its spikes. Layers spike one after another, so the words of
the largest PE of any layer are swept each step, and the walks of all layers add up. The figures of activity
are means that choose between cuts; no result depends on them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from yoso_sw.compile.tables import reach
from yoso_sw.compile.tiles import Cut, runs
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network

#: Share of the inputs that spike in an image, and of a hidden layer's neurons by the decision: 147 of 784
#: MNIST pixels, and 48.6 % in the paper's 784-400-10 (section V.B).
INPUT_ACTIVITY = 0.19
HIDDEN_ACTIVITY = 0.49

#: How much more than the mean the middle of a picture spikes, and less its border: MNIST's digits leave the
#: border empty, and what a convolution makes of them is about half as uneven.
INPUT_CONTRAST = 1.0
HIDDEN_CONTRAST = 0.5

#: Cycles of a step beside its sweep and its spikes: the barrier, and the way of the last spike.
STEP_CYCLES = 12


def activity(index: int) -> float:
    """Share of the inputs of layer `index` that spike in an image."""
    return HIDDEN_ACTIVITY if index else INPUT_ACTIVITY


def profile(size: int, contrast: float) -> np.ndarray:
    """Activity along a side of a picture beside its mean, float (size,): most in the middle (our choice)."""
    return 1 - contrast * np.cos(2 * np.pi * (np.arange(size) + 0.5) / size)


def walk_cycles(layer: Layer, index: int, own: Cut) -> float:
    """Cycles an image in which the busiest PE of layer `index` walks spikes."""
    window = layer.window
    if window is None:
        return activity(index) * layer.inputs * own.words
    contrast = HIDDEN_CONTRAST if index else INPUT_CONTRAST
    busiest = 1.0
    rows, cols, _ = runs(layer, own, 1)
    for inputs, parts in ((window.rows, rows), (window.cols, cols)):
        lively = profile(inputs, contrast)
        busiest *= max(float(reach(inputs, window, *part).positions @ lively) for part in parts)
    return activity(index) * window.channels * busiest * own.stride + own.words * layer.bias_axon


def cycles(network: Network, cuts: Sequence[Cut]) -> float:
    """Cycles of an image on a chip that holds its layers in these cuts."""
    walks = [
        walk_cycles(layer, i, own) for i, (layer, own) in enumerate(zip(network.layers, cuts, strict=True))
    ]
    return network.steps * (max(own.words for own in cuts) + STEP_CYCLES) + sum(walks)


#: As `STEP_CYCLES`, and what of the walks is left where layers walk beside each other: so the RTL has it.
MEASURED_STEP_CYCLES, LEFT = 18, 0.8


def likely_cycles(network: Network, cuts: Sequence[Cut]) -> float:
    """Cycles of an image as the RTL is likely to take them, for people: `cycles`, which maps must not change.

    Where there are images, `estimate.Predicted` is far nearer: activity here is MNIST's with windows, whose
    networks run to their last steps and lie within -28 and +17 % of the RTL.
    """
    base = network.steps * (max(own.words for own in cuts) + MEASURED_STEP_CYCLES)
    walks = (
        walk_cycles(layer, i, own) for i, (layer, own) in enumerate(zip(network.layers, cuts, strict=True))
    )
    return base + LEFT * sum(walks)
