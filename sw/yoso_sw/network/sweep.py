"""The neuron of the golden model: what a sweep does to a layer (docs/arithmetic.md, "One image", 1).

`sweep_neuron` is a neuron's V and its firing, `leave_current` what the sweep leaves of A.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from yoso_hw.registers import Reset

from yoso_sw.network.events import NEVER
from yoso_sw.network.synapse import integrate_bias, saturate

ONCE, SUBTRACT, ZERO, READOUT = (
    int(reset) for reset in (Reset.ONCE, Reset.SUBTRACT, Reset.ZERO, Reset.NEVER)
)


class Parameters(NamedTuple):
    """What V and firing take of a `neuron.Neuron`, in the registers of a kernel: from a record, each use
    would read memory again."""

    threshold: int
    start: int
    end: int
    slope: int
    leak: int
    reset: int


@njit(cache=True, inline="always")
def decay(x, k):  # type: ignore[no-untyped-def]
    """sign(x) ceil(|x| / 2^k): towards 0 by at least one, never past it."""
    size = (abs(x) + (1 << k) - 1) >> k
    return size if x > 0 else -size


@njit(cache=True, inline="always")
def sweep_neuron(a, v, step, neuron, pot_min, pot_max):  # type: ignore[no-untyped-def]
    """One sweep of a neuron that may fire. Returns the V that it leaves and whether the neuron fires."""
    if neuron.leak > 0:
        v -= decay(v, neuron.leak)
    gain = neuron.slope if neuron.slope > 0 and step >= neuron.start else a
    v = saturate(v + gain, pot_min, pot_max)
    fires = neuron.start <= step < neuron.end and v >= neuron.threshold and neuron.reset != READOUT
    if fires and neuron.reset == SUBTRACT:
        v -= neuron.threshold
    elif fires and neuron.reset == ZERO:
        v = 0
    return v, fires


@njit(cache=True)
def sweep_layer(fired, pot, acc, step, neuron, pot_min, pot_max):  # type: ignore[no-untyped-def]
    """V of a layer; `fired` gets the step of those that fire. Returns how many do."""
    count = 0
    own = Parameters(neuron.threshold, neuron.start, neuron.end, neuron.slope, neuron.leak, neuron.reset)
    for j in range(len(fired)):
        if fired[j] == NEVER or own.reset != ONCE:
            pot[j], fires = sweep_neuron(np.int64(acc[j]), np.int64(pot[j]), step, own, pot_min, pot_max)
            if fires:
                fired[j] = step
                count += 1
    return count


@njit(cache=True)
def leave_current(acc, bias, step, neuron, acc_min, acc_max):  # type: ignore[no-untyped-def]
    """A of a layer whose current is not kept: it decays and, while the gate is open, gains `bias`, if any."""
    k = neuron.current
    for j in range(len(acc)):
        acc[j] -= decay(np.int64(acc[j]), k)
    if len(bias) > 0 and neuron.start <= step + 1 < neuron.end:
        integrate_bias(bias, acc, acc_min, acc_max)


@njit(cache=True)
def charge(pot, acc, acc_min, acc_max):  # type: ignore[no-untyped-def]
    """V of a layer becomes its current."""
    for j in range(len(acc)):
        acc[j] = saturate(np.int64(pot[j]), acc_min, acc_max)
        pot[j] = 0
