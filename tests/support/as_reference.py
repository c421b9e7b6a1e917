"""The golden model held against the reference, on everything that an image leaves."""

from __future__ import annotations

import numpy as np
from yoso_hw.params import ChipParams
from yoso_sw.network.events import Events
from yoso_sw.network.golden import GoldenResult, run
from yoso_sw.network.network import Network

from support.reference import simulate


def trains(events: Events) -> list[list[int]]:
    """Per axon of the one image, the steps of its spikes."""
    return [events.step[events.axon == axon].tolist() for axon in range(events.axons)]


def assert_same_as_reference(
    network: Network, inputs: np.ndarray | Events, params: ChipParams, early_exit: bool
) -> GoldenResult:
    """Each of some images (steps or events); returns what the golden model made of them."""
    result = run(network, inputs, params=params, early_exit=early_exit)
    carried = []
    for b, image in enumerate(inputs if isinstance(inputs, Events) else Events.of_steps(inputs)):
        expected = simulate(network, image, params, early_exit)
        assert result.decisions[b] == expected.decision
        assert result.decision_steps[b] == expected.decision_step
        assert result.spiked[b] == expected.spiked
        assert result.last[b] == expected.last
        assert result.spikes_in[b].tolist() == expected.spikes_in
        assert result.spikes_out[b].tolist() == [sum(map(len, sent)) for sent in expected.sent]
        for layer in range(len(network.layers)):
            assert trains(result.spikes[layer][b]) == expected.steps[layer]
            assert trains(result.sent[layer][b]) == expected.sent[layer]
            assert result.potentials[layer][b].tolist() == expected.potentials[layer]
            assert result.accumulated[layer][b].tolist() == expected.accumulated[layer]
        carried += [v for *_, v in expected.spike_potentials]
    assert result.spike_potentials.tolist() == carried
    return result
