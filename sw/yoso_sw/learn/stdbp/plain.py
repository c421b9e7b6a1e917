"""Spike times with PyTorch's own operations: sort, cumulative sums, and autograd.

What one writes without kernels of one's own: short, fit for a GPU, and the baseline of ``make bench-train``.
It keeps every causal set of every neuron, (batch, axons, neurons) numbers, where `first_spikes` keeps none.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.nn import functional

from yoso_sw.learn.times import SILENT
from yoso_sw.network.layer import Window

ROWS = 128  # at once, where no gradient is wanted


def padded(times: torch.Tensor, window: Window) -> tuple[torch.Tensor, Window]:
    """Times (batch, inputs) with silent inputs in place of the window's padding, and the window over both."""
    border = window.padding
    if not border:
        return times, window
    pixels, bias = times[:, : window.inputs], times[:, window.inputs :]
    picture = pixels.reshape(-1, window.rows, window.cols, window.channels)
    picture = functional.pad(picture, (0, 0, border, border, border, border), value=SILENT)
    window = replace(window, rows=window.rows + 2 * border, cols=window.cols + 2 * border, padding=0)
    return torch.cat([picture.flatten(1), bias], dim=1), window


def patches(times: torch.Tensor, window: Window) -> torch.Tensor:
    """What each position of a convolution sees, (batch * positions, axons), of its inputs (batch, inputs).

    Both are ordered (row, col, channel), a bias last; the window has no padding, or `padded` took it away.
    """
    pixels, bias = times[:, : window.inputs], times[:, window.inputs :]
    picture = pixels.reshape(-1, window.rows, window.cols, window.channels)
    # batch, row, col, channel, kernel, kernel
    seen = picture.unfold(1, window.kernel, window.stride).unfold(2, window.kernel, window.stride)
    seen = seen.permute(0, 1, 2, 4, 5, 3).reshape(-1, window.axons)
    return torch.cat([seen, bias.repeat_interleave(window.positions, dim=0)], dim=1)


def spike_times(
    times: torch.Tensor,
    weights: torch.Tensor,
    threshold: float,
    start: int,
    end: int,
    last: int,
    whole: bool = False,
    revive: bool = False,
    min_slope: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """`stdbp.spike_times` on any device; on whole steps no adder may saturate, and gradients are those of the
    time before rounding.

    Of n sorted spikes the potential after the k-th is V(t) = A_k t - B_k until the next one, with
    A_k = w_1 + .. + w_k and B_k = w_1 t_1 + .. + w_k t_k; eq. 11 solves it in each interval, and the first
    solution within its own interval is the spike.
    """
    if len(times) > ROWS and not torch.is_grad_enabled():
        blocks = [
            spike_times(part, weights, threshold, start, end, last, whole, revive, min_slope)
            for part in times.split(ROWS)
        ]
        fired, potential = (torch.cat(parts) for parts in zip(*blocks, strict=True))
        return fired, potential
    ordered, order = torch.where(times < last, times, SILENT).sort(dim=1)
    silent = ordered.isinf()
    ordered = torch.where(silent, 0, ordered)
    w = weights[order] * ~silent[:, :, None]
    a = w.cumsum(dim=1)
    b = (w * ordered[:, :, None]).cumsum(dim=1)

    # Interval k is (t_k, t_k+1], cut to the window; there V is compared with theta.
    far = max(end, last)
    begins = torch.where(silent, far, ordered)
    until = torch.cat([begins[:, 1:], torch.full_like(begins[:, :1], far)], dim=1)
    opening = start - 1 if whole else start
    ready = begins.clamp(min=opening)[:, :, None]
    opens_in = (begins <= opening) & (opening < until)
    above = opens_in[:, :, None] & (a * ready - b >= threshold)
    if whole:  # that is sweep start - 1, and a potential that falls may be below theta at start
        above &= a * start - b >= threshold
    rises = a > 0
    cross = (threshold + b) / torch.where(rises, a, 1)  # a division by 0 would leave nan in the gradient
    step = cross + (cross.ceil() - cross).detach() if whole else cross
    hits = rises & (step > ready) & (step <= until[:, :, None]) & (step < end)
    first = (above & (start < end) | hits).int().argmax(dim=1, keepdim=True)

    def chosen(values: torch.Tensor) -> torch.Tensor:
        return values.gather(1, first)[:, 0]

    opens, fires = chosen(above) & (start < end), chosen(hits)
    total, moment = a[:, -1], b[:, -1]
    slope = total.detach()
    slope = slope.clamp(min=threshold / last) if revive else torch.full_like(slope, SILENT)
    # The gradient of a silent neuron, as if it had fired at `end`.
    silent_grad = (moment - end * total) / slope
    at = torch.where(fires, chosen(step), 0)
    if min_slope:
        share = (chosen(a).detach() * last / (min_slope * threshold)).clamp(0, 1)  # of the gradient
        at = at.detach() + (at - at.detach()) * share
    fired = torch.where(opens, start, torch.where(fires, at, SILENT + (silent_grad - silent_grad.detach())))
    reached = chosen(a) * (fired if whole else at) - chosen(b) if whole else torch.full_like(at, threshold)
    if not whole:
        reached = torch.where(opens, chosen(a) * start - chosen(b), reached)
    potential = torch.where(opens | fires, reached, total * last - moment)
    return fired, potential.detach()
