"""The RTL as a back end: a campaign in Verilator, every spike of which is compared and kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from yoso_sw.network import golden
from yoso_sw.network.events import Events
from yoso_sw.network.network import Network

from yoso_sim.campaign import Campaign
from yoso_sim.running import recorded
from yoso_sim.running.run import Compared, Run
from yoso_sim.simulate import SimulationError


def run_of(
    campaign: Campaign,
    results: Sequence[dict[str, Any]],
    labels: np.ndarray | None = None,
    network: Network | None = None,
) -> Run:
    """What a campaign that keeps spikes came to.

    Parameters
    ----------
    results
        Of every chunk, in order (`campaign.run`).
    labels
        Classes, or None.
    network
        That of the campaign, as the caller has it; None: as it was read from its file.

    Raises
    ------
    SimulationError
        If a chunk's spikes are missing.
    """
    layers = len(campaign.network.layers)
    parts = []
    for chunk in campaign.chunks:
        if (part := campaign.recorded(chunk)) is None:
            raise SimulationError(f"the spikes of images {chunk[0]}.. are missing under {campaign.folder}")
        parts.append(part)
    by_chunk = [recorded.layers_of(part, layers) for part in parts]
    spikes = tuple(Events.joined([own[0][i] for own in by_chunk]) for i in range(layers))
    sent = tuple(
        Events.joined([own[1][i] for own in by_chunk]) if campaign.network.layers[i].pool else spikes[i]
        for i in range(layers)
    )
    states = [recorded.states_of(part, layers) for part in parts]
    totals = {
        key: sum(int(result.get(key, 0)) for result in results)
        for key in (
            "spikes",
            "spike_mismatches",
            "class_mismatches",
            "counter_mismatches",
            "state_mismatches",
        )
    }
    notes = [note for result in results for note in result["notes"]]
    return Run(
        backend="rtl",
        network=network or campaign.network,
        params=campaign.build.params,
        inputs=golden.check_inputs(campaign.network, campaign.samples.inputs),
        decisions=_joined(results, "rtl"),
        steps=np.concatenate([part["steps"] for part in parts]),
        spiked=np.concatenate([part["spiked"] for part in parts]),
        labels=labels,
        early_exit=campaign.early_exit,
        data=campaign.samples.name,
        compared=Compared(**totals, notes=tuple(notes)),
        own_spikes=spikes,
        own_sent=sent,
        own_cycles=_joined(results, "cycles"),
        own_counters=np.sum([np.array(result["counters"], np.int64) for result in results], axis=0),
        states=recorded.joined_states(states),
    )


def _joined(results: Sequence[dict[str, Any]], key: str) -> np.ndarray:
    return np.array([value for result in results for value in result[key]], np.int64)
