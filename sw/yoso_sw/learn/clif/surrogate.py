"""The gradient of spikes: what takes the place of the derivative of a step.

A layer's spikes, V and A are computed without a graph, by `scan` or `family.scan`; the gradient is put on
them here. It knows the current step alone: V of a sweep depends on what its step brought, with slope 1, and
on nothing before ("learning from the current time step only", abstract of the paper).
"""

from __future__ import annotations

import torch

#: How fast the slope falls with the distance from the threshold (our choice).
STEEPNESS = 10.0


def slope(distance: torch.Tensor) -> torch.Tensor:
    """1 / (1 + 10 |x|)^2 of x = V / theta - 1 (our choice)."""
    return (1 + STEEPNESS * distance.abs()).square().reciprocal()


def passing(value: torch.Tensor, through: torch.Tensor) -> torch.Tensor:
    """`value`, with the gradient of `through`."""
    return value + (through - through.detach())
