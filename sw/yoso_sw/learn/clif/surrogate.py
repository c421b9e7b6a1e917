"""The gradient of spikes: what takes the place of the derivative of a step.

A layer's spikes, V and A are computed without a graph, by `scan` or `family.scan`; the gradient is put on
them here. It knows the current step alone: V of a sweep depends on what its step brought, with slope 1, and
on nothing before ("learning from the current time step only", abstract of the paper).
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from yoso_sw.network.layer import Window


def slope(distance: torch.Tensor, steepness: float) -> torch.Tensor:
    """1 / (1 + steepness |x|)^2 of x = V / theta - 1 (our choice)."""
    return (1 + steepness * distance.abs()).square().reciprocal()


class _Passing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, through: torch.Tensor) -> torch.Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[None, torch.Tensor]:
        return None, grads[0]


def passing(value: torch.Tensor, through: torch.Tensor) -> torch.Tensor:
    """`value`, with the gradient of `through`, which is as large."""
    return _Passing.apply(value, through)  # type: ignore[no-any-return, no-untyped-call]


def fire(
    fired: torch.Tensor, reached: torch.Tensor, theta: float, start: int, end: int, steepness: float
) -> torch.Tensor:
    """Trains `fired`, (batch, T, neurons), with the surrogate gradient for V `reached` in their window."""
    gain = torch.zeros_like(fired)
    gain[:, start:end] = slope(reached.detach()[:, start:end] / theta - 1, steepness) / theta
    return passing(fired, gain * reached)


def highest(v: torch.Tensor, window: Window) -> torch.Tensor:
    """P2 of V of a convolution, (batch, T, neurons): the highest of 2 x 2 positions, (batch, T, outputs).

    The four have one threshold, so that one of them spikes where the highest does, and a step's gradient goes
    to that one (our choice; the paper's abstract names no pooling).
    """
    pictures = v.reshape(-1, window.out_rows, window.out_cols, v.shape[-1] // window.positions)
    found = functional.max_pool2d(pictures.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
    return found.reshape(*v.shape[:2], -1)
