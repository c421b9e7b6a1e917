"""A package that is not installed is one line that says what to type, in a notebook as in a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from yoso_hw import extras


class MissingError(ImportError):
    """A package is not installed; the message says what to type."""


@contextmanager
def told(backend: str) -> Iterator[None]:
    """Name the extra that brings what an import missed, the one of `backend` first."""
    try:
        yield
    except MissingError:
        raise
    except ImportError as error:
        package = extras.package_of(error)
        if not package:
            raise
        extra = {"rtl": "sim", "board": "board", "train": "train"}.get(backend, "")
        raise MissingError(extras.advice(package, extra, "yoso")) from None
