"""Train a network from several seeds.

NET is the name of a committed configuration, or a TOML file. Accuracies go to ``<name>.seeds.json``
beside it, and into the model card. The network of the configuration's own seed is kept as ``<name>.npz``, and
taken from there where it is trained already; the others are not kept. A seed that is there already is not
trained again, and an interrupted one resumes.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import click
from yoso_hw.folders import checked

from yoso_sw.commands.options import net_option
from yoso_sw.commands.train import ERRORS, checkpoints, command_of, on_device
from yoso_sw.data import registry
from yoso_sw.data.parts import Data
from yoso_sw.learn import card, dead, spread
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.config_file import load_config
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import home, locate


def in_own_folder(config: Path) -> Path:
    """The configuration where its networks may be written: a copy of one that the package carries."""
    own = home(config) / config.name
    if home(config) != config.parent and not own.exists():
        shutil.copyfile(config, own)
    return own


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
    from yoso_sw.learn.training import train  # needs torch

    own = dataclasses.replace(base, seed=seed)
    checkpoint = checkpoints() / f"{base.name}.seed{seed}.pt"
    data, command = Data.load(own, config.parent), command_of(config, device)
    trained = train(own, data, checkpoint=checkpoint, device=device, command=command, teacher=teacher)
    assert trained.network is not None  # the configuration exports
    network = trained.network
    if seed == base.seed:
        network.save(kept)
    return network


def _row(config: Path, base: TrainConfig, seed: int, device: str) -> dict[str, Any]:
    """Accuracies of the network of one seed."""
    about = _network(config, base, seed, device).about
    if missing := [key for key in spread.KEYS[1:] if f"{key}_accuracy" not in about]:
        kept = config.with_suffix(".npz")
        raise NetworkError(f"{kept} does not say its {missing[0]} accuracy; delete it, and it is trained")
    if silent := dead.text(about.get("silent_layers", [])):
        click.echo(f"warning: {base.name}, seed {seed}: {silent}: {dead.REMEDY}")
    return {"seed": seed} | {key: about[f"{key}_accuracy"] for key in spread.KEYS[1:]}


@click.command(help=__doc__)
@net_option()
@click.option(
    "--seeds", "count", default=3, show_default=True, type=click.IntRange(1), help="Seeds 1 to this."
)
@on_device
def main(net: str, count: int, device: str) -> None:
    try:
        path = in_own_folder(locate(net))
        checked(path.parent, "copy the configuration to a folder of your own")
        checkpoints()
        import torch

        from yoso_sw.learn.training import check_device

        torch.set_num_threads(1)
        check_device(device)
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
