"""Curves of the comparison: accuracy of images that end early, by step and by cycles, and under noise."""

import numpy as np
import pytest
from support.compared import CLIF, COUNT, IMAGES, LITERAL, chunks, loaded
from yoso_sim.build import Build
from yoso_sim.comparison import ended, latency, noise, rows
from yoso_sw.network import golden
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate

# ---- accuracy by step ------------------------------------------------------------------------------------


def test_a_network_cut_at_its_own_steps_is_itself():
    network, samples, result, _ = loaded(CLIF)
    again = golden.run(latency.cut(network, network.steps), samples.inputs)
    assert again.spikes == result.spikes and (again.decisions == result.decisions).all()


def test_a_decision_by_the_first_spike_is_the_same_in_images_that_end_after_it():
    network, samples, result, _ = loaded(LITERAL, 200)
    given = golden.check_inputs(network, samples.inputs)
    for steps in (8, 16, 24):
        short = golden.run(latency.cut(network, steps), latency.until(given, steps))
        before = result.spiked & (result.decision_steps < steps)
        assert (short.spiked == before).all()
        assert (short.decisions == result.decisions)[before].all()
    points = latency.first_spikes(result, samples.labels, [1, network.steps])
    assert points[0]["decided"] == 0 and points[1]["decided"] == 100 * result.spiked.mean()


def test_fewer_steps_are_as_many_spikes_and_biases_of_every_layer():
    network, samples, result, _ = loaded(COUNT)
    given, steps = golden.check_inputs(network, samples.inputs), network.steps - 6
    short = golden.run(latency.cut(network, steps), given)
    (weights,) = (layer.weights.astype(np.int64) for layer in network.layers[1:])
    # Of T = 4: spikes of the first four steps of the window, and four biases.
    first = network.layers[0].neuron.start
    sent = result.spikes[0]
    counts = np.zeros((IMAGES, 100), np.int64)
    early = sent.step < first + 4
    np.add.at(counts, (sent.image[early], sent.axon[early]), 1)
    assert (short.potentials[1] == counts @ weights[:-1] + 4 * weights[-1]).all()


def test_a_rate_code_has_a_point_for_each_number_of_steps():
    assert latency.ends(Network.load(locate(COUNT, ".npz"))) == list(range(11, 21))
    assert latency.ends(Network.load(locate(CLIF, ".npz"))) == list(range(3, 13))
    assert latency.ends(Network.load(locate(LITERAL, ".npz")))[-1] == 64


# ---- accuracy by cycles ----------------------------------------------------------------------------------


def rtl(campaign, cycles=700):
    """What simulators that are right leave of a campaign."""
    result = golden.run(campaign.network, campaign.samples.inputs, params=campaign.image.params)
    (chunk,) = chunks(campaign.image, result)
    return [{**chunk, "cycles": [cycles] * len(campaign.samples)}]


def ended_on(name, runs, folder):
    network, samples, _, image = loaded(name)
    curve = latency.curve(network, samples.inputs, samples.labels)
    made = Build(folder, "key", image.params, waves=False, seconds=0.0)
    return curve, ended.on_rtl(network, samples, curve, made, folder, runs, IMAGES)


@pytest.mark.parametrize("name", [COUNT, LITERAL])
def test_points_that_run_on_the_rtl_are_those_of_the_curve_with_cycles(name, tmp_path):
    taken = iter([111.0, 222.0, 333.0, 444.0, 555.0, 666.0])
    curve, found = ended_on(name, lambda own: rtl(own, next(taken)), tmp_path)
    assert [own["cycles"] for own in found[:2]] == [111.0, 222.0]
    assert all(own["images_rtl"] == IMAGES and own["spike_mismatches"] == 0 for own in found)
    without = [{key: own[key] for key in curve[0]} for own in found]
    assert all(own in curve for own in without) and without[-1] == curve[-1]
    if name == COUNT:
        assert [own["T"] for own in found] == [1, 2, 4, 8, 10]
    else:
        assert all(own["accuracy"] >= ended.RIGHT for own in found)


def test_the_rtl_gets_the_network_and_the_inputs_of_the_steps_that_are_left(tmp_path):
    seen = []

    def runs(campaign):
        seen.append((campaign.network.steps, campaign.samples.inputs.latest, campaign.image.steps))
        return rtl(campaign)

    _, found = ended_on(CLIF, runs, tmp_path)
    assert [steps for steps, _, _ in seen] == [own["steps"] for own in found] == [3, 4, 6, 10, 12]
    assert all(latest < steps for steps, latest, _ in seen)
    assert all(steps == compiled for steps, _, compiled in seen)


def test_a_spike_that_differs_in_an_image_that_ends_early_is_one_line_with_the_step(tmp_path):
    def runs(campaign):
        (chunk,) = rtl(campaign)
        return [{**chunk, "spike_mismatches": int(campaign.network.steps == 14)}]

    with pytest.raises(rows.CompareError, match=f"{COUNT} ended before step 14: .* differ in 1 spikes"):
        ended_on(COUNT, runs, tmp_path)


# ---- noise -----------------------------------------------------------------------------------------------


def test_jitter_moves_spikes_within_the_window_and_adds_none():
    network, samples, _, _ = loaded(CLIF)
    given = golden.check_inputs(network, samples.inputs)
    moved = noise.jittered(given, network.levels, 0.2)
    assert moved != given and moved.latest < network.levels
    assert (moved.counts <= given.counts).all() and moved.total > given.total / 2
    assert noise.jittered(given, network.levels, 0.0) == given


def test_the_share_that_is_said_is_deleted():
    network, samples, _, _ = loaded(COUNT)
    given = golden.check_inputs(network, samples.inputs)
    left = noise.deleted(given, 0.3)
    assert left.total == pytest.approx(0.7 * given.total, rel=0.05) and (left.counts <= given.counts).all()
    assert noise.deleted(given, 0.0) == given and noise.deleted(given, 1.0).total == 0


def test_noise_of_pixels_has_the_deviation_that_is_said():
    grey = np.full((20, 784), 128, np.uint8)
    seen = noise.noisy(grey, 0.1)
    assert seen.std() == pytest.approx(25.5, rel=0.03) and abs(seen.mean() - 128) < 1
    assert (noise.noisy(grey, 0.1) == seen).all()
