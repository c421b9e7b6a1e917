"""Accuracy against step from one run: what would be decided had each image ended after a step.

What a chip does up to a step does not depend on when the image ends. So one run to the last step says what
every shorter one would have decided: by the output spikes so far or, where there are none yet, by the highest
V of the outputs, which follows from the spikes that reached them. No network is trained anew or run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from yoso_hw import drawing

from yoso_sw.learn import family, trains
from yoso_sw.network import golden
from yoso_sw.network.events import Events
from yoso_sw.network.network import Network

BLOCK = 500  # images at once; bounds the memory


def potentials(network: Network, arriving: Events) -> np.ndarray:
    """V of the outputs in every sweep, before a reset, int64 (images, T, classes).

    `arriving` are the spikes that reach the last layer: those that the layer before sends, or the inputs.
    """
    last = network.layers[-1]
    dtype = torch.float32 if network.pot_bits <= 24 else torch.float64
    given = trains.of_events(arriving, network.steps, dtype)
    weights = torch.from_numpy(last.weights).to(dtype)
    found = family.layer(given, weights, last.neuron, network.chip, network.steps, bias=last.bias)
    return found.reached.numpy().astype(np.int64)


def decisions(network: Network, result: golden.GoldenResult) -> np.ndarray:
    """The class after each step, int64 (images, T); column t: of images of t + 1 steps.

    `result` is a run to the last step, without early exit.
    """
    arriving = result.sent[-2] if len(network.layers) > 1 else result.inputs
    highest = potentials(network, arriving).argmax(2)
    output, steps = result.spikes[-1], np.arange(network.steps)
    if network.decision == "count":
        counts = np.zeros((len(result.decisions), network.steps, network.classes), np.int64)
        counts[output.image, output.step, output.axon] = 1
        counts = counts.cumsum(1)
        return np.where(counts.any(2), counts.argmax(2), highest)
    decided = result.spiked[:, None] & (result.decision_steps[:, None] <= steps)
    return np.where(decided, result.decisions[:, None], highest)


def curve(network: Network, inputs: Any, labels: np.ndarray) -> list[dict[str, Any]]:
    """Accuracy by the step at which images end.

    Returns
    -------
    A point for each step 1 .. T: `steps`, `accuracy` and `by_spike`, the share of images with an output spike
    by then, both per cent.
    """
    given = golden.check_inputs(network, inputs)
    right, spiked = np.zeros(network.steps), np.zeros(network.steps)
    steps = np.arange(network.steps)
    for first in range(0, len(given), BLOCK):
        some = slice(first, first + BLOCK)
        result = golden.run(network, given[some], early_exit=False)
        right += (decisions(network, result) == labels[some, None]).sum(0)
        fired = result.spikes[-1]
        begun = np.full(len(result.decisions), network.steps)
        np.minimum.at(begun, fired.image, fired.step)
        spiked += (begun[:, None] <= steps).sum(0)
    return [
        {
            "steps": step + 1,
            "accuracy": round(100 * right[step] / len(given), 2),
            "by_spike": round(100 * spiked[step] / len(given), 2),
        }
        for step in range(network.steps)
    ]


def draw(rows: Sequence[dict[str, Any]]) -> Any:
    """Error by step, a line a network; `rows` have `network` and `curve`."""
    pyplot = drawing.pyplot()
    figure, axis = pyplot.subplots(figsize=(6.5, 4), layout="constrained")
    for row in rows:
        points = row["curve"]
        axis.plot(
            [point["steps"] for point in points],
            [100 - point["accuracy"] for point in points],
            marker=".",
            label=row["network"],
        )
    axis.set(
        xlabel="steps of an image", ylabel="error, %", yscale="log", title="Accuracy against step, one run"
    )
    axis.legend()
    axis.grid(alpha=0.3)
    return figure
