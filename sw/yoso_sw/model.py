"""A chain of temporal layers as a torch module: float weights in continuous time, or the chip's integers.

Both are one set of float weights. `quantise` fixes a scale k for each layer; from then on the forward pass
rounds k w to integers and times to whole steps, and gradients pass the rounding (quantisation-aware
training).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from yoso_hw.params import ChipParams

from yoso_sw import stdbp
from yoso_sw.config import LayerConfig, TrainConfig
from yoso_sw.network import NEVER, Layer, Network, Window


class TrainingError(RuntimeError):
    """Training cannot go on; the message says where and what to change."""


class TemporalLayer(nn.Module):
    """One layer, dense or a convolution; see `LayerConfig`. `scale` is k, or None in the float phase.

    Parameters
    ----------
    inputs
        Spikes that the layer may get.
    window
        The geometry of a convolution; None: dense.
    """

    def __init__(
        self,
        config: LayerConfig,
        inputs: int,
        window: Window | None,
        train: TrainConfig,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.config = config
        self.window = window
        axons = inputs if window is None else window.axons
        self.outputs = config.neurons
        if window is not None:
            self.outputs *= window.positions // (4 if config.pool else 1)
        self.last = train.steps - 1
        self.limit = 1 << (train.weight_bits - 1)
        self.revive = False
        self.scale: float | None = None
        first = torch.randn(axons + config.bias, config.neurons, generator=generator)
        self.weight = nn.Parameter(first * config.deviation + config.mean)

    def quantise(self) -> None:
        """Fix the scale so that weights up to `clip` standard deviations from zero fit the weight's bits."""
        scale = (self.limit - 1) / (self.config.clip * float(self.weight.detach().square().mean().sqrt()))
        if not 0 < scale < float("inf"):
            raise TrainingError(
                f"the weights of the {self.config.neurons}-neuron layer give no scale: {scale}"
            )
        # A constant slope is the unit of V and a whole number on the chip.
        self.scale = float(max(1, round(scale))) if self.config.slope == "constant" else scale

    @property
    def integers(self) -> torch.Tensor:
        """Integer weights as floats, (axons, neurons), with the gradient of the float weights."""
        assert self.scale is not None
        scaled = (self.weight * self.scale).clamp(-self.limit, self.limit - 1)
        return stdbp.round_through(scaled.round(), scaled)

    @property
    def threshold(self) -> float:
        """theta in the units of the phase."""
        if self.scale is None:
            return self.config.threshold
        return max(1, round(self.config.threshold * self.scale))

    @property
    def slope(self) -> float:
        """c in the units of the phase; 0 for slope A."""
        if self.config.slope == "psp":
            return 0
        return 1 if self.scale is None else int(self.scale)

    def forward(
        self, times: torch.Tensor, generator: torch.Generator | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Spike times (inf for silent) and potentials, (batch, outputs), of inputs spiking at `times`.

        V is read at the spike for slope A; a constant-slope layer gives V when its window opens, a silent
        layer V after the last sweep; a pooled one both of the neurons whose spikes go on. `generator` draws
        the dropout; None: no dropout.
        """
        config, whole = self.config, self.scale is not None
        weights = self.integers if whole else self.weight
        if config.bias and self.window is None:
            times = torch.cat([times, torch.zeros(len(times), 1, dtype=times.dtype)], dim=1)
        if not config.dense:
            return stdbp.spike_times(
                times, weights, self.threshold, config.start, config.end, self.last, whole, self.revive
            )
        reading = self.last if config.silent else config.start - 1
        ages = stdbp.arrived(times, reading)
        if generator is not None and config.dropout:
            kept = torch.rand(ages.shape, generator=generator) >= config.dropout
            ages = ages * kept / (1 - config.dropout)
        potential = ages @ weights if self.window is None else self._convolve(ages, weights, reading)
        if config.silent:
            return torch.full_like(potential, stdbp.SILENT), potential
        times = stdbp.ramp_times(potential, self.threshold, self.slope, config.start, config.end, whole)
        return times, potential

    def _convolve(self, ages: torch.Tensor, weights: torch.Tensor, reading: int) -> torch.Tensor:
        """Potentials (batch, outputs) of a convolution at step `reading`.

        Pooled here already: the neuron with the highest potential is the first to spike, so the maximum of
        potentials leads to the minimum of times and leaves a quarter of the work.
        """
        window, filters = self.window, self.config.neurons
        assert window is not None
        kernel = window.kernel
        shared = weights[: window.axons].reshape(kernel, kernel, window.channels, filters)
        picture = ages.reshape(-1, window.rows, window.cols, window.channels).permute(0, 3, 1, 2)
        potential = functional.conv2d(picture, shared.permute(3, 2, 0, 1))
        if self.config.pool:
            potential = functional.max_pool2d(potential, 2)
        potential = potential.permute(0, 2, 3, 1).reshape(len(ages), -1)
        if self.config.bias:
            potential = potential + (weights[-1] * reading).repeat(self.outputs // filters)
        return potential

    def export(self) -> Layer:
        """The integer layer."""
        config = self.config
        return Layer(
            weights=self.integers.detach().numpy().astype(np.int8),
            threshold=int(self.threshold) if not config.silent else 1,
            start=config.start if not config.silent else 0,
            end=config.end if not config.silent else 0,
            slope=int(self.slope) if not config.silent else 0,
            bias=config.bias,
            window=self.window,
            pool=config.pool,
        )


class Model(nn.Module):
    """The whole network of a `TrainConfig`."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.config = config
        generator = torch.Generator().manual_seed(config.seed)
        layers: list[TemporalLayer] = []
        for layer, window in zip(config.layers, config.windows(), strict=True):
            inputs = layers[-1].outputs if layers else config.inputs
            layers.append(TemporalLayer(layer, inputs, window, config, generator))
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
            own.scale = float(layer.slope or max(1, layer.threshold / own.config.threshold))
            with torch.no_grad():
                if own.weight.shape == layer.weights.shape:
                    own.weight.copy_(torch.from_numpy(layer.weights) / own.scale)
            exported = own.export()
            for name in ("threshold", "slope", "start", "end", "bias", "window", "pool"):
                ours, theirs = getattr(exported, name), getattr(layer, name)
                if ours != theirs and not (own.config.silent and name == "threshold"):
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

    def forward(
        self, steps: torch.Tensor, generator: torch.Generator | None = None
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """(spike times, potentials) of each layer for input spike times (batch, inputs), inf for silent."""
        results = []
        for layer in self.chain:
            steps, potential = layer(steps, generator)
            results.append((steps, potential))
        return results

    def loss(self, results: list[tuple[torch.Tensor, torch.Tensor]], labels: torch.Tensor) -> torch.Tensor:
        """Cross-entropy on spike times (eq. 12) or on the last potentials, and the price of the spikes."""
        times, potential = results[-1]
        config, output = self.config, self.chain[-1]
        if config.decision == "ttfs":
            loss = stdbp.spike_time_loss(times, labels, output.config.end, config.unit)
        else:
            loss = nn.functional.cross_entropy(potential / (config.unit * (output.scale or 1)), labels)
        for (spikes, _), layer in zip(results, config.layers, strict=True):
            if layer.activity:
                loss = loss + layer.activity * stdbp.activity(spikes, layer.start, layer.end)
        return loss

    def export(self, about: dict[str, object]) -> Network:
        """The integer network. Raises `TrainingError` if an adder of the default chip could saturate."""
        config = self.config
        network = Network(
            name=config.name,
            layers=tuple(layer.export() for layer in self.chain),
            steps=config.steps,
            levels=config.levels,
            decision=config.decision,
            weight_bits=config.weight_bits,
            about=about,
        )
        check_bounds(network)
        return network


def input_times(steps: np.ndarray) -> torch.Tensor:
    """Input spike steps (`encoding.spike_steps`) as float times, inf for silent."""
    times = torch.from_numpy(steps.astype(np.float32))
    times[times == NEVER] = stdbp.SILENT
    return times


def check_bounds(network: Network, chip: ChipParams | None = None) -> None:
    """Raise `TrainingError` if A of a neuron could saturate, or V where the trainer takes it as a plain sum.

    The compiler refuses the first; the second would part the trainer from the chip.
    """
    chip = chip or ChipParams()
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
                    "use fewer weight bits or a larger clip"
                )
        # The layer before spikes when its window opens at the earliest, a bias at step 0.
        reading = layer.start - 1 if layer.slope else network.steps - 1
        earliest = network.layers[i - 1].start if i else 0
        ages = np.full((len(weights), 1), max(0, reading - earliest))
        ages[len(weights) - layer.bias :] = reading
        grown = weights * ages
        largest = max(np.maximum(grown, 0).sum(0).max(), -np.minimum(grown, 0).sum(0).min())
        if (layer.slope or layer.end <= layer.start) and largest >= min(chip.pot_max, stdbp.EXACT):
            raise TrainingError(
                f"layer {i}: a potential may reach {largest} and saturate at {chip.pot_max}; "
                "use fewer weight bits or a larger clip"
            )
