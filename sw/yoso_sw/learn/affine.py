"""A matrix product with weights whose last row is a bias, as one operation.

Slices of the weights would each have a gradient as large as all of them, which takes longer than the product
of a small batch.
"""

from __future__ import annotations

from typing import Any

import torch

from yoso_sw.learn import sparse


class Affine(torch.autograd.Function):
    """inputs @ weights[:-1] + times * weights[-1], for inputs (.., axons), weights (axons + 1, neurons)."""

    @staticmethod
    def forward(ctx: Any, inputs: Any, weights: Any, times: Any) -> Any:
        flat = inputs.reshape(-1, inputs.shape[-1])
        spikes = sparse.spikes_of(flat, weights.shape[1], plain=False)
        ctx.save_for_backward(inputs, weights)
        ctx.times, ctx.spikes = times, spikes
        found = sparse.product(flat, spikes, weights[:-1]).add_(times * weights[-1])
        return found.reshape(*inputs.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        inputs, weights = ctx.saved_tensors
        own = grads[0].reshape(-1, weights.shape[1])
        of_inputs = of_weights = None
        if ctx.needs_input_grad[0]:
            of_inputs = grads[0] @ weights[:-1].T
        if ctx.needs_input_grad[1]:
            of_weights = torch.empty_like(weights)
            of_weights[:-1] = sparse.turned(inputs.reshape(-1, inputs.shape[-1]), ctx.spikes, own)
            of_weights[-1] = ctx.times * own.sum(0)
        return of_inputs, of_weights, None
