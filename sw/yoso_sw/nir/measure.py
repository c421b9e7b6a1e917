"""How far an imported network is from its graph, on data: V, and the decisions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from yoso_sw.network import golden
from yoso_sw.network.events import Events
from yoso_sw.network.network import Network
from yoso_sw.nir.convert import Conversion
from yoso_sw.nir.real import Course, run


@dataclass(frozen=True, eq=False)
class Measured:
    """What images showed.

    Attributes
    ----------
    images
        How many.
    errors
        Per layer the largest error of V after any sweep, in the graph's unit, where both get and fire the
        spikes of the network in whole numbers: what rounding does to V.
    equal
        Images that both decide alike, each with its own spikes.
    """

    images: int
    errors: tuple[float, ...]
    equal: int

    def __str__(self) -> str:
        errors = ", ".join(f"{error:.3g}" for error in self.errors)
        return (
            f"on {self.images} images: largest error of V, a layer: {errors}; "
            f"equal decisions: {100 * self.equal / self.images:.2f} %"
        )


def measure(conversion: Conversion, inputs: np.ndarray | Events) -> Measured:
    """Run the network and the graph on images of the network. Raises `golden.GoldenError` as `golden.run`."""
    network = conversion.network
    events = golden.check_inputs(network, inputs)
    layers = tuple(layer.real for layer in conversion.layers)
    result = golden.run(network, events, early_exit=False)
    arrivals = record(events, network.steps)
    forced = run(layers, arrivals, tuple(record(layer, network.steps) for layer in result.spikes))
    free = run(layers, arrivals)
    errors = np.zeros(len(layers))
    for steps in range(2, network.steps + 1):
        potentials = golden.run(_cut(network, steps), _before(events, steps), early_exit=False).potentials
        for i, (exact, course) in enumerate(zip(potentials, forced.potentials, strict=True)):
            errors[i] = max(errors[i], np.abs(exact - course[:, steps - 1]).max())
    scales = [layer.scale for layer in conversion.layers]
    equal = int((decisions(network.decision, free) == result.decisions).sum())
    return Measured(len(events), tuple(float(v) for v in errors / scales), equal)


def record(events: Events, steps: int) -> np.ndarray:
    """Who spikes in which step: bool (images, `steps`, axons)."""
    spikes = np.zeros((len(events), steps, events.axons), bool)
    spikes[events.image, events.step, events.axon] = True
    return spikes


def decisions(decision: str, course: Course) -> np.ndarray:
    """The class of each image, by the rules of docs/arithmetic.md."""
    fired, potential = course.fired[-1], course.potentials[-1]
    highest = potential[:, -1].argmax(1)
    if decision == "softmax":
        return highest
    if decision == "count":
        return np.where(fired.any((1, 2)), fired.sum(1).argmax(1), highest)
    first = fired.any(2).argmax(1)
    images = np.arange(len(fired))
    earliest = np.where(fired[images, first], potential[images, first], -np.inf).argmax(1)
    return np.where(fired.any((1, 2)), earliest, highest)


def _cut(network: Network, steps: int) -> Network:
    """The network with images that end after `steps` steps."""
    layers = [
        replace(layer, neuron=replace(layer.neuron, end=min(layer.neuron.end, steps)))
        for layer in network.layers
    ]
    return replace(network, steps=steps, levels=min(network.levels, steps), layers=tuple(layers))


def _before(events: Events, steps: int) -> Events:
    """The spikes before a step."""
    early = events.step < steps
    columns = events.image[early], events.step[early], events.axon[early]
    return Events.of_pairs(*columns, len(events), events.axons)
