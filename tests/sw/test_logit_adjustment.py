"""Logit adjustment: a class of which the loss takes something is decided for more often."""

import dataclasses

import numpy as np
import pytest
import torch
from support.quarters import LITERAL, check_resumes, load, small_config
from yoso_sw.data.parts import Data
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.stdbp.rule import Stdbp
from yoso_sw.learn.times import decide, input_times, spike_time_loss
from yoso_sw.learn.trainer import Trainer

ADJUSTMENT = (0.0, 1.5, -0.5, 0.0)


def test_a_unit_off_a_logit_is_a_spike_one_unit_later():
    generator = torch.Generator().manual_seed(1)
    times = torch.randint(3, 20, (30, 4), generator=generator).float()
    labels = torch.randint(0, 4, (30,), generator=generator)
    adjusted = spike_time_loss(times, labels, 40, 2.0, logit_adjustment=torch.tensor(ADJUSTMENT))
    later = spike_time_loss(times + 2.0 * torch.tensor(ADJUSTMENT), labels, 40, 2.0)
    assert adjusted == pytest.approx(float(later), rel=1e-6)
    assert adjusted != pytest.approx(float(spike_time_loss(times, labels, 40, 2.0)), rel=1e-2)


@pytest.mark.parametrize("changes", [{}, LITERAL], ids=["potentials", "spike times"])
def test_either_decision_is_adjusted_and_by_the_same_for_all_by_nothing(changes):
    rng = np.random.default_rng(2)
    times = input_times(rng.integers(0, 16, (40, 64)).astype(np.int16))
    labels = torch.from_numpy(rng.integers(0, 4, 40))
    plain, same, own = (
        float(model.loss(times, model(times), labels).detach())
        for model in (
            Stdbp(small_config(logit_adjustment=given, **changes)) for given in ((), (2.0,) * 4, ADJUSTMENT)
        )
    )
    assert same == pytest.approx(plain, rel=1e-5) and abs(own - plain) > 0.01


@pytest.mark.parametrize("phase", ["float", "integers"])
def test_potentials_begin_with_what_the_loss_takes_off(phase):
    """The class decided for changes, the loss does not."""
    first, last = small_config().layers
    layers = (first, dataclasses.replace(last, bias=True, clip=4.0))
    rng = np.random.default_rng(3)
    times = input_times(rng.integers(0, 16, (40, 64)).astype(np.int16))
    labels = torch.from_numpy(rng.integers(0, 4, 40))
    plain, model = (Stdbp(small_config(logit_adjustment=own, layers=layers)) for own in ((), ADJUSTMENT))
    model.adjust_bias()
    if phase == "integers":
        plain.quantise()
        model.quantise(plain.scales)
    temperature, error = (
        16 * (plain.chain[-1].scale or 1),
        1e-4 if phase == "float" else 0.05,
    )  # biases are rounded
    with torch.no_grad():
        ours, theirs = model(times), plain(times)
        gained = (ours[-1].potentials - theirs[-1].potentials) / temperature
        losses = float(model.loss(times, ours, labels)), float(plain.loss(times, theirs, labels))
    assert torch.allclose(gained, torch.tensor(ADJUSTMENT).expand(40, 4), atol=error)
    assert losses[0] == pytest.approx(losses[1], abs=error)


@pytest.mark.parametrize("changes", [{}, LITERAL], ids=["no bias", "spike times"])
def test_outputs_without_a_bias_and_those_that_spike_begin_as_they_are(changes):
    first, last = small_config(**changes).layers
    layers = (first, dataclasses.replace(last, bias=bool(changes)))
    model = Stdbp(small_config(**{**changes, "layers": layers, "logit_adjustment": ADJUSTMENT}))
    before = model.chain[-1].weight.detach().clone()
    model.adjust_bias()
    assert torch.equal(model.chain[-1].weight, before)


@pytest.mark.parametrize("changes", [{}, LITERAL], ids=["potentials", "spike times"])
def test_a_favoured_class_is_decided_for_more_often(changes):
    """Random images of two classes, which can only be guessed; training alone has to move the border."""
    rng = np.random.default_rng(3)
    images, labels = (
        rng.integers(0, 256, (700, 64)).astype(np.uint8),
        rng.integers(0, 2, 700).astype(np.uint8),
    )
    data = Data(
        (images[:400], labels[:400]), (images[400:500], labels[400:500]), (images[500:], labels[500:])
    )
    shares = []
    for adjustment in ((1.5, 0.0), (0.0, 1.5)):
        first, last = small_config(**changes).layers
        layers = (first, dataclasses.replace(last, neurons=2))
        config = small_config(**{**changes, "layers": layers, "logit_adjustment": adjustment})
        assert "logit adjustment" in config.strategies
        trainer = Trainer(config, data)
        trainer.run()
        times, potentials = trainer.model(trainer._inputs(data.test[0]))[-1]
        shares.append(float(decide(times, potentials).float().mean()))
    assert shares[0] < 0.35 and shares[1] > 0.65


def test_a_resumed_training_does_not_favour_again(tmp_path):
    first, last = small_config().layers
    layers = (first, dataclasses.replace(last, bias=True))
    config = small_config(logit_adjustment=ADJUSTMENT, layers=layers)
    data, checkpoint = load(), tmp_path / "state.pt"
    check_resumes(config, data, checkpoint, 1)
    assert Trainer(config, data, checkpoint).network("").about["golden_accuracy"] >= 95


@pytest.mark.parametrize(
    "adjustment",
    [(1.0,), (1.0,) * 5, (float("inf"), 0.0, 1.0, 1.0), (float("nan"),) * 4, ("a",) * 4, (True,) * 4],
)
def test_an_adjustment_that_fits_no_classes_is_refused(adjustment):
    with pytest.raises(ConfigError, match=r"logit_adjustment=\[.*\] are not 4 numbers, one an output neuron"):
        small_config(logit_adjustment=adjustment)


def test_a_file_gives_a_list_of_them(tmp_path):
    text = """
    name = "small"
    steps = 9
    levels = 4
    float_epochs = 1
    integer_epochs = 1
    logit_adjustment = {}
    [[layers]]
    neurons = 2
    end = 9
    """
    path = tmp_path / "small.toml"
    path.write_text(text.format("[-1, 2.5]"))
    assert load_config(path).logit_adjustment == (-1, 2.5)
    for wrong, why in (
        ("3.0", "is not a list of numbers"),
        ("[inf, 1.0]", "are not 2 numbers"),
        ("[nan, 1]", "are not 2 numbers"),
    ):
        path.write_text(text.format(wrong))
        with pytest.raises(ConfigError, match=rf"small\.toml.*logit_adjustment=.*{why}"):
            load_config(path)
    path.write_text(text.format("[]"))
    assert load_config(path).logit_adjustment == ()
    assert "adjustment" not in load_config(path).strategies
