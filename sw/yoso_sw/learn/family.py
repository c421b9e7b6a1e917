"""The integer forward pass of the neuron family on tensors (docs/arithmetic.md, "One image").

A layer is two things. Its synapse is linear and knows no time, so all T steps are one matrix product or one
convolution; its neurons are a scan over T, elementwise (`scan`). Numbers are whole and held by float32 or
float64, which is exact: weights have 8 bits, spikes are 0 or 1, and partial sums that fit A fit the type.

The golden model's results spike for spike, as long as A cannot saturate within a step, which is what the
compiler asks of a network. Where it can, the spikes of a step are added as one sum and A is clamped once,
while the page clamps after each spike.
"""

from __future__ import annotations

import torch
from torch.nn import functional
from yoso_hw.params import ChipParams

from yoso_sw.learn.trains import Trains
from yoso_sw.network.layer import Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import KEPT, Neuron, Reset

#: Bits of the signed whole numbers whose sums of two a type holds.
WHOLE_BITS = {torch.float32: 24, torch.float64: 53}


def synapse(
    trains: torch.Tensor,
    weights: torch.Tensor,
    window: Window | None = None,
    whole: bool = True,
    bias: torch.Tensor | None = None,
) -> torch.Tensor:
    """What the spikes of each step bring to each neuron, (batch, T, neurons).

    Parameters
    ----------
    trains
        (batch, T, inputs).
    weights
        (axons, neurons) without the bias; of a convolution shared as in `network.Layer`.
    window
        The geometry of a convolution; None: dense.
    whole
        Whether trains and weights are whole; else, in a float phase, nothing is rounded.
    bias
        (neurons,), what every step brings besides; None: nothing.
    """
    if window is None:
        found = trains @ weights
        return found if bias is None else found + bias
    batch, steps, _ = trains.shape
    pictures = trains.reshape(-1, window.rows, window.cols, window.channels).permute(0, 3, 1, 2)
    kernels = weights.reshape(window.kernel, window.kernel, window.channels, -1).permute(3, 2, 0, 1)
    found = functional.conv2d(pictures, kernels, bias, window.stride, window.padding)
    if whole:
        found = found + (found.round() - found).detach()  # fast convolutions transform, which may round
    return found.permute(0, 2, 3, 1).reshape(batch, steps, -1)


def decay(x: torch.Tensor, k: int) -> torch.Tensor:
    """sign(x) ceil(|x| / 2^k) of whole numbers."""
    return (x.abs() * 2.0**-k).ceil().copysign(x)


def scan(
    arrived: torch.Tensor,
    neuron: Neuron,
    chip: ChipParams,
    steps: int,
    bias: torch.Tensor | None = None,
) -> tuple[torch.Tensor, ...]:
    """Sweep, then integrate, for each of `steps` steps: `fired`, `reached`, V and A, as `Trains` has them.

    Parameters
    ----------
    arrived
        What spikes bring (`synapse`), (batch, T', neurons); in steps from T' <= `steps` on there are none.
    chip
        For the widths of A and V.
    bias
        (neurons,), or None.

    Raises
    ------
    ValueError
        If the type of `arrived` does not hold every V.
    """
    bits = WHOLE_BITS.get(arrived.dtype, 0)
    if chip.pot_bits > bits:
        raise ValueError(f"{arrived.dtype} holds V of {bits} bits, not pot_bits={chip.pot_bits}")
    a = arrived.new_zeros(len(arrived), arrived.shape[2])
    v, none = torch.zeros_like(a), torch.zeros_like(a)
    fired, reached, done = [], [], none.bool()
    for t in range(steps):
        own = v - decay(v, neuron.leak) if neuron.leak else v
        gain = neuron.slope if neuron.slope and t >= neuron.start else a
        own = (own + gain).clamp(chip.pot_min, chip.pot_max)
        if neuron.reset is Reset.ONCE:
            own = torch.where(done, v, own)
        fires = none
        if neuron.fires and neuron.start <= t < neuron.end:
            above = (own >= neuron.threshold) & ~done
            if neuron.reset is Reset.ONCE:
                done = done | above
            fires = above.to(own.dtype)
        fired.append(fires)
        reached.append(own)
        if neuron.charge and t == neuron.charge:
            a, v = own.clamp(chip.acc_min, chip.acc_max), none
        else:
            v = reset(own, fires, neuron)
            a = leave(a, neuron, chip, bias if neuron.start <= t + 1 < neuron.end else None)
        if t < arrived.shape[1]:
            a = a + arrived[:, t]
        if bias is not None and neuron.current == KEPT and t == 0:
            a = a + bias
        a = a.clamp(chip.acc_min, chip.acc_max)
    return torch.stack(fired, 1), torch.stack(reached, 1), v, a


def reset(reached: torch.Tensor, fires: torch.Tensor, neuron: Neuron) -> torch.Tensor:
    """V as its sweep leaves it."""
    if neuron.reset is Reset.SUBTRACT:
        return reached - neuron.threshold * fires
    return reached * (1 - fires) if neuron.reset is Reset.ZERO else reached


def leave(a: torch.Tensor, neuron: Neuron, chip: ChipParams, bias: torch.Tensor | None) -> torch.Tensor:
    """A as a sweep leaves it; `bias`: what the gate lets through."""
    if neuron.current == KEPT:
        return a
    a = a - decay(a, neuron.current) if neuron.current else torch.zeros_like(a)
    return a if bias is None else (a + bias).clamp(chip.acc_min, chip.acc_max)


def pool(fired: torch.Tensor, window: Window, once: bool) -> torch.Tensor:
    """P2 of the trains of a convolution: of 2 x 2 positions one spike of each filter a step.

    Where neurons fire `once`, only the first of the image goes on.
    """
    batch, steps, _ = fired.shape
    sides = batch, steps, window.out_rows // 2, 2, window.out_cols // 2, 2, -1
    passed = fired.reshape(sides).amax((3, 5)).flatten(2)
    return passed * (passed.cumsum(1) == 1) if once else passed


def layer(
    trains: torch.Tensor,
    weights: torch.Tensor,
    neuron: Neuron,
    chip: ChipParams,
    steps: int,
    *,
    bias: bool = False,
    window: Window | None = None,
    pooled: bool = False,
) -> Trains:
    """One layer of `network.Layer`'s parts, for the trains of its inputs, (batch, T' <= `steps`, inputs).

    `weights` are whole, (axons, neurons), with the bias, if there is one, as the last axon.
    """
    axons = len(weights) - bias
    arrived = synapse(trains, weights[:axons], window)
    own = weights[-1].repeat(1 if window is None else window.positions) if bias else None
    fired, reached, v, a = scan(arrived, neuron, chip, steps, own)
    passed = pool(fired, window, neuron.once) if pooled and window is not None else fired
    return Trains(fired, passed, reached, v, a)


def run(network: Network, trains: torch.Tensor, chip: ChipParams | None = None) -> list[Trains]:
    """A whole network, to its last step, for the trains of its inputs; `chip`: whose A and V, as in
    `golden.run`."""
    results = []
    for own in network.layers:
        weights = torch.from_numpy(own.weights).to(trains)
        results.append(
            layer(
                trains,
                weights,
                own.neuron,
                chip or network.chip,
                network.steps,
                bias=own.bias,
                window=own.window,
                pooled=own.pool,
            )
        )
        trains = results[-1].passed
    return results
