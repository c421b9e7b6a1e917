"""The papers' other tasks: UCI sets in folds, an autoencoder, and the page that their reports make."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from yoso_sim.commands.tasks import main
from yoso_sw.data.parts import Data
from yoso_sw.data.samples import DatasetError
from yoso_sw.network import golden
from yoso_sw.tasks import autoencoder, page, sets, uci

pytest.importorskip("sklearn", reason="scikit-learn, of the extra uci, has the sets")


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


# ---- UCI sets ----------------------------------------------------------------------------------------------


def test_the_sets_are_the_published_ones():
    found = {name: sets.read(name) for name in sets.SETS}
    assert {name: own.features.shape for name, own in found.items()} == {
        "iris": (150, 4),
        "wine": (178, 13),
        "wdbc": (569, 30),
        "digits": (1797, 64),
    }
    counts = {name: np.bincount(own.labels).tolist() for name, own in found.items()}
    assert counts["iris"] == [50, 50, 50] and counts["wine"] == [59, 71, 48] and counts["wdbc"] == [212, 357]


def test_every_sample_is_tested_once_and_each_class_is_in_every_fold():
    table = sets.read("wine")
    folds = table.folds(10, 1)
    assert sorted(np.concatenate([test for _, test in folds]).tolist()) == [*range(178)]
    for train, test in folds:
        assert not {*train.tolist()} & {*test.tolist()}
        assert (np.bincount(table.labels[test], minlength=3) >= 4).all()
    assert [test.tolist() for _, test in folds] != [test.tolist() for _, test in table.folds(10, 2)]
    with pytest.raises(DatasetError, match=r"60 folds of wine are outside 2\.\.48, its smallest class"):
        table.folds(60, 1)


def test_features_are_scaled_by_the_training_samples_alone():
    features = np.array([[1.0, 5, 7], [3, 9, 7], [9, -5, 8]])
    assert sets.scaled(features, features[:2]).tolist() == [[0, 0, 0], [1, 1, 0], [1, 0, 1]]


def test_folds_are_kept_and_go_on_after_a_kill(tmp_path, monkeypatch):
    quick = uci.Setting(8, 2, 1)
    monkeypatch.setitem(uci.SETTINGS, "iris", quick)
    trained = []

    def one(table, setting, split, seed):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(split[1].tolist())
        return uci.Fold(90.0 + len(trained), 95.0, 3.0)

    monkeypatch.setattr(uci, "fold", one)
    with pytest.raises(KeyboardInterrupt):
        uci.folds("iris", 3, 1, tmp_path)
    monkeypatch.setattr(uci, "fold", lambda table, setting, split, seed: uci.Fold(99.0, 95.0, 3.0))
    assert [own.count for own in uci.folds("iris", 3, 1, tmp_path)] == [91.0, 92.0, 99.0]
    assert [own.count for own in uci.folds("iris", 3, 2, tmp_path)] == [99.0] * 3  # another seed's are others
    row = uci.row("iris", uci.folds("iris", 3, 1, tmp_path))
    assert (row["count"], row["count_spread"]) == (94.0, 4.36) and row["shape"] == "4-8-3"


def test_both_networks_learn_the_irises(tmp_path):
    table = sets.read("iris")
    found = uci.fold(table, uci.Setting(16, 50, 10), table.folds(5, 1)[0], 1)
    assert found.count >= 85 and found.relu >= 85 and 1 < found.spikes < 160


def test_a_set_that_is_not_there_is_named():
    result = run("uci", "mushroom")
    assert (
        result.exit_code == 2
        and "there is no set 'mushroom'; there are iris, wine, wdbc, digits" in result.output
    )


# ---- the autoencoder ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small one, of six kinds of images with black and bright rows."""
    rng = np.random.default_rng(1)
    rows = rng.integers(0, 2, (6, 28))[rng.integers(0, 6, 400)]
    images = (np.repeat(rows, 28, axis=1) * 220).astype(np.uint8)
    labels = np.zeros(400, np.uint8)
    data = Data((images[:300], labels[:300]), (images[:300], labels[:300]), (images[300:], labels[300:]))
    config = autoencoder.config_of((48,), 8, 8, 50, 10, 1)
    config = dataclasses.replace(config, lr=1e-2, integer_lr=2e-3, warmup=10)
    return autoencoder.train(config, data, tmp_path_factory.mktemp("autoencoder")), images[300:]


def test_an_autoencoders_pixels_are_v_of_the_golden_models_outputs(trained):
    made, images = trained
    assert made.network.shape == "784-48-784" and made.network.classes == 784
    potentials = golden.run(made.network, images).potentials[-1]
    np.testing.assert_allclose(made.golden, potentials / made.unit, rtol=1e-6)
    assert made.numbers["golden"] == pytest.approx(np.square(made.golden - made.wanted).mean(), abs=1e-5)
    assert made.wanted.max() <= 1 and set(np.unique(made.wanted).tolist()) == {0, 0.875}


def test_it_learns_to_give_back_what_it_was_given(trained):
    made, _ = trained
    assert made.numbers["golden"] < made.numbers["mean_image"] / 3
    assert made.numbers["twin"] < made.numbers["mean_image"] / 3
    other = np.roll(made.wanted, 1, axis=0)
    assert made.numbers["golden"] < autoencoder.error(made.golden, other) / 3  # each image, not their mean


def test_its_picture_has_a_row_for_inputs_outputs_and_twin(trained):
    figure = autoencoder.draw(trained[0], 5)
    assert len(figure.axes) == 15
    shown = [axis.images[0].get_array() for axis in figure.axes[::5]]
    for image, wanted in zip(shown, (trained[0].wanted, trained[0].golden, trained[0].twin), strict=True):
        assert np.array_equal(np.asarray(image), wanted[0].reshape(28, 28))


def test_principal_components_are_the_best_linear_code():
    rng = np.random.default_rng(1)
    images = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 12)) + 1
    assert autoencoder.error(autoencoder.components(images, images, 3), images) < 1e-20
    assert autoencoder.error(autoencoder.components(images, images, 2), images) > 1e-3


@pytest.mark.parametrize(
    ("hidden", "says"), [("many", "'many' is no list of neurons"), ("12,0", "layers have 1..4096 neurons")]
)
def test_layers_that_are_none_are_refused(hidden, says):
    result = run("autoencoder", "--hidden", hidden)
    assert result.exit_code == 2 and says in " ".join(result.output.split())


# ---- accuracy by step, the page ----------------------------------------------------------------------------


def test_the_step_from_which_accuracy_stays_is_found():
    points = [{"steps": i + 1, "accuracy": own} for i, own in enumerate([10, 97, 60, 96.5, 97.0, 97.2])]
    assert page.first_within(points, 96.2) == 4 and page.first_within(points, 97.1) == 6
    assert page.first_within(points, 10) == 1 and page.first_within(points, 99) == 6


def test_accuracy_by_step_of_a_committed_network_ends_where_the_network_does(tmp_path):
    result = run("anytime", "mnist-784-100-10-count", "--images", 200, "--out", tmp_path, "--pictures", "svg")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "anytime.json").read_text())
    (row,) = report["numbers"]
    assert report["command"] == "yoso tasks anytime mnist-784-100-10-count --images 200"
    assert len(row["curve"]) == 20 and row["curve"][-1]["accuracy"] > 95 > row["curve"][9]["accuracy"]
    assert (tmp_path / "anytime.svg").read_text().startswith("<?xml")


def test_the_page_has_every_tasks_command_and_says_what_makes_one_that_is_missing(tmp_path):
    out, to = tmp_path / "reports", tmp_path / "docs"
    rows = [uci.row("iris", [uci.Fold(90.0, 95.0, 3.0), uci.Fold(94.0, 95.0, 3.0)])]
    page.write(out, "uci", "yoso tasks uci iris", rows)
    result = run("publish", "--out", out, "--to", to)
    assert (
        result.exit_code == 1 and "autoencoder.json is missing: run `yoso tasks autoencoder`" in result.output
    )
    numbers = {
        **{"shape": "784-9-784", "T": 8, "bits": 6, "epochs": [2, 1], "images": 10, "hidden_spikes": [3.0]},
        **{"golden": 0.02, "twin": 0.01, "components": [9, 0.03], "mean_image": 0.07},
        "rtl": {"chip": "2 x 2 PEs", "images": 5, "spikes": 99, "spike_mismatches": 0, "outputs": 3920}
        | {"output_mismatches": 0, "cycles": 1234.0},
    }
    page.write(out, "autoencoder", "yoso tasks autoencoder --hidden 9", numbers)
    curve = [{"steps": 1, "accuracy": 12.0, "by_spike": 0.0}, {"steps": 2, "accuracy": 98.0, "by_spike": 0.0}]
    page.write(out, "anytime", "yoso tasks anytime x", [{"network": "x", "images": 9, "curve": curve}])
    assert run("publish", "--out", out, "--to", to).exit_code == 0
    text = (to / "README.md").read_text()
    assert "| iris | 150 | 4-32-3 | 10 | 8 | 92.0 ± 2.8 | 95.0 ± 0.0 | 3 |" in text
    assert "| spike counts, golden model | 0.0200 |" in text and "3,920 values, 0 differ" in text
    assert "| x | 2 | 9 | 98.00 | 2 | 2 |" in text and "abstract alone" in text
    for command in ("uci iris", "autoencoder --hidden 9", "anytime x"):
        assert f"    yoso tasks {command}\n" in text
    (out / "uci.json").write_text("{")
    assert "damaged" in run("publish", "--out", out, "--to", to).output


def test_a_killed_training_of_the_autoencoder_goes_on(tmp_path):
    images = (np.repeat(np.random.default_rng(1).integers(0, 2, (200, 28)), 28, axis=1) * 220).astype(
        np.uint8
    )
    data = Data(*((images, np.zeros(200, np.uint8)),) * 3)
    config = autoencoder.config_of((16,), 4, 8, 2, 1, 1)
    whole = autoencoder.train(config, data, tmp_path / "whole")

    def stop(name, epoch):
        if (name, epoch.number) == ("spiking", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        autoencoder.train(config, data, tmp_path / "killed", stop)
    heard = []
    again = autoencoder.train(config, data, tmp_path / "killed", lambda *said: heard.append(said[1].number))
    assert heard == [3, 1, 2, 3]
    assert torch.equal(torch.from_numpy(again.golden), torch.from_numpy(whole.golden))
