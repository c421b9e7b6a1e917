"""What C-LIF can train. Without torch: whoever reads a configuration asks here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from yoso_sw.learn.rules import only
from yoso_sw.network.neuron import LARGEST_DECAY

if TYPE_CHECKING:
    from yoso_sw.learn.config import TrainConfig

EXPORTS = True


def refusals(config: TrainConfig) -> Iterator[str]:
    """See `rules.Limits`."""
    yield from only(config, decision="softmax", min_slope=0.0, even_epochs=0)
    if config.ridge_penalty and config.code != "ttfs":
        yield f"ridge_penalty={config.ridge_penalty} needs inputs of code ttfs, not {config.code}"
    seen = config.steps - len(config.layers)  # each layer answers a step later
    if config.backward_every > max(1, seen):
        yield f"backward_every={config.backward_every} is beyond the {seen} steps that each layer sees"
    if config.levels > seen:
        yield f"levels={config.levels} are beyond T = {max(0, seen)}, steps={config.steps} less one a layer"
    for i, layer in enumerate(config.layers):
        neuron, where = layer.neuron, f"layer {i}: "
        yield from only(neuron, where, slope="psp", tau=0.0)
        yield from only(layer, where, dropout=0.0, batch_norm=0.0, centred=False)
        yield from only(layer, where, spike_penalty=0.0, silence_penalty=0.0)
        if i == len(config.layers) - 1:  # the readout, which adds up
            yield from only(layer, where, kernel=0)
            yield from only(neuron, where, start=0, end=0, current=0, leak=0)
            continue
        yield from only(neuron, where, start=i + 1, end=i + 1 + seen)
        for key, value in (("current", neuron.current), ("leak", neuron.leak)):
            if not 0 <= value <= LARGEST_DECAY:
                yield f"{where}{key}={value} is outside 0..{LARGEST_DECAY}"
