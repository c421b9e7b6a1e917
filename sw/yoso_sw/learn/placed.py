"""What layers of several spikes are as torch modules: each sees T steps, and opens where its place says."""

from __future__ import annotations

import torch
from yoso_hw.params import ChipParams

from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.layer_config import LayerConfig
from yoso_sw.learn.module import ScaledModule
from yoso_sw.learn.quantiser import Quantiser, back
from yoso_sw.network.layer import Window


class PlacedLayer(ScaledModule):
    """A layer, dense or a convolution, which spikes or is the readout.

    Parameters
    ----------
    axons
        Inputs of a neuron, the bias apart.
    config
        Its neurons, threshold, bias, pooling, first weights and whatever else its rule takes of a layer.
    steps
        T, the steps that each layer of the network sees.
    start
        The step of the image that is the first of T, one more than that of the layer before
        (docs/arithmetic.md, "Rate-coded networks and their delay"); None: where its neurons' window opens, 1
        of a layer that never fires.
    init, quantiser
        First weights, and how they become integers; None: those of `config`, the latter of 8 bits.
    chip
        Whose A and V clamp; None: the default chip's.
    window
        The geometry of a convolution, whose neurons are ordered (row, col, filter); None: dense.

    Attributes
    ----------
    neurons
        Its neurons; of a convolution the filters.
    weight
        Float weights (axons + bias, neurons).
    """

    def __init__(
        self,
        axons: int,
        config: LayerConfig,
        steps: int,
        start: int | None = None,
        init: Normal | None = None,
        quantiser: Quantiser | None = None,
        chip: ChipParams | None = None,
        window: Window | None = None,
    ) -> None:
        super().__init__()
        opens = 1 if config.neuron.silent else config.neuron.start
        self.axons, self.config, self.window = axons, config, window
        self.steps, self.start = steps, opens if start is None else start
        self.neurons, self.chip = config.neurons, chip or ChipParams()
        self.quantiser = quantiser or Quantiser(clip=config.clip)
        self.weight = (init or Normal(config.mean, config.std)).draw(axons + config.bias, config.neurons)

    @property
    def end(self) -> int:
        """The step after the last of T."""
        return self.start + self.steps

    @property
    def fires(self) -> bool:
        """Whether its neurons spike; a readout's never do."""
        return not self.config.neuron.silent

    @property
    def positions(self) -> int:
        """Of a convolution; 1: dense."""
        return 1 if self.window is None else self.window.positions

    @property
    def inputs(self) -> int:
        """What the layer is given, a step."""
        return self.axons if self.window is None else self.window.inputs

    @property
    def outputs(self) -> int:
        """Neurons whose spikes go on, or groups of them."""
        return self.neurons * self.positions // (4 if self.config.pool else 1)

    def quantise(self) -> None:
        """Fix the scale."""
        scale = self.quantiser.scale(self.weight.detach())
        if not 0 < scale < float("inf"):
            raise TrainingError(
                f"the weights of the {self.neurons}-neuron layer give no scale: {scale}; check its mean, std "
                "and clip, and the learning rate"
            )
        self.scale = scale

    def unquantise(self, rounded: bool) -> None:
        """As `rule.Scaled` says."""
        back(self, self.working, rounded)

    @property
    def working(self) -> torch.Tensor:
        """Weights of the phase, (axons + bias, neurons); integers pass the gradient on."""
        return self.weight if self.scale is None else self.quantiser.integers(self.weight, self.scale)
