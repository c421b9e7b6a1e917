"""A report of a campaign of one image, made without a simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter
from yoso_sim import report
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron


def summary(name: str = "one") -> dict[str, Any]:
    """The report of a network of that name."""
    network = Network(name, (Layer(np.ones((2, 2), np.int8), Neuron(1, 0, 4)),), 4, 4)
    counters = np.zeros((1, 1, len(Counter)), int).tolist()
    chunk = {"labels": [0], "rtl": [0], "golden": [0], "cycles": [9], "updates": [4], "counters": counters}
    chunk |= {"spikes": 1, "errors": [], "notes": []}
    chunk |= dict.fromkeys(("spike_mismatches", "class_mismatches", "counter_mismatches"), 0)
    return report.summarise(network, ChipParams(cols=1, rows=1), [chunk], 1.0)
