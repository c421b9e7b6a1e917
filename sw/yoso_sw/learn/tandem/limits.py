"""What tandem learning can train. Without torch: configurations ask here.

Windows are those of rule count: with q charged levels and N layers, T = steps - q - N.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from yoso_sw.learn.count.limits import integrate_and_fire
from yoso_sw.learn.rules import only

if TYPE_CHECKING:
    from yoso_sw.learn.config import TrainConfig

EXPORTS = True


def refusals(config: TrainConfig) -> Iterator[str]:
    """See `rules.Limits`."""
    yield from integrate_and_fire(config)
    for i, layer in enumerate(config.layers):
        where = f"layer {i}: "
        if i == len(config.layers) - 1:
            yield from only(layer, where, batch_norm=0.0)
        elif layer.batch_norm and not layer.bias:
            yield f"{where}batch_norm={layer.batch_norm} needs bias=True, into which it is folded"
