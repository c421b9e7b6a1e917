"""The ReLU twin of tandem learning by itself: the same layers, whose values take the place of counts.

What a spiking network is set beside: inputs, distortions, dropout, normalisation and schedule are one, and
there are no spikes. P2 is the largest of four values.
"""

from __future__ import annotations

import torch

from yoso_sw.learn.count.layer import Counts, given
from yoso_sw.learn.module import MODE
from yoso_sw.learn.tandem.layer import TandemLayer
from yoso_sw.learn.tandem.rule import Tandem


class ReluLayer(TandemLayer):
    """`TandemLayer` whose values are the twin's."""

    def forward(self, spikes: torch.Tensor | Counts, generator: torch.Generator | None = MODE) -> Counts:
        """As `CountLayer.forward`; `trains` are the values, one step long."""
        own = spikes if isinstance(spikes, Counts) else given(spikes, self.steps)
        values, generator = own.counts, self.mode(generator)
        if generator is not None and self.config.dropout:
            kept = torch.rand(values.shape, generator=generator) >= self.config.dropout
            values = values * kept / (1 - self.config.dropout)
        total = self.total(values, generator is not None)
        values = torch.relu(total / self.threshold)
        if self.config.pool and self.window is not None:
            rows, cols = self.window.out_rows // 2, self.window.out_cols // 2
            values = values.reshape(-1, rows, 2, cols, 2, self.neurons).amax((2, 4)).flatten(1)
        return Counts(values[:, None], values, total, self.start)


class ReluTwin(Tandem):
    """A network of such layers; for the float phase alone."""

    layer = ReluLayer
