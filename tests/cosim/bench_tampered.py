"""The bench of a session, with a golden model that is wrong on purpose: it fires only above the threshold."""

from dataclasses import replace
from typing import Any

from yoso_sim.session import serve  # noqa: F401  cocotb runs it
from yoso_sw import golden
from yoso_sw.network import Network

_right = golden.run


def _wrong(network: Network, *inputs: Any, **options: Any) -> golden.GoldenResult:
    most = options["params"].pot_max
    layers = tuple(replace(layer, threshold=min(most, layer.threshold + 1)) for layer in network.layers)
    return _right(replace(network, layers=layers), *inputs, **options)


golden.run = _wrong
