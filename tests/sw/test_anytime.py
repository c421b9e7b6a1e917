"""Accuracy against step from one run, beside a run of its own for every step."""

import dataclasses

import numpy as np
import pytest
from support.quarters import CLIF, COUNT, TANDEM, patterns, small_config
from support.reference import random_events, random_network
from yoso_sim.comparison import latency
from yoso_sw.learn import rules
from yoso_sw.network import golden
from yoso_sw.tasks import anytime


def quantised(changes):
    config = small_config(**changes)
    model = rules.rule_of(config.rule)(config)
    model.quantise()
    network = model.export({})
    *hidden, last = network.layers
    weights = np.random.default_rng(1).integers(-8, 8, last.weights.shape).astype(np.int8)
    return dataclasses.replace(network, layers=(*hidden, dataclasses.replace(last, weights=weights)))


def by_runs(network, inputs, least):
    """Decisions of a run for each number of steps from `least` on, (images, T - least + 1)."""
    given = golden.check_inputs(network, inputs)
    ends = range(least, network.steps + 1)
    runs = [golden.run(latency.cut(network, end), latency.until(given, end)) for end in ends]
    return np.stack([run.decisions for run in runs], 1)


@pytest.mark.parametrize("changes", [COUNT, CLIF, TANDEM], ids=["count", "clif", "tandem"])
def test_one_run_says_what_every_shorter_one_would_decide(changes):
    network, (images, labels) = quantised(changes), patterns(60, 3)
    first = network.steps - 15  # after the charge
    result = golden.run(network, images, early_exit=False)
    found = anytime.decisions(network, result)[:, first - 1 :]
    assert np.array_equal(found, by_runs(network, images, first))
    assert len(np.unique(found)) > 1 and not np.array_equal(found[:, 0], found[:, -1])
    points = anytime.curve(network, images, labels)
    assert [point["steps"] for point in points] == list(range(1, network.steps + 1))
    assert points[-1]["accuracy"] == pytest.approx(100 * (result.decisions == labels).mean(), abs=0.01)


@pytest.mark.parametrize("decision", ["ttfs", "count", "softmax"])
def test_output_spikes_decide_from_the_step_in_which_they_come(decision):
    networks = [
        random_network(np.random.default_rng(seed), [12, 9, 5], 14, decision=decision, family=True)
        for seed in range(30)
    ]
    networks = [own for own in networks if not own.layers[0].neuron.charge][:8]
    moved = 0
    for seed, network in enumerate(networks):
        inputs = random_events(np.random.default_rng(seed), 50, network)
        result = golden.run(network, inputs, early_exit=False)
        found = anytime.decisions(network, result)
        assert np.array_equal(found[:, 1:], by_runs(network, inputs, 2))
        moved += int((found[:, 0] != found[:, -1]).sum())
    assert len(networks) == 8 and moved > 50
