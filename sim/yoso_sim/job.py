"""What one simulator process is asked to do, and what it answers, as files.

A job is a list of chunks of images. Each chunk's result is a file of its own that appears whole or not at
all; its name says which images it holds, so a result can neither be lost by a kill nor be counted twice.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from yoso_hw.writing import write_whole

#: Chunks of a watched run, the first, of which an image is kept step by step: what a page can show.
DETAILED = 10


@dataclass(frozen=True)
class Job:
    """The work of one simulator process.

    Parameters
    ----------
    network
        Path of the network's file, for the golden model.
    image
        Path of the weight image, for the chip (docs/weight-image.md).
    samples
        Path of the images and labels to run (`yoso_sw.data.samples.Samples.save`).
    chunks
        (first, stop) ranges of them.
    folder
        Where results go.
    owner
        Process id of the parent; the job ends after the chunk in which the parent dies.
    early_exit
        Whether images end at their deciding step.
    stall_in, stall_out
        Chances in 256, as in `yoso_sim.link.Link`.
    keep
        Whether spikes of every image are kept too (`yoso_sim.running.recorded`), and the layers whose V and A
        are read back after each image: None, nothing; else their numbers.
    watched
        Whether the chip was built as `yoso_sim.watch.WATCHED`, and results shall hold what the watch saw.
    """

    network: str
    image: str
    samples: str
    chunks: tuple[tuple[int, int], ...]
    folder: str
    owner: int
    early_exit: bool = True
    stall_in: int = 0
    stall_out: int = 0
    keep: tuple[int, ...] | None = None
    watched: bool = False

    def detailed(self, chunk: tuple[int, int]) -> bool:
        """Whether the result of a chunk shall hold its first image step by step: so do `DETAILED` of them."""
        size = max(stop - first for first, stop in self.chunks)
        return chunk[0] < DETAILED * size

    def save(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Job:
        values = json.loads(path.read_text())
        values["chunks"] = tuple((first, stop) for first, stop in values["chunks"])
        values["keep"] = None if values["keep"] is None else tuple(values["keep"])
        return cls(**values)


def chunk_path(folder: Path, chunk: tuple[int, int]) -> Path:
    """The result file of one chunk."""
    return folder / f"images-{chunk[0]:06d}-{chunk[1]:06d}.json"


def recorded_path(folder: Path, chunk: tuple[int, int]) -> Path:
    """What is kept of one chunk's images beside its result."""
    return chunk_path(folder, chunk).with_suffix(".npz")


def write_json(path: Path, value: Any) -> None:
    """Write JSON; the file appears whole or not at all."""
    write_whole(path, json.dumps(value))


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write a result that a later run may take up, with its checksum."""
    write_json(path, {"checksum": checksum(result), "result": result})


def read_result(path: Path) -> dict[str, Any] | None:
    """What `write_result` wrote, or None if it is not there or is not whole."""
    try:
        found = json.loads(path.read_text())
        result = found["result"]
        return result if isinstance(result, dict) and found["checksum"] == checksum(result) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def checksum(result: Any) -> int:
    """Of a result, whatever the order of its keys."""
    return zlib.crc32(json.dumps(result, sort_keys=True).encode())


def read_chunk(folder: Path, chunk: tuple[int, int]) -> dict[str, Any] | None:
    """The result of a chunk, or None if it is not there, not whole or, by what it says itself, another's."""
    result = read_result(chunk_path(folder, chunk))
    if result is None or result.get("images") != list(chunk):
        return None
    return result if len(result.get("labels", ())) == chunk[1] - chunk[0] else None
