"""STDBP as a rule: a chain of ReL-PSP layers, its loss, and its integers for the chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import nn

from yoso_sw.data.samples import Inputs
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.errors import TrainingError, check
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.layer_config import LayerConfig
from yoso_sw.learn.rule import ScaledRule
from yoso_sw.learn.stdbp import stdbp
from yoso_sw.learn.stdbp.export import beyond, check_neurons, export
from yoso_sw.learn.stdbp.layers import Conv2d, Dense, Extras, Quantiser, TemporalLayer, flat, picture
from yoso_sw.learn.times import Spikes, decide, encode, spike_time_loss
from yoso_sw.network.layer import Window
from yoso_sw.network.network import Network


def build(
    layer: LayerConfig,
    inputs: int,
    window: Window | None,
    config: TrainConfig,
    revive: bool,
    generator: torch.Generator,
) -> TemporalLayer:
    """The module of one layer, with the `inputs` spikes that it may get."""
    init = Normal(layer.mean, layer.std, generator)
    extras = Extras(layer.dropout, revive, config.min_slope, layer.batch_norm, layer.centred)
    quantiser = Quantiser(config.weight_bits, layer.clip, config.chip)
    parts = layer.neuron, init, extras, quantiser
    if window is None:
        return Dense(inputs, layer.neurons, *parts, steps=config.steps, bias=layer.bias)
    return Conv2d(window, layer.neurons, *parts, steps=config.steps, bias=layer.bias, pool=layer.pool)


def outputs_of(layer: TemporalLayer) -> int:
    """Spikes that go on from a layer."""
    if not isinstance(layer, Conv2d):
        return layer.neurons
    return layer.neurons * layer.window.positions // (4 if layer.pool else 1)


class Stdbp(ScaledRule[Spikes]):
    """Spike times and their exact gradient (the paper), with whole steps and integers as its second phase."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        generator = torch.Generator().manual_seed(config.seed)
        layers: list[TemporalLayer] = []
        for i, (layer, window) in enumerate(zip(config.layers, config.windows(), strict=True)):
            inputs = outputs_of(layers[-1]) if layers else config.inputs
            revive = config.revive and i == len(config.layers) - 1
            layers.append(build(layer, inputs, window, config, revive, generator))
        self.layers = nn.ModuleList(layers)

    @classmethod
    def of(cls, config: TrainConfig, network: Network) -> Stdbp:
        model = cls(config)
        for i, (own, layer) in enumerate(zip(model.chain, network.layers, strict=False)):
            own.scale = float(layer.neuron.slope or max(1, layer.neuron.threshold / own.neuron.threshold))
            with torch.no_grad():
                if own.weight.shape == layer.weights.shape:
                    own.weight.copy_(torch.from_numpy(layer.weights) / own.scale)
            exported = export(own)
            for name, ours, theirs in (
                *((key, getattr(exported, key), getattr(layer, key)) for key in ("bias", "window", "pool")),
                *((key, value, getattr(layer.neuron, key)) for key, value in asdict(exported.neuron).items()),
            ):
                if ours != theirs and not (own.neuron.silent and name == "threshold"):
                    raise TrainingError(
                        f"{network.name}, layer {i}: {name} is {theirs}, not {ours} of {config.name}"
                    )
            if not np.array_equal(exported.weights, layer.weights):
                raise TrainingError(
                    f"{network.name}, layer {i}: weights {layer.weights.shape} do not fit {config.name}"
                )
        code = network.steps, network.levels
        if len(model.chain) != len(network.layers) or code != (config.steps, config.levels):
            raise TrainingError(
                f"{network.name} is {network.shape} in {network.steps} steps and {network.levels} "
                f"levels, not {config.name}"
            )
        return model

    @property
    def chain(self) -> list[TemporalLayer]:
        return list(self.layers)  # type: ignore[arg-type]

    def begin(self, images: np.ndarray, labels: np.ndarray) -> None:
        super().begin(images, labels)
        self.adjust_bias()

    def encode(self, inputs: Inputs) -> torch.Tensor:
        return encode(inputs, self.config.levels)

    def quantise(self, scales: list[float] | None = None) -> None:
        super().quantise(scales)
        if scales is None:  # those of a checkpoint were good, or `export` says so
            check_neurons(self.chain, self.config)

    def forward(self, times: torch.Tensor, generator: torch.Generator | None = None) -> list[Spikes]:
        """Spikes of each layer, (batch, outputs), for input times (batch, inputs), inf for silent.

        `generator` draws the dropout; None: no dropout.
        """
        results = []
        for layer in self.chain:
            given = picture(times, layer.window) if isinstance(layer, Conv2d) else times
            spikes = layer(given, generator)
            results.append(Spikes(flat(spikes.times), flat(spikes.potentials)))
            times = results[-1].times
        return results

    def loss(self, inputs: torch.Tensor, results: Sequence[Spikes], labels: torch.Tensor) -> torch.Tensor:
        """Cross-entropy on spike times (eq. 12) or on the last potentials, and the layers' penalties."""
        times, potential = results[-1]
        config, output = self.config, self.chain[-1]
        if config.decision == "ttfs":
            settings = config.temperature, config.label_smoothing, self.logit_adjustment()
            loss = spike_time_loss(times, labels, output.neuron.end, *settings)
        else:
            logits = potential / (config.temperature * (output.scale or 1)) - self.logit_adjustment()
            loss = nn.functional.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
        given = [inputs, *(spikes.times for spikes in results)]
        for i, (layer, module) in enumerate(zip(config.layers, self.chain, strict=True)):
            if layer.spike_penalty:
                loss = loss + layer.spike_penalty * stdbp.spike_penalty(
                    results[i].times, layer.neuron.start, layer.neuron.end
                )
            if layer.silence_penalty and isinstance(module, Dense):
                loss = loss + layer.silence_penalty * module.silence_penalty(given[i].detach())
        return loss

    def decide(self, results: Sequence[Spikes]) -> torch.Tensor:
        return decide(*results[-1])

    def adjust_bias(self) -> None:
        """Begin with what the loss takes off the logits: add `config.logit_adjustment` to the output biases.

        The loss of the first weights is then what it was without, and training that moves biases little still
        ends with it. Spike times, and layers without a bias, are left for training to move.
        """
        config, output = self.config, self.chain[-1]
        if config.logit_adjustment and config.decision == "softmax" and output.bias:
            with torch.no_grad():
                potential = output.weight.new_tensor(config.logit_adjustment) * config.temperature
                output.weight[-1] += potential / output.reading

    def export(self, about: dict[str, object]) -> Network:
        check_neurons(self.chain, self.config)
        network = self.network(tuple(export(layer) for layer in self.chain), about)
        check(beyond(network))
        return network


RULE = Stdbp
