"""First weights of a layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Normal:
    """Normally distributed (our choice; the paper does not say).

    Parameters
    ----------
    mean, std
        Mean and standard deviation, in the unit of weights.
    generator
        Draws them; None: torch's own.
    """

    mean: float = 0.0
    std: float = 0.1
    generator: torch.Generator | None = None

    def draw(self, axons: int, neurons: int) -> nn.Parameter:
        """Weights (axons, neurons)."""
        return nn.Parameter(torch.randn(axons, neurons, generator=self.generator) * self.std + self.mean)
