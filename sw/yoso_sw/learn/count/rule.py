"""Spike count as a rule: a chain of integrate-and-fire layers and a readout, its loss, and its integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from yoso_sw.data.samples import Inputs
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.count import limits
from yoso_sw.learn.count.export import beyond, export
from yoso_sw.learn.count.layer import CountLayer, Counts, charge, given
from yoso_sw.learn.errors import TrainingError, check
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.quantiser import Quantiser
from yoso_sw.learn.rule import ScaledRule
from yoso_sw.learn.times import encode
from yoso_sw.learn.trains import of_events
from yoso_sw.network.events import Events
from yoso_sw.network.network import Network


class Count(ScaledRule[Counts]):
    """Spike counts and a gradient of theirs; cross-entropy on the last V of a readout that never fires.

    The rule is Wu et al. 2019's, as far as their abstract says it; all else is our reconstruction. Pixels
    (code ``ttfs``) are a constant current, by which the chip is charged; other codes are spike trains.
    """

    #: What its layers are.
    layer: ClassVar[type[CountLayer]] = CountLayer

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        generator = torch.Generator().manual_seed(config.seed)
        self.charge, self.steps = limits.charged(config), limits.seen(config)
        layers: list[CountLayer] = []
        for i, (layer, window) in enumerate(zip(config.layers, config.windows(), strict=True)):
            inputs = layers[-1].outputs if layers else config.inputs
            layers.append(
                self.layer(
                    inputs if window is None else window.axons,
                    layer,
                    self.steps,
                    limits.start(config, i),
                    1 if layers else max(1, self.charge),
                    Normal(layer.mean, layer.std, generator),
                    Quantiser(config.weight_bits, layer.clip),
                    config.chip,
                    window,
                )
            )
        self.layers = nn.ModuleList(layers)

    @classmethod
    def of(cls, config: TrainConfig, network: Network) -> Count:
        model = cls(config)
        ours = (config.steps, config.levels, config.code, [layer.weight.shape for layer in model.chain])
        theirs = (network.steps, network.levels, network.code, [own.weights.shape for own in network.layers])
        if ours != theirs:
            raise TrainingError(
                f"{network.name} is {network.shape} in {network.steps} steps and {network.levels} levels of "
                f"code {network.code}, not {config.name}"
            )
        for i, (own, layer) in enumerate(zip(model.chain, network.layers, strict=True)):
            # Any scale that gives the threshold does: weights are whole with it, and stay as they are.
            own.scale = 1.0 if own.config.neuron.silent else layer.neuron.threshold / own.threshold
            with torch.no_grad():
                own.weight.copy_(torch.from_numpy(layer.weights) / own.scale)
            exported = export(own, 0 if i else model.charge)
            if exported.neuron != layer.neuron or exported.bias != layer.bias:
                raise TrainingError(
                    f"{network.name}, layer {i}: {layer.neuron} is not {exported.neuron} of {config.name}"
                )
            if exported.window != layer.window or exported.pool != layer.pool:
                raise TrainingError(f"{network.name}, layer {i}: {layer.shape} is not that of {config.name}")
            if not np.array_equal(exported.weights, layer.weights):
                raise TrainingError(
                    f"{network.name}, layer {i}: weights do not fit the weight_bits={config.weight_bits} of "
                    f"{config.name}"
                )
        return model

    @property
    def chain(self) -> list[CountLayer]:
        return list(self.layers)  # type: ignore[arg-type]

    def enter(self, epoch: int) -> None:
        for layer in self.chain:
            layer.even = epoch < self.config.even_epochs

    def encode(self, inputs: Inputs) -> torch.Tensor:
        """Of pixels what every step brings, 0 .. levels, (n, 1, inputs); of events trains (n, T, inputs)."""
        if self.charge:
            return charge(encode(inputs, self.charge), self.charge)[:, None]
        events = inputs if isinstance(inputs, Events) else Events.of_steps(inputs)
        return of_events(events, self.steps)

    def forward(self, inputs: torch.Tensor, generator: torch.Generator | None = None) -> list[Counts]:
        """Spikes of each layer for what `encode` gives; `generator` draws the dropout; None: no dropout."""
        results = [given(inputs, self.steps)]
        for layer in self.chain:
            results.append(layer(results[-1], generator))
        return results[1:]

    def loss(self, inputs: torch.Tensor, results: Sequence[Counts], labels: torch.Tensor) -> torch.Tensor:
        """Cross-entropy on the readout's V, and the price of spikes, of an image's in the mean."""
        config, output = self.config, self.chain[-1]
        logits = results[-1].potentials / (config.temperature * (output.scale or 1)) - self.logit_adjustment()
        loss = nn.functional.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
        for layer, result in zip(config.layers, results, strict=True):
            if layer.spike_penalty:
                loss = loss + layer.spike_penalty * result.counts.sum(1).mean()
        return loss

    def decide(self, results: Sequence[Counts]) -> torch.Tensor:
        return results[-1].potentials.argmax(1)

    def export(self, about: dict[str, object]) -> Network:
        network = self.network(
            tuple(export(layer, 0 if i else self.charge) for i, layer in enumerate(self.chain)), about
        )
        check(beyond(network))
        return network


RULE = Count
