"""A trained network as a teacher: its softened opinion of an image is a second label (Hinton et al. 2015).

The teacher is a spiking network of this project, its integers as the chip would run them, and sees the same
distorted image as its pupil.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from yoso_sw.config import TrainConfig, load_config, locate
from yoso_sw.encoding import spike_steps
from yoso_sw.model import Model
from yoso_sw.modules import TrainingError, input_times
from yoso_sw.network import Network


def scores_of(model: Model, images: np.ndarray) -> torch.Tensor:
    """A model's scores (n, classes) of images, uint8 (n, pixels), without a gradient."""
    with torch.no_grad():
        times = input_times(spike_steps(images, model.config.levels)).to(model.device)
        return model.scores(model(times))


def calibrate(scores: torch.Tensor, labels: np.ndarray) -> float:
    """The unit that makes scores the most likely log-odds of the labels (Guo et al. 2017).

    Of units a factor of 2^(1/4) apart, between a 64th of the scores' deviation and 16 times it.
    """
    targets = torch.from_numpy(labels.astype(np.int64)).to(scores.device)
    units = [float(scores.std()) * 2 ** (step / 4) for step in range(-24, 17)]
    return min(units, key=lambda unit: float(functional.cross_entropy(scores / unit, targets)))


@dataclass(frozen=True, eq=False)
class Teacher:
    """What a teacher thinks of images, and how far a pupil is from it.

    Parameters
    ----------
    model
        The teacher, in its integer phase.
    unit
        What its scores are divided by to be log-odds: the scale of integer potentials is arbitrary.
    share
        Part of the loss that is the teacher's, 0..1; the labels have the rest.
    soften
        Both softmaxes' temperature, 1 or more.
    """

    model: Model
    unit: float
    share: float
    soften: float

    @classmethod
    def of(cls, pupil: TrainConfig, images: np.ndarray, labels: np.ndarray) -> Teacher:
        """The trained network that teaches `pupil`, its scores calibrated on these images.

        Raises
        ------
        ConfigError, NetworkError
            If there is none, or it is not trained, or a file is damaged.
        TrainingError
            If the network is not one of its configuration, sees other images or knows other classes.
        """
        path = locate(pupil.teacher.network)
        own = load_config(path)
        for name, ours, wanted in (
            ("dataset", own.dataset, pupil.dataset),
            ("inputs", own.inputs, pupil.inputs),
            ("classes", own.layers[-1].neurons, pupil.layers[-1].neurons),
        ):
            if ours != wanted:
                raise TrainingError(
                    f"{own.name} cannot teach {pupil.name}: its {name} is {ours}, not {wanted}"
                )
        model = Model.of(own, Network.load(path.with_suffix(".npz")))
        unit = calibrate(scores_of(model, images), labels)
        return cls(model, unit, pupil.teacher.share, pupil.teacher.soften)

    def opinions(self, images: np.ndarray) -> torch.Tensor:
        """Softened probabilities (n, classes) of images, uint8 (n, pixels)."""
        return (scores_of(self.model, images) / (self.unit * self.soften)).softmax(dim=1)

    def loss(self, scores: torch.Tensor, opinions: torch.Tensor, labelled: torch.Tensor) -> torch.Tensor:
        """The pupil's loss: `labelled`, and the cross-entropy to the teacher's opinions.

        The square of the temperature keeps the size of the gradient (Hinton et al. 2015, section 2).
        """
        apart = functional.cross_entropy(scores / self.soften, opinions) * self.soften**2
        return (1 - self.share) * labelled + self.share * apart
