"""The network of a training configuration: a chain of modules, its loss, and its integers for the chip."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import torch
from torch import nn

from yoso_sw.learn.config import LayerConfig, TrainConfig
from yoso_sw.learn.layers import Conv2d, Dense, Spikes, TemporalLayer, TrainingError
from yoso_sw.learn.stdbp import stdbp
from yoso_sw.network.network import Layer, Network, Window
from yoso_sw.network.neuron import Neuron


def build(
    config: LayerConfig, inputs: int, window: Window | None, train: TrainConfig, generator: torch.Generator
) -> TemporalLayer:
    """The module of one layer, with the `inputs` spikes that it may get."""
    rule = {
        "threshold": config.threshold,
        "steps": train.steps,
        "start": config.start,
        "end": config.end,
        "slope": config.slope,
        "bias": config.bias,
        "dropout": config.dropout,
        "norm": config.norm,
        "centred": config.centred,
        "weight_bits": train.weight_bits,
        "clip": config.clip,
        "floor": train.floor,
        "chip": train.chip,
        "mean": config.mean,
        "deviation": config.deviation,
        "generator": generator,
    }
    if window is None:
        return Dense(inputs, config.neurons, **rule)
    return Conv2d(window, config.neurons, config.pool, **rule)


def outputs_of(layer: TemporalLayer) -> int:
    """Spikes that go on from a layer."""
    if not isinstance(layer, Conv2d):
        return layer.neurons
    return layer.neurons * layer.window.positions // (4 if layer.pool else 1)


def picture(times: torch.Tensor, window: Window) -> torch.Tensor:
    """(batch, channels, rows, cols) of (batch, rows * cols * channels), a network's order of axons."""
    return times.reshape(-1, window.rows, window.cols, window.channels).permute(0, 3, 1, 2)


def flat(part: torch.Tensor) -> torch.Tensor:
    """The inverse of `picture`; flat tensors stay as they are."""
    return part.permute(0, 2, 3, 1).flatten(1) if part.ndim == 4 else part


def export(layer: TemporalLayer) -> Layer:
    """The integer layer of a quantised module."""
    fires = Neuron(int(layer.threshold), layer.start, layer.end, int(layer.slope))
    return Layer(
        weights=layer.integers.detach().cpu().numpy().astype(np.int8),
        neuron=Neuron(1, 0, 0) if layer.silent else fires,
        bias=layer.bias,
        window=layer.window if isinstance(layer, Conv2d) else None,
        pool=isinstance(layer, Conv2d) and layer.pool,
    )


class Model(nn.Module):
    """The whole network of a `TrainConfig`."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.config = config
        generator = torch.Generator().manual_seed(config.seed)
        layers: list[TemporalLayer] = []
        for layer, window in zip(config.layers, config.windows(), strict=True):
            inputs = outputs_of(layers[-1]) if layers else config.inputs
            layers.append(build(layer, inputs, window, config, generator))
        layers[-1].revive = True
        self.layers = nn.ModuleList(layers)

    @classmethod
    def of(cls, config: TrainConfig, network: Network) -> Model:
        """The integer phase of `config` with the weights of `network`, as it was trained.

        Raises
        ------
        TrainingError
            If the network is not one of this configuration.
        """
        model = cls(config)
        for i, (own, layer) in enumerate(zip(model.chain, network.layers, strict=False)):
            own.scale = float(layer.neuron.slope or max(1, layer.neuron.threshold / own.float_threshold))
            with torch.no_grad():
                if own.weight.shape == layer.weights.shape:
                    own.weight.copy_(torch.from_numpy(layer.weights) / own.scale)
            exported = export(own)
            for name, ours, theirs in (
                *((key, getattr(exported, key), getattr(layer, key)) for key in ("bias", "window", "pool")),
                *((key, value, getattr(layer.neuron, key)) for key, value in asdict(exported.neuron).items()),
            ):
                if ours != theirs and not (own.silent and name == "threshold"):
                    raise TrainingError(
                        f"{network.name}, layer {i}: {name} is {theirs}, not {ours} of {config.name}"
                    )
            if not np.array_equal(exported.weights, layer.weights):
                raise TrainingError(
                    f"{network.name}, layer {i}: weights {layer.weights.shape} do not fit {config.name}"
                )
        if len(model.chain) != len(network.layers) or config.steps != network.steps:
            raise TrainingError(
                f"{network.name} is {network.shape} in {network.steps} steps, not {config.name}"
            )
        return model

    @property
    def chain(self) -> list[TemporalLayer]:
        return list(self.layers)  # type: ignore[arg-type]

    @property
    def scales(self) -> list[float] | None:
        """Scale of each layer; None in the float phase."""
        scales = [layer.scale for layer in self.chain if layer.scale is not None]
        return scales or None

    def quantise(self, scales: list[float] | None = None) -> None:
        """Go over to the integer phase, with the scales that the weights suggest or with those given."""
        for i, layer in enumerate(self.chain):
            if scales is None:
                layer.quantise()
            else:
                layer.scale = scales[i]

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

    def loss(self, inputs: torch.Tensor, results: list[Spikes], labels: torch.Tensor) -> torch.Tensor:
        """Cross-entropy on spike times (eq. 12) or on the last potentials, and the layers' prices.

        `results` are those of `forward` for the input times `inputs`; `labels` are classes, int64 (batch,),
        or shares of them, float (batch, classes).
        """
        times, potential = results[-1]
        config, output = self.config, self.chain[-1]
        adjustment = times.new_tensor(config.logit_adjustment or [0.0] * output.neurons)
        if config.decision == "ttfs":
            loss = stdbp.spike_time_loss(times, labels, output.end, config.unit, config.smooth, adjustment)
        else:
            logits = potential / (config.unit * (output.scale or 1)) - adjustment
            loss = nn.functional.cross_entropy(logits, labels, label_smoothing=config.smooth)
        given = [inputs, *(spikes.times for spikes in results)]
        for i, (layer, module) in enumerate(zip(config.layers, self.chain, strict=True)):
            if layer.activity:
                loss = loss + layer.activity * stdbp.activity(results[i].times, layer.start, layer.end)
            if layer.alive and isinstance(module, Dense):
                loss = loss + layer.alive * module.quiet(given[i].detach())
        return loss

    def favour(self) -> None:
        """Begin with what the loss takes off the logits: add `config.logit_adjustment` to the output biases.

        The loss of the first weights is then what it was without, and training that moves biases little still
        ends with it. Spike times, and layers without a bias, are left for training to move.
        """
        config, output = self.config, self.chain[-1]
        if config.logit_adjustment and config.decision == "softmax" and output.bias:
            with torch.no_grad():
                given = output.weight.new_tensor(config.logit_adjustment) * config.unit
                output.weight[-1] += given / output.reading

    def export(self, about: dict[str, object]) -> Network:
        """The integer network. Raises `TrainingError` if an adder of its chip could saturate."""
        config = self.config
        network = Network(
            name=config.name,
            layers=tuple(export(layer) for layer in self.chain),
            steps=config.steps,
            levels=config.levels,
            decision=config.decision,
            weight_bits=config.weight_bits,
            acc_bits=config.acc_bits,
            pot_bits=config.pot_bits,
            about=about,
        )
        check_bounds(network)
        return network


def check_bounds(network: Network) -> None:
    """Raise `TrainingError` if A of a neuron could saturate, or V where the trainer takes it as a plain sum.

    The compiler refuses the first; the second would part the trainer from the chip.
    """
    chip = network.chip
    for i, layer in enumerate(network.layers):
        weights = layer.weights.astype(np.int64)
        high, low = np.maximum(weights, 0).sum(0), np.minimum(weights, 0).sum(0)
        for name, value, bound in (
            ("positive", high.max(), chip.acc_max),
            ("negative", -low.min(), -chip.acc_min),
        ):
            if value > bound:
                raise TrainingError(
                    f"layer {i}: {name} weights of a neuron add up to {value}, beyond {bound}; "
                    "use fewer weight bits, a larger clip or more acc_bits"
                )
        # The layer before spikes when its window opens at the earliest, a bias at step 0.
        reading = layer.neuron.start - 1 if layer.neuron.slope else network.steps - 1
        earliest = network.layers[i - 1].neuron.start if i else 0
        ages = np.full((len(weights), 1), max(0, reading - earliest))
        ages[len(weights) - layer.bias :] = reading
        grown = weights * ages
        largest = max(np.maximum(grown, 0).sum(0).max(), -np.minimum(grown, 0).sum(0).min())
        if (layer.neuron.slope or not layer.neuron.fires) and largest >= min(chip.pot_max, stdbp.EXACT):
            raise TrainingError(
                f"layer {i}: a potential may reach {largest} and saturate at {chip.pot_max}; "
                "use fewer weight bits or a larger clip"
            )
