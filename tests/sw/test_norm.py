"""Batch normalisation of potentials: it normalises, and folding it into the weights changes nothing."""

import dataclasses

import pytest
import torch
from support.quarters import check_resumes, load, small_config
from yoso_sw.learn.batch_norm import BatchNorm
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.stdbp.layers import Conv2d, Dense, Extras
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.layer import Window

NEURON = NeuronConfig("constant", 17.0, 16, 32)
NORMED = {"neuron": NEURON, "extras": Extras(batch_norm=10.0), "steps": 33, "bias": True}


def normed_config(**changes):
    layers = small_config().layers
    return small_config(
        layers=(dataclasses.replace(layers[0], bias=True, batch_norm=5.0), layers[1]), **changes
    )


def spiked(module, shape):
    """The module after it has learnt statistics of random spikes, with gains of either sign and shifts."""
    generator = torch.Generator().manual_seed(1)
    times = torch.randint(0, 24, shape, generator=generator).float()
    with torch.no_grad():
        module.norm.gain.normal_(generator=generator)
        module.norm.shift.normal_(generator=generator)
    for _ in range(80):
        module(times, generator)
    return times


def test_potentials_of_a_batch_get_the_wanted_deviation_and_no_mean():
    potential = 7 + 3 * torch.randn(500, 6, generator=torch.Generator().manual_seed(0))
    normed = BatchNorm(6, 10.0)(potential, True)
    assert normed.mean(0).abs().max() < 1e-3
    assert normed.std(0).sub(10).abs().max() < 0.02


def test_statistics_are_learnt_in_training_alone():
    norm, potential = BatchNorm(3, 2.0), torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) + 4
    norm(potential, False)
    assert torch.equal(norm.mean, torch.zeros(3)) and torch.equal(norm.variance, torch.ones(3))
    norm(potential, True)
    assert norm.mean.min() > 0.2


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (Dense(30, 12, **NORMED), (40, 30)),
        (Conv2d(Window(8, 6, 2, 3), 5, **NORMED), (40, 2, 8, 6)),
        (Conv2d(Window(8, 6, 2, 3), 5, pool=True, **NORMED), (40, 2, 8, 6)),
    ],
    ids=["dense", "convolution", "pooled convolution"],
)
def test_folded_weights_give_the_normalised_potentials_and_spikes(module, shape):
    times = spiked(module, shape)
    module.eval()
    with torch.no_grad():
        before = module(times)
        module.norm.fold(module.weight, module.reading)
        module.norm = None
        after = module(times)
    fired = before.times.isfinite()
    assert 0.05 < fired.float().mean() < 0.95
    assert torch.allclose(before.potentials, after.potentials, atol=1e-3)
    assert (fired == after.times.isfinite()).float().mean() > 0.999
    both = fired & after.times.isfinite()
    assert torch.allclose(before.times[both], after.times[both], atol=1e-3)


def test_a_network_with_norm_learns_and_the_golden_model_agrees():
    data = load()
    trainer = Trainer(normed_config(), data)
    trainer.run()
    network = trainer.network("")
    assert network.about["golden_accuracy"] >= 95
    assert network.about["golden_accuracy"] == pytest.approx(trainer.evaluate(data.test)[0], abs=0.01)


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_training_with_norm_resumes_to_the_same_network(tmp_path, epoch):
    check_resumes(normed_config(), load(), tmp_path / "state.pt", epoch)


@pytest.mark.parametrize("changes", [{"bias": False}, {"neuron": NeuronConfig("psp", 17.0, 16, 32)}])
def test_norm_without_a_place_to_fold_it_into_is_refused(changes):
    layer = LayerConfig(20, **{"batch_norm": 5.0, "neuron": NEURON, "bias": True, **changes})
    with pytest.raises(ConfigError, match=r"layer 0: batch_norm=5\.0 needs a constant slope and a bias"):
        small_config(layers=(layer, small_config().layers[1]))
