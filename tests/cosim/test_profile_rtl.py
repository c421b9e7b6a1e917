"""The RTL as the last stage of a profile: spikes compared layer by layer, differences told by theirs."""

import json
import random

import numpy as np
import pytest
from click.testing import CliRunner
from support import chip_cases
from support.own_sets import configure, quadrants
from yoso_sim.cli import main
from yoso_sim.compare import compare
from yoso_sw.network import golden
from yoso_sw.network.network import NEVER

from cosim.test_compare import PARAMS, perfect, without


def test_the_rtl_is_a_stage_whose_spikes_are_compared_layer_by_layer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path / "build"))
    images, labels = quadrants(400, 1, classes=5)
    np.savez("five.npz", images=images, labels=labels)
    config = configure(tmp_path, "five.npz", classes=5)
    for words in (
        ["train", config],
        ["profile", config, "--rtl", 4, "--images", 20, "--set", "cols=2", "--set", "rows=1"],
    ):
        done = CliRunner().invoke(main, [*map(str, words)])
        assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "build" / "reports" / "profile.json").read_text())
    rtl, exact = report["stages"][-1], report["stages"][-2]
    assert (rtl["stage"], rtl["images"], rtl["beside"], rtl["cost"]) == ("RTL", 4, "golden", 0.0)
    assert rtl["spike_mismatches"] == rtl["counter_mismatches"] == rtl["decisions_changed"] == 0
    first, last = rtl["layers"]
    assert first["spikes_compared"] > 0 == first["mismatches"] == last["spikes_compared"]
    assert exact["spikes"][0] == pytest.approx(first["spikes_compared"] / 4, rel=0.8)
    assert (
        "Spikes of the RTL against the golden model"
        in (tmp_path / "build" / "reports" / "profile.md").read_text()
    )


def test_a_spike_that_the_rtl_lacks_is_told_by_its_layer():
    rng = random.Random(7)
    while True:
        network, image = chip_cases.random_network(rng, PARAMS)
        reference = golden.run(network, chip_cases.random_inputs(rng, network, 1), params=PARAMS)
        if len(image.layers) > 1 and all((steps[0] != NEVER).any() for steps in reference.steps):
            break
    outcome = perfect(image, reference)
    whole = compare(image, outcome, reference, 0)
    assert [own for own, _ in whole.layers] == [int((steps[0] != NEVER).sum()) for steps in reference.steps]
    assert all(wrong == 0 for _, wrong in whole.layers)
    keep = np.ones(len(outcome.batch.steps), bool)
    keep[0] = False  # of the first layer, which `perfect` lists first
    broken = type(outcome)(
        outcome.decision, outcome.step, outcome.spiked, outcome.cycles, without(outcome.batch, keep)
    )
    found = compare(image, broken, reference, 0)
    assert [wrong for _, wrong in found.layers] == [1] + [0] * (len(image.layers) - 1)
    assert found.spike_mismatches == 1
