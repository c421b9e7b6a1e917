"""784-800-10 in SpikingJelly, in each way that its documentation trains one.

- *steps*: step mode "s", a loop over the steps.
- *layers*: step mode "m", layer by layer, its fastest on a CPU without compiling; the backend is torch's.
- *compiled*: the same by ``torch.compile``.

A constant image goes through the first layer once, as in its networks for still images. The graph of the
reset is cut off (`detach_reset`), which is less to compute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from spikingjelly.activation_based import functional as jelly
from spikingjelly.activation_based import neuron, surrogate
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
        if own.leak:
            self.neuron = neuron.CUBALIFNode(
                c_decay=1 - 2.0**-own.current,
                v_decay=1 - 2.0**-own.leak,
                v_threshold=1.0,
                v_reset=None,
                surrogate_function=surrogate.ATan(),
            )
        else:
            self.neuron = neuron.IFNode(v_reset=None, surrogate_function=surrogate.ATan())
        self.neuron.detach_reset = True
        self.neuron.step_mode = "s" if by_step else "m"

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The readout's sum, (batch, classes)."""
        if self.by_step:
            logits = inputs.new_zeros(inputs.shape[-2], self.output.out_features)
            for t in range(self.steps):
                spikes = self.neuron(self.hidden(inputs if self.constant else inputs[t]))
                logits = logits + functional.linear(spikes, self.output.weight)
            return logits + self.output.bias
        current = self.hidden(inputs)
        if self.constant:
            current = current.unsqueeze(0).expand(self.steps, -1, -1)
        return self.output(self.neuron(current).sum(0))


class Rival:
    """The network in one of `MODES`."""

    def __init__(self, own: Task, mode: str) -> None:
        torch.manual_seed(1)
        self.own = Net(own, mode == "steps")
        self.parameters = list(self.own.parameters())
        self.net = torch.compile(self.own) if mode == "compiled" else self.own
        self.temperature = own.steps

    def loss(self, batch: Batch) -> torch.Tensor:
        loss = functional.cross_entropy(self.net(batch.rivals) / self.temperature, batch.labels)
        jelly.reset_net(self.own)
        return loss
