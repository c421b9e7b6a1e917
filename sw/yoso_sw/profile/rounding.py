"""What rounding alone costs, in the float phase's time: layer by layer, and channel by channel.

A layer has one threshold, so its channels share one scale. How much of a channel is then lost, and what a
scale a channel would save, which no chip here has, is known where the float weights are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from yoso_sw.data.samples import Inputs
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.quantiser import Quantiser
from yoso_sw.learn.rule import ScaledRule
from yoso_sw.profile.stages import BATCH, of_model
from yoso_sw.profile.weights import decibels, percent


class Rounding:
    """The weights of a float phase with all that is folded into them, and as integers stand for them.

    Parameters
    ----------
    config, model
        Of the network, and its float phase, which stays as it is.
    """

    def __init__(self, config: TrainConfig, model: ScaledRule[Any]) -> None:
        self.config = config
        self._whole = copy.deepcopy(model)
        self._whole.quantise()
        folded = self.with_rounded(())
        self.weights = [layer.weight.detach().numpy() for layer in folded.chain]
        rounded = self.with_rounded(range(len(self.weights)))
        self.rounded = [layer.weight.detach().numpy() for layer in rounded.chain]
        self.by_channel = [self._by_channel(i) for i in range(len(self.weights))]

    def with_rounded(self, layers: Any) -> ScaledRule[Any]:
        """The model in its float phase with the weights of some layers rounded."""
        model = copy.deepcopy(self._whole)
        model.unquantise(layers)
        return model

    def _by_channel(self, index: int) -> np.ndarray:
        """Weights of a layer rounded with a scale for each channel, by the rule of a layer's."""
        quantiser = Quantiser(self.config.weight_bits, self.config.layers[index].clip)
        weight = torch.from_numpy(self.weights[index])
        columns = []
        for column in weight.T:
            scale = quantiser.scale(column)
            whole = quantiser.integers(column, scale) / scale if np.isfinite(scale) else column
            columns.append(whole)
        return torch.stack(columns, 1).numpy()

    def channels(self, index: int) -> dict[str, Any]:
        """Of each channel of a layer, in dB: its weights over what rounding changes of them (the bias apart).

        `snr_db` with the layer's scale, `own_snr_db` with one of its own; `spread_db`: the largest channel's
        mean square over the smallest's that is not 0.
        """
        axons = len(self.weights[index]) - self.config.layers[index].bias
        own, ones, best = (
            weights[index][:axons].astype(np.float64)
            for weights in (self.weights, self.rounded, self.by_channel)
        )
        power = np.square(own).mean(0)
        some = power[power > 0]
        return {
            "snr_db": _ratios(own, ones),
            "own_snr_db": _ratios(own, best),
            "spread_db": decibels(float(some.max() / some.min())) if len(some) else None,
            "clipped": percent((np.abs(own) > np.abs(ones).max()).mean()),
        }

    def costs(
        self, inputs: Inputs, labels: np.ndarray, tick: Callable[[int], None] = lambda _: None
    ) -> dict[str, Any]:
        """Accuracy in per cent in the float phase's time.

        `alone`: with one layer's weights rounded, for each; `by_channel`: all rounded, a scale a channel.
        """
        layers = range(len(self.weights))
        models = [self.with_rounded((i,)) for i in layers]
        own = self.with_rounded(())
        with torch.no_grad():
            for layer, weight in zip(own.chain, self.by_channel, strict=True):
                layer.weight.copy_(torch.from_numpy(weight))
        found = []
        for done, model in enumerate([*models, own], 1):
            run, right = of_model(model), 0
            for first in range(0, len(labels), BATCH):
                some = slice(first, first + BATCH)
                right += int((run(inputs[some]).decisions == labels[some]).sum())
            found.append(percent(right / len(labels)))
            tick(done)
        return {"alone": found[:-1], "by_channel": found[-1]}


def _ratios(own: np.ndarray, rounded: np.ndarray) -> list[float | None]:
    """Mean square of each column over that of what rounding changed, in dB; None where nothing is left."""
    lost = np.square(rounded - own).mean(0)
    power = np.square(own).mean(0)
    return [decibels(p / n) if n > 0 else None for p, n in zip(power.tolist(), lost.tolist(), strict=True)]
