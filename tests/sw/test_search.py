"""The search: what may vary, resumed as if never killed, and never by the test set."""

import dataclasses
import json
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from click.testing import CliRunner
from support.labels import unreadable
from support.own_sets import CONFIG, quadrants
from yoso_sim.cli import main
from yoso_sw.data import registry
from yoso_sw.data.parts import Data
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.config_file import load_config, load_table
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.trainer import Trainer
from yoso_sw.search import show
from yoso_sw.search.space import Choice, Range, read
from yoso_sw.search.study import Search, SearchError, Trial

SEARCH = """
[search]
trials = 4
weight_bits = [3, 5]
layers.0.threshold = [12.0, 20.0]
levels = {choices = [8, 16]}
layers.0.start = "levels"
layers.0.end = "layers.0.start + steps - 1 - levels"
lr = {low = 1e-3, high = 1e-1, log = true}
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A configuration with a search, its data beside it, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path / "build"))
    images, labels = quadrants(300, 1, classes=5)
    np.savez("five.npz", images=images, labels=labels)
    path = tmp_path / "five.toml"
    path.write_text(CONFIG.format(dataset="five.npz", inputs=144, classes=5) + SEARCH)
    return path


def space_of(path, text=SEARCH):
    path.write_text(path.read_text().partition("[search]")[0] + text.lstrip())
    return read(load_table(path), path.name)


def said(*words, fails=False):
    done = CliRunner().invoke(main, ["search", *map(str, words)])
    assert done.exit_code == (1 if fails else 0), done.output
    return done.output


# ---- the space ---------------------------------------------------------------------------------------------


def test_a_space_is_ranges_choices_and_what_follows_from_them(own):
    space = space_of(own)
    assert space.varied == {
        "weight_bits": Range(3, 5),
        "layers.0.threshold": Range(12.0, 20.0),
        "levels": Choice((8, 16)),
        "lr": Range(1e-3, 1e-1, log=True),
    }
    assert space.trials == 4 and space.objectives == ("accuracy",)
    assert Range(3, 5).whole and not Range(12.0, 20.0).whole
    config = space.config({"weight_bits": 4, "layers.0.threshold": 13.5, "levels": 8, "lr": 0.02})
    assert (config.weight_bits, config.levels, config.lr) == (4, 8, 0.02)
    neuron = config.layers[0].neuron
    assert (neuron.threshold, neuron.start, neuron.end) == (13.5, 8, 32)
    assert space.config({}).layers[0].neuron.start == 16  # the table stays as it was


def test_keys_may_be_quoted_nested_or_left_out_of_the_configuration(own):
    space = space_of(
        own, '[search]\n"layers.1.std" = [0.1, 0.2]\naugment.rotate = [0.0, 5.0]\nacc_bits = [14, 16]\n'
    )
    assert list(space.varied) == ["layers.1.std", "augment.rotate", "acc_bits"]
    config = space.config({"layers.1.std": 0.15, "augment.rotate": 3.0, "acc_bits": 15})
    assert (config.layers[1].std, config.augment.rotate, config.acc_bits) == (0.15, 3.0, 15)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", r"there is no \[search\]; it says what varies"),
        ("[search]\ntrials = 3\n", "nothing varies; give layers.0.threshold"),
        ("[search]\ntrials = 0\nlr = [0.1, 0.2]\n", "trials=0 is no whole number from 1"),
        (
            '[search]\nobjectives = ["speed"]\nlr = [0.1, 0.2]\n',
            "objective 'speed' is not one of accuracy, bits",
        ),
        (
            '[search]\nobjectives = ["bits", "bits"]\nlr = [0.1, 0.2]\n',
            "are not some of accuracy, .* each once",
        ),
        ("[search]\nlr = [0.2, 0.1]\n", r"lr: low=0\.2 to high=0\.1 is no range"),
        ("[search]\nlr = [0.1, 0.2, 0.3]\n", r"is no \[low, high\]; of single values give {choices"),
        ("[search]\nlr = {low = 0, high = 1, log = true}\n", "low=0 of a logarithmic range is not above 0"),
        ("[search]\nlr = {low = 0.1, high = 1, step = 2}\n", r"is no {low = \.\., high"),
        ("[search]\nlr = {choices = []}\n", r"is no {choices = \[\.\.\]} with a value at least"),
        ("[search]\nlr = 0.1\n", r"lr=0\.1 is no \[low, high\], {choices"),
        ("[search]\nlayers.7.std = [0.1, 0.2]\n", r"the configuration has no layers\.7"),
        ("[search]\nlr.x.y = [0.1, 0.2]\n", r"the configuration has no lr\.x"),
        ('[search]\nlr = [0.1, 0.2]\nlayers.0.end = "stepz - 1"\n', "the configuration has no stepz"),
        ('[search]\nlr = [0.1, 0.2]\nlayers.0.end = "steps * 2"\n', "'steps \\* 2' is no sum of keys"),
        ('[search]\nlr = [0.1, 0.2]\nlayers.0.end = "name - 1"\n', "name='quadrants' is no number"),
        ("[search]\nthreshhold = [1, 2]\n", "the configuration has no threshhold"),
        ("[search]\nlayers.0.thresh = [1, 2]\n", "the configuration has no layers.0.thresh"),
    ],
)
def test_a_space_that_means_nothing_is_refused_in_a_line_that_names_the_key(own, text, wrong):
    """A key that no configuration has is refused before any trial as well."""
    with pytest.raises(ConfigError, match=wrong) as error:
        Search(space_of(own, text), own.parent / "search")
    assert "\n" not in str(error.value) and "five.toml" in str(error.value)
    assert said(own, fails=True).count("\n") == 1


def test_a_training_leaves_the_search_of_its_configuration_alone(own):
    config = load_config(own)
    assert config.weight_bits == 5 and config.layers[0].neuron.threshold == 17.0


# ---- the search --------------------------------------------------------------------------------------------


def test_a_search_that_was_killed_goes_on_and_is_the_same(own, tmp_path):
    """Killed between two trials, and within one after an epoch."""

    class Killed(Exception):
        pass

    def kill(number):
        def tick(config, epoch):
            nonlocal ticks
            ticks += 1
            if ticks == number:
                raise Killed

        return tick

    space = space_of(own)
    whole = Search(space, tmp_path / "whole", tmp_path)
    whole.run(3)
    assert [one.number for one in whole.trials] == [1, 2, 3]
    assert len({tuple(one.values.items()) for one in whole.trials}) == 3
    for number in (1, 5):  # epochs, of which a trial has three
        ticks = 0
        folder = tmp_path / f"killed-{number}"
        with pytest.raises(Killed):
            Search(space, folder, tmp_path).run(3, tick=kill(number))
        trained = []
        again = Search(space, folder, tmp_path)
        again.run(3, tick=lambda _, epoch, trained=trained: trained.append(epoch.number))
        assert again.trials == whole.trials
        # Epochs that were trained before the kill are not trained again.
        assert len(trained) + number == 9 and trained[0] == number % 3 + 1
    assert [one.number for one in again.best] == [one.number for one in whole.best]


def test_the_test_set_is_never_read(own, tmp_path, monkeypatch):
    """The planted bug is the plain loading of data, which asks for all parts."""
    asked, loaded = [], registry.load

    def load(found, part, **own):
        asked.append(part)
        return loaded(found, part, **own)

    monkeypatch.setattr(registry, "load", load)
    search = Search(space_of(own), tmp_path / "search", tmp_path)
    search.run(2)
    assert set(asked) == {"train", "validation"}
    (data,) = search._data.values()
    assert len(data.test[0]) == 0 and not data.tested
    Data.load(load_config(own), tmp_path)
    assert "test" in asked
    config = search.base
    trainer = Trainer(config, data)
    trainer.run()
    assert np.isnan(trainer.float_accuracy)
    with pytest.raises(TrainingError, match="trained without a test set"):
        trainer.network("")


def test_a_trial_is_judged_by_the_integer_network_on_validation_images(own, tmp_path):
    search = Search(space_of(own), tmp_path / "search", tmp_path)
    search.run(1)
    (one,) = search.trials
    config = search.space.config(one.values)
    trainer = Trainer(config, Data.load(config, tmp_path))
    trainer.run()
    assert one.figures["accuracy"] == round(trainer.history[-1].accuracy, 3)
    assert one.figures["float"] == round(trainer.history[1].accuracy, 3)
    assert trainer.history[-1].whole
    weights, neurons = 144 * 12 + 12 * 5, 17
    assert one.figures["bits"] == weights * config.weight_bits + neurons * (16 + 20)
    assert one.figures["steps"] == 33


def test_trials_that_differ_in_bits_alone_share_their_float_phase(own, tmp_path):
    search = Search(space_of(own, "[search]\nweight_bits = [3, 6]\n"), tmp_path / "search", tmp_path)
    epochs = []
    search.run(5, tick=lambda _, epoch: epochs.append(epoch.whole))
    different = len({one.values["weight_bits"] for one in search.trials})
    assert 1 < different < 5
    assert epochs.count(False) == 2 and epochs.count(True) == different
    for one in search.trials:
        config = search.space.config(one.values)
        alone = Trainer(config, Data.load(config, tmp_path))
        alone.run()
        assert one.figures["accuracy"] == round(alone.history[-1].accuracy, 3)


def test_a_front_holds_what_nothing_beats_in_everything(own, tmp_path):
    text = '[search]\nobjectives = ["accuracy", "bits"]\nweight_bits = [2, 5]\nlayers.0.neurons = [3, 12]\n'
    search = Search(space_of(own, text), tmp_path / "search", tmp_path)
    search.run(5)
    best = search.best
    assert 1 <= len(best) <= 5
    for one in search.trials:
        for good in best:
            better = one.figures["accuracy"] >= good.figures["accuracy"]
            assert not (better and one.figures["bits"] < good.figures["bits"])
    bits = [one.figures["bits"] for one in best]
    assert bits == sorted(bits, reverse=True)  # the most accurate first


def test_a_front_by_hand(own, tmp_path, monkeypatch):
    text = '[search]\nobjectives = ["accuracy", "bits"]\nlr = [0.1, 0.2]\n'
    search = Search(space_of(own, text), tmp_path / "search", tmp_path)
    pairs = [(90, 500), (95, 700), (95, 600), (80, 600), (90, 500), (70, 100)]
    trials = [Trial(i, {"lr": 0.1}, {"accuracy": a, "bits": b}) for i, (a, b) in enumerate(pairs, 1)]
    trials.append(Trial(7, {"lr": 0.1}, {}, "refused"))
    monkeypatch.setattr(Search, "trials", property(lambda _: trials))
    assert [one.number for one in search.best] == [3, 1, 6]
    search.space = dataclasses.replace(search.space, objectives=("accuracy",))
    assert [one.number for one in search.best] == [2]
    for objectives in (("accuracy",), ("accuracy", "bits")):
        search.space = dataclasses.replace(search.space, objectives=objectives)
        assert unreadable(show.draw(search.space, trials, search.best)) == []


def test_what_cannot_be_trained_is_kept_with_its_reason_and_the_search_goes_on(own, tmp_path):
    text = "[search]\nacc_bits = [6, 16]\npot_bits = {choices = [16]}\n"
    search = Search(space_of(own, text), tmp_path / "search", tmp_path)
    search.run(6)
    refused = [one for one in search.trials if one.refused]
    assert refused and len(refused) < 6 and not any(one.figures for one in refused)
    assert any("acc_bits" in one.refused for one in refused)
    assert search.best[0].figures


def test_a_search_of_another_space_or_at_work_is_refused(own, tmp_path):
    search = Search(space_of(own), tmp_path / "search", tmp_path)
    with search.alone():
        with pytest.raises(SearchError, match="another process runs the search in"):
            with Search(search.space, tmp_path / "search", tmp_path).alone():
                pass
    with search.alone():
        pass
    with pytest.raises(
        SearchError, match="holds a search of another space; delete it, or search with --restart"
    ):
        Search(space_of(own, SEARCH.replace("20.0", "21.0")), tmp_path / "search", tmp_path)
    own.write_text(own.read_text().replace("batch_size = 20", "batch_size = 10"))
    with pytest.raises(SearchError, match="holds a search of another configuration"):
        Search(space_of(own), tmp_path / "search", tmp_path)
    (tmp_path / "search" / "journal.log").write_text("{}\nno journal")
    with pytest.raises(SearchError, match="cannot be read"):
        Search(space_of(own), tmp_path / "search", tmp_path)


# ---- the command -------------------------------------------------------------------------------------------


def test_the_command_searches_reports_and_writes_a_configuration_that_trains(own, tmp_path):
    first = said(own, "--trials", 2)
    assert "trial 1: weight_bits=" in first and "yoso train build/search/five/five-best.toml" in first
    assert "2 of 3 trials are done already" in said(own, "--trials", 3, "--pictures", "svg")
    reports = tmp_path / "build" / "reports"
    report = json.loads((reports / "search.json").read_text())
    assert len(report["rows"]) == 3 and report["objectives"] == ["accuracy"]
    assert "test set was not read" in (reports / "search.md").read_text()
    assert (reports / "search.png").read_bytes()[:4] == b"\x89PNG"
    assert (reports / "search.svg").read_text().startswith("<?xml")
    assert "(search.svg)" in (reports / "search.md").read_text()
    best = tmp_path / "build" / "search" / "five" / "five-best.toml"
    table = tomllib.loads(best.read_text())
    (number,) = report["best"]
    row = report["rows"][number - 1]
    assert (
        table["weight_bits"] == row["weight_bits"]
        and table["layers"][0]["threshold"] == row["layers.0.threshold"]
    )
    config = load_config(best)
    trainer = Trainer(config, Data.load(config, best.parent))
    trainer.run()
    assert round(trainer.history[-1].accuracy, 3) == row["accuracy"]


def test_an_interrupt_is_one_line_and_a_missing_optuna_another(own, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Search, "run", interrupt)
    assert said(own, fails=True).strip().endswith("Error: interrupted; the same command goes on where it was")
    code = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "optuna":
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
from yoso_sim.cli import main
main(["search", {str(own)!r}], prog_name="yoso")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "Error: yoso search needs optuna, which is not installed: pip install 'yoso[search,train]'"
    )
