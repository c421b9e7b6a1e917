"""The last epochs on undistorted images: what norms then know, and what the integer phase sees."""

import dataclasses

import numpy as np
import pytest
import torch
from quarters import load, small_config
from yoso_sw.augment import Augment
from yoso_sw.trainer import Trainer

DISTORTED = Augment(shift=2.0, scale=0.1, mirror=True)


@pytest.fixture(scope="module")
def data():
    return load()


def settled_config(**changes):
    layers = small_config().layers
    first = dataclasses.replace(layers[0], bias=True, norm=5.0)
    values = {"settle": True, "rows": 8, "augment": DISTORTED, "layers": (first, layers[1])}
    return small_config(**{**values, **changes})


def test_norms_know_the_mean_and_deviation_of_the_images_that_they_are_given(data):
    trainer = Trainer(settled_config(), data)
    layer = trainer.model.chain[0]
    times = trainer._times(data.train[0])
    layer.norm.mean.fill_(-100)
    trainer.model.settle(times, torch.Generator().manual_seed(1))
    with torch.no_grad():
        potential = layer.ages(layer.with_bias(times), None) @ layer.working
    parts = potential.split(trainer.config.batch)
    assert torch.allclose(layer.norm.mean, potential.mean(0), atol=1e-3)
    assert torch.allclose(
        layer.norm.variance, torch.stack([part.var(0) for part in parts]).mean(0), rtol=1e-3
    )
    assert layer.norm.share == 0.1


def test_the_integer_phase_sees_its_images_undistorted(data, monkeypatch):
    used = []

    def see(augment, images, rows, rng):
        used.append(augment)
        return images

    monkeypatch.setattr(Augment, "__call__", see)
    for settle, last in ((True, Augment(mirror=True)), (False, DISTORTED)):
        used.clear()
        Trainer(settled_config(settle=settle), data).run()
        assert used == [DISTORTED] * 4 + [last] * 4  # two blocks an epoch, two epochs a phase


def test_norms_follow_the_undistorted_images_where_the_float_phase_ends(data, monkeypatch):
    """Distortions that brighten all images: what norms learn of these is far from the images themselves."""

    def brighten(augment, images, rows, rng):
        return np.minimum(images.astype(int) + 100, 255).astype(np.uint8)

    monkeypatch.setattr(Augment, "__call__", brighten)
    apart = []
    for settle in (True, False):
        trainer = Trainer(settled_config(settle=settle), data)
        layer = trainer.model.chain[0]

        def look(epoch, trainer=trainer, layer=layer):
            if epoch.number == trainer.config.float_epochs:
                with torch.no_grad():
                    times = layer.with_bias(trainer._times(data.train[0]))
                    normed = layer.norm(layer.ages(times, None) @ layer.working, False)
                    apart.append(float((normed.mean(0) / layer.norm.norm - layer.norm.shift).abs().max()))

        trainer.run(look)
    assert apart[0] < 0.02 and apart[1] > 0.2


def test_it_is_killed_between_the_phases_and_resumes_to_the_same_network(data, tmp_path):
    config = settled_config()
    assert "undistorted images at last" in config.strategies
    assert "undistorted" not in settled_config(settle=False).strategies
    assert "undistorted" not in settled_config(augment=Augment()).strategies
    whole = Trainer(config, data)
    whole.run()

    class Killed(Exception):
        pass

    def kill(epoch):
        if epoch.number == config.float_epochs:
            raise Killed

    checkpoint = tmp_path / "state.pt"
    with pytest.raises(Killed):
        Trainer(config, data, checkpoint).run(kill)
    resumed = Trainer(config, data, checkpoint)
    resumed.run()
    for ours, theirs in zip(whole.network("").layers, resumed.network("").layers, strict=True):
        assert np.array_equal(ours.weights, theirs.weights)
