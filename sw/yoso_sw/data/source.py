"""What a data set is to the registry: something with parts, of which each can be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from yoso_sw.data.samples import Samples, Shape


class Source(Protocol):
    """A data set, a known one or one of the user's own."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Which of `samples.SPLITS` it has; without "validation", some of its training images serve."""

    @property
    def drawn(self) -> bool:
        """Whether the seed draws the test images, so that those of one seed train networks of another."""

    def read(self, part: str, seed: int, shape: Shape | None) -> Samples:
        """One of its parts.

        Parameters
        ----------
        part
            One of `parts`.
        seed
            Of what is drawn, if anything is.
        shape
            Rows and columns that the network sees, for pictures that come in any size; None: not known.

        Raises
        ------
        DatasetError
            If it is missing, damaged, or needs a shape.
        """


@dataclass(frozen=True)
class Facts:
    """What a model card says of a data set.

    Parameters
    ----------
    content, use, limits
        What its images show; what a network of it may be used for; what it must not be taken for.
    split
        How it is divided, in words; "": the last training images validate.
    train, test
        Images of its own parts; 0: not known.
    """

    content: str
    use: str
    limits: str
    split: str = ""
    train: int = 0
    test: int = 0


#: Of a data set of the user's own.
UNKNOWN = Facts(
    "its own images",
    "a benchmark on this data set",
    "Other data were not measured.",
    "the set's own parts, or drawn from the seed (docs/data.md)",
)


class Known(Source, Protocol):
    """A public data set, known by its name."""

    @property
    def facts(self) -> Facts:
        """For model cards."""

    def where(self) -> Path | None:
        """Where it lies on this machine; None if it is to be fetched or brought."""
