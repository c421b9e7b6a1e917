"""Finished chunks of a campaign in one small file: another machine, or a later clone, goes on from it.

The file is gzipped JSON: the name of the campaign's folder, which holds a hash of all that shapes the
results, and each chunk's result with its checksum. Only the first chunk keeps its raster, for the picture.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from yoso_hw.writing import write_whole

from yoso_sim.campaign import Campaign
from yoso_sim.job import checksum, chunk_path, write_result


class FinishedError(ValueError):
    """A file is none of finished chunks, or of another campaign's; the message says what to do."""


def take(campaign: Campaign, path: Path) -> int:
    """Put the chunks of a file that are not there yet into the campaign's folder; how many those were.

    Raises
    ------
    FinishedError
        If the file is of another campaign, damaged, or none.
    """
    damaged = FinishedError(f"{path} is no file of finished chunks, or is damaged: name another file")
    try:
        found = json.loads(gzip.decompress(path.read_bytes()))
        name, chunks = found["campaign"], found["chunks"]
        results = {tuple(result["images"]): (result, stored) for result, stored in chunks}
    except (gzip.BadGzipFile, ValueError, KeyError, TypeError, EOFError, zlib.error, RecursionError):
        raise damaged from None
    except OSError as error:
        raise FinishedError(f"results {path} cannot be read: {error.strerror}") from None
    if name != campaign.folder.name:
        raise FinishedError(
            f"{path} holds results of {name}, and this is {campaign.folder.name}: another network, chip, "
            "RTL, set of images, option or version of a tool; name another file"
        )
    if not results.keys() <= {*campaign.chunks} or any(checksum(own) != old for own, old in results.values()):
        raise damaged
    new = results.keys() - campaign.results().keys()
    for chunk in new:
        write_result(chunk_path(campaign.folder, chunk), results[chunk][0])
    return len(new)


def give(campaign: Campaign, path: Path) -> None:
    """Write all finished chunks to a file; it appears whole or not at all."""
    chunks = []
    for chunk, result in campaign.results().items():
        small: dict[str, Any] = {**result, "raster": result["raster"] if chunk[0] == 0 else None}
        chunks.append((small, checksum(small)))
    text = json.dumps({"campaign": campaign.folder.name, "chunks": chunks}, separators=(",", ":"))
    write_whole(path, gzip.compress(text.encode(), mtime=0))
