"""A network is run on the set that it records or is asked about; its data are checked before anything."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from support.own_sets import configure, quadrants, write_idx, write_pictures
from yoso_sim.cli import main as sim
from yoso_sw.commands import accuracy, board, train
from yoso_sw.data import aer, places, recorded
from yoso_sw.data.augment import Augment
from yoso_sw.data.encoding import ENCODERS
from yoso_sw.data.parts import Data
from yoso_sw.data.recorded import samples_for, shape_of
from yoso_sw.data.samples import DatasetError
from yoso_sw.data.streams import Stream
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.layer_config import LayerConfig
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.neuron import Neuron
from yoso_sw.network.zoo import NETWORKS


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(places, "folders", lambda: [tmp_path / "places"])
    return tmp_path


@pytest.fixture
def squares(folder):
    return write_idx(folder / "squares", quadrants(200, 1), quadrants(60, 2))


def network(inputs=144, classes=4, **about):
    return Network(
        "own", (Layer(np.ones((inputs, classes), np.int8), Neuron(20, 0, 33)),), 33, 16, about=about
    )


def refusal(*arguments, **options):
    with pytest.raises(DatasetError) as caught:
        samples_for(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def run(command, *arguments, fails=False):
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert done.exit_code == (1 if fails else 0), done.output
    return done.output


# ---- which set -----------------------------------------------------------------------------------------


def test_a_network_that_records_no_set_is_asked_about(squares, folder):
    said = refusal(network(), folder / "own.npz")
    assert "network 'own' " in said and "does not say what it was trained on: name its data set" in said
    assert "with --data NAME or PATH, one of mnist, fashion-mnist, caltech, n-mnist, cifar10 or your" in said
    assert len(samples_for(network(), folder / "own.npz", "squares")) == 60


def test_another_set_than_the_recorded_one_is_refused_unless_it_is_meant(squares, folder):
    own = network(dataset="mnist", seed=1)
    said = refusal(own, folder / "own.npz", "squares")
    assert said == (
        "network 'own' was trained on 'mnist', not on 'squares': leave --data out, or add --other-data if "
        "another set is meant"
    )
    assert samples_for(own, folder / "own.npz", "squares", other=True).name == "squares"
    assert "'squares', not on 'squares-negative'" in refusal(
        network(dataset="squares"), folder / "own.npz", "squares-negative"
    )


def test_a_recorded_path_leads_on_from_here_or_from_the_network(squares, folder, monkeypatch):
    own = network(dataset="squares", data="squares")
    assert len(samples_for(own, folder / "own.npz")) == 60
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert len(samples_for(own, folder / "own.npz")) == 60
    squares.rename(folder / "moved")
    assert refusal(own, folder / "own.npz") == (
        "network 'own' was trained on 'squares', which is not found here: give it with --data PATH"
    )
    assert "'squares', not on 'moved'" in refusal(own, folder / "own.npz", str(folder / "moved"))


@pytest.mark.parametrize("seed", [-1, "1", 1.5, True])
def test_a_record_of_an_odd_seed_is_refused(squares, folder, seed):
    said = refusal(network(dataset="squares", seed=seed), folder / "own.npz")
    assert f"network 'own' records seed {seed!r}; a whole number from 0 is wanted" in said


def test_the_recorded_seed_draws_the_test_samples(folder):
    images, labels = quadrants(200, 1)
    np.savez("own.npz", images=images, labels=labels)
    one, two = (samples_for(network(dataset="own", data="own.npz", seed=s), folder / "n.npz") for s in (1, 2))
    assert one.digest != two.digest and len(one) == len(two)


# ---- the shape of what a network sees ------------------------------------------------------------------


def test_a_network_sees_the_shape_of_its_convolution_its_record_or_its_configuration(folder):
    window = Window(6, 8, 3, 2)
    layers = (
        Layer(np.ones((12, 2), np.int8), Neuron(9, 0, 9), window=window),
        Layer(np.ones((70, 2), np.int8), Neuron(9, 0, 9)),
    )
    path = folder / "own.npz"
    assert shape_of(Network("own", layers, 9, 8), path) == (6, 8, 3)
    assert shape_of(network(shape=[9, 16]), path) == (9, 16)
    for wrong in ([9, 17], [-9, -16], [144], "9x16", [9.0, 16], [True, 144], None):
        assert shape_of(network(shape=wrong), path) is None
    (folder / "own.toml").write_text("rows = 16")
    assert shape_of(network(), path) == (16, 9)
    for text in ("rows = 7", "rows = 0", "rows = 'x'", "rows", "[rows]"):
        (folder / "own.toml").write_text(text)
        assert shape_of(network(), path) is None


def test_a_committed_network_of_pictures_of_any_size_gets_its_test_images(monkeypatch):
    seen = {}

    def load(found, split, **options):
        seen.update(options, name=found.name, split=split)
        raise DatasetError("seen")

    monkeypatch.setattr(recorded.registry, "load", load)
    for name, shape in (("caltech-160x250-4-2", (160, 250)), ("caltech-csnn", (28, 28))):
        path = NETWORKS / f"{name}.npz"
        with pytest.raises(DatasetError, match="seen"):
            samples_for(Network.load(path), path)
        wanted = {"name": "caltech-contrast", "split": "test", "seed": 1, "shape": shape}
        assert wanted.items() <= seen.items()


def test_pictures_are_resized_to_the_shape_that_a_network_records(folder):
    write_pictures(folder / "beasts", *quadrants(40, 3, side=20), ["a", "b", "c", "d"])
    found = samples_for(network(dataset="beasts", data="beasts", shape=[12, 12]), folder / "own.npz")
    assert found.inputs.shape[1] == 144


# ---- checks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "says"),
    [
        (
            network(inputs=100),
            "squares, test images have 144 pixels, not inputs=100 of own; change inputs or",
        ),
        (network(classes=3), r"label 3 is outside 0..2; own has 3 output neurons"),
    ],
)
def test_a_set_that_does_not_fit_the_network_is_refused(squares, folder, own, says):
    assert says in refusal(own, folder / "own.npz", "squares")


def test_a_step_beyond_the_networks_is_named(folder):
    steps = np.full((20, 144), NEVER, np.int16)
    steps[:, 5] = 33
    np.savez("late.npz", steps=steps, labels=np.arange(20) % 4, split=np.arange(20) % 3)
    said = refusal(network(), folder / "own.npz", "late.npz")
    assert "late, test image 0: input 5 spikes at step 33, outside 0..32 of own; change steps, or" in said


@pytest.mark.parametrize("command", [sim, accuracy.main, board.main])
def test_every_command_refuses_in_one_line_before_anything_is_built(squares, folder, command, monkeypatch):
    network(inputs=100, dataset="squares", data="squares").save(folder / "own.npz")
    monkeypatch.setattr("yoso_sim.commands.asked.build", None)
    configure(folder, "squares").rename(folder / "own.toml")
    arguments = {
        sim: ("sim", "--net", "own.npz", "--set", "cols=1", "--set", "rows=1"),
        accuracy.main: ("own.toml",),
        board.main: ("--port", "none", "--net", "own.npz"),
    }[command]
    said = run(command, *arguments, fails=True)
    assert said.startswith("Error: squares, test images have 144 pixels, not inputs=100 of own")
    assert len(said.splitlines()) == 1


def test_more_images_than_there_are_is_refused(squares, folder):
    network(dataset="squares", data="squares").save(folder / "own.npz")
    said = run(sim, "sim", "--net", "own.npz", "--images", 61, fails=True)
    assert "--images 61 is outside 1..60, the test images of squares" in said


# ---- training ------------------------------------------------------------------------------------------


def test_a_network_of_ones_own_idx_files_trains_and_is_found_again(squares, folder):
    path = configure(folder, "squares")
    run(train.main, path)
    trained = Network.load(folder / "quadrants.npz")
    assert {key: trained.about[key] for key in ("dataset", "data", "shape")} == {
        "dataset": "squares",
        "data": "squares",
        "shape": [12, 12],
    }
    assert samples_for(trained, folder / "quadrants.npz").name == "squares"
    run(accuracy.main, path)
    (row,) = json.loads((folder / "build/reports/accuracy.json").read_text())
    assert row["dataset"] == "squares" and row["golden"] == trained.about["golden_accuracy"] > 40


def test_data_of_the_command_line_come_before_those_of_the_configuration(squares, folder):
    images, labels = quadrants(300, 4)
    np.savez(folder / "more.npz", images=images, labels=labels)
    run(train.main, configure(folder, "squares"), "--data", "more.npz")
    about = Network.load(folder / "quadrants.npz").about
    assert (about["dataset"], about["data"]) == ("more", "more.npz")
    assert about["command"] == f"make train NET={folder / 'quadrants.toml'} DATA=more.npz"


def test_a_network_does_not_replace_its_data_set(folder):
    images, labels = quadrants(300, 4)
    np.savez(folder / "quadrants.npz", images=images, labels=labels)
    before = (folder / "quadrants.npz").read_bytes()
    said = run(train.main, configure(folder, "quadrants.npz"), fails=True)
    assert "quadrants.npz is the data set, which the network would replace; give another -o" in said
    assert (folder / "quadrants.npz").read_bytes() == before


def test_a_network_of_the_name_of_its_data_set_is_not_taken_for_it(squares, folder):
    (folder / "places").mkdir()
    squares.rename(folder / "places" / "quadrants")
    for _ in range(2):
        run(train.main, configure(folder, "quadrants"), "--restart")
    trained = folder / "quadrants.npz"
    assert len(samples_for(Network.load(trained), trained)) == 60


def test_a_configuration_that_names_a_set_of_other_images_is_refused_before_training(folder, monkeypatch):
    """As MNIST with 12 x 12 inputs."""
    write_idx(folder / "places" / "larger", quadrants(200, 1, side=28), quadrants(60, 2, side=28))
    monkeypatch.setattr("yoso_sw.learn.trainer.Trainer", None)
    said = run(train.main, configure(folder, "larger"), fails=True)
    assert "larger, train images have 784 pixels, not inputs=144 of quadrants; change inputs or" in said


def test_spike_steps_train_and_cannot_be_distorted(folder):
    images, labels = quadrants(300, 4)
    steps = np.where(images > 100, 0, 15).astype(np.int16).reshape(300, 144)
    np.savez(folder / "spikes.npz", steps=steps, labels=labels)
    path = configure(folder, "spikes.npz")
    run(train.main, path)
    assert (
        samples_for(Network.load(folder / "quadrants.npz"), folder / "quadrants.npz").inputs.dtype == np.int16
    )
    path.write_text(path.read_text() + "[augment]\nshift = 1.0\n")
    said = run(train.main, path, "--restart", fails=True)
    assert "quadrants: [augment] distorts pixels, and spikes in code ttfs has spike steps; remove it" in said


# ---- arrays --------------------------------------------------------------------------------------------


def config(**changes):
    layers = (LayerConfig(4, std=0.3),)
    values = {"dataset": "own", "decision": "softmax", "inputs": 144, "rows": 12, "batch_size": 10, **changes}
    return TrainConfig("own", layers, 33, 16, 1, 1, **values)


def test_images_of_three_axes_and_lists_are_used(folder):
    pair = quadrants(40, 1)
    flat = pair[0].reshape(40, 144), pair[1]
    listed = pair[0].tolist(), pair[1].tolist()
    for some in (pair, listed):
        data = Data(some, some, some)
        assert np.array_equal(data.train[0], flat[0]) and data.train[0].dtype == np.uint8
        Trainer(config(), data)


@pytest.mark.parametrize(
    ("part", "given", "says"),
    [
        ("validation", (np.empty((0, 144), np.uint8), np.empty(0, int)), "own has no validation images; own"),
        ("test", (np.empty((0, 144), np.uint8), np.empty(0, int)), "own has no test images; own needs one"),
        ("test", ([], []), "own has no test images; own needs one at least: add some"),
        ("test", (None, None), "test images are object alone, no array; give (n, inputs)"),
        ("train", ([[1, 2], [3]], [0, 1]), "train images or labels are no array"),
        ("train", (quadrants(40, 1)[0] / 255, quadrants(40, 1)[1]), "own, train images: pixels are float64;"),
        (
            "train",
            (quadrants(40, 1)[0], quadrants(40, 1)[1] + 1),
            "label 4 is outside 0..3; own has 4 output",
        ),
        ("train", (quadrants(40, 1)[0], np.eye(40)), "train labels are float64 of shape"),
    ],
)
def test_arrays_that_cannot_be_used_are_one_line(part, given, says):
    good = quadrants(40, 1)
    with pytest.raises(DatasetError) as caught:
        Trainer(config(), dataclasses.replace(Data(good, good, good), **{part: given}))
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_configuration_knows_the_shape_of_its_images(folder):
    assert load_config(configure(folder)).shape == (12, 12)
    assert load_config(configure(folder, inputs=150)).shape is None


# ---- codes ---------------------------------------------------------------------------------------------


def task(dataset, **changes):
    """What `Data.load` asks of a configuration; no rule learns from codes other than ttfs yet."""
    values = {
        "seed": 1,
        "validation": 20,
        "shape": (12, 12),
        "augment": Augment(),
        "teacher": "",
        "inputs": 144,
    }
    more = {"name": "own", "classes": 4, "steps": 9, "levels": 8, "code": "rate", "window_us": 0}
    return SimpleNamespace(dataset=dataset, **{**values, **more, **changes})


def test_a_task_s_code_makes_events_of_pixels(squares):
    data = Data.load(task(str(squares)))
    pixels = Data.load(task(str(squares), code="ttfs")).train[0]
    assert pixels.dtype == np.uint8 and data.train[0] == ENCODERS["rate"](pixels, 8, 1, 0)


@pytest.mark.parametrize("changes", [{"augment": Augment(shift=1.0)}, {"teacher": "master"}])
@pytest.mark.parametrize("code", ["rate", "poisson"])
def test_training_images_that_are_to_be_distorted_or_taught_stay_pixels_until_then(squares, code, changes):
    plain = Data.load(task(str(squares), code=code))
    data = Data.load(task(str(squares), code=code, **changes))
    assert np.array_equal(data.train[0], Data.load(task(str(squares), code="ttfs")).train[0])
    assert data.validation[0] == plain.validation[0] and data.test[0] == plain.test[0]


def test_pixels_to_distort_are_refused_where_recorded_spikes_are_wanted(squares):
    with pytest.raises(DatasetError, match="code events takes recorded spikes, not pixels"):
        Data.load(task(str(squares), code="events", augment=Augment(shift=1.0)))


def test_a_task_s_window_bins_recordings_and_is_recorded(folder):
    stream = Stream(np.array([100, 799]), *map(np.array, ([1, 0], [0, 1], [1, 0])))  # us, row, col, polarity
    for part in ("train", "test"):
        for label in range(4):
            place = folder / "camera" / part / str(label)
            place.mkdir(parents=True)
            for number in range(3):
                (place / f"{number}.bin").write_bytes(aer.encode(stream))
    camera = task(str(folder / "camera"), shape=None, code="events", inputs=8, validation=4)
    assert Data.load(camera).train[0].step.tolist() == [1, 7] * 8  # of 8 bins of 100 us
    camera.window_us = 400
    data = Data.load(camera)
    assert data.train[0].step.tolist() == [2] * 8 and data.record["window_us"] == 400
