"""A trained network as the teacher of another: its softmax on the distorted images becomes the labels.

Distillation (Hinton, Vinyals and Dean 2015). The teacher is an integer network of ``sw/networks``, so whoever
has the project has it. One of constant-slope windows, which all committed teachers are, is asked by way of
`bytewise`, on a CPU that has the kernels: the same whole potentials in a tenth of the time.
"""

from __future__ import annotations

import numpy as np
import torch

from yoso_sw.data import registry
from yoso_sw.data.encoding import ENCODERS, RECORDED
from yoso_sw.learn import bytewise, rules
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.errors import TrainingError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate


class Teacher:
    """The teacher that a configuration names.

    Parameters
    ----------
    config
        Of the pupil: its `teacher`, `teacher_weight` and `teacher_temperature`.
    device
        Where the teacher runs.
    network
        The teacher; the one in ``sw/networks`` if not given. Where the seed chooses the split, it must be of
        the pupil's seed: another has seen the pupil's test images.

    Raises
    ------
    ConfigError
        If there is no such network.
    NetworkError, TrainingError
        If its file is damaged, or the pupil's images and classes are not its own, or it has seen the pupil's
        test images, or gives no potentials.
    """

    def __init__(self, config: TrainConfig, device: torch.device, network: Network | None = None) -> None:
        network = network or Network.load(locate(config.teacher, ".npz"))
        path = locate(config.teacher)
        own = load_config(path)
        output = config.layers[-1].neurons
        about = network.about
        temperature = float(about.get("temperature", about.get("unit", 0)))  # its old name
        seed = about.get("seed")
        for wrong, why in (
            (own.dataset != config.dataset, f"was trained on {own.dataset}, not {config.dataset}"),
            (network.inputs != config.inputs, f"sees {network.inputs} pixels, not {config.inputs}"),
            (network.classes != output, f"knows {network.classes} classes, not {output}"),
            (network.decision != "softmax", "decides by spike times; potentials are needed"),
            (
                seed != config.seed and registry.find(own.dataset, path.parent).source.drawn,
                f"has seen test images of split {config.seed}: it was trained on split {seed}; "
                "yoso seeds trains one for each",
            ),
            (own.code == "poisson", "draws the spikes of its pixels, so that its verdicts would be chance"),
            (
                (own.code == "events") != (config.code == "events"),
                f"takes inputs of code {own.code}, not {config.code}",
            ),
            (
                own.code == "events" and (own.levels, own.window_us) != (config.levels, config.window_us),
                f"takes {own.levels} bins of {own.window_us or 'all'} us, not {config.levels} of "
                f"{config.window_us or 'all'}",
            ),
            (not temperature, "does not say the temperature of its softmax; train it again"),
        ):
            if wrong:
                raise TrainingError(f"{config.name}: teacher {config.teacher} {why}")
        self.model = rules.rule_of(own.rule).of(own, network).to(device)
        self.device, self.code, self.levels = device, own.code, own.levels
        fast = device.type == "cpu" and bytewise.available() and bytewise.suits(network)
        self.fast = bytewise.Bytewise(network) if fast else None
        self.weight = config.teacher_weight
        self.temperature = temperature * config.teacher_temperature

    def __call__(self, images: np.ndarray, labels: torch.Tensor) -> torch.Tensor:
        """Soft labels (n, classes) of images with the labels (n,) that they came with.

        Images are pixels, uint8 (n, inputs), which it codes as its own, or recorded spikes.
        """
        return self.mixed(self.verdicts(images), labels)

    def verdicts(self, images: np.ndarray) -> torch.Tensor:
        """The teacher's softmax, (n, classes)."""
        with torch.no_grad():
            potentials = self.potentials(images) if self.fast is None else self.fast(images)
        return (potentials / self.temperature).softmax(dim=1)

    def mixed(self, soft: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Verdicts beside the labels, by their weights."""
        given = torch.nn.functional.one_hot(labels, soft.shape[1])
        return self.weight * soft + (1 - self.weight) * given

    def potentials(self, images: np.ndarray) -> torch.Tensor:
        """V of the outputs, (n, classes), by the rule's own forward pass."""
        own = images if self.code in RECORDED else ENCODERS[self.code](images, self.levels, 0, 0)
        inputs = self.model.encode(own).to(self.device)
        return torch.cat([self.model(part)[-1].potentials for part in inputs.split(256)])


class Kept:
    """A teacher that is asked once for each image of each of `copies`, and remembers.

    Potentials are whole, so a verdict does not depend on the images beside it, and a training that was killed
    asks again for the same.
    """

    def __init__(self, teacher: Teacher, images: int) -> None:
        self.teacher, self.images = teacher, images
        self._soft: dict[int, torch.Tensor] = {}
        self._known: dict[int, np.ndarray] = {}

    def __call__(
        self, copy: int, which: np.ndarray, images: np.ndarray, labels: torch.Tensor
    ) -> torch.Tensor:
        """As `Teacher`, of the images `which` of a copy."""
        known = self._known.setdefault(copy, np.zeros(self.images, bool))
        new = np.flatnonzero(~known[which])
        if len(new):
            soft = self.teacher.verdicts(images[new])
            if copy not in self._soft:
                self._soft[copy] = soft.new_empty(self.images, soft.shape[1])
            self._soft[copy][torch.from_numpy(which[new]).to(soft.device)] = soft
            known[which[new]] = True
        own = self._soft[copy]
        return self.teacher.mixed(own[torch.from_numpy(which).to(own.device)], labels)
