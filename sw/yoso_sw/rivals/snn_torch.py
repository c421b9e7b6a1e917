"""784-800-10 in snnTorch, in each way that its documentation trains one.

- *steps*: as in its tutorials: a loop over the steps, in which each layer is called.
- *layers*: layer by layer: one product for all steps, and a loop over its neurons alone.
- *compiled*: the same by ``torch.compile``, which snnTorch supports since 0.8.

Its parallel neurons (`LeakyParallel`, `StateLeaky`) have no reset, so they are other networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import snntorch
import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from yoso_sw.rivals.tasks import Batch, Task

MODES = ("steps", "layers", "compiled")


class Net(nn.Module):
    """Hidden layer and readout; see `tasks`."""

    def __init__(self, own: Task, by_step: bool) -> None:
        super().__init__()
        self.steps, self.constant, self.by_step = own.steps, own.constant, by_step
        hidden = own.config.layers[0].neurons
        self.hidden = nn.Linear(own.config.inputs, hidden)
        self.output = nn.Linear(hidden, own.config.layers[-1].neurons)
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


class Rival:
    """The network in one of `MODES`."""

    def __init__(self, own: Task, mode: str) -> None:
        torch.manual_seed(1)
        net = Net(own, mode == "steps")
        self.parameters = list(net.parameters())
        self.net = torch.compile(net) if mode == "compiled" else net
        self.temperature = own.steps

    def loss(self, batch: Batch) -> torch.Tensor:
        return functional.cross_entropy(self.net(batch.rivals) / self.temperature, batch.labels)
