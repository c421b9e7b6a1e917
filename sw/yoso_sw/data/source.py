"""What a data set is to the registry: something with parts, of which each can be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from yoso_sw.data.samples import Samples, Shape


@dataclass(frozen=True)
class Resolution:
    """What a network sees of pictures of any size, and of recordings, which are as long as they are.

    Parameters
    ----------
    shape
        Rows and columns, and channels if there are several; None: not known.
    levels
        Bins of a recording; None: not known.
    window
        Microseconds from a recording's start that the bins divide, whatever comes later left out; None: each
        recording up to its last event.
    """

    shape: Shape | None = None
    levels: int | None = None
    window: int | None = None


class Source(Protocol):
    """A data set, a known one or one of the user's own."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Which of `samples.SPLITS` it has; without "validation", some of its training images serve."""

    @property
    def drawn(self) -> bool:
        """Whether the seed draws the test images, so that those of one seed train networks of another."""

    def read(self, part: str, seed: int, resolution: Resolution) -> Samples:
        """One of its parts.

        Parameters
        ----------
        part
            One of `parts`.
        seed
            Of what is drawn, if anything is.
        resolution
            What the network sees; a set whose samples have one form only does not ask.

        Raises
        ------
        DatasetError
            If it is missing, damaged, or needs a shape or levels that are not known.
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
