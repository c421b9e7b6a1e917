"""The teacher: its opinions are the golden model's, a pupil follows it, one that does not fit is refused."""

import dataclasses

import numpy as np
import pytest
import torch
from yoso_sw import golden
from yoso_sw.config import ConfigError, TeacherConfig, load_config
from yoso_sw.modules import TrainingError
from yoso_sw.network import NetworkError
from yoso_sw.teacher import Teacher, calibrate
from yoso_sw.trainer import Data, Trainer

CLASSES = 4
CONFIG = """
name = "teacher"
steps = 33
levels = 16
decision = "softmax"
weight_bits = 6
float_epochs = 3
float_rate = 5e-3
integer_epochs = 2
integer_rate = 2e-3
warm = 5
batch = 50
validation = 100
unit = 16.0
inputs = 64

[[layers]]
neurons = 20
slope = "constant"
threshold = 17.0
start = 16
end = 32
deviation = 0.1

[[layers]]
neurons = 4
deviation = 0.2
"""


def patterns(count, seed):
    """Noisy images of four classes: a bright quarter of 64 pixels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count).astype(np.uint8)
    images = rng.integers(0, 120, (count, 64))
    for image, label in zip(images, labels, strict=True):
        image[16 * label : 16 * label + 16] += 100
    return images.astype(np.uint8), labels


@pytest.fixture(scope="module")
def data():
    torch.set_num_threads(1)
    return Data.split(patterns(900, 1), patterns(200, 2), 100)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """The configuration of a trained teacher, and its network."""
    path = tmp_path_factory.mktemp("teacher") / "teacher.toml"
    path.write_text(CONFIG)
    trainer = Trainer(load_config(path), data)
    trainer.run()
    network = trainer.network("none")
    network.save(path.with_suffix(".npz"))
    assert network.about["golden_accuracy"] > 90
    return path, network


def pupil(path, **teacher):
    return dataclasses.replace(
        load_config(path), name="pupil", seed=5, teacher=TeacherConfig(str(path), **teacher)
    )


def test_opinions_are_the_softened_softmax_of_the_golden_models_potentials(trained, data):
    path, network = trained
    images = data.test[0]
    teacher = Teacher.of(pupil(path, soften=3.0), *data.validation)
    powers = np.exp(golden.run(network, images).potentials[-1] / (16.0 * teacher.unit * 3.0))
    expected = powers / powers.sum(1, keepdims=True)
    np.testing.assert_allclose(teacher.opinions(images).numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("unit", [0.01, 1.0, 300.0])
def test_calibration_finds_the_unit_of_log_odds(unit):
    odds = torch.randn(4000, CLASSES, generator=torch.Generator().manual_seed(4)) * 2
    labels = torch.distributions.Categorical(logits=odds, validate_args=False)
    torch.manual_seed(5)
    found = calibrate(odds * unit, labels.sample().numpy())
    assert unit / 1.2 < found < unit * 1.2


def test_the_loss_is_a_mean_of_both_cross_entropies():
    teacher = Teacher(model=None, unit=1.0, share=0.25, soften=2.0)
    scores = torch.tensor([[2.0, 0.0]])
    opinions = torch.tensor([[0.25, 0.75]])
    apart = 0.25 * np.log1p(np.exp(-1.0)) + 0.75 * np.log1p(np.exp(1.0))
    value = float(teacher.loss(scores, opinions, torch.tensor(8.0)))
    assert value == pytest.approx(0.75 * 8.0 + 0.25 * 4 * apart, rel=1e-6)


def test_a_pupil_learns_from_its_teacher_what_its_labels_do_not_say(trained, data):
    path, _ = trained
    images, labels = data.train
    senseless = dataclasses.replace(data, train=(images, np.random.default_rng(3).permutation(labels)))
    reached = []
    for share in (1.0, 0.0):
        trainer = Trainer(pupil(path, share=share), senseless)
        trainer.run()
        reached.append(trainer.network("none").about["golden_accuracy"])
    assert reached[0] > 85 and reached[1] < 60


def test_a_taught_network_killed_and_resumed_is_the_same(trained, data, tmp_path):
    class Killed(Exception):
        pass

    def kill(epoch):
        if epoch.number == 2:
            raise Killed

    config, checkpoint = pupil(trained[0], share=0.5), tmp_path / "pupil.pt"
    with pytest.raises(Killed):
        Trainer(config, data, checkpoint).run(kill)
    resumed, whole = Trainer(config, data, checkpoint), Trainer(config, data)
    assert resumed.epoch == 2
    for trainer in resumed, whole:
        trainer.run()
    for ours, theirs in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_teacher_of_other_classes_is_refused(trained, data):
    config = pupil(trained[0])
    layers = (*config.layers[:-1], dataclasses.replace(config.layers[-1], neurons=5))
    with pytest.raises(TrainingError, match="teacher cannot teach pupil: its classes is 4, not 5"):
        Trainer(dataclasses.replace(config, layers=layers), data)


def test_a_teacher_of_another_data_set_is_refused(trained, data):
    config = dataclasses.replace(pupil(trained[0]), dataset="fashion-mnist")
    with pytest.raises(TrainingError, match="its dataset is mnist, not fashion-mnist"):
        Trainer(config, data)


def test_a_teacher_that_is_unknown_or_not_trained_is_named(trained, data, tmp_path):
    config = dataclasses.replace(pupil(trained[0]), teacher=TeacherConfig("nobody"))
    with pytest.raises(ConfigError, match="'nobody'"):
        Trainer(config, data)
    alone = tmp_path / "alone.toml"
    alone.write_text(CONFIG)
    with pytest.raises(NetworkError, match=r"alone\.npz"):
        Trainer(pupil(alone), data)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("share = 1.5", "teacher: share=1.5 is outside 0..1"),
        ("soften = 0.5", "teacher: soften=0.5 is below 1"),
    ],
)
def test_wrong_settings_of_a_teacher_are_named(tmp_path, text, says):
    path = tmp_path / "wrong.toml"
    path.write_text(f"{CONFIG}\n[teacher]\n{text}\n")
    with pytest.raises(ConfigError, match=says):
        load_config(path)
