"""What alpha-PSP can train. Without torch: whoever reads a configuration asks here.

It is the paper's baseline: dense layers that fire from step 0 on, the earliest output spike decides, no
additional strategy within a layer, and no integers, since no chip has its neuron.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from yoso_sw.learn.rules import only
from yoso_sw.network.neuron import KEPT

if TYPE_CHECKING:
    from yoso_sw.learn.config import TrainConfig

EXPORTS = False

#: Most time constants in a window: beyond, exp(end / tau) overflows single precision.
LONGEST = 80


def refusals(config: TrainConfig) -> Iterator[str]:
    """See `rules.Limits`."""
    yield from only(config, code="ttfs", decision="ttfs", revive=False, min_slope=0.0)
    yield from only(config, backward_every=1, steepness=10.0, freeze_out=0.0, even_epochs=0)
    for i, layer in enumerate(config.layers):
        neuron, where = layer.neuron, f"layer {i}: "
        yield from only(neuron, where, slope="psp", start=0, current=KEPT, leak=0)
        yield from only(layer, where, kernel=0, bias=False, dropout=0.0)
        yield from only(layer, where, spike_penalty=0.0, silence_penalty=0.0, batch_norm=0.0, centred=False)
        least = neuron.end / LONGEST
        if neuron.end < 1:
            yield f"{where}end={neuron.end}; it can only have a layer that fires, end >= 1"
        elif not neuron.tau >= least:
            yield f"{where}tau={neuron.tau}; it can only have end / {LONGEST} = {least} or more"
