"""A layer of current-based leaky neurons as a torch module, in floats, then in the chip's integers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional
from yoso_hw.params import ChipParams

from yoso_sw.learn import family
from yoso_sw.learn.clif.gradient import Convolved, StepByStep
from yoso_sw.learn.clif.scan import scan
from yoso_sw.learn.clif.surrogate import fire, highest, passing
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.layer_config import LayerConfig
from yoso_sw.learn.placed import PlacedLayer
from yoso_sw.learn.quantiser import Quantiser
from yoso_sw.learn.trains import Trains, of_times
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.neuron import Neuron, Reset


class ClifLayer(PlacedLayer):
    """`PlacedLayer` of current-based leaky neurons.

    Trains go from layer to layer in the chip's steps: what a step brings moves V in the next sweep. So each
    layer sees as many steps, each a step later than the one before.

    Parameters
    ----------
    axons, config, steps, start, init, quantiser, chip, window
        As of `PlacedLayer`; `start` of a layer that never fires as well.
    after
        Steps of the image after `end`, in which V and A go on where no gradient is taken.
    backward_every
        The loss goes back through every so manieth step alone, the last of each so many; 1: through all.
    steepness
        Of a spike's gradient (`surrogate.slope`).

    Raises
    ------
    ValueError
        If a layer that never fires is not told when it opens.
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
        *,
        after: int = 0,
        backward_every: int = 1,
        steepness: float = 10.0,
    ) -> None:
        super().__init__(axons, config, steps, start, init, quantiser, chip, window)
        if start is None and not self.fires:
            raise ValueError("a layer that never fires has no window: give start, one more than its input's")
        self.after, self.backward_every, self.steepness = after, backward_every, steepness

    @property
    def theta(self) -> float:
        """Threshold in the units of the phase."""
        threshold = self.config.neuron.threshold
        return threshold if self.scale is None else max(1, round(threshold * self.scale))

    @property
    def neuron(self) -> Neuron:
        """The chip's; in the float phase its threshold is of no meaning."""
        theta = self.theta if self.fires and self.scale is not None else 1
        reset = Reset.SUBTRACT if self.fires else Reset.NEVER
        own = self.config.neuron
        return Neuron(int(theta), self.start, self.end, current=own.current, leak=own.leak, reset=reset)

    @property
    def learning(self) -> list[int]:
        """The sweeps that take the loss back: of the window, the last of each `backward_every`."""
        return [*range(self.start + self.backward_every - 1, self.end, self.backward_every)]

    def forward(self, given: torch.Tensor | Trains) -> Trains:
        """Of the trains of its inputs, (batch, T', inputs), or of what the layer before gives.

        Inputs may also be spike times (batch, inputs), inf for none, of the first T steps. Before its first
        input nothing happens, so nothing is computed; nor, while gradients are taken, after its window: V and
        A are then those at its end, and `reached` is 0 beyond.
        """
        trains = given.passed if isinstance(given, Trains) else given
        trains = of_times(trains, self.steps) if trains.ndim == 2 else trains
        first, start, end = self.start - 1, self.start, self.end
        learning = torch.is_grad_enabled()
        sweeps = (end if learning else end + self.after) - first
        weights = self.working
        if self.window is None and not trains.is_cuda:
            fired, reached, v, a = StepByStep.apply(trains, weights, self, first + sweeps)
            return Trains(fired, fired, reached, v, a)
        axons = len(weights) - self.config.bias
        own = weights[-1] if self.config.bias else None
        arrived = family.synapse(
            trains[:, first : end - 1], weights[:axons], self.window, whole=self.scale is not None
        )
        if self.fires and not trains.is_cuda:
            return Trains(*Convolved.apply(arrived, own, self, first + sweeps))
        bias = None if own is None else own.repeat(self.positions)
        neuron = replace(self.neuron, start=start - first, end=end - first)
        with torch.no_grad():
            if self.scale is None:
                fired, reached, v, a = scan(arrived, neuron, self.theta, sweeps, bias)
            else:
                fired, reached, v, a = family.scan(arrived, neuron, self.chip, sweeps, bias)
        pooled = self.window if self.config.pool else None
        passed = fired if pooled is None else highest(fired, pooled)
        if learning:
            brought = functional.pad(arrived, (0, 0, 1, sweeps - 1 - arrived.shape[1]))
            if bias is not None:
                brought[:, 1:] += bias
            brought = self._learning(brought)
            if not self.fires:  # V is a plain sum, and so is its gradient
                v = passing(v, brought.sum(1))
            reached = passing(reached, brought)
            decisive = reached if pooled is None else highest(reached, pooled)
            if self.fires:
                passed = fire(passed, decisive, self.theta, neuron.start, neuron.end, self.steepness)
        fired, passed, reached = (self._placed(own) for own in (fired, passed, reached))
        return Trains(fired, passed, reached, v, a)

    def _learning(self, brought: torch.Tensor) -> torch.Tensor:
        """`brought` of its own sweeps, with a gradient in those of `learning` alone."""
        if self.backward_every == 1:
            return brought
        kept = torch.zeros(brought.shape[1], 1, dtype=torch.bool, device=brought.device)
        kept[[t - self.start + 1 for t in self.learning]] = True
        return torch.where(kept, brought, brought.detach())

    def _placed(self, own: torch.Tensor) -> torch.Tensor:
        """Of its own sweeps, (batch, T', ...), those of the whole image."""
        before = self.start - 1
        return functional.pad(own, (0, 0, before, self.end + self.after - before - own.shape[1]))

    def export(self) -> Layer:
        """The integer layer of a quantised module."""
        weights = self.working.detach().cpu().numpy().astype(np.int8)
        return Layer(weights, self.neuron, self.config.bias, self.window, self.config.pool)
