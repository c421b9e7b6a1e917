"""A layer of current-based leaky neurons as one operation: all steps forward, some of them back.

Forward is a product of all steps and a scan (`kernels.sweep`); of a convolution the scan alone, since torch
has its product and the gradient of that. Backward knows the current step alone
("learning from the current time step only", abstract of the paper): V of a sweep depends on what its step
brought, with slope 1, and on nothing before. So the gradient of the weights is one product over the steps
that learn, and with fewer of them ("backward phase skipping", abstract; which, our choice) as much shorter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from yoso_sw.learn import sparse
from yoso_sw.learn.clif.kernels import passed_back, passed_back_pooled, pooled, sweep

if TYPE_CHECKING:
    from yoso_sw.learn.clif.layers import ClifLayer


class StepByStep(torch.autograd.Function):
    """`fired`, `reached`, V and A (`Trains`) of a dense `ClifLayer` up to step `stop`, on a CPU.

    Of trains (batch, T', axons) and weights (axons + bias, neurons). Differentiable are `fired` and, within
    the window, `reached` of a spiking layer, V of a readout.
    """

    @staticmethod
    def forward(ctx: Any, trains: Any, weights: Any, layer: Any, stop: Any) -> Any:
        neuron, axons = layer.neuron, trains.shape[2]
        flat = trains.reshape(-1, axons)
        spikes = sparse.spikes_of(flat, weights.shape[1])
        arrived = sparse.product(flat, spikes, weights[:axons]).reshape(*trains.shape[:2], -1)
        bias = weights[-1] if layer.config.bias else None
        chip = None if layer.scale is None else layer.chip
        steps = layer.end + layer.after
        fired, reached, v, a = sweep(arrived, neuron, layer.theta, steps, bias, chip, stop)
        ctx.save_for_backward(trains, weights, reached)
        ctx.layer, ctx.theta, ctx.learning, ctx.spikes = layer, layer.theta, layer.learning, spikes
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*((v, a) if layer.fires else (fired, reached, a)))
        return fired, reached, v, a

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        trains, weights, reached = ctx.saved_tensors
        layer: ClifLayer = ctx.layer
        back = _of_spikes if layer.fires else _of_potentials
        return *back(ctx, trains, weights, reached, grads), None, None


def _of_spikes(ctx: Any, trains: Any, weights: Any, reached: Any, grads: Any) -> tuple[Any, Any]:
    """Gradients of trains and weights, of those of spikes and V of each sweep."""
    passed, seen, *_ = grads
    axons = trains.shape[2]
    sweeps = np.array(ctx.learning, np.int64)
    at = torch.from_numpy(sweeps).to(trains.device)
    own = trains.new_zeros(len(trains), len(sweeps), weights.shape[1])
    if passed is not None:
        own = passed_back(passed, reached, sweeps, ctx.theta, ctx.layer.steepness)
    if seen is not None:
        own = own + seen[:, at]
    given = at[at <= trains.shape[1]] - 1  # sweep t finds what step t - 1 brought
    rows = own[:, : len(given)].reshape(-1, weights.shape[1])
    of_trains = of_weights = None
    if ctx.needs_input_grad[0]:
        of_trains = torch.zeros_like(trains)
        of_trains[:, given] = (rows @ weights[:axons].T).reshape(len(trains), len(given), axons)
    if ctx.needs_input_grad[1]:
        of_weights = torch.empty_like(weights)
        if len(given) == trains.shape[1]:
            chosen, spikes = trains.reshape(-1, axons), ctx.spikes
        else:
            chosen = trains[:, given].reshape(-1, axons)
            spikes = None if ctx.spikes is None else sparse.Spikes(chosen, plain=True)
        of_weights[:axons] = sparse.turned(chosen, spikes, rows)
        of_weights[axons:] = own.sum((0, 1))
    return of_trains, of_weights


def _of_potentials(ctx: Any, trains: Any, weights: Any, reached: Any, grads: Any) -> tuple[Any, Any]:
    """The same of a readout, whose V is the sum of what all steps brought."""
    total, axons = grads[2], trains.shape[2]
    every = ctx.layer.backward_every
    at = torch.tensor(ctx.learning, device=trains.device) - 1
    of_trains = of_weights = None
    if ctx.needs_input_grad[0]:
        each = (total @ weights[:axons].T)[:, None]
        of_trains = each.expand(-1, trains.shape[1], -1)
        if every > 1:
            of_trains = torch.zeros_like(trains)
            of_trains[:, at] = each
    if ctx.needs_input_grad[1]:
        counts = (trains if every == 1 else trains[:, at]).sum(1)
        of_weights = torch.empty_like(weights)
        of_weights[:axons] = counts.T @ total
        of_weights[axons:] = len(at) * total.sum(0)
    return of_trains, of_weights


class Convolved(torch.autograd.Function):
    """`fired`, `passed`, `reached`, V and A (`Trains`) of a spiking convolution up to step `stop`, on a CPU.

    Of what spikes bring from step `layer.start` - 1 on, (batch, T', neurons), and the bias (filters,) or
    None. Differentiable are `passed` and, within the window, `reached`.
    """

    @staticmethod
    def forward(ctx: Any, arrived: Any, bias: Any, layer: Any, stop: Any) -> Any:
        chip = None if layer.scale is None else layer.chip
        steps, first = layer.end + layer.after, layer.start - 1
        every = None if bias is None else bias.repeat(layer.positions)
        swept = sweep(arrived, layer.neuron, layer.theta, steps, every, chip, stop, first)
        fired, reached, v, a = swept
        passed = pooled(fired, layer.window) if layer.config.pool else fired
        ctx.save_for_backward(reached)
        ctx.layer, ctx.theta, ctx.learning, ctx.given = layer, layer.theta, layer.learning, arrived.shape
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*([fired] if layer.config.pool else []), v, a)
        return fired, passed, reached, v, a

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (reached,) = ctx.saved_tensors
        layer: ClifLayer = ctx.layer
        fired, passed, seen, *_ = grads
        if fired is not None:  # unpooled, `fired` and `passed` are one
            passed = fired if passed is None else passed + fired
        sweeps = np.array(ctx.learning, np.int64)
        own = None
        if passed is not None:
            known = passed, reached, sweeps, ctx.theta, layer.steepness
            if layer.config.pool and layer.window is not None:
                own = passed_back_pooled(*known, layer.window)
            else:
                own = passed_back(*known)
        if seen is not None:
            own = seen[:, sweeps] if own is None else own + seen[:, sweeps]
        if own is None:
            return None, None, None, None
        of_bias = own.reshape(-1, layer.neurons).sum(0) if ctx.needs_input_grad[1] else None
        at = sweeps - layer.start  # sweep t finds what step t - 1 brought
        held = int((at < ctx.given[1]).sum())
        if held == ctx.given[1]:
            return own[:, :held], of_bias, None, None
        of_arrived = own.new_zeros(ctx.given)
        of_arrived[:, at[:held]] = own[:, :held]
        return of_arrived, of_bias, None, None
