"""Small contents of files, for the tests of their readers."""

from pathlib import Path

import numpy as np
from yoso_sw.data.parts import Data
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron


def dense_network() -> Network:
    weights = np.arange(12, dtype=np.int8).reshape(4, 3) - 5
    return Network("dense", (Layer(weights, Neuron(7, 0, 8)),), 8, 8)


CONFIG = TrainConfig(
    "tiny", (LayerConfig(2, NeuronConfig(end=8)),), 8, 8, 1, 1, batch_size=4, validation=4, inputs=6, rows=2
)


def tiny_data() -> Data:
    rng = np.random.default_rng(1)
    part = rng.integers(0, 256, (8, 6)).astype(np.uint8), rng.integers(0, 2, 8).astype(np.uint8)
    return Data(part, part, part)


def train(path: Path) -> None:
    Trainer(CONFIG, tiny_data(), path).run()


RESULT = {"images": [0, 3], "labels": [1, 2, 3], "seconds": 0.25, "notes": ["é"], "counters": [[0, 1 << 40]]}
