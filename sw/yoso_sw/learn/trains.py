"""Spike trains as tensors, and their decision: what rules of several spikes a neuron share.

A train is a real tensor (batch, T, neurons): 1 in each step in which a neuron spikes, else 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from yoso_sw.learn import times
from yoso_sw.network.events import Events


class Trains(NamedTuple):
    """What a layer of the neuron family gives in whole steps.

    fired
        Trains of its neurons, (batch, T, neurons).
    passed
        Those that go on, (batch, T, outputs): `fired`, but for a pooled layer.
    reached
        V of each sweep before a reset, (batch, T, neurons): what the threshold is compared with. Of a neuron
        that fires once and has, the V that it keeps.
    potentials, accumulated
        V and A after the last step, (batch, neurons).
    """

    fired: torch.Tensor
    passed: torch.Tensor
    reached: torch.Tensor
    potentials: torch.Tensor
    accumulated: torch.Tensor

    @property
    def sent(self) -> int:
        """Spikes that go on, summed over neurons and batch."""
        return int(self.passed.count_nonzero())

    @property
    def onward(self) -> times.Onward:
        return onward(self.passed)

    @property
    def spikes(self) -> Events:
        """Those that go on, as the golden model has them (`golden.GoldenResult.sent`)."""
        return Events.of_record(self.passed.bool().cpu().numpy())

    @property
    def counts(self) -> torch.Tensor:
        """Spikes of each neuron, (batch, neurons)."""
        return self.fired.sum(1)

    @property
    def first(self) -> torch.Tensor:
        """Step of each neuron's first spike, (batch, neurons), inf for silent."""
        fired = self.fired.bool()
        return torch.where(fired.any(1), fired.int().argmax(1), times.SILENT)


def onward(passed: torch.Tensor, start: int = 0) -> times.Onward:
    """First spike and count of each output, of trains whose first step is step `start` of the image."""
    fired = passed > 0
    first = (fired.int().argmax(1) + start).to(passed)
    return times.Onward(torch.where(fired.any(1), first, times.SILENT), fired.sum(1).to(passed))


def of_events(events: Events, steps: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """The trains of events, (images, `steps`, axons).

    Raises
    ------
    ValueError
        If a spike comes at a later step.
    """
    if events.latest >= steps:
        raise ValueError(f"there is a spike at step {events.latest}; trains have {steps} steps")
    trains = torch.zeros(len(events), steps, events.axons, dtype=dtype)
    index = (events.image, events.step.astype(np.int64), events.axon.astype(np.int64))
    trains[tuple(map(torch.from_numpy, index))] = 1
    return trains


def of_times(when: torch.Tensor, steps: int) -> torch.Tensor:
    """The trains of one spike an axon at `when`, (batch, axons), inf for none: (batch, `steps`, axons).

    Raises
    ------
    ValueError
        If a spike comes at a later step.
    """
    trains = when.new_zeros(len(when), steps, when.shape[1])
    image, axon = when.isfinite().nonzero(as_tuple=True)
    step = when[image, axon].long()
    if (step >= steps).any():
        raise ValueError(f"there is a spike at step {int(step.max())}; trains have {steps} steps")
    trains[image, step, axon] = 1
    return trains


def decide(decision: str, output: Trains) -> torch.Tensor:
    """Class of each image, int64 (batch,), by a network's decision (docs/arithmetic.md, "Decision").

    Where no output neuron fired, the highest V decides; so "softmax" and "ttfs" are one.
    """
    if decision != "count":
        return times.decide(output.first, output.potentials)
    most, counted = output.counts.max(1)
    return torch.where(most > 0, counted, output.potentials.argmax(1))
