"""A spiking layer and its twin of ReLU neurons, which have the same weights.

With c the actual spike counts of the layer's inputs, T steps and the bias b a step (read, in the code of
Wu et al. 2021), the twin is

    a = ReLU(BN(c W + T b) / theta).

The layer spikes step by step, as `count`'s does, by the weights with the normalisation folded in, its running
mean and variance:

    W' = W gamma / sqrt(var),   T b' = (T b - mean) gamma / sqrt(var) + beta.

Its counts take the place of the twin's values. Backward their gradient goes to the twin unchanged: there is
no derivative of a spike, and none through time. Above T spikes, where a count can no longer follow, the twin
has its gradient all the same, which `count`'s surrogate has not.

Ours: gamma is not negative and begins with one value (`batch_norm`, in spikes) for all neurons, running means
move by a tenth a batch, P2 (`count.layer.pooled`), weights with a mean of zero (`centring`), whole weights
with the same twin, without normalisation.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch

from yoso_sw.learn.batch_norm import BatchNorm
from yoso_sw.learn.centring import centred
from yoso_sw.learn.count.layer import CountLayer


class TandemLayer(CountLayer):
    """`CountLayer` with the twin's V_total and gradient; parameters are its.

    Raises `ValueError` for a `batch_norm` without a bias.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if self.config.batch_norm and not self.config.bias:
            raise ValueError(f"batch_norm={self.config.batch_norm} needs bias=True, into which it is folded")
        spread = self.config.batch_norm * self.threshold
        self.norm = BatchNorm(self.neurons, spread) if spread else None

    @property
    def working(self) -> torch.Tensor:
        weights = super().working
        return centred(weights, self.config.bias) if self.config.centred and self.scale is None else weights

    @property
    def reading(self) -> int:
        """What V_total has of the bias."""
        return self.steps * self.unit

    def normalised(self, total: torch.Tensor, training: bool) -> torch.Tensor:
        """The twin before its ReLU, times theta, (batch, neurons); in training by the batch's statistics."""
        if self.norm is None or self.scale is not None:
            return total
        filters = total.reshape(len(total), 1, -1, self.neurons)  # torch's channels last, its fast way
        return self.norm(filters.permute(0, 3, 1, 2), training).permute(0, 2, 3, 1).flatten(1)

    @property
    def spiking(self) -> torch.Tensor:
        weights = super().spiking
        if self.norm is None or self.scale is not None:
            return weights
        return self.norm.folded(weights, self.reading)

    @property
    def most(self) -> float:
        return math.inf

    def quantise(self) -> None:
        """Fold centring and normalisation into the weights and fix their scale."""
        with torch.no_grad():
            self.weight.copy_(self.working)
        if self.norm is not None:
            self.norm.fold(self.weight, self.reading)
        super().quantise()

    def unquantise(self, rounded: bool) -> None:
        """Normalisation and centring are in the weights and stay there."""
        super().unquantise(rounded)
        self.norm, self.config = None, replace(self.config, centred=False)
