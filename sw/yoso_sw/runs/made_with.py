"""What a run was made with, as its record has it: networks, chips and data by what they are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from yoso_hw.params import ChipParams

from yoso_sw.data.samples import Samples
from yoso_sw.network.network import Network


def digest_of(path: Path) -> str:
    """The first 16 digits of a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def network_of(path: Path, network: Network) -> dict[str, Any]:
    """A network by its file."""
    seed = network.about.get("seed")
    return {
        "name": network.name,
        "shape": network.shape,
        "file": str(path),
        "digest": digest_of(path),
        **({} if seed is None else {"seed": seed}),
    }


def chip_of(params: ChipParams) -> dict[str, Any]:
    """Every parameter of a chip."""
    return json.loads(params.to_json())


def data_of(samples: Samples) -> dict[str, Any]:
    """Samples by what they hold."""
    return {"name": samples.name, "samples": len(samples), "digest": samples.digest[:16]}


def all_of(path: Path, network: Network, params: ChipParams, samples: Samples) -> dict[str, Any]:
    """What a network's run on a chip is made with."""
    return {"network": network_of(path, network), "chip": chip_of(params), "data": data_of(samples)}
