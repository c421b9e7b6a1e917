"""784-800-10 in SpikingJelly, in each way that its documentation trains one.

- *steps*: step mode "s", a loop over the steps.
- *layers*: step mode "m", layer by layer, its fastest on a CPU without compiling; the backend is torch's.
- *compiled*: the same by ``torch.compile``.

A constant image goes through the first layer once, as in its networks for still images. The graph of the
reset is cut off (`detach_reset`), which is less to compute.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from spikingjelly.activation_based import functional as jelly
from spikingjelly.activation_based import neuron, surrogate
from torch.nn import functional

from yoso_sw.rivals import rival

if TYPE_CHECKING:
    from yoso_sw.rivals.tasks import Task


class Net(rival.Net):
    """Hidden layer and readout of its neurons."""

    def __init__(self, own: Task, by_step: bool) -> None:
        super().__init__(own, by_step)
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


Rival = partial(rival.Rival, Net, after=jelly.reset_net)
