"""First weights that tell the classes apart: ridge regression of the classes on the input spikes.

With many more axons than training images, random first weights leave most of what is in them to chance:
training ends when its images are told apart, and what it has not turned stays as it was drawn. Ridge
regression (Hoerl and Kennard 1970) is the smallest set of weights that does the same. Training starts from it
and sees distorted images as ever. That, and the output layer's part, are our choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from yoso_sw.data.encoding import spike_steps
from yoso_sw.learn.config import TrainConfig
from yoso_sw.network.network import NEVER

if TYPE_CHECKING:
    from yoso_sw.learn.rule import Rule


def begin(model: Rule[Any], config: TrainConfig, images: np.ndarray, labels: np.ndarray) -> None:
    """Change the first weights of a model of one hidden layer, as `config.ridge_penalty` says.

    Hidden neuron j sides with class j mod classes: `directions` for that class, times the layer's `std`, is
    added to its weights. An output neuron's weight is `mean` + `std` for hidden neurons of its class,
    `mean` - `std` for the others, and its bias 0.

    Parameters
    ----------
    images, labels
        The training images, uint8 (n, inputs), and their classes (n,). Where `config.augment` has mirrored
        images, theirs count as well.
    """
    hidden, output = model.chain
    first, last = config.layers
    classes = np.arange(output.neurons)
    sides = np.arange(hidden.neurons) % len(classes)
    if config.augment.mirror:
        pictures = images.reshape(len(images), config.rows, -1, config.channels)
        images = np.concatenate([images, pictures[:, :, ::-1].reshape(images.shape)])
        labels = np.concatenate([labels, labels])
    steps = spike_steps(images, config.levels)
    ages = np.where(steps == NEVER, 0, config.levels - steps).astype(np.float32) / config.levels
    towards = directions(ages, np.eye(len(classes))[labels], config.ridge_penalty)[:, sides]
    own = np.where(sides[:, None] == classes, 1, -1)
    with torch.no_grad():
        hidden.weight[: config.inputs] += torch.from_numpy(first.std * towards).to(hidden.weight)
        output.weight.zero_()  # a bias by chance would favour a class
        output.weight[: hidden.neurons] = torch.from_numpy(last.mean + last.std * own).to(output.weight)


def directions(ages: np.ndarray, targets: np.ndarray, penalty: float) -> np.ndarray:
    """Ridge regression's weights (inputs, classes), brought to a mean square of one for each class.

    Of min |Y - X W|^2 + penalty m |W|^2, where X are the ages less each image's mean and then each axon's, Y
    the targets less their mean, and m the mean of X's squared rows. What all pixels of an image have in
    common, its brightness, thus plays no part. A class without any such weights keeps zeros.

    Parameters
    ----------
    ages
        How long each input spike has acted, float32 (n, inputs), 0 for silent.
    targets
        1 for an image's class, else 0; (n, classes).
    penalty
        In squared lengths of a mean image; positive.
    """
    inputs = ages - ages.mean(1, keepdims=True)
    inputs -= inputs.mean(0)
    targets = targets - targets.mean(0)
    diagonal = max(penalty * np.square(inputs).sum() / len(inputs), np.finfo(np.float32).tiny)

    def solve(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
        return np.linalg.solve(gram.astype(np.float64) + diagonal * np.eye(len(gram)), right)

    if len(inputs) < inputs.shape[1]:  # the smaller of two systems with the same solution
        weights = inputs.T @ solve(inputs @ inputs.T, targets)
    else:
        weights = solve(inputs.T @ inputs, inputs.T @ targets)
    size = np.sqrt(np.square(weights).mean(0))
    return weights / np.where(size > 0, size, 1)
