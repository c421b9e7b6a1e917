"""What the golden model says of one network on the whole test set; kept, since it takes a minute or more."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw.params import ChipParams
from yoso_hw.writing import write_whole
from yoso_sw.data import recorded, registry
from yoso_sw.data.samples import Samples
from yoso_sw.learn.config_file import load_config
from yoso_sw.network import golden
from yoso_sw.network.network import Network

from yoso_sim.build import code_of
from yoso_sim.comparison import latency, noise, rows

#: The modules that shape what is kept.
SHAPED_BY = (
    *(f"yoso_sw.network.{name}" for name in ("golden", "kernel", "sweep", "synapse")),
    *(f"yoso_sim.comparison.{name}" for name in ("latency", "measured", "noise", "rows")),
)


def rule_of(path: Path) -> str:
    """The rule of the configuration beside a network's file; "" if there is none."""
    config = path.with_suffix(".toml")
    return load_config(config).rule if config.is_file() else ""


def raw(network: Network, path: Path) -> np.ndarray | None:
    """The test images before they are coded, uint8 (n, inputs); None for recorded spikes."""
    found = registry.find(str(network.about.get("data", network.about["dataset"])), path.parent)
    inputs = registry.load(found, "test", **recorded.settings(network, path)).inputs
    return inputs if isinstance(inputs, np.ndarray) and inputs.dtype == np.uint8 else None


def network_on_golden(
    network: Network,
    path: Path,
    samples: Samples,
    params: ChipParams,
    folder: Path,
    report: Callable[[str], None],
    curves: int | None = None,
) -> dict[str, Any]:
    """Counts, curves and noise of a network, from `folder` if they are there.

    Parameters
    ----------
    curves
        Images that curves and noise are of, the first ones; None: all.

    Returns
    -------
    `images` and `curve_images`, `counts` (`rows.counts`), `curve` (`latency.curve`), `first_spikes`
    (`latency.first_spikes`; None where no spike decides) and `noise` (`noise.measure`).
    """
    digest = hashlib.sha256(path.read_bytes())
    digest.update(f"{samples.digest} {params.to_json()} {curves}".encode())
    for name in SHAPED_BY:
        digest.update(code_of(inspect.getsource(import_module(name))).encode())
    kept = folder / f"golden-{path.stem}-{digest.hexdigest()[:16]}.json"
    if kept.is_file():
        return json.loads(kept.read_text())
    report("golden model: the whole test set")
    result = golden.run(network, samples.inputs, params=params)
    found: dict[str, Any] = {
        "images": len(samples),
        "curve_images": curves or len(samples),
        "counts": rows.counts(network, result, samples.labels),
        "first_spikes": None,
    }
    if network.decision == "ttfs":
        points = latency.ends(network)
        found["first_spikes"] = latency.first_spikes(result, samples.labels, points)
    del result
    some = samples[:curves]
    report("golden model: fewer steps")
    found["curve"] = latency.curve(network, some.inputs, some.labels)
    report("golden model: disturbed inputs")
    pixels = raw(network, path)
    pixels = pixels if pixels is None else pixels[:curves]

    def coded(given: Samples) -> Samples:
        return recorded.seen(replace(given, name=samples.name), network)

    found["noise"] = noise.measure(network, some, pixels, coded)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(kept, json.dumps(found, indent=1))
    return found
