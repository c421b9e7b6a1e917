"""What a training run sees: the three parts of a data set, checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from yoso_sw.data import registry
from yoso_sw.data.augment import Augment
from yoso_sw.data.check import Reader, as_arrays, check
from yoso_sw.data.encoding import RECORDED, coded
from yoso_sw.data.samples import SPLITS, DatasetError, Samples, Shape
from yoso_sw.network.events import Events

#: Images, or spike steps or events, with their labels.
Pair = tuple[Any, np.ndarray]


class Task(Reader, Protocol):
    """What a training configuration says of its data (`learn.config.TrainConfig`)."""

    @property
    def dataset(self) -> str: ...

    @property
    def seed(self) -> int: ...

    @property
    def code(self) -> str: ...

    @property
    def window_us(self) -> int: ...

    @property
    def validation(self) -> int: ...

    @property
    def shape(self) -> Shape | None: ...

    @property
    def augment(self) -> Augment: ...

    @property
    def teacher(self) -> str: ...


def prepared(samples: Samples, part: str, task: Task) -> Samples:
    """A part as training takes it, in the task's code (`coded`).

    Training images that are to be distorted, or that a teacher sees, stay pixels: `Trainer` codes them after
    that. Raises `DatasetError`.
    """
    pixels = isinstance(samples.inputs, np.ndarray) and samples.inputs.dtype == np.uint8
    seen = task.augment != Augment() or task.teacher
    if part == "train" and pixels and seen and task.code not in RECORDED:
        return samples
    return coded(samples, task.name, task.code, task.levels, task.seed)


@dataclass(frozen=True, eq=False)
class Data:
    """Training, validation and test samples.

    Parameters
    ----------
    train, validation, test
        Inputs, uint8 pixels or int16 spike steps (n, inputs) or events of n images, and labels, whole numbers
        (n,). Images of more axes are flattened, lists become arrays.
    record
        What the network is to say of them (`registry.record`).
    tested
        Whether there is a test part; without one nothing is measured on it.
    """

    train: Pair
    validation: Pair
    test: Pair
    record: dict[str, Any] = field(default_factory=dict)
    tested: bool = True

    def __post_init__(self) -> None:
        for part, (images, labels) in self.pairs().items():
            object.__setattr__(self, part, as_arrays(images, labels, part))

    def pairs(self) -> dict[str, Pair]:
        """The parts by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @classmethod
    def split(cls, train: Pair, test: Pair, validation: int) -> Data:
        """Keep the last `validation` training images apart."""
        images, labels = train
        cut = len(images) - validation
        if cut < 1:
            raise DatasetError(f"{len(images)} training images leave none beside validation={validation}")
        return cls((images[:cut], labels[:cut]), (images[cut:], labels[cut:]), test)

    @classmethod
    def load(cls, task: Task, beside: Path | None = None, test: bool = True) -> Data:
        """The data of a configuration; its seed draws the parts of a set that has none of its own.

        `beside` is the folder of the configuration. Without `test` that part is not read. Raises
        `DatasetError` if the set is unknown, missing or damaged, or not for this configuration.
        """
        found = registry.find(task.dataset, beside)
        parts = [
            prepared(
                registry.load(
                    found,
                    part,
                    seed=task.seed,
                    shape=task.shape,
                    levels=task.levels,
                    window=task.window_us or None,
                    validation=task.validation,
                ),
                part,
                task,
            )
            for part in (SPLITS if test else SPLITS[:2])
        ]
        train, validation = parts[:2]
        last = parts[2] if test else train[:0]
        window = {"window_us": task.window_us} if task.window_us else {}
        record = registry.record(found, train.shape) | window
        data = cls(train.pair, validation.pair, last.pair, record, test)
        data.check(task)
        return data

    def check(self, task: Task) -> None:
        """Raise `DatasetError` unless all parts are for this configuration."""
        dataset = self.record.get("dataset", task.dataset)
        for part, (images, labels) in self.pairs().items():
            if part == "test" and not self.tested:
                continue
            check(images, labels, dataset, part, task)
        images = self.train[0]
        if (isinstance(images, Events) or images.dtype != np.uint8) and task.augment != Augment():
            raise DatasetError(
                f"{task.name}: [augment] distorts pixels, and {dataset} in code {task.code} has spike steps; "
                "remove it"
            )
