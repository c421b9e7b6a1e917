"""Reports of accuracy: a network is measured, checked against the trainer, and its seeds are counted."""

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner
from support.own_sets import write_idx
from yoso_hw import versions
from yoso_sw.commands import accuracy, seeds
from yoso_sw.commands.train import main as train
from yoso_sw.data.recorded import samples_for
from yoso_sw.learn import spread
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.stdbp.rule import Stdbp
from yoso_sw.network.events import NEVER, Events
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, Neuron, Reset

CONFIG = """
name = "halves"
dataset = "halves"
steps = 17
levels = 8
decision = "{decision}"
float_epochs = 2
integer_epochs = 1
lr = 1e-2
warmup = 5
temperature = 4.0
batch_size = 20
validation = 50
inputs = 36
rows = 6
{layers}
"""
CONVOLUTION = """
[[layers]]
neurons = 4
kernel = 3
pool = true
slope = "constant"
threshold = 9.0
start = 8
end = 16
std = 0.3
bias = true
[[layers]]
neurons = 2
std = 0.3
"""
LITERAL = """
[[layers]]
neurons = 2
threshold = 4.0
end = 17
mean = 0.1
"""


def halves(split):
    """Noisy 6 x 6 images, bright at the top or at the bottom."""
    rng = np.random.default_rng(split == "test")
    labels = rng.integers(0, 2, 400).astype(np.uint8)
    images = rng.integers(0, 100, (400, 6, 6))
    for image, label in zip(images, labels, strict=True):
        image[3 * label : 3 * label + 3] += 120
    return images.astype(np.uint8), labels


@pytest.fixture(params=["softmax", "ttfs"])
def trained(request, monkeypatch, tmp_path):
    """The configuration of a network trained beside it."""
    monkeypatch.chdir(tmp_path)
    write_idx(tmp_path / "halves", halves("train"), halves("test"))
    path = tmp_path / "halves.toml"
    layers = CONVOLUTION if request.param == "softmax" else LITERAL
    path.write_text(CONFIG.format(decision=request.param, layers=layers))
    done = CliRunner().invoke(train, [str(path)])
    assert done.exit_code == 0, done.output
    return path


def test_the_report_has_a_row_for_each_network(trained):
    done = CliRunner().invoke(accuracy.main, [str(trained), "--checked", "40"])
    assert done.exit_code == 0, done.output
    (row,) = json.loads((trained.parent / "build/reports/accuracy.json").read_text())
    about = Network.load(trained.with_suffix(".npz")).about
    assert (row["network"], row["dataset"], row["bits"], row["steps"], row["seeds"]) == (
        *("halves", "halves", 5, 17),
        1,
    )
    assert row["golden"] == about["golden_accuracy"] and row["float"] == about["float_accuracy"]
    assert 0 < row["spikes_per_neuron"] <= 1 and 0 < row["decision_step"] <= 16
    assert row["paper"] is None and row["checked_images"] == 40
    assert row["tools"] == versions.of("training") and "torch" in row["tools"]


def test_a_network_that_was_changed_after_training_is_refused(trained):
    network = Network.load(trained.with_suffix(".npz"))
    first = network.layers[0]
    layer = dataclasses.replace(first, neuron=dataclasses.replace(first.neuron, threshold=1))
    dataclasses.replace(network, layers=(layer, *network.layers[1:])).save(trained.with_suffix(".npz"))
    done = CliRunner().invoke(accuracy.main, [str(trained)])
    assert done.exit_code == 1
    assert done.output.startswith("Error: halves")


def test_a_network_of_another_configuration_is_refused(trained):
    config, network = load_config(trained), Network.load(trained.with_suffix(".npz"))
    other = dataclasses.replace(config, name="other", steps=20)
    with pytest.raises(TrainingError, match=r"halves is .* in 17 steps and .* levels, not other"):
        Stdbp.of(other, network)


def test_spikes_that_differ_are_counted(trained, monkeypatch):
    run = accuracy.golden.run

    def shifted(*args, **kwargs):
        result = run(*args, **kwargs)
        steps = result.sent[0].steps
        late = Events.of_steps(np.where(steps == NEVER, 0, steps + 1).astype(np.int16))
        return dataclasses.replace(result, sent=(late, *result.sent[1:]))

    monkeypatch.setattr(accuracy.golden, "run", shifted)
    done = CliRunner().invoke(accuracy.main, [str(trained), "--checked", "10"])
    assert done.exit_code == 1 and "differ in" in done.output and "of 10 images" in done.output


def test_seeds_are_trained_once_and_reported(trained):
    for count in (1, 2, 2):
        done = CliRunner().invoke(seeds.main, [str(trained), "--seeds", str(count)])
        assert done.exit_code == 0, done.output
    assert "'seed'" not in done.output and "2 seeds" in done.output
    rows = spread.read(trained)
    assert [row["seed"] for row in rows] == [1, 2]
    assert rows[0]["golden"] == Network.load(trained.with_suffix(".npz")).about["golden_accuracy"]
    row = accuracy.measure(trained, 10)
    assert row["seeds"] == 2
    assert row["mean"] == pytest.approx(np.mean([own["golden"] for own in rows]), abs=0.006)
    assert "golden model, seeds 1, 2: mean" in trained.with_suffix(".md").read_text()


@pytest.fixture
def rate_coded(monkeypatch, tmp_path):
    """A network without a configuration: two neurons that count the spikes of the upper and lower half."""
    monkeypatch.chdir(tmp_path)
    write_idx(tmp_path / "halves", halves("train"), halves("test"))
    weights = np.where(np.arange(36)[:, None] // 18 == [0, 1], 3, -2).astype(np.int8)
    neuron = Neuron(20, 1, 10, current=CLEARED, reset=Reset.SUBTRACT)
    about = {"dataset": "halves", "data": "halves"}
    network = Network("counts", (Layer(weights, neuron),), 10, 9, "count", code="rate", about=about)
    network.save(tmp_path / "counts.npz")
    return tmp_path / "counts.npz"


def test_a_network_of_another_code_and_neuron_is_measured_without_a_configuration(rate_coded):
    done = CliRunner().invoke(accuracy.main, [str(rate_coded), "--checked", "40"])
    assert done.exit_code == 0 and "trainer and golden model agree" in done.output, done.output
    (row,) = json.loads((rate_coded.parent / "build/reports/accuracy.json").read_text())
    assert (row["code"], row["decision"], row["checked_images"]) == ("rate", "count", 40)
    assert row["golden"] > 95 and row["decided_by_spikes"] > 95 and row["decision_step"] == 9
    assert row["spikes_per_neuron"] > 1  # a neuron fires more than once


def test_an_image_without_an_output_spike_is_not_decided_by_one(rate_coded):
    network = Network.load(rate_coded)
    layer = network.layers[0]
    silent = dataclasses.replace(layer, neuron=dataclasses.replace(layer.neuron, threshold=10_000))
    dataclasses.replace(network, layers=(silent,)).save(rate_coded)
    row = accuracy.measure(rate_coded, 10)
    assert row["decided_by_spikes"] == row["spikes_per_neuron"] == 0 and row["golden"] > 95


def test_spikes_of_the_family_that_differ_are_counted(rate_coded, monkeypatch):
    network = Network.load(rate_coded)
    inputs = samples_for(network, rate_coded).inputs[:5]
    assert accuracy.disagreements(None, network, inputs) == 0
    layer = network.layers[0]
    other = dataclasses.replace(layer, neuron=dataclasses.replace(layer.neuron, threshold=40))
    run = accuracy.golden.run
    monkeypatch.setattr(
        accuracy.golden,
        "run",
        lambda network, *args, **rest: run(dataclasses.replace(network, layers=(other,)), *args, **rest),
    )
    assert accuracy.disagreements(None, network, inputs) > 0


def test_networks_that_can_be_measured_are_although_another_cannot(trained):
    done = CliRunner().invoke(accuracy.main, [str(trained.with_name("no.toml")), str(trained)])
    assert done.exit_code == 1 and "no configuration" in done.output and "no.toml" in done.output
    (row,) = json.loads((trained.parent / "build/reports/accuracy.json").read_text())
    assert row["network"] == "halves"


def test_a_missing_configuration_is_one_line(tmp_path):
    for command in (accuracy.main, seeds.main):
        done = CliRunner().invoke(command, [str(tmp_path / "no.toml")])
        assert done.exit_code == 1 and done.output.startswith("Error: ")
