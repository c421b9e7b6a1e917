"""YOSO from a program or a notebook: train a network, or bring one, and run it on a chip (docs/api.md).

::

    import yoso

    network = yoso.load("mnist-784-800-10")
    run = yoso.Chip(backend="golden").run(network, images=100)
    run.accuracy, run.spikes, run.decisions

What a command does is a function that it calls; here are those that a program needs. Errors are exceptions
with the sentence that the command prints (`ERRORS`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter
from yoso_sim.running.run import Run, RunError, State
from yoso_sim.tables import Table, report
from yoso_sw.network.arrays import layer
from yoso_sw.network.events import NEVER, Events
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron, Reset

from yoso.chip import Chip
from yoso.errors import ERRORS
from yoso.missing import MissingError
from yoso.sources import evaluate, load, network, networks, to_nir
from yoso.training import config, train

if TYPE_CHECKING:
    from yoso import nn

__all__ = [
    "ERRORS",
    "NEVER",
    "Chip",
    "ChipParams",
    "Counter",
    "Events",
    "Layer",
    "MissingError",
    "Network",
    "Neuron",
    "Reset",
    "Run",
    "RunError",
    "State",
    "Table",
    "Window",
    "config",
    "evaluate",
    "layer",
    "load",
    "network",
    "networks",
    "nn",
    "report",
    "to_nir",
    "train",
]


def __getattr__(name: str) -> Any:
    """`yoso.nn`, which needs torch, when it is asked for."""
    if name == "nn":
        return import_module("yoso.nn")
    raise AttributeError(f"module 'yoso' has no attribute {name!r}")
