"""Train a network from several seeds: ``python -m yoso_sw.seeds --config sw/networks/<name>.toml``.

Accuracies go to ``<name>.seeds.json`` beside the configuration. The network of the configuration's own seed
is kept as ``<name>.npz``, and taken from there where it is trained already; the others are not kept. A seed
that is there already is not trained again, and an interrupted one resumes.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
from pathlib import Path
from typing import Any

import click
import torch

from yoso_sw.config import ConfigError, TrainConfig, load_config
from yoso_sw.idx import DatasetError
from yoso_sw.model import TrainingError
from yoso_sw.network import Network, NetworkError
from yoso_sw.trainer import Data, Trainer


def path_of(config: Path) -> Path:
    """Where the accuracies of a configuration's seeds are kept."""
    return config.with_suffix(".seeds.json")


def read(config: Path) -> list[dict[str, Any]]:
    """Rows ``seed, float, golden, validation`` (per cent) of the seeds that are trained; none if none is."""
    path = path_of(config)
    return json.loads(path.read_text()) if path.is_file() else []


def describe(rows: list[dict[str, Any]]) -> str:
    """Mean and spread (sample standard deviation) of the golden accuracies."""
    golden = [row["golden"] for row in rows]
    spread = statistics.stdev(golden) if len(golden) > 1 else 0.0
    return f"{len(golden)} seeds: {statistics.mean(golden):.2f} +- {spread:.2f} % on the golden model"


def _about(config: Path, base: TrainConfig, seed: int) -> dict[str, Any]:
    """What is known of the network of one seed, which is trained if it is not kept."""
    kept = config.with_suffix(".npz")
    if seed == base.seed and kept.is_file():
        return Network.load(kept).about
    own = dataclasses.replace(base, seed=seed)
    trainer = Trainer(own, Data.load(own), Path("build/train") / f"{base.name}.seed{seed}.pt")
    trainer.run()
    network = trainer.network(f"python -m yoso_sw.train --config sw/networks/{config.name}")
    if seed == base.seed:
        network.save(kept)
    return network.about


@click.command(help=__doc__)
@click.option(
    "--config", required=True, type=click.Path(path_type=Path), help="TOML file; its own seed is not used."
)
@click.option(
    "--seeds", "count", default=3, show_default=True, type=click.IntRange(1), help="Seeds 1 to this."
)
def main(config: Path, count: int) -> None:
    torch.set_num_threads(1)
    try:
        base, rows = load_config(config), read(config)
        for seed in range(1, count + 1):
            if any(row["seed"] == seed for row in rows):
                continue
            about = _about(config, base, seed)
            row = {"seed": seed}
            row |= {key: about[f"{key}_accuracy"] for key in ("float", "golden", "validation")}
            rows.append(row)
            path_of(config).write_text(json.dumps(rows, indent=1) + "\n")
            click.echo(f"{base.name}: {row}")
    except (ConfigError, TrainingError, DatasetError, NetworkError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{base.name}, {describe(rows)}")


if __name__ == "__main__":
    main()
