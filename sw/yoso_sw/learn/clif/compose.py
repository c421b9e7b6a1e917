"""C-LIF's modules as a network's layers (`learn.modules`); each knows the configuration of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yoso_sw.learn.clif.layers import ClifLayer
from yoso_sw.network.layer import Layer

LAYER = ClifLayer

KEYS = ("steps", "levels", "code", "decision", "weight_bits", "acc_bits", "pot_bits")


def export(layer: ClifLayer, place: int) -> Layer:
    """See `rules.Composer`."""
    return layer.export()


def told(layers: Sequence[ClifLayer], levels: int | None) -> dict[str, Any]:
    """See `rules.Composer`."""
    return {key: getattr(layers[0].config, key) for key in KEYS}
