"""Current-based leaky neurons in the float phase: the sweeps of docs/arithmetic.md without their rounding.

A sweep leaves alpha = 1 - 2^-k_a of A and beta = 1 - 2^-k_v of V, exactly; k_a = 0: nothing of A, k_v = 0:
all of V. The chip's decays take up to one unit more (`family.decay`).
"""

from __future__ import annotations

import torch

from yoso_sw.network.neuron import Neuron


def scan(
    arrived: torch.Tensor, neuron: Neuron, theta: float, steps: int, bias: torch.Tensor | None
) -> tuple[torch.Tensor, ...]:
    """Sweep, then integrate, for each step; `fired`, `reached`, V and A, as `Trains` has them.

    Parameters
    ----------
    arrived
        What spikes bring, (batch, T', neurons); in steps from T' <= `steps` on there are none.
    neuron
        Its window, decays and whether it fires; reset by subtraction.
    theta
        Threshold, in the unit of weights.
    bias
        (neurons,), or None.
    """
    alpha = 1 - 2.0**-neuron.current
    beta = 1 - 2.0**-neuron.leak if neuron.leak else 1.0
    a = arrived.new_zeros(len(arrived), arrived.shape[2])
    v, none = torch.zeros_like(a), torch.zeros_like(a)
    fired, reached = [], []
    for t in range(steps):
        v = beta * v + a
        fires = (v >= theta).to(v.dtype) if neuron.fires and neuron.start <= t < neuron.end else none
        fired.append(fires)
        reached.append(v)
        v = v - theta * fires
        a = alpha * a
        if bias is not None and neuron.start <= t + 1 < neuron.end:
            a = a + bias
        if t < arrived.shape[1]:
            a = a + arrived[:, t]
    return torch.stack(fired, 1), torch.stack(reached, 1), v, a
