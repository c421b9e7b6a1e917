"""Accuracy under disturbed inputs, on the golden model: noisy pixels, jittered spikes, deleted spikes.

What is drawn is the same for every network: the pixels' noise by the seed, a spike's fate by seed and spike.
Jitter is measured in the input window, the steps in which inputs spike, since codes differ in its length.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from yoso_sw.data.samples import Samples
from yoso_sw.network import golden
from yoso_sw.network.events import Events
from yoso_sw.network.network import Network

#: Standard deviation of the pixels' noise, share of white.
PIXELS = (0.1, 0.2, 0.3, 0.4)

#: Standard deviation of a spike's step, share of the input window.
JITTER = (0.05, 0.1, 0.2, 0.3)

#: Share of the input spikes that are deleted.
DELETED = (0.1, 0.2, 0.3, 0.5)

SEED = 1


def noisy(pixels: np.ndarray, share: float, seed: int = SEED) -> np.ndarray:
    """uint8 pixels with normal noise, cut off at black and white."""
    drawn = np.random.default_rng(seed).normal(0, 255 * share, pixels.shape)
    return np.clip(np.rint(pixels + drawn), 0, 255).astype(np.uint8)


def jittered(inputs: Events, window: int, share: float, seed: int = SEED) -> Events:
    """Spikes at other steps of 0 .. window - 1; two of an axon that meet in a step are one."""
    drawn = np.random.default_rng(seed).normal(0, share * window, len(inputs.step))
    step = np.clip(np.rint(inputs.step + drawn), 0, window - 1).astype(np.int64)
    key = np.ravel_multi_index((inputs.image, step, inputs.axon), (len(inputs), window, inputs.axons))
    _, once = np.unique(key, return_index=True)
    return Events.of_pairs(inputs.image[once], step[once], inputs.axon[once], len(inputs), inputs.axons)


def deleted(inputs: Events, share: float, seed: int = SEED) -> Events:
    """Spikes of which each is left out by chance."""
    keep = np.random.default_rng(seed).random(len(inputs.step)) >= share
    return Events.of_pairs(
        inputs.image[keep], inputs.step[keep], inputs.axon[keep], len(inputs), inputs.axons
    )


def measure(network: Network, samples: Samples, pixels: Any, coded: Any) -> dict[str, list[list[float]]]:
    """Accuracy, per cent, by what is done and how much: pairs of (share, accuracy), the undisturbed first.

    Parameters
    ----------
    samples
        As the network takes them.
    pixels
        The same images before they were coded, uint8 (n, inputs); None for recordings, which have none.
    coded
        From samples of pixels to samples as the network takes them.
    """
    given = golden.check_inputs(network, samples.inputs)

    def right(inputs: Any) -> float:
        result = golden.run(network, inputs)
        return round(100 * float((result.decisions == samples.labels).mean()), 2)

    plain = [0.0, right(given)]
    window = network.levels
    found = {
        "jitter": [plain, *([share, right(jittered(given, window, share))] for share in JITTER)],
        "deleted": [plain, *([share, right(deleted(given, share))] for share in DELETED)],
    }
    if pixels is not None:

        def seen(share: float) -> Any:
            return coded(replace(samples, inputs=noisy(pixels, share))).inputs

        found["pixels"] = [plain, *([share, right(seen(share))] for share in PIXELS)]
    return found


def measure_ann(ann: Any, pixels: np.ndarray, labels: np.ndarray) -> dict[str, list[list[float]]]:
    """The same of the ReLU network: noisy pixels, and pixels of 0 in place of deleted spikes."""

    def right(inputs: np.ndarray) -> float:
        return round(100 * float((ann.decide(ann.activations(inputs)) == labels).mean()), 2)

    def dark(share: float) -> np.ndarray:
        return np.where(np.random.default_rng(SEED).random(pixels.shape) < share, 0, pixels).astype(np.uint8)

    plain = [0.0, right(pixels)]
    return {
        "pixels": [plain, *([share, right(noisy(pixels, share))] for share in PIXELS)],
        "deleted": [plain, *([share, right(dark(share))] for share in DELETED)],
    }
