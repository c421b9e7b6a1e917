"""C-LIF's modules as a network's layers, and as a configuration (`learn.modules`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from yoso_sw.learn import composed
from yoso_sw.learn.clif.export import beyond as beyond
from yoso_sw.learn.clif.layers import ClifLayer
from yoso_sw.network.layer import Layer

LAYER = ClifLayer

#: Keys of a configuration in which its layers are alike.
KEYS = ("backward_every", "steepness")


def export(layers: Sequence[ClifLayer], levels: int | None) -> list[Layer]:
    """See `rules.Composer`."""
    return [layer.export() for layer in layers]


def told(layers: Sequence[ClifLayer], levels: int | None) -> dict[str, Any]:
    """See `rules.Composer`; without an encoder inputs are trains of T steps."""
    return composed.told(layers, "ttfs" if levels else "events", levels or layers[0].steps)


def misfits(layers: Sequence[ClifLayer], levels: int | None) -> Iterator[str]:
    """See `rules.Composer`."""
    yield from composed.misplaced(layers, 0)
    if levels and levels > layers[0].steps:
        yield f"its encoder's levels={levels} are beyond the steps={layers[0].steps} that a layer sees"


def obstacles(layers: Sequence[ClifLayer]) -> Iterator[str]:
    """See `rules.Composer`."""
    own = {key: attrgetter(key) for key in KEYS}
    yield from composed.unlike(layers, {**composed.ALIKE, **own})


def settings(layers: Sequence[ClifLayer]) -> dict[str, Any]:
    """See `rules.Composer`."""
    return {**composed.settings(layers), **{key: getattr(layers[0], key) for key in KEYS}}
