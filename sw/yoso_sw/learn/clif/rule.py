"""C-LIF as a rule: Zhu et al. 2021, "direct training", of which the abstract is public.

The abstract says: discrete current-based leaky integrate-and-fire, a surrogate gradient, an encoder and a
decoder, learning from the current time step only. All else is our reconstruction: the chip's order of leak,
addition and reset; the encoder as spiking layers; the decoder as a readout that never fires and adds up what
the spikes of all steps weigh; cross-entropy of that sum, whose error each step takes back through the spiking
layers; the shape of the surrogate.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from yoso_sw.data.encoding import spike_steps
from yoso_sw.data.samples import Inputs
from yoso_sw.learn import trains
from yoso_sw.learn.clif.export import beyond, check_fits
from yoso_sw.learn.clif.layers import ClifLayer
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.errors import check
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.quantiser import Quantiser
from yoso_sw.learn.rule import ScaledRule
from yoso_sw.learn.trains import Trains
from yoso_sw.network.events import Events
from yoso_sw.network.network import Network


class Clif(ScaledRule[Trains]):
    """Layers of current-based leaky neurons, the last a readout; spikes go from layer to layer as trains."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        generator = torch.Generator().manual_seed(config.seed)
        layers: list[ClifLayer] = []
        for i, (layer, window) in enumerate(zip(config.layers, config.windows(), strict=True)):
            inputs = layers[-1].outputs if layers else config.inputs
            behind = len(config.layers) - 1 - i
            layers.append(
                ClifLayer(
                    inputs if window is None else window.axons,
                    layer,
                    config.steps - len(config.layers),
                    i + 1,
                    Normal(layer.mean, layer.std, generator),
                    Quantiser(config.weight_bits, layer.clip),
                    config.chip,
                    window,
                    after=behind,
                    backward_every=config.backward_every,
                    steepness=config.steepness,
                )
            )
        self.layers = nn.ModuleList(layers)

    @classmethod
    def of(cls, config: TrainConfig, network: Network) -> Clif:
        model = cls(config)
        for own, layer in zip(model.chain, network.layers, strict=False):
            own.scale = layer.neuron.threshold / own.config.neuron.threshold if own.fires else 1.0
            with torch.no_grad():
                if own.weight.shape == layer.weights.shape:
                    own.weight.copy_(torch.from_numpy(layer.weights) / own.scale)
        check_fits(model.export({}), network)
        return model

    @property
    def chain(self) -> list[ClifLayer]:
        return list(self.layers)  # type: ignore[arg-type]

    def encode(self, inputs: Inputs) -> torch.Tensor:
        """Trains (n, levels, inputs); pixels of other codes than ttfs come as events (`encoding.coded`)."""
        levels = self.config.levels
        events = inputs if isinstance(inputs, Events) else Events.of_steps(spike_steps(inputs, levels))
        return trains.of_events(events, levels)

    def forward(self, inputs: torch.Tensor, generator: torch.Generator | None = None) -> list[Trains]:
        """What each layer gives for trains (batch, levels, inputs); nothing is random."""
        results: list[Trains] = []
        for layer in self.chain:
            results.append(layer(results[-1] if results else inputs))
        return results

    def loss(self, inputs: torch.Tensor, results: Sequence[Trains], labels: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of the readout's last V, which decides."""
        config = self.config
        unit = config.temperature * (self.chain[-1].scale or 1)
        logits = results[-1].potentials / unit - self.logit_adjustment()
        return nn.functional.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)

    def decide(self, results: Sequence[Trains]) -> torch.Tensor:
        return trains.decide(self.config.decision, results[-1])

    def export(self, about: dict[str, object]) -> Network:
        network = self.network(tuple(layer.export() for layer in self.chain), about)
        check(beyond(network))
        return network


RULE = Clif
