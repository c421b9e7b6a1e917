"""Dead layers: those that are to fire and whose neurons fired for no validation image.

Such a network still decides, by the highest potential, and its accuracy may not look like chance; so whoever
trains it, and whoever reads its card, is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yoso_sw.learn.config import TrainConfig

REMEDY = "lower its threshold, raise mean or std of its first weights, or set its silence_penalty"


def layers(config: TrainConfig, spikes: Sequence[float]) -> list[int]:
    """Dead layers by number, of mean spikes an image on the validation images, by layer."""
    return [
        i
        for i, (layer, count) in enumerate(zip(config.layers, spikes, strict=True))
        if not layer.neuron.silent and not count
    ]


def text(dead: Sequence[int]) -> str:
    """What is to be said of them, without an end; "" if there are none."""
    if not dead:
        return ""
    numbers = ", ".join(str(i) for i in dead)
    return f"no neuron of layer{'s' * (len(dead) > 1)} {numbers} fired for any validation image"


def record(dead: Sequence[int]) -> dict[str, list[int]]:
    """What a network's file says of them: nothing if there are none."""
    return {"silent_layers": list(dead)} if dead else {}
