"""A network of plain integer arrays: weights that were made elsewhere, and what each layer's neurons do.

A layer is its weights, whole numbers, and beside them what `LayerOf` takes. Geometry that follows from the
layer before is not asked for. Everything that keeps the layers from being a network is told at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import numpy as np

from yoso_sw.network.checks import faults
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron, Reset, of_words

_CHAIN = "a network is one chain of layers, whose spikes only go on"

#: What a layer may have beside its weights: fields of a neuron, and these.
OWN = ("bias", "window", "stride", "padding", "pool")

#: What no layer has, by the names under which it is likely to be asked for.
NOT_HERE = {
    "recurrent": f"is recurrent: {_CHAIN}",
    "recurrent_weights": f"is recurrent: {_CHAIN}",
    "skip": f"has a skip connection: {_CHAIN}",
    "residual": f"has a skip connection: {_CHAIN}",
    "groups": "is a grouped convolution: each filter sees all channels",
    "dilation": "is a dilated convolution: a kernel's weights lie side by side",
}

#: Values of `pool` that mean P2.
POOLS = (True, "earliest")


def layer(weights: Any, **about: Any) -> dict[str, Any]:
    """A layer for `network_of`; nothing is checked before all layers are known.

    Parameters
    ----------
    weights
        Whole numbers: (inputs, neurons), or of a convolution (rows, columns, channels, filters) of its square
        kernel; at most eight bits each.
    bias
        Whole numbers (neurons,) or (filters,): an axon that spikes at step 0, or, where the current is not
        kept, what each sweep adds to A.
    threshold
        What V must reach; not given: the neurons never fire, and their V decides (a readout).
    window
        (start, end): the steps in which neurons fire, start .. end - 1; not given: the whole image.
    slope, current, leak, reset, charge
        As in `neuron.Neuron`; `current` "kept", "cleared" or 1 .. 15, `reset` "once", "subtract", "zero" or
        "never".
    stride, padding, pool
        Of a convolution, as in `layer.Window` and `layer.Layer`.
    """
    return {"weights": weights, **about}


def network_of(
    layers: Sequence[Any],
    *,
    steps: int,
    name: str = "own",
    levels: int | None = None,
    decision: str | None = None,
    code: str = "ttfs",
    weight_bits: int = 8,
    acc_bits: int = 16,
    pot_bits: int = 20,
    shape: Sequence[int] | None = None,
    about: Mapping[str, Any] | None = None,
) -> Network:
    """The network of plain arrays.

    Parameters
    ----------
    layers
        What `layer` gives, mappings with the same keys, or `Layer`s; input side first. Weights alone are a
        readout.
    steps
        T: an image takes steps 0 .. T-1.
    levels
        L of the input code; None: as many as there are steps, 256 at most.
    decision
        None: "softmax" if the last layer never fires, "ttfs" if it fires once, else "count".
    code, weight_bits, acc_bits, pot_bits, about
        As in `Network`.
    shape
        Rows, columns and, if there are several, channels of the inputs, where the first layer is a
        convolution.

    Raises
    ------
    NetworkError
        Naming everything that is wrong.
    """
    numbers = {"steps": steps, "weight_bits": weight_bits, "acc_bits": acc_bits, "pot_bits": pot_bits}
    numbers |= {} if levels is None else {"levels": levels}
    found = [
        f"{key}={value!r} is no whole number"
        for key, value in numbers.items()
        if not isinstance(value, int | np.integer) or isinstance(value, bool)
    ]
    if found:
        raise NetworkError.of(name, found)
    made: list[Layer | None] = []
    before = _first_shape(shape, found)
    for i, given in enumerate(layers):
        reader = _Reader(given, steps, before)
        made.append(reader.layer)
        found += (
            f"layer {i} {why}" if why[:3] in ("is ", "has") else f"layer {i}: {why}" for why in reader.wrong
        )
        before = reader.after
    if decision is None:
        decision = _decision(made[-1] if made else None)
    parts = SimpleNamespace(
        name=name,
        layers=tuple(made),
        steps=steps,
        levels=min(steps, 256) if levels is None else levels,
        decision=decision,
        weight_bits=weight_bits,
        acc_bits=acc_bits,
        pot_bits=pot_bits,
        code=code,
        about=dict(about or {}),
    )
    if found := [*found, *faults(parts)]:
        raise NetworkError.of(name, found)
    return Network(**vars(parts))


def _first_shape(shape: Sequence[int] | None, found: list[str]) -> tuple[int, ...] | None:
    """Rows, columns and channels of the inputs; None if not given, or no such shape."""
    if shape is None:
        return None
    sides = tuple(np.ravel(shape).tolist())
    if len(sides) in (2, 3) and all(type(side) is int and side >= 1 for side in sides):
        return sides if len(sides) == 3 else (*sides, 1)
    found.append(f"shape={shape} is not (rows, columns) or (rows, columns, channels)")
    return None


def _decision(last: Layer | None) -> str:
    if last is None or not last.neuron.fires:
        return "softmax"
    return "ttfs" if last.neuron.once else "count"


class _Reader:
    """One layer: `layer`, None if it is none, what is `wrong` with it, and the shape `after` it if known."""

    def __init__(self, given: Any, steps: int, before: tuple[int, ...] | None) -> None:
        self.wrong: list[str] = []
        self.layer: Layer | None = None
        self.after: tuple[int, ...] | None = None
        if isinstance(given, Layer):
            self.layer = given
        else:
            own = dict(given) if isinstance(given, Mapping) else {"weights": given}
            self.wrong += _unknown(own)
            self._read(own, steps, before)
        if self.layer is not None and (window := self.layer.window) is not None:
            side = 2 if self.layer.pool else 1
            self.after = window.out_rows // side, window.out_cols // side, self.layer.weights.shape[1]

    def _read(self, own: dict[str, Any], steps: int, before: tuple[int, ...] | None) -> None:
        weights, bias = self._whole(own, "weights"), None
        if own.get("bias") is not None:
            bias = self._whole(own, "bias")
        neuron = self._neuron(own, steps)
        window = None
        if weights is not None and weights.ndim == 4:
            window = self._window(own, weights, before)
            weights = weights.reshape(-1, weights.shape[3]) if window is not None else None
        elif weights is not None and weights.ndim != 2:
            self.wrong.append(
                f"weights have shape {weights.shape}; (inputs, neurons) or (rows, columns, channels, "
                "filters) are wanted"
            )
            weights = None
        elif weights is not None and (odd := [key for key in ("stride", "padding") if own.get(key)]):
            self.wrong.append(f"{odd[0]}={own[odd[0]]} needs a convolution, a kernel of four axes")
        if weights is not None and bias is not None:
            if bias.shape != (weights.shape[1],):
                self.wrong.append(f"bias has shape {bias.shape}, not ({weights.shape[1]},), one a neuron")
            else:
                weights = np.vstack([weights, bias])
        if self.wrong or weights is None or neuron is None:
            return
        pool = bool(own.get("pool", False))
        self.layer = Layer(weights.astype(np.int8), neuron, bias is not None, window, pool)

    def _whole(self, own: dict[str, Any], key: str) -> np.ndarray | None:
        """An array of whole numbers of eight bits."""
        if key not in own:
            self.wrong.append(f"there are no {key}")
            return None
        try:
            array = np.asarray(own[key])
        except ValueError as error:
            self.wrong.append(f"{key} are no array ({error})")
            return None
        if array.dtype.kind not in "iuf" or not array.size:
            self.wrong.append(f"{key} are {array.dtype} of shape {array.shape}; whole numbers are wanted")
            return None
        if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.rint(array)).all()):
            self.wrong.append(
                f"{key} are {array.dtype} with fractions, {array.min():g}..{array.max():g}: scale and round "
                "them, and the threshold with them"
            )
            return None
        low, high = int(array.min()), int(array.max())
        if low < -128 or high > 127:
            self.wrong.append(
                f"{key} {low}..{high} do not fit 8 bits: scale them down, and the threshold with them"
            )
            return None
        return array.astype(np.int64)

    def _window(
        self, own: dict[str, Any], weights: np.ndarray, before: tuple[int, ...] | None
    ) -> Window | None:
        rows, cols, channels, _ = weights.shape
        if rows != cols:
            self.wrong.append(f"a kernel of {rows} x {cols} is not square")
            return None
        if before is None:
            self.wrong.append(
                "a convolution needs the shape of its inputs: give shape=(rows, columns), and no dense layer "
                "before it"
            )
            return None
        if channels != before[2]:
            grouped = (
                ": a grouped convolution? each filter sees all channels"
                if channels and before[2] % channels == 0
                else ""
            )
            self.wrong.append(f"its kernel has {channels} channels and its inputs {before[2]}{grouped}")
            return None
        sides = {key: own.get(key, plain) for key, plain in (("stride", 1), ("padding", 0))}
        if odd := [key for key, value in sides.items() if not isinstance(value, int | np.integer)]:
            self.wrong.append(f"{odd[0]}={sides[odd[0]]!r} is no whole number")
            return None
        down, across, deep = before
        window = Window(down, across, deep, rows, int(sides["stride"]), int(sides["padding"]))
        self.wrong += window.faults
        return window

    def _neuron(self, own: dict[str, Any], steps: int) -> Neuron | None:
        values = {key: own[key] for key in NEURON if own.get(key) is not None}
        silent = "threshold" not in values
        window = own.get("window")
        if window is None:
            start, end = values.pop("start", 0), values.pop("end", 0 if silent else steps)
        elif isinstance(window, Sequence | np.ndarray) and len(window) == 2:
            start, end = window
        else:
            self.wrong.append(f"window={window!r} is not (start, end)")
            return None
        if silent and end > start:
            values.setdefault("reset", "never")
        if isinstance(values.get("reset"), Reset):
            values["reset"] = values["reset"].name.lower()
        words = {"threshold": 1, **values, "start": start, "end": end}
        try:
            return of_words({key: _plain(value) for key, value in words.items()})
        except ValueError as error:
            self.wrong.append(str(error))
            return None


#: The fields of a neuron.
NEURON = tuple(one.name for one in fields(Neuron))


def _plain(value: Any) -> Any:
    """A number of NumPy's as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def _unknown(own: Mapping[str, Any]) -> Iterator[str]:
    """What is asked of a layer that none has."""
    known = ("weights", *OWN, *NEURON)
    for key, value in own.items():
        if key in NOT_HERE:
            if not (value is None or value is False or (np.isscalar(value) and value == 1)):
                yield NOT_HERE[key]
        elif key == "pool":
            if not any(
                value is own or (isinstance(value, str) and value == own) for own in (*POOLS, False, None)
            ):
                yield f"is pooled by {value!r}: pooling passes the earliest spike of 2 x 2 on, pool=True"
        elif key not in known:
            yield f"has {key}, which no layer has; there are {', '.join(known)}"
