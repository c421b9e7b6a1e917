"""Weights with a mean of zero a neuron, so that its bias fits the bits that it shares with them."""

from __future__ import annotations

import torch


def centred(weight: torch.Tensor, bias: bool) -> torch.Tensor:
    """Weights (axons + bias, neurons) less each neuron's mean over its axons; the bias stays.

    What all inputs have in common then adds nothing to a potential (Qiao et al. 2019). Of many axons a small
    mean weight adds up to more than the one bias axon can take back.
    """
    axons = len(weight) - bias
    return torch.cat([weight[:axons] - weight[:axons].mean(0), weight[axons:]])
