"""Alpha-PSP as a rule: the paper's baseline, trained by the same loop as STDBP, in float weights alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from yoso_sw.data.samples import Inputs
from yoso_sw.learn.alpha.alpha import AlphaDense
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.rule import Rule
from yoso_sw.learn.times import Spikes, decide, encode, spike_time_loss


class Alpha(Rule[Spikes]):
    """Spike times of alpha-PSP neurons and their gradient (eq. 1 to 7), with the loss of eq. 12."""

    devices = ("cpu",)  # its kernels are loops

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        generator = torch.Generator().manual_seed(config.seed)
        layers: list[AlphaDense] = []
        for layer in config.layers:
            axons = layers[-1].neurons if layers else config.inputs
            init = Normal(layer.mean, layer.std, generator)
            layers.append(AlphaDense(axons, layer.neurons, layer.neuron, init))
        self.layers = nn.ModuleList(layers)

    @property
    def chain(self) -> list[AlphaDense]:
        return list(self.layers)  # type: ignore[arg-type]

    def encode(self, inputs: Inputs) -> torch.Tensor:
        return encode(inputs, self.config.levels)

    def forward(self, inputs: torch.Tensor, generator: torch.Generator | None = None) -> list[Spikes]:
        """Spikes of each layer, (batch, neurons), for input times (batch, inputs); nothing is random."""
        results: list[Spikes] = []
        for layer in self.chain:
            results.append(layer(results[-1].times if results else inputs))
        return results

    def loss(self, inputs: torch.Tensor, results: Sequence[Spikes], labels: torch.Tensor) -> torch.Tensor:
        """Cross-entropy on spike times (eq. 12)."""
        config, end = self.config, self.config.layers[-1].neuron.end
        settings = config.temperature, config.label_smoothing, self.logit_adjustment()
        return spike_time_loss(results[-1].times, labels, end, *settings)

    def decide(self, results: Sequence[Spikes]) -> torch.Tensor:
        return decide(*results[-1])


RULE = Alpha
