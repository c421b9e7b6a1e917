"""Train a network from several seeds: ``python -m yoso_sw.commands.seeds mnist-784-100-10 --seeds 3``.

NET is the name of a configuration in sw/networks, or a TOML file. Accuracies go to ``<name>.seeds.json``
beside it, and into the model card. The network of the configuration's own seed is kept as ``<name>.npz``, and
taken from there where it is trained already; the others are not kept. A seed that is there already is not
trained again, and an interrupted one resumes.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click
import torch

from yoso_sw.commands.train import CHECKPOINTS, ERRORS, check_device, command_of, on_device
from yoso_sw.data import registry
from yoso_sw.data.parts import Data
from yoso_sw.learn import card, spread
from yoso_sw.learn.config import TrainConfig, load_config
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.network import Network, NetworkError
from yoso_sw.network.zoo import locate, names


def _network(config: Path, base: TrainConfig, seed: int, device: str) -> Network:
    """The network of one seed, trained if it is not kept, and before it its teacher of that split."""
    kept, found = config.with_suffix(".npz"), registry.find(base.dataset, config.parent)
    if seed == base.seed and kept.is_file():
        network = Network.load(kept)
        if network.about.get("dataset", found.name) != found.name:
            raise NetworkError(
                f"{kept} was trained on {network.about['dataset']!r}, not on {found.name!r}; "
                "delete it, and it is trained"
            )
        return network
    teacher = None
    if base.teacher and found.source.drawn:
        path = locate(base.teacher)
        teacher = _network(path, load_config(path), seed, device)
    own = dataclasses.replace(base, seed=seed)
    checkpoint = CHECKPOINTS / f"{base.name}.seed{seed}.pt"
    trainer = Trainer(own, Data.load(own, config.parent), checkpoint, device, teacher)
    trainer.run()
    network = trainer.network(command_of(config, device))
    if seed == base.seed:
        network.save(kept)
    return network


def _row(config: Path, base: TrainConfig, seed: int, device: str) -> dict[str, Any]:
    """Accuracies of the network of one seed."""
    about = _network(config, base, seed, device).about
    if missing := [key for key in spread.KEYS[1:] if f"{key}_accuracy" not in about]:
        kept = config.with_suffix(".npz")
        raise NetworkError(f"{kept} does not say its {missing[0]} accuracy; delete it, and it is trained")
    return {"seed": seed} | {key: about[f"{key}_accuracy"] for key in spread.KEYS[1:]}


@click.command(help=__doc__)
@click.argument("net", required=False)
@click.option("--config", help="The same as NET.")
@click.option(
    "--seeds", "count", default=3, show_default=True, type=click.IntRange(1), help="Seeds 1 to this."
)
@on_device
def main(net: str | None, config: str | None, count: int, device: str) -> None:
    chosen = net or config
    if chosen is None:
        raise click.UsageError(f"NET is missing: a TOML file or one of {', '.join(names())}")
    torch.set_num_threads(1)
    try:
        check_device(device)
        path = locate(chosen)
        base, rows = load_config(path), spread.read(path)
        base.check_exports()
        for seed in range(1, count + 1):
            if any(row["seed"] == seed for row in rows):
                continue
            row = _row(path, base, seed, device)
            rows.append(row)
            spread.write(path, rows)
            click.echo(f"{base.name}: {row}")
        if path.with_suffix(".npz").is_file():
            card.write(path)
    except ERRORS as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{base.name}, {spread.describe(rows)}")


if __name__ == "__main__":
    main()
