"""784-800-10 in snnTorch, in each way that its documentation trains one.

- *steps*: as in its tutorials: a loop over the steps, in which each layer is called.
- *layers*: layer by layer: one product for all steps, and a loop over its neurons alone.
- *compiled*: the same by ``torch.compile``, which snnTorch supports since 0.8.

Its parallel neurons (`LeakyParallel`, `StateLeaky`) have no reset, so they are other networks.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import snntorch
import torch
from torch.nn import functional

from yoso_sw.rivals import rival

if TYPE_CHECKING:
    from yoso_sw.rivals.tasks import Task


class Net(rival.Net):
    """Hidden layer and readout of its neurons."""

    def __init__(self, own: Task, by_step: bool) -> None:
        super().__init__(own, by_step)
        self.synaptic = own.leak > 0
        beta = 1 - 2.0**-own.leak if own.leak else 1.0
        if self.synaptic:
            self.neuron = snntorch.Synaptic(alpha=1 - 2.0**-own.current, beta=beta)
        else:
            self.neuron = snntorch.Leaky(beta=beta)

    def fire(self, current: torch.Tensor, state: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Spikes of a step, and the state after it."""
        return self.neuron(current, *state)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The readout's sum, (batch, classes)."""
        batch = inputs.shape[-2]
        zero = inputs.new_zeros(batch, self.hidden.out_features)
        state: tuple[torch.Tensor, ...] = (zero, zero) if self.synaptic else (zero,)
        if self.by_step:
            logits = inputs.new_zeros(batch, self.output.out_features)
            for t in range(self.steps):
                spikes, *rest = self.fire(self.hidden(inputs if self.constant else inputs[t]), state)
                state, logits = tuple(rest), logits + functional.linear(spikes, self.output.weight)
            return logits + self.output.bias
        current, counts = self.hidden(inputs), zero
        for t in range(self.steps):
            spikes, *rest = self.fire(current if self.constant else current[t], state)
            state, counts = tuple(rest), counts + spikes
        return self.output(counts)


Rival = partial(rival.Rival, Net)
