"""A teacher's softmax on distorted images becomes part of the labels; an unfit teacher is refused."""

import dataclasses

import numpy as np
import pytest
import torch
from support.quarters import CLIF, LITERAL, check_resumes, load, patterns, small_config
from yoso_sw.commands import seeds
from yoso_sw.data.augment import Augment
from yoso_sw.data.encoding import ENCODERS
from yoso_sw.data.memory import data_of
from yoso_sw.learn import config, config_file, teacher, trainer
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.times import spike_time_loss
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network import golden, zoo
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trained():
    """The configuration and the integer network of a teacher."""
    trainer = Trainer(small_config(name="master"), load())
    trainer.run()
    return trainer.config, trainer.network("")


@pytest.fixture
def master(trained, tmp_path, monkeypatch):
    """The teacher's file, among the committed networks."""
    config, network = trained
    network.save(tmp_path / "master.npz")
    monkeypatch.setattr(teacher, "locate", lambda name, suffix=".toml": tmp_path / f"{name}{suffix}")
    monkeypatch.setattr(teacher, "load_config", lambda path: config)
    return tmp_path / "master.npz"


def change(path, **changes):
    dataclasses.replace(Network.load(path), **changes).save(path)


def test_soft_labels_are_the_softmax_of_the_golden_potentials(master):
    images, labels = patterns(40, 9)
    network = Network.load(master)
    pupil = small_config(teacher="master", teacher_weight=0.75, teacher_temperature=2.0)
    given = teacher.Teacher(pupil, CPU)(images, torch.from_numpy(labels.astype(np.int64)))
    potential = golden.run(network, images).potentials[-1] / (2 * network.about["temperature"])
    soft = np.exp(potential - potential.max(1, keepdims=True))
    soft /= soft.sum(1, keepdims=True)
    expected = 0.75 * soft + 0.25 * np.eye(4)[labels]
    assert given.shape == (40, 4)
    assert np.allclose(given.numpy(), expected, atol=1e-5)
    assert 0.3 < soft.max(1).mean() < 0.999  # neither hard nor flat


def test_a_teacher_that_calls_its_temperature_unit_gives_the_same_labels(master):
    images, labels = patterns(40, 9)
    labels = torch.from_numpy(labels.astype(np.int64))
    pupil = small_config(teacher="master", teacher_weight=0.75)
    given = teacher.Teacher(pupil, CPU)(images, labels)
    about = dict(Network.load(master).about)
    about["unit"] = about.pop("temperature")
    change(master, about=about)
    assert "temperature" not in Network.load(master).about
    assert torch.equal(teacher.Teacher(pupil, CPU)(images, labels), given)


@pytest.mark.parametrize("rule", [{}, LITERAL], ids=["constant slope", "the paper's"])
def test_a_pupil_learns_from_the_teacher_alone(master, rule):
    """Its labels are noise: what it knows comes from the teacher."""
    data = load()
    noise = np.random.default_rng(5).integers(0, 4, len(data.train[1])).astype(np.uint8)
    data = dataclasses.replace(data, train=(data.train[0], noise))
    pupil = Trainer(small_config(teacher="master", teacher_weight=1.0, **rule), data)
    pupil.run()
    assert pupil.network("").about["golden_accuracy"] >= 90


def test_a_pupil_of_rates_learns_from_what_the_teacher_sees_in_the_pixels(master):
    config = small_config(**CLIF, code="rate", teacher="master")
    parts = {"train": patterns(1000, 1), "validation": patterns(100, 3), "test": patterns(300, 2)}
    noise = np.random.default_rng(5).integers(0, 4, 1000).astype(np.uint8)
    pupil = Trainer(config, data_of({**parts, "train": (parts["train"][0], noise)}, config))
    assert pupil.config.teacher_weight == 1  # its own labels say nothing
    pupil.run()
    assert pupil.network("").about["golden_accuracy"] >= 90


def test_a_teacher_of_rates_sees_pixels_as_rates(master, monkeypatch):
    config = small_config(name="master", **CLIF, code="rate")
    clif = Trainer(config, data_of({"train": patterns(300, 1), "test": patterns(100, 2)}, config))
    clif.run()
    network = clif.network("")
    network.save(master)
    monkeypatch.setattr(teacher, "load_config", lambda path: config)
    images, _ = patterns(40, 9)
    with torch.no_grad():
        found = teacher.Teacher(small_config(teacher="master"), CPU).potentials(images)
    exact = golden.run(network, ENCODERS["rate"](images, config.levels, 0, 0), early_exit=False)
    assert np.array_equal(found.numpy(), exact.potentials[-1])


@pytest.mark.parametrize(
    ("own", "pupil", "says"),
    [
        ({"code": "poisson"}, {}, "draws the spikes of its pixels, so that its verdicts would be chance"),
        ({"code": "events"}, {"code": "rate"}, "takes inputs of code events, not rate"),
        ({"code": "rate"}, {"code": "events"}, "takes inputs of code rate, not events"),
        (
            {"code": "events", "window_us": 100},
            {"code": "events"},
            "takes 16 bins of 100 us, not 16 of all",
        ),
    ],
)
def test_a_teacher_of_inputs_that_the_pupil_has_not_is_refused(master, monkeypatch, own, pupil, says):
    monkeypatch.setattr(teacher, "load_config", lambda path: small_config(name="master", **CLIF, **own))
    with pytest.raises(TrainingError) as caught:
        teacher.Teacher(small_config(**CLIF, **pupil, teacher="master"), CPU)
    assert str(caught.value) == f"quarters: teacher master {says}"


@pytest.mark.parametrize(
    ("pupil", "changes", "says"),
    [
        ({"dataset": "fashion-mnist"}, {}, "teacher master was trained on mnist, not fashion-mnist"),
        ({"inputs": 112}, {}, "teacher master sees 64 pixels, not 112"),
        ({}, {"about": {}}, "teacher master does not say the temperature of its softmax; train it again"),
        ({}, {"decision": "ttfs"}, "teacher master decides by spike times; potentials are needed"),
    ],
)
def test_a_teacher_of_something_else_is_refused(master, pupil, changes, says):
    if changes.get("decision"):
        last = Network.load(master).layers[-1]
        layer = dataclasses.replace(last, neuron=dataclasses.replace(last.neuron, end=33))
        changes["layers"] = (Network.load(master).layers[0], layer)
    change(master, **changes)
    with pytest.raises(TrainingError, match=f"quarters: {says}"):
        teacher.Teacher(small_config(teacher="master", **pupil), CPU)


def test_a_teacher_that_has_seen_the_pupils_test_images_is_refused(trained, master, monkeypatch):
    """Where the seed chooses the split, teacher and pupil must have the same."""
    own = small_config(name="master", dataset="caltech", rows=8)
    monkeypatch.setattr(teacher, "load_config", lambda path: own)
    pupil = small_config(teacher="master", dataset="caltech", rows=8)
    teacher.Teacher(pupil, CPU)
    other = dataclasses.replace(pupil, seed=2)
    with pytest.raises(TrainingError, match=r"has seen test images of split 2: it was trained on split 1"):
        teacher.Teacher(other, CPU)
    network = dataclasses.replace(trained[1], about=trained[1].about | {"seed": 2})
    teacher.Teacher(other, CPU, network)


def test_each_split_has_a_teacher_of_its_own(trained, tmp_path, monkeypatch):
    """`seeds` trains the teacher of a split before the pupil, and keeps the one that is there."""
    config, network = trained
    seen = []

    class Spy(Trainer):
        model, history = None, ()

        def __init__(self, own, data, checkpoint, device, teacher, model):
            seen.append((own.name, own.seed, None if teacher is None else teacher.about["seed"]))
            self.own = self.config = own

        def run(self, report, tick):
            pass

        def network(self, command):
            return dataclasses.replace(network, about=network.about | {"seed": self.own.seed})

    master = dataclasses.replace(config, dataset="caltech", rows=8)
    pupil = dataclasses.replace(master, name="pupil", teacher="master")
    network = dataclasses.replace(network, about=network.about | {"dataset": "caltech"})
    network.save(tmp_path / "master.npz")
    monkeypatch.setattr("yoso_sw.learn.training.Trainer", Spy)
    monkeypatch.setattr(seeds, "locate", lambda name: tmp_path / f"{name}.toml")
    monkeypatch.setattr(seeds, "load_config", lambda path: master)
    monkeypatch.setattr(seeds.Data, "load", classmethod(lambda cls, own, beside: load()))
    for seed in (1, 2):
        seeds._network(tmp_path / "pupil.toml", pupil, seed, "cpu")
    assert seen == [("pupil", 1, 1), ("master", 2, None), ("pupil", 2, 2)]


def test_a_teacher_of_other_classes_is_refused(master):
    layers = small_config().layers
    pupil = small_config(teacher="master", layers=(layers[0], dataclasses.replace(layers[1], neurons=5)))
    with pytest.raises(TrainingError, match="teacher master knows 4 classes, not 5"):
        teacher.Teacher(pupil, CPU)


def test_a_damaged_teacher_is_refused(master):
    master.write_bytes(master.read_bytes()[:-30])
    with pytest.raises(NetworkError, match=r"master\.npz"):
        teacher.Teacher(small_config(teacher="master"), CPU)


def test_an_unknown_teacher_lists_the_networks_there_are():
    with pytest.raises(NetworkError, match=r"there is no .*'nobody'.*mnist-wide"):
        teacher.Teacher(small_config(teacher="nobody"), CPU)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"teacher_weight": 1.5}, r"teacher_weight=1\.5 is outside 0\.\.1"),
        ({"teacher_temperature": 0.0}, r"teacher_temperature=0\.0 is not positive"),
        ({"label_smoothing": 1.0}, r"label_smoothing=1\.0 is outside 0\.\.1"),
        ({"weight_decay": -0.1}, r"weight_decay=-0\.1 is negative"),
    ],
)
def test_settings_out_of_range_are_named(setting, says):
    with pytest.raises(ConfigError, match=says):
        small_config(**setting)


def test_smooth_labels_are_labels_shared_out(trained):
    times = torch.rand(6, 4, generator=torch.Generator().manual_seed(0)) * 20
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    shares = 0.8 * torch.nn.functional.one_hot(labels, 4) + 0.2 / 4
    smooth = spike_time_loss(times, labels, 33, 2.0, 0.2)
    assert smooth == pytest.approx(float(spike_time_loss(times, shares, 33, 2.0)), rel=1e-6)
    assert smooth != pytest.approx(float(spike_time_loss(times, labels, 33, 2.0)), rel=1e-3)


def test_every_committed_teacher_is_there():
    for name in zoo.names():
        own = config_file.load_config(zoo.locate(name))
        if own.teacher:
            teacher.Teacher(own, CPU)


# ---- verdicts that are kept -------------------------------------------------------------------------------

SHIFT = Augment(shift=1.0)


class Asked(teacher.Teacher):
    """A teacher that counts the images it is asked about."""

    count = 0

    def verdicts(self, images):
        Asked.count += len(images)
        return super().verdicts(images)


@pytest.fixture
def asked(master, monkeypatch):
    Asked.count = 0
    monkeypatch.setattr(trainer, "Teacher", Asked)
    return Asked


def weights(trained):
    return [layer.weight.detach() for layer in trained.model.chain]


def test_images_that_are_not_distorted_are_asked_about_once(asked):
    pupil = Trainer(small_config(teacher="master", float_epochs=3), load())
    pupil.run()
    assert asked.count == 1000


def test_verdicts_that_are_kept_are_those_that_would_be_given(asked, monkeypatch):
    kept = Trainer(small_config(teacher="master", float_epochs=2), load())
    kept.run()
    monkeypatch.setattr(config.TrainConfig, "copies", property(lambda self: 0))
    anew = Trainer(small_config(teacher="master", float_epochs=2), load())
    anew.run()
    assert asked.count == 1000 * (1 + anew.epochs)
    assert all(map(torch.equal, weights(kept), weights(anew)))


@pytest.mark.parametrize(("copies", "count"), [(0, 4), (1, 1), (2, 2), (3, 3), (9, 4)])
def test_a_teacher_is_asked_once_for_each_distorted_copy(asked, copies, count):
    settings = {"float_epochs": 3, "integer_epochs": 1, "augment": SHIFT, "rows": 8}
    pupil = Trainer(small_config(teacher="master", distortions=copies, **settings), load())
    pupil.run()
    assert asked.count == 1000 * count


def test_an_epoch_of_some_images_asks_about_those_alone(asked):
    settings = {"float_epochs": 1, "augment": SHIFT, "rows": 8, "distortions": 1}
    pupil = Trainer(small_config(teacher="master", images=100, **settings), load())
    pupil.run(until=1)
    assert asked.count == 100


def test_copies_differ_from_each_other_and_come_back_the_same(master):
    pupil = Trainer(small_config(teacher="master", augment=SHIFT, rows=8, distortions=2), load())
    first, second, again = pupil._copied(0), pupil._copied(1), pupil._copied(0)
    assert np.array_equal(first, again) and not np.array_equal(first, second)
    assert first.shape == pupil.data.train[0].shape and not np.array_equal(first, pupil.data.train[0])


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_killed_training_has_the_same_verdicts_again(master, tmp_path, epoch):
    settings = {"float_epochs": 2, "augment": SHIFT, "rows": 8, "distortions": 2}
    check_resumes(small_config(teacher="master", **settings), load(), tmp_path / "state.pt", epoch)


def test_copies_of_what_is_not_distorted_are_refused():
    with pytest.raises(ConfigError, match=r"quarters: distortions=3 needs an \[augment\], which says how"):
        small_config(distortions=3)
