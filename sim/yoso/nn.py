"""The layers as torch modules, to be composed by ``nn.Sequential`` and trained in loops of one's own.

`docs/api.md` shows a network of them; each module's docstring has its equations and shapes.
"""

from __future__ import annotations

from yoso.missing import told

with told("train"):
    from yoso_sw.learn.clif.layers import ClifLayer
    from yoso_sw.learn.count.layer import CountLayer
    from yoso_sw.learn.first_weights import Normal
    from yoso_sw.learn.modules import quantise
    from yoso_sw.learn.quantiser import Quantiser
    from yoso_sw.learn.stdbp.layers import Conv2d, Dense, EarliestPool2d, Extras
    from yoso_sw.learn.tandem.layer import TandemLayer
    from yoso_sw.learn.times import Spikes, SpikeTimeLoss, TemporalEncoder
    from yoso_sw.learn.trains import of_events as trains

from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.network.layer import Window

__all__ = [
    "ClifLayer",
    "Conv2d",
    "CountLayer",
    "Dense",
    "EarliestPool2d",
    "Extras",
    "LayerConfig",
    "NeuronConfig",
    "Normal",
    "Quantiser",
    "SpikeTimeLoss",
    "Spikes",
    "TandemLayer",
    "TemporalEncoder",
    "Window",
    "quantise",
    "trains",
]
