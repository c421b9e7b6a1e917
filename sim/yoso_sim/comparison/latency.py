"""Accuracy against the step at which an image ends, on the golden model with the same weights.

An image of any rule may be ended early: the chip's register of steps says when, and what has been decided by
then counts. Where output spikes decide, images that have had one stand by it (early exit), the others go by
the highest V; a readout gives the highest V. Rate-coded neurons get the same input in every step, so that
fewer steps are the same network at less precision: spike counts and C-LIF are cut with the weights trained
for all steps. Networks that are trained anew for few steps do better there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from yoso_sw.network import golden
from yoso_sw.network.events import Events
from yoso_sw.network.network import Network

from yoso_sim.comparison import rows

#: Most points of a curve of spike times; one of a rate code has every step.
POINTS = 16


def cut(network: Network, steps: int) -> Network:
    """The network with images of so many steps: windows end with the image."""
    layers = tuple(
        replace(layer, neuron=replace(layer.neuron, end=min(layer.neuron.end, steps)))
        for layer in network.layers
    )
    return replace(network, layers=layers, steps=steps, levels=min(network.levels, steps))


def until(inputs: Events, steps: int) -> Events:
    """The spikes of steps below `steps`."""
    keep = inputs.step < steps
    return Events.of_pairs(
        inputs.image[keep], inputs.step[keep], inputs.axon[keep], len(inputs), inputs.axons
    )


def rate_coded(network: Network) -> bool:
    """Whether neurons of its hidden layers may spike more than once."""
    return any(layer.neuron.fires and not layer.neuron.once for layer in network.layers[:-1])


def layer_steps(network: Network) -> int | None:
    """T of a rate-coded network, the steps that each of its layers sees; None for spike times."""
    first = network.layers[0].neuron
    return first.end - first.start if rate_coded(network) else None


def ends(network: Network) -> list[int]:
    """Steps at which images are ended: for T = 1 .. its own of a rate code, else spread over the image."""
    if own := layer_steps(network):
        return list(range(network.steps - own + 1, network.steps + 1))
    first = max(2, network.layers[0].neuron.start + 2 if network.decision == "softmax" else 2)
    return sorted({*np.linspace(first, network.steps, POINTS).round().astype(int).tolist()})


def curve(network: Network, inputs: Any, labels: np.ndarray) -> list[dict[str, Any]]:
    """Accuracy by the step at which images end.

    Returns
    -------
    Points with `steps`, `T` (None for spike times), `accuracy` and `by_spike`, the share of images that an
    output spike decides, both per cent; and `hidden_spikes` and `updates` of an image (`rows.counts`).
    """
    given = golden.check_inputs(network, inputs)
    own, points = layer_steps(network), []
    for steps in ends(network):
        short = cut(network, steps)
        found = rows.counts(short, golden.run(short, until(given, steps)), labels)
        points.append(
            {
                "steps": steps,
                "T": None if own is None else own - network.steps + steps,
                "accuracy": round(found["accuracy"], 2),
                "by_spike": round(found["by_spike"], 2),
                "hidden_spikes": round(found["hidden_spikes"], 1),
                "updates": round(found["updates"]),
            }
        )
    return points


def first_spikes(result: golden.GoldenResult, labels: np.ndarray, points: list[int]) -> list[dict[str, Any]]:
    """Of a decision by the first output spike: images decided, and rightly, before each step; per cent."""
    decided = [result.spiked & (result.decision_steps < steps) for steps in points]
    right = result.decisions == labels
    return [
        {
            "steps": steps,
            "decided": round(100 * float(own.mean()), 2),
            "right": round(100 * float((own & right).mean()), 2),
        }
        for steps, own in zip(points, decided, strict=True)
    ]
