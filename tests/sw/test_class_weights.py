"""Classes of different weight: an image that counts three times is an image seen three times."""

import dataclasses

import numpy as np
import pytest
import torch
from quarters import LITERAL, load, small_config
from yoso_sw import stdbp
from yoso_sw.config import ConfigError, load_config
from yoso_sw.model import Model
from yoso_sw.modules import input_times
from yoso_sw.trainer import Data, Trainer

WEIGHTS = (1.0, 3.0, 2.0, 1.0)
COUNTS = torch.tensor([1, 3, 2, 1])


def test_an_output_of_spike_times_costs_as_if_it_were_there_as_often_as_it_counts():
    generator = torch.Generator().manual_seed(1)
    times = torch.randint(3, 40, (30, 4), generator=generator).float()
    times[::7, 1] = stdbp.SILENT
    labels = torch.randint(0, 4, (30,), generator=generator)
    often = COUNTS[labels]
    weighted = stdbp.spike_time_loss(times, labels, 33, 2.0, class_weights=torch.tensor(WEIGHTS))
    repeated = stdbp.spike_time_loss(
        times.repeat_interleave(often, 0), labels.repeat_interleave(often), 33, 2.0
    )
    assert weighted == pytest.approx(float(repeated), rel=1e-5)
    assert weighted != pytest.approx(float(stdbp.spike_time_loss(times, labels, 33, 2.0)), rel=1e-2)


@pytest.mark.parametrize("changes", [{}, LITERAL], ids=["potentials", "spike times"])
def test_either_decision_weighs_its_classes(changes):
    def loss_of(weights, images, labels):
        model = Model(small_config(class_weights=weights, **changes))
        model.config = dataclasses.replace(
            model.config, layers=tuple(dataclasses.replace(own, activity=0.0) for own in model.config.layers)
        )
        times = input_times(images)
        return float(model.loss(times, model(times), labels).detach())

    rng = np.random.default_rng(2)
    images, labels = rng.integers(0, 16, (40, 64)).astype(np.int16), torch.from_numpy(rng.integers(0, 4, 40))
    often = COUNTS[labels]
    repeated = loss_of((), images.repeat(often, 0), labels.repeat_interleave(often))
    assert loss_of(WEIGHTS, images, labels) == pytest.approx(repeated, rel=1e-4)
    assert loss_of((2.0,) * 4, images, labels) == pytest.approx(loss_of((), images, labels), rel=1e-5)


def test_a_class_that_counts_more_is_missed_less():
    """Random images of two classes, which can only be guessed."""
    rng = np.random.default_rng(3)
    images, labels = (
        rng.integers(0, 256, (700, 64)).astype(np.uint8),
        rng.integers(0, 2, 700).astype(np.uint8),
    )
    data = Data(
        (images[:400], labels[:400]), (images[400:500], labels[400:500]), (images[500:], labels[500:])
    )
    shares = []
    for weights in ((4.0, 1.0), (1.0, 4.0)):
        first, last = small_config().layers
        config = small_config(class_weights=weights, layers=(first, dataclasses.replace(last, neurons=2)))
        assert "classes of different weight" in config.strategies
        trainer = Trainer(config, data)
        trainer.run()
        times, potentials = trainer.model(trainer._times(data.test[0]))[-1]
        shares.append(float(stdbp.decide(times, potentials).float().mean()))
    assert shares[0] < 0.35 and shares[1] > 0.65


@pytest.mark.parametrize(
    "weights", [(1.0,), (1.0,) * 5, (1.0, 0.0, 1.0, 1.0), (1.0, -1.0, 1.0, 1.0), ("a",) * 4, (True,) * 4]
)
def test_weights_that_fit_no_classes_are_refused(weights):
    with pytest.raises(
        ConfigError, match=r"class_weights=\[.*\] are not 4 positive numbers, one an output neuron"
    ):
        small_config(class_weights=weights)


def test_a_file_gives_a_list_of_them(tmp_path):
    text = """
    name = "small"
    steps = 9
    levels = 4
    float_epochs = 1
    integer_epochs = 1
    class_weights = {}
    [[layers]]
    neurons = 2
    end = 9
    """
    path = tmp_path / "small.toml"
    path.write_text(text.format("[1, 2.5]"))
    assert load_config(path).class_weights == (1, 2.5)
    for wrong, why in (
        ("3.0", "is not a list of numbers"),
        ("[inf, 1.0]", "are not 2 positive"),
        ("[nan, 1]", "are not 2"),
    ):
        path.write_text(text.format(wrong))
        with pytest.raises(ConfigError, match=rf"small\.toml.*class_weights=.*{why}"):
            load_config(path)
    path.write_text(text.format("[]"))
    assert load_config(path).class_weights == ()
    assert "different weight" not in load_config(path).strategies


def test_weights_go_with_soft_labels():
    """Shares of a label count as images of each class would."""
    times = torch.tensor([[4.0, 7.0], [9.0, 2.0]])
    both = [
        stdbp.spike_time_loss(times, labels, 12, 2.0, class_weights=torch.tensor([1.0, 3.0]))
        for labels in (torch.tensor([0, 1]), torch.eye(2))
    ]
    assert both[0] * 4 == pytest.approx(float(both[1] * 2), rel=1e-6)  # hard labels divide by the weights


def test_a_network_of_weighted_classes_learns():
    data = load()
    trainer = Trainer(small_config(class_weights=WEIGHTS), data)
    trainer.run()
    assert trainer.network("").about["golden_accuracy"] >= 95
