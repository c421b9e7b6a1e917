"""What can be wrong with training and its results is one message at the command: thing, value, what to do."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from support.own_sets import write_idx
from yoso_sw.commands import accuracy, seeds, train
from yoso_sw.data import fetch, places
from yoso_sw.learn import card
from yoso_sw.learn.stdbp.rule import Stdbp
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.network import Network

CONFIG = """
name = "halves"
dataset = "{dataset}"
steps = 17
levels = 8
float_epochs = 1
integer_epochs = 1
temperature = 4.0
batch_size = 20
validation = 20
inputs = {inputs}
rows = 6
seed = {seed}
[[layers]]
neurons = 2
threshold = 4.0
end = 17
mean = 0.1
"""


def halves():
    """Noisy images of 36 pixels, bright in the first or the second half."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 100).astype(np.uint8)
    images = rng.integers(0, 100, (100, 2, 18))
    images[np.arange(100), labels] += 120
    return images.reshape(100, 36).astype(np.uint8), labels


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty folder to work in, with data that fit."""
    monkeypatch.chdir(tmp_path)
    write_idx(tmp_path / "halves", halves(), halves())
    return tmp_path


def configure(folder, dataset="halves", inputs=36, seed=1):
    path = folder / "halves.toml"
    path.write_text(CONFIG.format(dataset=dataset, inputs=inputs, seed=seed))
    return str(path)


def error_of(command, *arguments, status=1):
    """The one message of a command that fails."""
    done = CliRunner().invoke(command, list(arguments))
    assert done.exit_code == status, done.output
    assert isinstance(done.exception, SystemExit)  # nothing else came through
    assert done.output.count("Error: ") == 1 and "Traceback" not in done.output
    return done.output


# ---- names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [train.main, seeds.main, accuracy.main, card.main])
def test_an_unknown_name_lists_those_there_are(folder, command):
    said = error_of(command, "mnist")
    assert "there is no configuration 'mnist': neither a file nor one of caltech-160x250-4-2, " in said
    assert "mnist-784-800-10" in said


@pytest.mark.parametrize("command", [train.main, seeds.main])
def test_no_name_lists_those_there_are(command):
    assert "NET is missing: a file or one of caltech-160x250-4-2, " in error_of(command, status=2)


def test_a_network_is_no_configuration(folder):
    (folder / "x.npz").write_bytes(b"PK\x03\x04\xff\xff")
    assert "x.npz has no configuration beside it: there is no x.toml" in error_of(train.main, "x.npz")


def test_a_folder_that_is_not_there_is_named_before_the_training(folder):
    said = error_of(train.main, configure(folder), "-o", "nowhere/x.npz")
    assert "cannot write nowhere/x.npz: there is no folder nowhere" in said


# ---- data ----------------------------------------------------------------------------------------------


@pytest.fixture
def nothing_anywhere(monkeypatch, folder):
    def refuse(*_):
        raise fetch.FetchError("no network here")

    monkeypatch.setattr(fetch, "into", refuse)
    monkeypatch.setattr(places, "folders", lambda: [folder])
    return folder


@pytest.mark.parametrize(("name", "put"), [("mnist", "four IDX files"), ("caltech", "Faces and Motorbikes")])
def test_a_missing_data_set_says_what_to_put_where(nothing_anywhere, name, put):
    said = error_of(train.main, configure(nothing_anywhere, dataset=name))
    assert name in said and put in said and "set YOSO_DATA=" in said


def test_an_unknown_data_set_is_named(nothing_anywhere):
    said = error_of(train.main, configure(nothing_anywhere, dataset="letters"))
    assert "there is no data set 'letters', looked for in " in said and "there are mnist, " in said


def test_a_configuration_without_a_data_set_asks_for_one(folder):
    assert "no data set is named; there are mnist, " in error_of(train.main, configure(folder, dataset=""))


def test_nan_in_images_is_counted(folder):
    images, labels = halves()
    images = images.astype(np.float32)
    images[3, :5] = np.nan
    np.savez(folder / "odd.npz", images=images, labels=labels)
    said = error_of(train.main, configure(folder, dataset="odd.npz"))
    assert "images are float32 of shape (100, 36), 5 of them NaN or infinite; uint8 (n, " in said


def test_images_of_the_wrong_size_are_named(folder):
    said = error_of(train.main, configure(folder, inputs=30))
    assert "halves, train images have 36 pixels, not inputs=30 of halves; change inputs or the images" in said


def test_a_label_out_of_range_is_named(folder):
    images, labels = halves()
    labels[7] = 2
    write_idx(folder / "halves", (images, labels), halves())
    said = error_of(train.main, configure(folder))
    assert "halves, train image 7: label 2 is outside 0..1; halves has 2 output neurons" in said


def test_labels_of_another_kind_are_named(folder):
    images, labels = halves()
    np.savez(folder / "odd.npz", images=images, labels=labels.astype(float))
    said = error_of(train.main, configure(folder, dataset="odd.npz"))
    assert "odd.npz: labels are float64 of shape (100,); whole numbers (n,) are wanted" in said


# ---- training ------------------------------------------------------------------------------------------


def test_a_loss_that_is_not_finite_is_one_message(folder, monkeypatch):
    monkeypatch.setattr(Stdbp, "loss", lambda *_: torch.tensor(float("nan")))
    said = error_of(train.main, configure(folder))
    assert "the loss is nan in epoch 1, batch 1: lower the learning rate" in said


def test_weights_that_are_not_finite_are_one_message(folder, monkeypatch):
    def spoiled(self, tick):
        with torch.no_grad():
            self.model.chain[0].weight[0, 0] = float("nan")
        return 1.0

    monkeypatch.setattr(Trainer, "_one_epoch", spoiled)
    said = error_of(train.main, configure(folder))
    assert "1 weights of layer 0 are NaN or infinite after epoch 1: lower the learning rate" in said


# ---- checkpoints ---------------------------------------------------------------------------------------


@pytest.fixture
def trained(folder):
    """The configuration of a network trained beside it, and its checkpoint."""
    path = configure(folder)
    done = CliRunner().invoke(train.main, [path])
    assert done.exit_code == 0, done.output
    return path, folder / "build/train/halves.pt"


def test_a_checkpoint_of_another_network_says_what_differs(trained, folder):
    said = error_of(train.main, configure(folder, seed=2))
    assert "halves.pt belongs to another configuration: seed was 1 and is 2; delete it or" in said
    assert CliRunner().invoke(train.main, [configure(folder, seed=2), "--restart"]).exit_code == 0


@pytest.mark.parametrize("left", [0, 10, -50], ids=["empty", "start", "all but the end"])
def test_a_truncated_checkpoint_is_named(trained, left):
    path, checkpoint = trained
    checkpoint.write_bytes(checkpoint.read_bytes()[:left])
    said = error_of(train.main, path)
    assert "halves.pt is damaged, or no checkpoint; delete it or train with --restart" in said
    assert len(said.splitlines()) == 1


# ---- networks ------------------------------------------------------------------------------------------


def test_a_network_that_does_not_say_its_accuracies_is_named(trained, folder):
    rewritten(folder / "halves.npz", about={"float_accuracy": 90.0})
    assert "halves.npz does not say its golden accuracy; delete it" in error_of(seeds.main, trained[0])


def test_a_network_that_is_not_trained_says_how(folder):
    said = error_of(accuracy.main, configure(folder))
    assert "halves is not trained: make train NET=halves writes " in said


def rewritten(path, **changes):
    """The network file with other values in its text."""
    with np.load(path) as arrays:
        parts = dict(arrays)
    text = json.loads(parts["network"].tobytes())
    parts["network"] = np.frombuffer(json.dumps(text | changes).encode(), np.uint8)
    np.savez(path, **parts)


@pytest.mark.parametrize("command", [accuracy.main, card.main])
def test_a_network_file_of_another_version_is_one_message(trained, folder, command):
    rewritten(folder / "halves.npz", format=99)
    said = error_of(command, trained[0])
    assert "halves.npz has format 99; this program reads 1 and 2" in said and "train it again" in said


@pytest.mark.parametrize("command", [accuracy.main, card.main])
def test_a_truncated_network_file_is_one_message(trained, folder, command):
    path = folder / "halves.npz"
    path.write_bytes(path.read_bytes()[:-30])
    assert "halves.npz is not a whole network file" in error_of(command, trained[0])


def test_a_network_of_another_configuration_is_one_message(trained, folder):
    text = (folder / "halves.toml").read_text()
    (folder / "halves.toml").write_text(text.replace("threshold = 4.0", "threshold = 4.0\nbias = true"))
    assert "halves, layer 0: " in error_of(accuracy.main, trained[0])


def test_images_that_do_not_fit_a_network_are_one_message(trained, folder):
    images, labels = halves()
    write_idx(folder / "halves", (images, labels), (images[:, :35], labels))
    said = error_of(accuracy.main, trained[0])
    assert "images have 35 pixels, not inputs=36 of halves" in said
    assert Network.load("halves.npz").inputs == 36


def test_damaged_accuracies_of_seeds_are_one_message(trained, folder):
    (folder / "halves.seeds.json").write_text("[{")
    for command in (seeds.main, accuracy.main, card.main):
        assert "halves.seeds.json is damaged" in error_of(command, trained[0])
