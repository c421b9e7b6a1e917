"""Sums of spikes by a convolution in bytes, exactly: what the chip's adders do, and as fast.

Spikes are 0 or 1 and whole weights have 8 bits, so oneDNN's 8-bit kernels with 32-bit sums (`bytewise`) have
what single precision has, in a third of the time.
"""

from __future__ import annotations

import torch

from yoso_sw.network.layer import Window


def convolved(
    trains: torch.Tensor, weights: torch.Tensor, window: Window, bias: torch.Tensor | None
) -> torch.Tensor:
    """What spikes of each step bring, float32 (batch, T, neurons), without a gradient.

    Parameters
    ----------
    trains
        (batch, T, inputs), 0 or 1; on a processor with the kernels (`bytewise.available`).
    weights, bias
        Whole numbers of 8 bits, (axons, neurons), and whole numbers (neurons,) or None.
    """
    kernels, side, filters = torch.ops.onednn, window.kernel, weights.shape[1]
    pictures = trains.to(torch.uint8).reshape(-1, window.rows, window.cols, window.channels)
    kernel = weights.to(torch.int8).reshape(side, side, window.channels, filters).permute(3, 2, 0, 1)
    scales, zeros = torch.ones(filters), torch.zeros(filters, dtype=torch.int64)
    own = torch.zeros(filters) if bias is None else bias.detach()
    where = [window.stride] * 2, [window.padding] * 2, [1, 1], 1
    pictures = pictures.permute(0, 3, 1, 2)
    packed = kernels.qconv_prepack(kernel.contiguous(), scales, 1.0, 0, *where, list(pictures.shape))
    found = kernels.qconv2d_pointwise(
        pictures, 1.0, 0, packed, scales, zeros, own, *where, 1.0, 0, torch.float32, "none", [], ""
    )
    return found.permute(0, 2, 3, 1).reshape(*trains.shape[:2], -1)
