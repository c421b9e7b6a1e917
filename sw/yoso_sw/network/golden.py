"""The golden model: what the chip must compute, spike for spike, in integers only.

It is the executable form of `docs/arithmetic.md` and owes nothing to the RTL. This file is the way in and
what comes out; the steps of an image are `kernel`, the neuron is `sweep`, dense or convolution `synapse`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from yoso_hw.params import ChipParams

from yoso_sw.network.events import NEVER, Events
from yoso_sw.network.kernel import State, Tables, empty_states, run_images, tables
from yoso_sw.network.network import Network

#: Entries of the record at once, one a step and neuron that may fire more than once: images run in parts.
LARGEST_RECORD = 1 << 26


class GoldenError(ValueError):
    """The golden model was given something that it must not guess about; the message names it."""


@dataclass(frozen=True, eq=False)
class GoldenResult:
    """What a network did on B images; everything is as it stands at the barrier that ends the image.

    Attributes
    ----------
    inputs
        The spikes that were given on the network's inputs, those after the last step run included.
    spikes
        Per layer: which neurons fired when.
    sent
        Per layer: the spikes that go on, on its outputs; `spikes`, but for a pooled layer.
    spike_potentials
        int32 (spikes,): V that each spike of the last layer carries, as its sweep leaves it, in the order of
        `Events.pairs`: by image, step and neuron.
    potentials, accumulated
        Per layer int32 (B, n): V and A. A neuron that fires once keeps the V that it fired with.
    decisions
        int32 (B,): class, 0 .. classes - 1.
    decision_steps
        int16 (B,): step of the deciding spike; T - 1 where no spike or their number decided.
    spiked
        bool (B,): True where output spikes decided, False where the highest V did.
    last
        int16 (B,): last step run; `decision_steps` with early exit, else T - 1.
    spikes_in, spikes_out
        int64 (B, layers): spikes that reached the layer (a bias that is an axon is one) and that it sent; of
        a pooled layer, those that pooling passed on.
    updates
        int64 (B, layers): synaptic updates. A spike updates each neuron of a dense layer; in a convolution,
        those whose windows hold it.
    """

    inputs: Events
    spikes: tuple[Events, ...]
    sent: tuple[Events, ...]
    spike_potentials: np.ndarray
    potentials: tuple[np.ndarray, ...]
    accumulated: tuple[np.ndarray, ...]
    decisions: np.ndarray
    decision_steps: np.ndarray
    spiked: np.ndarray
    last: np.ndarray
    spikes_in: np.ndarray
    spikes_out: np.ndarray
    updates: np.ndarray

    @property
    def steps(self) -> tuple[np.ndarray, ...]:
        """Per layer int16 (B, n): step at which the neuron fired, `NEVER` for silent; a view of `spikes`.

        Raises `EventsError` if a neuron fires more than once in an image.
        """
        return tuple(layer.steps for layer in self.spikes)

    @property
    def sweeps(self) -> np.ndarray:
        """int64 (B, layers): sweeps that each PE of the layer ran, one a step."""
        return np.repeat(self.last.astype(np.int64)[:, None] + 1, len(self.spikes), axis=1)


def input_steps(pixels: np.ndarray, levels: int) -> np.ndarray:
    """The input code: uint8 pixels (any shape) to int16 steps 0 .. levels - 1, `NEVER` for pixel 0.

    A pixel p > 0 spikes at ``((255 - p) * levels) >> 8``: bright is early (code: our choice).
    """
    steps = ((255 - pixels.astype(np.int32)) * levels) >> 8
    return np.where(pixels > 0, steps, NEVER).astype(np.int16)


def check_inputs(network: Network, inputs: np.ndarray | Events) -> Events:
    """Images (uint8), steps (int16) or events of `network` as events on its inputs.

    Raises
    ------
    GoldenError
        If the dtype is neither, the shape is not (B, inputs), pixels come to another code than ttfs, a step
        is neither in 0 .. T - 1 nor `NEVER`, an input comes when the first layer has been charged, or one
        spikes more often than the code allows, on which the compiler's bound on A rests.
    """
    if isinstance(inputs, Events):
        events = inputs
        shape: tuple[int, ...] = (len(events), events.axons)
    else:
        array = np.asarray(inputs)
        if array.dtype not in (np.uint8, np.int16):
            raise GoldenError(f"input is {array.dtype}; it must be events, uint8 pixels or int16 steps")
        shape = array.shape
    if len(shape) != 2 or shape[1] != network.inputs:
        raise GoldenError(
            f"input has shape {shape}; network {network.name!r} needs (images, {network.inputs})"
        )
    if not isinstance(inputs, Events):
        if array.dtype == np.uint8:
            if network.code != "ttfs":
                raise GoldenError(
                    f"input is pixels, and network {network.name!r} has the code {network.code}: give events"
                )
            return Events.of_steps(input_steps(array, network.levels))
        if (array < 0).any():
            raise GoldenError(
                f"input step {array[array < 0][0]} is neither in 0..{network.steps - 1} nor NEVER={NEVER}"
            )
        events = Events.of_steps(array)
    late = events.latest
    if late >= network.steps:
        raise GoldenError(f"input step {late} is neither in 0..{network.steps - 1} nor NEVER={NEVER}")
    charge = network.layers[0].neuron.charge
    if charge and late >= charge:
        raise GoldenError(f"input step {late} is not before the charge of layer 0 at step {charge}")
    most = network.most_spikes(0)
    # Steps are one an axon, and events one an axon and step.
    if isinstance(inputs, Events) and late >= most and (often := events.counts > most).any():
        image, axon = np.argwhere(often)[0]
        raise GoldenError(
            f"image {image}, input {axon} spikes {events.counts[image, axon]} times; of code {network.code} "
            f"with {network.levels} levels it has {most} at most"
        )
    return events


def run(
    network: Network,
    inputs: np.ndarray | Events,
    *,
    params: ChipParams | None = None,
    early_exit: bool = True,
) -> GoldenResult:
    """Run images through a network exactly as the chip does (docs/arithmetic.md).

    Parameters
    ----------
    network
        The integer network.
    inputs
        Events of B images on its inputs; int16 steps (B, inputs), `NEVER` for silent; or, of the code ttfs,
        uint8 pixels (B, inputs), coded by `input_steps`.
    params
        The widths of A and V; None: those that the network is for.
    early_exit
        End an image at the barrier that closes its deciding step; else run it to step T - 1. The decision is
        the same.

    Raises
    ------
    GoldenError
        If the input does not fit the network, or a threshold or slope exceeds the largest V.
    """
    params = params or network.chip
    given = check_inputs(network, inputs)
    ends, steps, axons = given.pairs
    for i, layer in enumerate(network.layers):
        for name, value in layer.neuron.largest.items():
            if value > params.pot_max:
                raise GoldenError(f"layer {i}: {name}={value} exceeds the largest potential {params.pot_max}")
    net, images = tables(network, params), len(ends) - 1
    at_once = max(1, LARGEST_RECORD // max(1, net.steps * net.recorded))
    parts = []
    for first in range(0, max(1, images), at_once):
        own = ends[first : first + at_once + 1]
        states = empty_states(net, len(own) - 1)
        outcome = np.empty((len(own) - 1, 4), np.int32)
        run_images(own, steps, axons, early_exit, net, states, outcome)
        parts.append(_result(network, net, given[first : first + at_once], states, outcome))
    return parts[0] if len(parts) == 1 else _joined(parts)


def _result(
    network: Network, net: Tables, inputs: Events, states: State, outcome: np.ndarray
) -> GoldenResult:
    """What the kernels left of some images."""
    spikes, sent = [], []
    for place, layer in zip(net.places, network.layers, strict=True):
        if place["first_recorded"] < 0:
            spikes.append(Events.of_steps(_own(states.fired, place["first"], layer.neurons)))
            sent.append(Events.of_steps(_own(states.sent, place["first_output"], layer.outputs)))
        else:
            spikes.append(Events.of_record(_own(states.record, place["first_recorded"], layer.neurons)))
            output = _own(states.record, place["first_recorded_output"], layer.outputs)
            sent.append(Events.of_record(output) if layer.pool else spikes[-1])
    cuts = np.cumsum(net.places["neurons"])[:-1]
    potentials = np.split(states.pot, cuts, axis=1)
    last = spikes[-1]
    if network.layers[-1].neuron.once:  # V stays as the spike carried it
        carried = potentials[-1][last.image, last.axon]
    else:
        carried = states.carried[last.image, last.step, last.axon]
    return GoldenResult(
        inputs=inputs,
        spikes=tuple(spikes),
        sent=tuple(sent),
        spike_potentials=carried,
        potentials=tuple(potentials),
        accumulated=tuple(np.split(states.acc, cuts, axis=1)),
        decisions=outcome[:, 0],
        decision_steps=outcome[:, 1].astype(np.int16),
        spiked=outcome[:, 2].astype(bool),
        last=outcome[:, 3].astype(np.int16),
        spikes_in=states.counts[:, :, 0],
        spikes_out=states.counts[:, :, 1],
        updates=states.counts[:, :, 2],
    )


def _own(array: np.ndarray, first: int, count: int) -> np.ndarray:
    """Some columns."""
    return array[..., first : first + count]


def _joined(parts: list[GoldenResult]) -> GoldenResult:
    """Results of images one after another as one."""

    def join(values: list[Any]) -> Any:
        if isinstance(values[0], tuple):
            return tuple(join(list(layer)) for layer in zip(*values, strict=True))
        return Events.joined(values) if isinstance(values[0], Events) else np.concatenate(values)

    return GoldenResult(
        **{one.name: join([getattr(part, one.name) for part in parts]) for one in fields(parts[0])}
    )
