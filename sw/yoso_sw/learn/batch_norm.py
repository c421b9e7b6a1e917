"""Batch normalisation (Ioffe and Szegedy 2015) of potentials, which ends in the weights.

It is linear in them, so it is folded into them and into the bias, and nothing of it is left for the chip.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

EPSILON = 1e-5  # keeps the variance of a neuron that is always the same from dividing by 0


class BatchNorm(nn.Module):
    """Potentials of each neuron, or filter, brought to one mean and standard deviation over the batch.

    V' = std * (|gain| * (V - batch mean) / batch std + shift). V is what a layer of constant slope reads when
    its window opens, or all that the steps bring to an integrate-and-fire neuron.

    Parameters
    ----------
    neurons
        Neurons or filters, the second dimension of the potentials.
    std
        The standard deviation that potentials begin with, in their unit.
    """

    mean: torch.Tensor
    variance: torch.Tensor

    def __init__(self, neurons: int, std: float) -> None:
        super().__init__()
        self.std = std
        self.gain = nn.Parameter(torch.ones(neurons))
        self.shift = nn.Parameter(torch.zeros(neurons))
        self.register_buffer("mean", torch.zeros(neurons))
        self.register_buffer("variance", torch.ones(neurons))

    def forward(self, potential: torch.Tensor, training: bool) -> torch.Tensor:
        """Of potentials (batch, neurons, ..); in training by the batch's own mean and variance."""
        gain, shift = self.std * self.gain.abs(), self.std * self.shift
        return functional.batch_norm(potential, self.mean, self.variance, gain, shift, training, 0.1, EPSILON)

    def folded(self, weight: torch.Tensor, reading: float) -> torch.Tensor:
        """`weight` (axons + bias, neurons) with the gain, and with the shift in the bias.

        `reading` is what V has of the bias. The gain is not negative, so the maximum of pooled potentials
        stays where it was.
        """
        gain = self.std * self.gain.abs() / (self.variance + EPSILON).sqrt()
        bias = ((weight[-1] * reading - self.mean) * gain + self.std * self.shift) / reading
        return torch.cat([weight[:-1] * gain, bias[None]])

    def fold(self, weight: nn.Parameter, reading: float) -> None:
        """Replace `weight` by what it is `folded`."""
        with torch.no_grad():
            weight.copy_(self.folded(weight, reading))
