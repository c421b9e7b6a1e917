"""A small training task for tests: which quarter of a noisy image is bright."""

import numpy as np
import pytest
import torch
from yoso_sw.data.parts import Data
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.trainer import Trainer


def patterns(count, seed):
    """Noisy images of four classes: a bright quarter of 64 pixels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count).astype(np.uint8)
    images = rng.integers(0, 120, (count, 64))
    for image, label in zip(images, labels, strict=True):
        image[16 * label : 16 * label + 16] += 100
    return images.astype(np.uint8), labels


def small_config(**changes):
    values = {
        "name": "quarters",
        "dataset": "mnist",
        "layers": (
            LayerConfig(
                20,
                NeuronConfig("constant", 17, 16, 32),
                std=0.1,
                spike_penalty=1e-4,
            ),
            LayerConfig(4, std=0.2, dropout=0.1),
        ),
        "steps": 33,
        "levels": 16,
        "decision": "softmax",
        "float_epochs": 2,
        "integer_epochs": 2,
        "lr": 5e-3,
        "integer_lr": 2e-3,
        "warmup": 5,
        "temperature": 16.0,
        "batch_size": 50,
        "validation": 200,
        "inputs": 64,
    }
    return TrainConfig(**{**values, **changes})


LITERAL = {
    "layers": (
        LayerConfig(20, NeuronConfig(threshold=16, end=33), mean=0.05, std=0.1, bias=True),
        LayerConfig(4, NeuronConfig(threshold=8, end=33), mean=0.1, std=0.2),
    ),
    "decision": "ttfs",
    "temperature": 1.0,
}

ALPHA = {
    "rule": "alpha",
    "layers": (
        LayerConfig(20, NeuronConfig(threshold=1.0, end=33, tau=16.0), mean=0.05, std=0.1),
        LayerConfig(4, NeuronConfig(threshold=1.0, end=33, tau=16.0), mean=0.3, std=0.2),
    ),
    "decision": "ttfs",
    "temperature": 1.0,
    "integer_epochs": 0,
    "revive": False,
}

COUNT = {
    "rule": "count",
    "layers": (
        LayerConfig(20, NeuronConfig(start=17, end=32), std=0.3, bias=True, spike_penalty=1e-4),
        LayerConfig(4, std=0.2, bias=True, dropout=0.1),
    ),
    "temperature": 15.0,
}

CLIF = {
    "rule": "clif",
    "layers": (
        LayerConfig(20, NeuronConfig(start=1, end=17, current=2, leak=3), bias=True, std=0.1),
        LayerConfig(4, NeuronConfig(current=0), std=0.2),
    ),
    "steps": 18,
    "weight_bits": 6,
    "temperature": 4.0,
}

TANDEM = {
    "rule": "tandem",
    "layers": (
        LayerConfig(
            20, NeuronConfig(start=17, end=32), std=0.3, bias=True, batch_norm=2.0, spike_penalty=1e-4
        ),
        LayerConfig(4, std=0.2, bias=True, dropout=0.1),
    ),
    "temperature": 15.0,
}


def load():
    """1,000 images to train, 200 to validate, 300 to test."""
    torch.set_num_threads(1)  # these layers are too small to share
    return Data.split(patterns(1200, 1), patterns(300, 2), 200)


def check_resumes(config, data, checkpoint, epoch):
    """Training that is killed after this epoch goes on from its checkpoint to the same network."""

    class Killed(Exception):
        pass

    def kill(row):
        if row.number == epoch:
            raise Killed

    whole = Trainer(config, data)
    whole.run()
    with pytest.raises(Killed):
        Trainer(config, data, checkpoint).run(kill)
    resumed = Trainer(config, data, checkpoint)
    assert resumed.epoch == epoch
    resumed.run()
    for ours, theirs in zip(whole.network("").layers, resumed.network("").layers, strict=True):
        assert np.array_equal(ours.weights, theirs.weights)
