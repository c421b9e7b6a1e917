"""What the spike count rule can train, and when its layers see what. Without torch: configurations ask here.

A network of N layers has its windows as in docs/arithmetic.md, "Rate-coded networks and their delay": layer
l = 1 .. N sees T = steps - q - N steps, [q + l, q + l + T), where q are the charged levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from yoso_sw.learn.rules import only

if TYPE_CHECKING:
    from yoso_sw.learn.config import TrainConfig

EXPORTS = True


def charged(config: TrainConfig) -> int:
    """q, the levels that charge the first layer: those of pixels as a current; 0: inputs are trains."""
    return config.levels if config.code == "ttfs" else 0


def seen(config: TrainConfig) -> int:
    """T, the steps that each layer sees."""
    return config.steps - charged(config) - len(config.layers)


def start(config: TrainConfig, layer: int) -> int:
    """Where the window of a layer, 0 for the first, opens."""
    return charged(config) + layer + 1


def refusals(config: TrainConfig) -> Iterator[str]:
    """See `rules.Limits`."""
    yield from integrate_and_fire(config)
    for i, layer in enumerate(config.layers):
        yield from only(layer, f"layer {i}: ", batch_norm=0.0, centred=False)


def integrate_and_fire(config: TrainConfig) -> Iterator[str]:
    """What no rule with this rule's neurons, windows and readout can train."""
    yield from only(
        config, decision="softmax", min_slope=0.0, backward_every=1, steepness=10.0, freeze_out=0.0
    )
    steps, least = seen(config), 1 if charged(config) else config.levels
    if steps < least:
        spent = f"{charged(config)} charged levels and {len(config.layers)} layers"
        yield f"steps={config.steps} less {spent} leaves layers {steps} steps; they need {least}"
        return
    for i, layer in enumerate(config.layers):
        neuron, where = layer.neuron, f"layer {i}: "
        yield from only(neuron, where, slope="psp", tau=0.0)
        yield from only(layer, where, silence_penalty=0.0)
        output = i == len(config.layers) - 1
        if output:
            yield from only(layer, where, kernel=0)
        opens = start(config, i)
        window = (0, 0) if output else (opens, opens + steps)
        if (neuron.start, neuron.end) != window:
            yield (
                f"{where}start={neuron.start}, end={neuron.end}; it can only have start={window[0]}, "
                f"end={window[1]}: " + ("the output layer never fires" if output else f"T = {steps} steps")
            )
