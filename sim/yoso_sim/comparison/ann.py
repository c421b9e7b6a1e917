"""The baseline that sceptics ask for: a ReLU network of the same shape, in 8-bit weights and activations.

Here it is in integers, dense and convolutional layers; `ann_training` trains it. Its work is what it
multiplies, with inputs and activations of 0 skipped.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw.writing import write_whole
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network

#: Bits of weights (signed) and of activations (unsigned), and of the multiplier between the layers.
BITS, SHIFT = 8, 24

#: Per cent of a layer's activations above 0 that the largest code reaches.
FULL = 99.9

#: Images at a time: a convolution copies each input as often as windows hold it.
BATCH = 250


@dataclass(frozen=True)
class Form:
    """A layer without its weights.

    Parameters
    ----------
    inputs, neurons
        Of a dense layer; of a convolution its inputs and its filters.
    window, pool
        As in `yoso_sw.network.layer.Layer`; of pooled positions the largest activation goes on.
    """

    inputs: int
    neurons: int
    window: Window | None = None
    pool: bool = False

    @classmethod
    def of(cls, layer: Layer) -> Form:
        """The form of a spiking layer."""
        return cls(layer.inputs, layer.weights.shape[1], layer.window, layer.pool)

    @property
    def positions(self) -> int:
        """Places that share the weights."""
        return 1 if self.window is None else self.window.positions

    @property
    def axons(self) -> int:
        """Rows of the weights."""
        return self.inputs if self.window is None else self.window.axons

    def products(self, factors: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """float64 (images, positions, neurons): sums over inputs (images, inputs), no bias."""
        if (window := self.window) is None:
            return (factors.astype(np.float64) @ weights)[:, None]
        maps = factors.reshape(-1, window.rows, window.cols, window.channels)
        edge = (window.padding, window.padding)
        padded = np.pad(maps, ((0, 0), edge, edge, (0, 0)))
        kernel = (window.kernel, window.kernel)
        seen = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(1, 2))
        seen = seen[:, :: window.stride, :: window.stride]  # (image, row, col, channel, kernel's row, col)
        rows = np.moveaxis(seen, 3, 5).reshape(len(maps), self.positions, self.axons)
        return rows.astype(np.float64) @ weights

    def passed(self, activations: np.ndarray) -> np.ndarray:
        """What goes on of (images, positions, neurons): (images, outputs) in the order (row, col, filter)."""
        if self.pool and (window := self.window) is not None:
            groups = (len(activations), window.out_rows // 2, 2, window.out_cols // 2, 2, self.neurons)
            activations = activations.reshape(groups).max((2, 4))
        return activations.reshape(len(activations), -1)

    def multiplied(self, inputs: np.ndarray) -> float:
        """Products of an image whose input is not 0, on average over (images, inputs)."""
        if self.window is None:
            return float((inputs > 0).sum(1).mean()) * self.neurons
        reach = self.products((inputs > 0).mean(0, keepdims=True), np.ones((self.axons, 1)))
        return float(reach.sum()) * self.neurons


def forms(network: Network) -> tuple[Form, ...]:
    """The forms of a spiking network's layers."""
    return tuple(Form.of(layer) for layer in network.layers)


@dataclass(frozen=True, eq=False)
class Ann:
    """A ReLU network in integers.

    Attributes
    ----------
    forms
        Of its layers, the input side first.
    weights
        By layer, int8 (axons, neurons).
    biases
        By layer, int64 (neurons,), in units of its sums.
    multipliers
        By layer but the last: a sum s > 0 becomes the activation min(255, (s x multiplier + 2^23) >> 24).
    epochs
        That it was trained for.
    """

    forms: tuple[Form, ...]
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    multipliers: tuple[int, ...]
    epochs: int = 0

    def _sums(self, layer: int, inputs: np.ndarray) -> np.ndarray:
        """int64 (images, positions, neurons); float64 holds sums below 2^53 exactly."""
        found = self.forms[layer].products(inputs, self.weights[layer].astype(np.float64))
        return np.rint(found).astype(np.int64) + self.biases[layer]

    def activations(self, pixels: np.ndarray) -> list[np.ndarray]:
        """What each layer but the last passes on, uint8 (images, outputs), of uint8 (images, inputs)."""
        found: list[np.ndarray] = []
        for layer, multiplier in enumerate(self.multipliers):
            inputs = found[-1] if found else pixels
            parts = [inputs[i : i + BATCH] for i in range(0, len(inputs), BATCH)]
            found.append(np.concatenate([self._layer(layer, part, multiplier) for part in parts]))
        return found

    def _layer(self, layer: int, inputs: np.ndarray, multiplier: int) -> np.ndarray:
        scaled = (np.maximum(self._sums(layer, inputs), 0) * multiplier + (1 << (SHIFT - 1))) >> SHIFT
        return self.forms[layer].passed(np.minimum(scaled, (1 << BITS) - 1).astype(np.uint8))

    def decide(self, activations: list[np.ndarray]) -> np.ndarray:
        """Class of each image by its activations, the lowest of equals."""
        return self._sums(len(self.forms) - 1, activations[-1])[:, 0].argmax(1)

    def work(self, pixels: np.ndarray, activations: list[np.ndarray]) -> dict[str, Any]:
        """What an image takes on average: factors that are not 0, multiplications, additions of biases."""
        inputs = [pixels, *activations]
        macs = [form.multiplied(own) for form, own in zip(self.forms, inputs, strict=True)]
        nonzero = [float((own > 0).sum(1).mean()) for own in inputs]
        return {
            "nonzero_inputs": nonzero[0],
            "nonzero_hidden": sum(nonzero[1:]),
            "macs": sum(macs),
            "macs_by_layer": macs,
            "macs_dense": float(sum(own.positions * own.axons * own.neurons for own in self.forms)),
            "biases": float(sum(own.positions * own.neurons for own in self.forms)),
        }

    def save(self, path: Path) -> None:
        """Write it whole or not at all."""
        arrays: dict[str, Any] = {"multipliers": np.array(self.multipliers), "epochs": np.array(self.epochs)}
        for layer, form in enumerate(self.forms):
            window = () if form.window is None else astuple(form.window)
            arrays[f"form{layer}"] = np.array([form.inputs, form.neurons, form.pool, *window])
            arrays[f"weights{layer}"], arrays[f"bias{layer}"] = self.weights[layer], self.biases[layer]
        contents = io.BytesIO()
        np.savez_compressed(contents, **arrays)
        write_whole(path, contents.getvalue())

    @classmethod
    def load(cls, path: Path) -> Ann:
        """What `save` wrote."""
        with np.load(path, allow_pickle=False) as own:
            layers = range(len(own["multipliers"]) + 1)
            made = []
            for inputs, neurons, pool, *window in (own[f"form{layer}"].tolist() for layer in layers):
                made.append(Form(inputs, neurons, Window(*window) if window else None, bool(pool)))
            return cls(
                tuple(made),
                tuple(own[f"weights{layer}"] for layer in layers),
                tuple(own[f"bias{layer}"] for layer in layers),
                tuple(own["multipliers"].tolist()),
                int(own["epochs"]),
            )


def quantised(
    made: Sequence[Form], layers: Sequence[tuple[np.ndarray, np.ndarray]], pixels: np.ndarray, epochs: int = 0
) -> Ann:
    """A trained network in integers.

    Parameters
    ----------
    layers
        Weights (axons, neurons) and biases of each layer, for pixels of 0 .. 1.
    pixels
        uint8 (images, inputs): they say how large activations are.
    """
    limit, top = (1 << (BITS - 1)) - 1, (1 << BITS) - 1
    scales = [limit / float(np.abs(weights).max()) for weights, _ in layers]
    units, real = [1 / 255], pixels / 255  # of an input of each layer: what 1 stands for
    for form, (weights, bias) in zip(made[:-1], layers[:-1], strict=True):
        parts = [real[i : i + BATCH] for i in range(0, len(real), BATCH)]
        real = np.concatenate([form.passed(np.maximum(0, form.products(p, weights) + bias)) for p in parts])
        units.append(float(np.percentile(real[real > 0], FULL)) / top)
    return Ann(
        tuple(made),
        tuple(np.rint(own * scale).astype(np.int8) for (own, _), scale in zip(layers, scales, strict=True)),
        tuple(
            np.rint(bias * scale / unit).astype(np.int64)
            for (_, bias), scale, unit in zip(layers, scales, units, strict=True)
        ),
        tuple(
            round((1 << SHIFT) * unit / (scale * following))
            for scale, (unit, following) in zip(scales[:-1], pairwise(units), strict=True)
        ),
        epochs,
    )
