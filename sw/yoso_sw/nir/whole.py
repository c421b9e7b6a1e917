"""Real numbers as the chip's whole ones: one scale a layer, a leak as a decay.

A layer's spikes are the same whatever unit its weights and its threshold have, so any common scale is exact
that makes the weights whole. Where none does, they are rounded, and that is said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from yoso_hw.registers import Reset

from yoso_sw.network.layer import Layer
from yoso_sw.network.neuron import CLEARED, KEPT, LARGEST_DECAY, Neuron
from yoso_sw.nir.common import sums
from yoso_sw.nir.real import RealLayer

#: How far, relatively, a number may be off a whole one, since graphs have float32: a unit of its last place,
#: twice, for the number and for its scale.
ROUNDING = 2.0**-22


@dataclass(frozen=True, eq=False)
class Whole:
    """A layer in whole numbers.

    Attributes
    ----------
    layer
        The layer.
    real
        The layer in real numbers, in its unit.
    scale
        Whole numbers for 1 of the graph.
    exact
        What is exact of it, in words; "" if nothing is.
    losses
        What is not, each in words.
    """

    layer: Layer
    real: RealLayer
    scale: float
    exact: str
    losses: tuple[str, ...]


def whole(real: RealLayer, bits: int, acc_bits: int) -> Whole:
    """`real` in whole numbers of `bits` bits, whose sums fit an A of `acc_bits`.

    The larger the unit, the smaller the error of what is rounded: where weights are, and where a layer leaks
    and its weights are not whole already, it is the largest.
    """
    largest = (1 << (bits - 1)) - 1
    # Where firing subtracts the threshold, it has to be whole as well.
    beside = [real.threshold] if real.reset is Reset.SUBTRACT else []
    scale = 1 / real.unit
    natural = _fits(real.weights * scale, largest)
    if not natural or not _are_whole(np.multiply(beside, scale)):
        scale = _common_scale(real.weights, beside, largest) or natural * scale
        scale = scale or _common_scale(real.weights, [], largest)
    finest = _finest(real, largest, (1 << (acc_bits - 1)) - 1)
    losses = []
    if scale and not natural and (real.leak or 0 < real.kept < 1):
        scale *= max(1, finest // scale)
    if scale:
        times = scale * real.unit
        said = f"weights {f'times {times:.6g} ' if abs(times - 1) > ROUNDING else ''}are whole numbers"
        scaled = np.round(real.weights * scale)
    else:
        said, scale = "", finest
        scaled = real.weights * scale
        times = scale * real.unit
        error, most = np.abs(np.round(scaled) - scaled).max() / times, np.abs(scaled).max() / times
        losses.append(
            f"weights times {times:.6g} are rounded to {bits} bits: the largest error of a weight is "
            f"{error:.3g}, of {most:.3g} at most"
        )
    threshold, loss = _threshold(real, scale)
    losses += [loss] if loss else []
    current, leak = _decay(1 - real.kept), _decay(real.leak)
    names = (("current", 1 - real.kept, current), ("potential", real.leak, leak))
    losses += [
        f"its {name} loses {share:.4g} of itself a step; here 1/{1 << k}, rounded up to whole numbers"
        for name, share, k in names
        if 0 < share < 1
    ]
    neuron = Neuron(
        threshold,
        real.start,
        real.end,
        current=KEPT if real.kept == 1 else current,
        leak=leak,
        reset=real.reset,
    )
    if real.reset is Reset.NEVER and real.kept == 1:
        neuron = Neuron(1, 0, 0)  # as the trainer writes it
    layer = Layer(np.round(scaled).astype(np.int8), neuron, real.bias, real.window)
    limit = _snapped(real.threshold * scale)
    return Whole(layer, replace(real, weights=scaled, threshold=limit), scale, said, tuple(losses))


def _finest(real: RealLayer, largest: int, acc_max: int) -> float:
    """The largest scale by which weights fit, and what their sums may be, each rounded up by 1/2."""
    low, high = sums(real.weights)
    most = real.spikes * max(-low.min(), high.max())
    room = max(1.0, acc_max - real.spikes * len(real.weights) / 2)
    return float(min(largest / np.abs(real.weights).max(), room / most)) if most else 1.0


def decay_fits(share: float) -> bool:
    """Whether a decay comes near a loss of `share` of itself a step: about 2^-1 .. 2^-15."""
    return 0 < share <= 0.75 and _decay(share) <= LARGEST_DECAY


def _decay(share: float) -> int:
    """k of the decay that is nearest to a loss of `share` a step: 0 for none and for all."""
    return CLEARED if share in (0, 1) else max(1, round(-np.log2(share)))


def _common_scale(weights: np.ndarray, beside: list[float], largest: int) -> float:
    """The smallest number that makes all weights, and what is beside, whole; 0 if none does."""
    sizes = np.unique(np.abs(weights[weights != 0]))
    if not len(sizes):
        return 1.0
    for least in range(1, largest + 1):
        scale = least / sizes[0]
        if sizes[-1] * scale > largest + 0.5:
            return 0.0
        if _are_whole(np.append(sizes, beside) * scale):
            return float(_snapped(scale))
    return 0.0


def _fits(weights: np.ndarray, largest: int) -> bool:
    return _are_whole(weights) and -largest - 1.5 < weights.min() and weights.max() < largest + 0.5


def _are_whole(values: np.ndarray) -> bool:
    return bool((np.abs(values - np.round(values)) <= ROUNDING * np.abs(values)).all())


def _snapped(value: float) -> float:
    """`value`, or the whole number that it is but for rounding."""
    return float(np.round(value)) if abs(value - np.round(value)) <= ROUNDING * abs(value) else value


def _threshold(real: RealLayer, scale: float) -> tuple[int, str]:
    """The threshold in whole numbers, and what it loses in words.

    V is whole, so V > x is V >= floor(x) + 1. Firing that subtracts the threshold subtracts x itself.
    """
    if real.reset is Reset.NEVER:
        return 1, ""
    limit = real.threshold * scale
    if real.reset is not Reset.SUBTRACT:
        return int(np.floor(_snapped(limit))) + 1, ""
    near = max(1, round(limit))
    if abs(near - limit) > ROUNDING * near:
        return near, f"its threshold {real.threshold:.6g} becomes {near / scale:.6g}"
    below = limit < near
    return near, "" if below else f"it fires at V = {real.threshold:.6g} as well, not only above it"
