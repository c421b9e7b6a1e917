"""What the tests of faults begin with."""

import numpy as np
import pytest
from command.test_output_folder import CONFIG, tiny
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron


@pytest.fixture
def here(tmp_path):
    """A folder with a network for MNIST, a tiny one, a configuration and its data."""
    folder = tmp_path / "here"
    folder.mkdir()
    rng = np.random.default_rng(1)
    labels = np.arange(100) % 2
    images = rng.integers(0, 60, (100, 2, 2)).astype(np.uint8)
    images[np.arange(100), labels, 0] = 250
    split = np.where(np.arange(100) < 80, "train", "test")
    np.savez(folder / "pictures.npz", images=images, labels=labels, split=split)
    (folder / "corners.toml").write_text(CONFIG)
    tiny().save(folder / "tiny.npz")
    layers = (
        Layer(rng.integers(-2, 4, (784, 12), np.int8), Neuron(120, 0, 16)),
        Layer(rng.integers(-7, 8, (12, 10), np.int8), Neuron(20, 0, 16)),
    )
    Network("small", layers, 16, 8, about={"dataset": "mnist"}).save(folder / "small.npz")
    return folder
