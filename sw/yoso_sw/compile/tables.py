"""How a PE finds the neurons and weights of a spike: its two tables, and the order of its weights.

A spike of a convolution names its input channel by an address and its place by a row and a column. A PE looks
both up: how many rows of its tile the spike reaches, where in the tile they begin, and with which line of the
kernel; and the same for columns. Tile, border, padding and stride are in these tables and nowhere else.

The weights lie as ``[channel][line][tap of the line][filter word]``. The further down a neuron is, the
further up in its window a spike comes in: so kernels lie mirrored, and neurons and weights are walked upwards
together. With a stride s, the next neuron sees the spike s taps further up; so taps are sorted by their
residue mod s, and those that one spike meets lie side by side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from yoso_sw.compile.layout import LayerMap, Slice
from yoso_sw.network.layer import Layer, Window


class Reach(NamedTuple):
    """What each input coordinate reaches of a tile along one axis; all int64 (inputs,).

    Attributes
    ----------
    positions
        How many it reaches; 0: none, and the others are 0 as well.
    tap
        Where the tap that the first of them has for it lies among the kernel's.
    first
        The first of them, counted from the tile's.
    """

    positions: np.ndarray
    tap: np.ndarray
    first: np.ndarray


def tap_order(kernel: int, stride: int) -> np.ndarray:
    """The tap at each place of the weights, int64 (kernel,): by residue mod stride, then descending."""
    return np.array(sorted(range(kernel), key=lambda tap: (tap % stride, -tap)))


def reach(inputs: int, window: Window, start: int, size: int) -> Reach:
    """What `inputs` coordinates reach of a tile's positions `start` .. ``start + size - 1``."""
    kernel, stride = window.kernel, window.stride
    padded = np.arange(inputs) + window.padding
    low = np.maximum(start, -((kernel - 1 - padded) // stride))
    high = np.minimum(start + size - 1, padded // stride)
    count = np.maximum(0, high - low + 1)
    place = np.argsort(tap_order(kernel, stride))
    tap = place[np.where(count > 0, padded - stride * low, 0)]
    return Reach(count, np.where(count > 0, tap, 0), np.where(count > 0, low - start, 0))


def row_table(layer: LayerMap, part: Slice, lanes: int) -> dict[str, np.ndarray]:
    """The entries of `Memory.ROWS` of a PE by field, int64 (entries,); a bias that is an axon has the last.

    A dense layer has one entry, row 0 of one position.
    """
    if layer.window is None:
        return {"lines": np.array([1]), "weight_offset": np.array([0]), "neuron_offset": np.array([0])}
    words = part.filter_words(lanes)
    own = reach(layer.window.rows, layer.window, part.row, part.rows)
    return {
        "lines": _with_bias(layer, own.positions, part.rows),
        "weight_offset": _with_bias(layer, own.tap * layer.window.kernel * words, 0),
        "neuron_offset": _with_bias(layer, own.first * part.cols * words, 0),
    }


def column_table(layer: LayerMap, part: Slice, lanes: int) -> dict[str, np.ndarray]:
    """The same for `Memory.COLUMNS`; the bias rewinds to the weights of the first filter at each position."""
    words = part.filter_words(lanes)
    if layer.window is None:
        zero = np.array([0])
        return {"run": np.array([words]), "rewind": zero, "weight_offset": zero, "neuron_offset": zero}
    own = reach(layer.window.cols, layer.window, part.col, part.cols)
    return {
        "run": _with_bias(layer, own.positions * words, part.cols * words),
        "rewind": _with_bias(layer, np.zeros_like(own.positions), 1),
        "weight_offset": _with_bias(layer, own.tap * words, 0),
        "neuron_offset": _with_bias(layer, own.first * words, 0),
    }


def _with_bias(layer: LayerMap, entries: np.ndarray, bias: int) -> np.ndarray:
    return np.append(entries, bias) if layer.bias_axon else entries


def walk_registers(layer: LayerMap, part: Slice, lanes: int) -> dict[str, int]:
    """The register fields by which a PE goes from word to word, of a spike and of a sweep that pools.

    A kernel of one line has no next one.
    """
    words = part.filter_words(lanes)
    return {
        "filter_words": words,
        "neuron_pitch": part.cols * words,
        "weight_pitch": layer.window.kernel * words if layer.window and layer.window.kernel > 1 else 0,
        "blocks": part.cols // 2 if layer.pool else 0,
    }


class Address(NamedTuple):
    """Where the PEs of a layer look for inputs: weight word, row, column; int64, one each."""

    row: np.ndarray
    r: np.ndarray
    q: np.ndarray


def address(layer: LayerMap, inputs: np.ndarray) -> Address:
    """What spikes of some inputs of a layer, int64, carry."""
    window = layer.window
    if window is None:
        zero = np.zeros_like(inputs)
        return Address(inputs * layer.stride, zero, zero)
    place, channel = np.divmod(inputs, window.channels)
    return Address(channel * window.kernel**2 * layer.stride, *np.divmod(place, window.cols))


def bias_address(layer: LayerMap) -> dict[str, int]:
    """What the spike of a layer's bias carries: the row behind all others, a place beside all others."""
    place = (0, 0) if layer.window is None else (layer.window.rows, layer.window.cols)
    return dict(zip(Address._fields, ((layer.axons - 1) * layer.stride, *place), strict=True))


def inputs_at(layer: LayerMap, at: Address) -> np.ndarray:
    """The inverse of `address`: int64, -1 where no input has such an address."""
    window = layer.window
    if window is None:
        inputs = np.where((at.r == 0) & (at.q == 0), at.row // layer.stride, -1)
    else:
        channel = at.row // (window.kernel**2 * layer.stride)
        inside = (at.r < window.rows) & (at.q < window.cols) & (channel < window.channels)
        inputs = np.where(inside, (at.r * window.cols + at.q) * window.channels + channel, -1)
    inside = (inputs >= 0) & (inputs < layer.inputs)
    right = inside & (address(layer, np.where(inside, inputs, 0)).row == at.row)
    return np.where(right, inputs, -1)


def arranged(layer: Layer, part: Slice, stride: int, lanes: int) -> np.ndarray:
    """The weights of a PE in the order of its weight memory, int64 (axons * stride, lanes); 0: there is none.

    A dense layer's rows are `stride` words apart. In a convolution channels begin `stride` words a tap apart;
    within a channel, taps follow each other at the PE's own words.
    """
    words, window, weights = part.filter_words(lanes), layer.window, layer.weights
    own = np.zeros((len(weights), words * lanes), np.int64)
    own[:, : part.count] = weights[:, part.first : part.first + part.count]
    inputs = len(weights) - layer.bias
    taps = 1 if window is None else window.kernel**2
    if window is not None:
        order = tap_order(window.kernel, window.stride)
        kernels = own[:inputs].reshape(window.kernel, window.kernel, window.channels, -1)
        own[:inputs] = kernels[order][:, order].transpose(2, 0, 1, 3).reshape(inputs, -1)
    found = np.zeros((len(weights) * stride, lanes), np.int64)
    channels = found[: inputs * stride].reshape(-1, taps * stride, lanes)
    channels[:, : taps * words] = own[:inputs].reshape(len(channels), taps * words, lanes)
    found[inputs * stride :][: words * layer.bias] = own[inputs:].reshape(-1, lanes)
    return found
