"""What networks of all rivals have in common: two linear layers, three modes, the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from yoso_sw.rivals.tasks import Batch, Task

MODES = ("steps", "layers", "compiled")


class Net(nn.Module):
    """Weights of hidden layer and readout; see `tasks`."""

    def __init__(self, own: Task, by_step: bool) -> None:
        super().__init__()
        self.steps, self.constant, self.by_step = own.steps, own.constant, by_step
        hidden = own.config.layers[0].neurons
        self.hidden = nn.Linear(own.config.inputs, hidden)
        self.output = nn.Linear(hidden, own.config.layers[-1].neurons)


class Rival:
    """A library's network in one of `MODES`; `after` is called on it behind each loss, to clear its state."""

    def __init__(
        self,
        net: Callable[[Task, bool], Net],
        own: Task,
        mode: str,
        after: Callable[[Net], Any] = lambda net: None,
    ) -> None:
        torch.manual_seed(1)
        self.own, self.after = net(own, mode == "steps"), after
        self.parameters = list(self.own.parameters())
        self.net = torch.compile(self.own) if mode == "compiled" else self.own
        self.temperature = own.steps

    def loss(self, batch: Batch) -> torch.Tensor:
        loss = functional.cross_entropy(self.net(batch.rivals) / self.temperature, batch.labels)
        self.after(self.own)
        return loss
