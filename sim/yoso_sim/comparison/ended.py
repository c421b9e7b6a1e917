"""Cycles of images that end early, on the RTL: its register of steps says when, every spike is compared.

The curves of `latency` are of the whole test set and know steps alone. Here some of their points run on the
RTL, so that accuracy can be read against cycles, which is what an image's latency is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from yoso_sw.compile.compiler import compile_network
from yoso_sw.data.samples import Samples
from yoso_sw.network import golden
from yoso_sw.network.network import Network

from yoso_sim import campaign as campaigns
from yoso_sim.build import Build
from yoso_sim.comparison import latency, rows

#: T of the points of a rate code, besides its own.
T = (1, 2, 4, 8, 10)

#: Points of spike times, spread over those that are right this often, per cent.
POINTS, RIGHT = 6, 50.0

#: Runs a campaign: its chunks' results, a dictionary each.
Runs = Callable[[campaigns.Campaign], list[dict[str, Any]]]


def chosen(curve: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The points of a network's curve that run on the RTL, the last one among them."""
    if curve[-1]["T"] is not None:
        return [point for point in curve if point["T"] in T or point is curve[-1]]
    right = [point for point in curve[:-1] if point["accuracy"] >= RIGHT] + [curve[-1]]
    places = np.linspace(0, len(right) - 1, min(POINTS, len(right))).round().astype(int)
    return [right[place] for place in places]


def on_rtl(
    network: Network,
    samples: Samples,
    curve: list[dict[str, Any]],
    made: Build,
    folder: Path,
    runs: Runs,
    chunk: int,
) -> list[dict[str, Any]]:
    """The chosen points with cycles of an image, on average, how many images and spikes that differ.

    Parameters
    ----------
    samples
        Those that run, as the network takes them.
    folder
        For the networks with fewer steps.

    Raises
    ------
    CompareError
        If RTL and golden model differ.
    """
    given, found = golden.check_inputs(network, samples.inputs), []
    for point in chosen(curve):
        short = latency.cut(network, point["steps"])
        some = replace(samples, inputs=latency.until(given, point["steps"]))
        path = folder / f"{network.name}-{point['steps']}-steps.npz"
        folder.mkdir(parents=True, exist_ok=True)
        short.save(path)
        campaign = campaigns.plan(path, made, some, chunk=chunk, early_exit=True, root=folder)
        results = runs(campaign)
        reference = golden.run(short, some.inputs, params=made.params)
        name = f"{network.name} ended before step {point['steps']}"
        rows.check(compile_network(short, made.params), reference, results, name)
        cycles = [cycle for one in results for cycle in one["cycles"]]
        found.append(
            {
                **point,
                "cycles": round(float(np.mean(cycles)), 1),
                "images_rtl": len(cycles),
                "spike_mismatches": sum(one["spike_mismatches"] for one in results),
            }
        )
    return found
