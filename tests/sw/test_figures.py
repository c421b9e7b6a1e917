"""The paper's figures: what is drawn, from numbers that are checked against the rules themselves."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from support.reference import random_inputs, random_network
from yoso_sw.commands.figures import main
from yoso_sw.data.encoding import spike_steps
from yoso_sw.figures import dead_neurons, experiment, publish, report, tables
from yoso_sw.figures.experiment import Run
from yoso_sw.figures.gradients import spike_gradients
from yoso_sw.figures.setting import NAMES, Setting
from yoso_sw.figures.spike_times import measure
from yoso_sw.learn import rules
from yoso_sw.learn.alpha import alpha
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.stdbp import stdbp
from yoso_sw.learn.times import input_times, spike_time_loss
from yoso_sw.network import golden
from yoso_sw.network.network import NEVER

TINY = Setting(hidden=20, images=200)
PNG = b"\x89PNG"


@pytest.fixture
def few_images(monkeypatch):
    """A hundred images to train on and fifty for validation, whose class is where they are bright."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 10, 250).astype(np.uint8)
    images = rng.integers(0, 60, (250, 784)).astype(np.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[78 * label : 78 * label + 78] = 250
    monkeypatch.setattr(experiment, "training_images", lambda: (images, labels))
    monkeypatch.setattr(experiment, "VALIDATION", 50)
    return images, labels


def run_command(*words):
    """The command's output; it must succeed."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def error_of(*words):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 1 and "Traceback" not in result.output
    return " ".join(result.output.split())


# ---- the experiment --------------------------------------------------------------------------------------


def test_both_psps_start_from_the_same_weights(few_images):
    rel, alpha, other = (Run(TINY, psp, seed).weights for psp, seed in (("rel", 1), ("alpha", 1), ("rel", 2)))
    assert all(map(torch.equal, rel, alpha)) and not torch.equal(rel[0], other[0])


@pytest.mark.parametrize("psp", NAMES)
def test_the_trainer_takes_the_steps_of_a_plain_loop(psp, few_images):
    """The figures' claim, that the neuron alone differs, bit for bit: Adam on eq. 12 and nothing else."""
    images, labels = few_images
    generator = torch.Generator().manual_seed(5)
    weights = [torch.randn(784, 20, generator=generator) * 0.06 + 0.02]
    weights.append(torch.randn(20, 10, generator=generator) * (2 / 20**0.5) + 10 / 20)
    optimiser = torch.optim.Adam([own.requires_grad_() for own in weights], lr=1e-3)
    run = Run(TINY, psp, 5)
    for epoch in range(2):
        losses = []
        order = np.random.default_rng((5, epoch)).permutation(200)
        for first in range(0, 200, 50):
            own = order[first : first + 50]
            times = input_times(spike_steps(images[own], 16))
            for layer in weights:
                if psp == "rel":
                    times, _ = stdbp.spike_times(times, layer, 16.0, 0, 40, 39)
                else:
                    times, _ = alpha.spike_times(times, layer, 1.0, 16.0, 40.0)
            loss = spike_time_loss(times, torch.from_numpy(labels[own].astype(np.int64)), 40, 1.0)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        run.train()
        assert run.records[-1].loss == float(np.mean(losses))
    assert all(torch.equal(*pair) for pair in zip(run.weights, weights, strict=True))


@pytest.mark.parametrize("psp", NAMES)
def test_a_network_learns(psp, few_images):
    run = Run(TINY, psp, 1)
    for _ in range(4):
        run.train()
    losses = [record.loss for record in run.records]
    assert losses[0] is None and losses[-1] < losses[1]
    assert run.records[-1].accuracy > run.records[0].accuracy + 20


@pytest.mark.parametrize("psp", NAMES)
def test_a_run_that_was_killed_goes_on_as_if_it_had_not_been(psp, few_images, tmp_path):
    straight = Run(TINY, psp, 3)
    straight.train()
    straight.train()
    Run(TINY, psp, 3, tmp_path / "run.pt").train()
    resumed = Run(TINY, psp, 3, tmp_path / "run.pt")
    assert resumed.epoch == 1
    resumed.train()
    assert resumed.records == straight.records
    assert all(torch.equal(*pair) for pair in zip(resumed.weights, straight.weights, strict=True))


def test_a_file_of_another_setting_or_damaged_is_refused(few_images, tmp_path):
    file = tmp_path / "run.pt"
    Run(TINY, "rel", 1, file).train()
    with pytest.raises(TrainingError, match=r"another configuration: seed was 1 and is 2.*--restart"):
        Run(TINY, "rel", 2, file)
    file.write_bytes(b"half a file")
    with pytest.raises(TrainingError, match=r"damaged.*--restart"):
        Run(TINY, "rel", 1, file)


@pytest.mark.parametrize("psp", NAMES)
def test_a_neuron_is_dead_if_it_fires_for_no_image(psp, few_images):
    run = Run(TINY, psp, 1)
    with torch.no_grad():
        run.weights[0][:] = 1
        run.weights[0][:, :3] = -1  # inhibited by every spike
        run.weights[0][:, 3] = -1  # fires for a single image, by its dark pixel
        images, _ = few_images
        images[-50:, 700] = 0
        images[-7, 700] = 255
        run.weights[0][700, 3] = 900
    record = run.measure()
    assert record.dead == 3
    assert record.silent == pytest.approx((3 + 49 / 50) / 20)


# ---- gradients -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("psp", NAMES)
def test_the_gradients_drawn_are_those_that_train(psp):
    setting = Setting(hidden=15)
    rng = np.random.default_rng(2)
    times = torch.tensor(np.where(rng.random(60) < 0.2, np.inf, rng.integers(0, 16, 60)))
    config = experiment.config_of(setting, psp, 1)
    hidden = rules.rule_of(config.rule)(config).chain[0]
    weights = hidden.weight = torch.nn.Parameter(torch.tensor(rng.normal(0.06, 0.2, (60, 15))))
    fired, _ = hidden(times[None])
    assert 0.3 < fired.isfinite().double().mean() < 1
    steep, pairs = spike_gradients(
        setting, psp, times.numpy(), weights.detach().numpy(), fired[0].detach().numpy()
    )
    torch.where(fired.isfinite(), fired, 0).sum().backward()
    expected = weights.grad[weights.grad != 0].abs().numpy()
    assert np.allclose(np.sort(pairs), np.sort(expected), rtol=1e-6)
    assert len(steep) == fired.isfinite().sum() and (steep > 0).all()


def test_gradients_draws_a_picture_and_its_numbers(few_images, tmp_path, monkeypatch):
    monkeypatch.setattr("yoso_sw.figures.gradients.training_images", experiment.training_images)
    words = ["gradients", "--epochs", 1, "--images", 100, "--measured", 5, "--hidden", 20]
    printed = run_command(*words, "--out", tmp_path)
    assert "ReL-PSP" in printed and "alpha-PSP" in printed
    assert (tmp_path / "gradients.png").read_bytes().startswith(PNG)
    result = json.loads((tmp_path / "gradients.json").read_text())
    assert result["command"] == " ".join([report.COMMAND, *map(str, words)])
    assert result["settings"]["hidden"] == 20 and "one run of each" in result["caption"]
    for psp in NAMES:
        for stage in ("first weights", "trained"):
            assert result["numbers"][psp][stage]["hidden"]["spikes"] > 0


# ---- dead neurons ----------------------------------------------------------------------------------------


def test_dead_neurons_goes_on_with_the_runs_of_before(tmp_path, few_images, monkeypatch):
    monkeypatch.setattr(dead_neurons, "training_images", experiment.training_images)
    words = ["dead-neurons", "--runs", 2, "--images", 50, "--hidden", 20, "--out", tmp_path]
    run_command(*words, "--epochs", 1)
    before = json.loads((tmp_path / "dead-neurons.json").read_text())["numbers"]
    run_command(*words, "--epochs", 2)
    result = json.loads((tmp_path / "dead-neurons.json").read_text())
    assert (tmp_path / "dead-neurons.png").read_bytes().startswith(PNG)
    assert "2 first weights, 2 epochs of 50 images" in result["caption"] and "20 first" in result["caption"]
    for psp in NAMES:
        dead, accuracy = (result["numbers"][psp][key] for key in ("dead", "accuracy"))
        assert [len(run) for run in dead] == [3, 3]
        assert [run[:2] for run in accuracy] == before[psp]["accuracy"]


def test_fewer_epochs_than_are_trained_are_drawn_as_asked(few_images, tmp_path):
    file = tmp_path / "run.pt"
    run = Run(TINY, "rel", 1, file)
    run.train()
    run.train()
    assert len(dead_neurons.advance((TINY, "rel", 1, file), 1)) == 3  # no epoch is trained beyond


# ---- spike times -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", ["ttfs", "softmax"])
def test_spike_times_are_the_golden_models(decision):
    rng = np.random.default_rng(4)
    network = random_network(rng, [14, 11, 9, 6], 24, decision=decision, slopes=True)
    inputs = random_inputs(rng, 30, network)
    row = measure(network, inputs)
    early = golden.run(network, inputs)
    late = golden.run(network, inputs, early_exit=False)
    for key, result in (("fired at the decision", early), ("fired in all", late)):
        fired = np.concatenate([steps != NEVER for steps in result.steps[:-1]], axis=1)
        assert row[key] == pytest.approx(100 * fired.mean(), abs=0.01)
    for layer, steps in zip(row["hidden layers"], late.steps, strict=False):
        assert layer["neurons"] == steps.shape[1]
        by_step = np.bincount(steps[steps != NEVER], minlength=24).tolist()
        assert layer["spikes by step"] == layer["first spikes by step"] == by_step
    assert sum(row["decisions by step"]) == 30


def test_spike_times_of_neurons_that_fire_again_count_each_spike_and_each_neuron_once():
    rng = np.random.default_rng(1)
    network = replace(random_network(rng, [9, 8, 7, 4], 14, decision="count", family=True), code="ttfs")
    inputs = random_inputs(rng, 20, network)
    row = measure(network, inputs)
    result = golden.run(network, inputs)
    assert any((spikes.counts > 1).any() for spikes in result.spikes[:-1])
    fired = np.concatenate([spikes.counts > 0 for spikes in result.spikes[:-1]], axis=1)
    assert row["fired in all"] == row["fired at the decision"] == pytest.approx(100 * fired.mean(), abs=0.01)
    for layer, spikes in zip(row["hidden layers"], result.spikes, strict=False):
        assert layer["spikes by step"] == np.bincount(spikes.step, minlength=14).tolist()
        first = spikes.first[spikes.counts > 0]
        assert layer["first spikes by step"] == np.bincount(first, minlength=14).tolist()


def test_spike_times_draws_committed_networks(tmp_path):
    names = ["mnist-784-100-10-stdbp", "mnist-784-100-10"]
    run_command("spike-times", *names, "--images", 30, "--out", tmp_path)
    assert (tmp_path / "spike-times.png").read_bytes().startswith(PNG)
    run_command("spike-times", names[1], "--images", 30, "--out", tmp_path / "vector", "--pictures", "pdf")
    assert (tmp_path / "vector" / "spike-times.pdf").read_bytes().startswith(b"%PDF")
    rows = json.loads((tmp_path / "spike-times.json").read_text())["numbers"]["networks"]
    assert [row["network"] for row in rows] == names
    assert 0 < rows[0]["fired at the decision"] < rows[0]["fired in all"] < 100
    assert rows[1]["fired at the decision"] == rows[1]["fired in all"]


def test_a_network_that_is_not_there_is_named(tmp_path):
    assert "no configuration 'nothing'" in error_of("spike-times", "nothing", "--out", tmp_path)


# ---- tables ----------------------------------------------------------------------------------------------


def accuracies(folder, **changes):
    row = {
        "network": "mnist-784-100-10",
        "dataset": "mnist",
        "shape": "784-100-10",
        "decision": "softmax",
        "golden": 98.35,
        **changes,
    }
    path = folder / "accuracy.json"
    path.write_text(json.dumps([row]))
    return path


def test_tables_hold_the_papers_rows_and_ours(tmp_path):
    run_command("tables", "--accuracy", accuracies(tmp_path), "--out", tmp_path)
    text = (tmp_path / "tables.md").read_text()
    lines = text.splitlines()
    assert "| STDBP (the paper) | Temporal | 784-800-10 | None | 98.5 |" in lines
    assert "| S4NN [45] | Temporal | 784-1000-10 | 88.0 |" in lines
    ours = [line for line in lines if "YOSO**" in line]
    assert len(ours) == 1 and "784-100-10 | constant-slope windows, augmented" in ours[0]
    assert ours[0].endswith("| **98.35** |")
    for table in tables.TABLES:
        assert all(len(row) == len(table.columns) + 1 for row in table.rows)


def test_each_other_rule_has_a_table_of_what_its_paper_prints_and_of_ours(tmp_path):
    path = accuracies(tmp_path, network="mnist-784-100-10-count", mean=98.35, spread=0.08, seeds=3)
    text = tables.markdown(tables.read_accuracies(path))
    first, *others = text.split("**Rule ")
    assert "YOSO**" not in first and len(others) == 3  # nor among the rows of time to first spike
    count, tandem, clif = others
    assert "| Wu et al. 2019, IJCNN, *printed* | MNIST | not in the abstract | 10 | 98.40 |" in count
    ours = [line for line in count.splitlines() if "YOSO**" in line]
    assert len(ours) == 1 and ours[0].endswith("| MNIST | 784-100-10 | 10 | **98.35 ± 0.08** (3 seeds) |")
    assert "neither prints an accuracy" in tandem and "*printed* |" not in tandem
    assert clif.count(", *printed* |") == 4 and "abstract alone" in clif
    assert "YOSO**" not in tandem + clif


def test_several_seeds_are_a_mean_and_a_spread(tmp_path):
    path = accuracies(tmp_path, mean=98.2, spread=0.1, seeds=5)
    assert "**98.20 ± 0.10** (5 seeds)" in tables.markdown(tables.read_accuracies(path))


def test_tables_say_what_makes_the_accuracies_they_miss(tmp_path):
    path = tmp_path / "accuracy.json"
    assert "missing: run `make accuracy`" in error_of("tables", "--accuracy", path, "--out", tmp_path)
    path.write_text("[{")
    assert "damaged" in error_of("tables", "--accuracy", path, "--out", tmp_path)
    path.write_text('[{"network": "x"}]')
    assert "not what `make accuracy` writes" in error_of("tables", "--accuracy", path, "--out", tmp_path)


# ---- what all have in common ------------------------------------------------------------------------------


def test_without_matplotlib_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in ("gradients", "dead-neurons", "spike-times"):
        assert "pip install 'yoso[train]'" in error_of(name, "--out", tmp_path)


def test_published_figures_name_the_commands_that_made_them(tmp_path):
    assert "is missing: run" in error_of("publish", "--out", tmp_path, "--to", tmp_path / "docs")
    for name in publish.NAMES:
        (tmp_path / f"{name}.png").write_bytes(PNG)
        made = {"figure": name, "command": f"{report.COMMAND} {name}", "caption": f"It shows {name}."}
        (tmp_path / f"{name}.json").write_text(json.dumps(made))
    (tmp_path / "gradients.png").rename(tmp_path / "gradients.svg")
    said = error_of("publish", "--out", tmp_path, "--to", tmp_path / "docs")
    assert "gradients.png is missing: run `yoso figures gradients` without --pictures" in said
    (tmp_path / "gradients.svg").rename(tmp_path / "gradients.png")
    assert "make accuracy" in error_of("publish", "--out", tmp_path, "--to", tmp_path / "docs")
    (tmp_path / "tables.md").write_text("tables")
    run_command("publish", "--out", tmp_path, "--to", tmp_path / "docs")
    page = (tmp_path / "docs" / "README.md").read_text()
    assert (tmp_path / "docs" / "tables.md").read_text() == "tables"
    for name in publish.NAMES:
        assert (tmp_path / "docs" / f"{name}.png").exists()
        assert f"    {report.COMMAND} {name}\n" in page and f"It shows {name}." in page


def test_committed_figures_are_small_and_listed():
    folder = Path(__file__).parents[2] / "docs" / "figures"
    page = (folder / "README.md").read_text()
    for picture in folder.glob("*.png"):
        assert f"({picture.name})" in page and picture.stat().st_size < 150_000
