"""A layer of the integer network, dense or convolutional, and what a convolution sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from yoso_sw.network.neuron import CLEARED, KEPT, Neuron


@dataclass(frozen=True)
class Window:
    """What a convolution sees: windows of kernel x kernel positions, `stride` apart (docs/arithmetic.md).

    Its inputs are rows x cols positions of `channels` spikes each, in the order (row, col, channel). That
    order, not PyTorch's, keeps all neurons of a position side by side, where one spike finds them.

    Parameters
    ----------
    stride
        Positions from one window to the next, down and across.
    padding
        Silent positions on each side of the inputs that windows reach into, fewer than `kernel`.
    """

    rows: int
    cols: int
    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0

    @property
    def inputs(self) -> int:
        return self.rows * self.cols * self.channels

    @property
    def axons(self) -> int:
        """Inputs within one window, in the order (row, col, channel)."""
        return self.kernel * self.kernel * self.channels

    @property
    def out_rows(self) -> int:
        return (self.rows + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def out_cols(self) -> int:
        return (self.cols + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def positions(self) -> int:
        return self.out_rows * self.out_cols

    @property
    def faults(self) -> Iterator[str]:
        """What is wrong with kernel, stride and padding, for inputs of these rows and columns."""
        if self.stride < 1:
            yield f"stride={self.stride} is below 1"
        if not 0 <= self.padding < self.kernel:
            yield (
                f"padding={self.padding} is outside 0..{self.kernel - 1}: with kernel={self.kernel} some "
                "windows would hold nothing but padding"
            )
        if self.kernel > min(self.rows, self.cols) + 2 * self.padding:
            padded = f" with padding={self.padding}" if self.padding else ""
            yield f"kernel={self.kernel} is larger than its {self.rows} x {self.cols} inputs{padded}"

    @property
    def shape(self) -> str:
        """The usual notation: C5 of a kernel of 5, C5s2p1 with a stride of 2 and a padding of 1."""
        stride = f"s{self.stride}" if self.stride > 1 else ""
        return f"C{self.kernel}{stride}" + (f"p{self.padding}" if self.padding else "")


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer, dense or, with a `window`, a convolution.

    Parameters
    ----------
    weights
        int8, shape (axons, neurons). Axons are the inputs in order and, with `bias`, one more last. In a
        convolution, those of one window (`Window.axons`) and the neurons of one position (its filters):
        every position shares them.
    neuron
        What its neurons do, all alike.
    bias
        Whether the last row of `weights` is a bias. Where the current is kept, it is one more axon, which
        spikes at step 0 of every image; else sweeps add it to A.
    window
        The geometry of a convolution, whose neurons are ordered (row, col, filter); None: dense.
    pool
        P2 after a convolution: of each 2 x 2 positions only the earliest spike of each filter goes on, at its
        own step.
    """

    weights: np.ndarray
    neuron: Neuron
    bias: bool = False
    window: Window | None = None
    pool: bool = False

    @property
    def inputs(self) -> int:
        """Outputs of the layer before, or pixels; the bias is not counted."""
        return self.weights.shape[0] - self.bias if self.window is None else self.window.inputs

    @property
    def neurons(self) -> int:
        return self.weights.shape[1] * (1 if self.window is None else self.window.positions)

    @property
    def outputs(self) -> int:
        """Neurons, or what pooling leaves of them."""
        return self.neurons // 4 if self.pool else self.neurons

    @property
    def bias_axon(self) -> bool:
        """Whether it has a bias that is an axon, which spikes at step 0."""
        return self.bias and self.neuron.current == KEPT

    @property
    def bias_row(self) -> bool:
        """Whether it has a bias that its sweeps add to A."""
        return self.bias and self.neuron.current != KEPT

    def times_counted(self, spikes: int, steps: int) -> np.ndarray:
        """How often A can hold each row of the weights at once, int64 (axons,).

        A never leaves [sum of the negative weights, sum of the positive ones], each row taken so often.

        Parameters
        ----------
        spikes
            The most spikes of an axon in an image (`Network.most_spikes`).
        steps
            Steps of an image.
        """
        neuron = self.neuron
        times = np.ones(self.weights.shape[0], np.int64)
        if neuron.current == KEPT:
            times[: self.weights.shape[0] - self.bias] = spikes
            return times * max(1, neuron.charge)
        return times if neuron.current == CLEARED else times * min(1 << neuron.current, steps)

    def unrolled(self) -> Layer:
        """The dense layer with the same neurons; pooling, which no dense layer has, is left out."""
        window = self.window
        if window is None:
            return self
        filters, kernel, padding = self.weights.shape[1], window.kernel, window.padding
        rows, cols = window.rows + 2 * padding, window.cols + 2 * padding
        padded = np.zeros(
            (rows, cols, window.channels, window.out_rows, window.out_cols, filters), self.weights.dtype
        )
        shared = self.weights[: window.axons].reshape(kernel, kernel, window.channels, filters)
        for row in range(window.out_rows):
            for col in range(window.out_cols):
                top, left = row * window.stride, col * window.stride
                padded[top : top + kernel, left : left + kernel, :, row, col, :] = shared
        full = padded[padding : rows - padding, padding : cols - padding]
        weights = full.reshape(window.inputs, self.neurons)
        if self.bias:
            weights = np.vstack([weights, np.tile(self.weights[-1], window.positions)])
        return replace(self, weights=weights, window=None, pool=False)

    @property
    def shape(self) -> str:
        """The usual notation: 800 of a dense layer, 16C5s2-P2 of a pooled convolution of stride 2."""
        name = str(self.weights.shape[1])
        return name if self.window is None else name + self.window.shape + "-P2" * self.pool
