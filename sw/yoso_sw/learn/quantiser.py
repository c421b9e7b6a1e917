"""From a layer's float weights to the chip's integers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn
from yoso_hw.params import ChipParams


class Quantised(Protocol):
    """A layer in its integer phase, as far as `back` looks at it."""

    weight: nn.Parameter
    scale: float | None


def back(layer: Quantised, integers: torch.Tensor, rounded: bool) -> None:
    """Take a layer to its float phase, with its weights as they are or those that `integers` stand for."""
    assert layer.scale is not None
    with torch.no_grad():
        if rounded:
            layer.weight.copy_(integers / layer.scale)
    layer.scale = None


@dataclass(frozen=True)
class Quantiser:
    """How a layer's float weights become the chip's integers.

    Parameters
    ----------
    weight_bits, clip
        Of the integers, 2 to 8; weights beyond this many standard deviations saturate.
    chip
        Whose adders saturate on whole steps; None: the default chip's.
    """

    weight_bits: int = 8
    clip: float = 2.5
    chip: ChipParams | None = None

    @property
    def limit(self) -> int:
        """Integers are -limit .. limit - 1."""
        return 1 << (self.weight_bits - 1)

    def scale(self, weight: torch.Tensor) -> float:
        """The scale at which weights up to `clip` standard deviations from zero fit the bits."""
        largest = self.clip * float(weight.square().mean().sqrt())
        return (self.limit - 1) / largest if largest else math.inf

    def integers(self, weight: torch.Tensor, scale: float) -> torch.Tensor:
        """Integer weights as floats, with the gradient of the float weights (straight-through)."""
        scaled = (weight * scale).clamp(-self.limit, self.limit - 1)
        return scaled + (scaled.round() - scaled).detach()
