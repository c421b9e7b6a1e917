"""Training from a program: a configuration or torch modules, and data of any form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yoso_sw.data.memory import data_of
from yoso_sw.data.parts import Data
from yoso_sw.learn.config import ConfigError, TrainConfig
from yoso_sw.learn.config_file import load_config, parse, table_of
from yoso_sw.network.zoo import locate

from yoso.missing import told

if TYPE_CHECKING:
    from yoso_sw.learn.training import Trained


def config(what: Any, **settings: Any) -> TrainConfig:
    """A training configuration, checked.

    Parameters
    ----------
    what
        The name of a committed one, a TOML file, a mapping with a file's keys, or a `TrainConfig`.
    **settings
        Keys in which it is to be another.

    Raises
    ------
    ConfigError, NetworkError
        If there is none, or it is not valid.
    """
    if isinstance(what, str | Path):
        what = load_config(locate(str(what)))
    if isinstance(what, TrainConfig):
        return parse({**table_of(what), **settings}, what.name) if settings else what
    if isinstance(what, dict):
        return parse({**what, **settings}, str(what.get("name", "the configuration")))
    raise ConfigError(
        f"{type(what).__name__} is no configuration; give a name, a TOML file, a mapping or modules"
    )


def train(
    what: Any,
    data: Any = None,
    *,
    checkpoint: str | Path | None = None,
    device: str = "cpu",
    threads: int = 1,
    say: Callable[[str], None] | None = print,
    **settings: Any,
) -> Trained:
    """Train a network; goes on from `checkpoint` where a kill stopped it.

    Parameters
    ----------
    what
        As of `config`; or an ``nn.Sequential`` of a rule's modules (`yoso.nn`), whose weights are trained in
        place, first as floats, then as the chip's integers. `settings` then say the rest of a configuration,
        ``float_epochs`` and ``integer_epochs`` at least.
    data
        The name or path of a data set; None: the one that the configuration names. Or (images, labels), of
        which the seed draws 70 % to train, 10 % to validate and 20 % to test; or a mapping with such a pair
        for "train", "test" and, if wanted, "validation"; or `Data`.
    checkpoint
        A file with the state after the last whole epoch; None: nothing is kept.
    device, threads
        Where torch trains, "cpu" or "cuda", and on how many threads; other ones round otherwise.
    say
        Gets a line an epoch; None: silence.

    Raises
    ------
    yoso.ERRORS
        Whatever `yoso train` would end with, in the same words.
    """
    with told("train"):
        import torch
        from torch import nn
        from yoso_sw.learn import modules
        from yoso_sw.learn.training import train as train_all

        model = None
        if isinstance(what, nn.Module | list | tuple):
            own = {"float_epochs": 0, "integer_epochs": 0, "validation": 1, **settings}
            known = modules.config_of(what, **own)
            model = modules.rule_around(what, known)
        else:
            known = config(what, **settings)
        beside = _folder(what)
        if isinstance(data, str | Path) or data is None:
            if data is not None:
                known = parse({**table_of(known), "dataset": str(data)}, known.name)
            parts = Data.load(known, beside)
        else:
            parts = data if isinstance(data, Data) else data_of(data, known)
        speak = say or (lambda text: None)
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            return train_all(
                known,
                parts,
                checkpoint=None if checkpoint is None else Path(checkpoint),
                device=device,
                command=f"yoso.train({known.name!r})",
                model=model,
                report=lambda epoch: speak(str(epoch)),
            )
        finally:
            torch.set_num_threads(before)


def _folder(what: Any) -> Path | None:
    """The folder of a configuration's file, beside which its data may lie."""
    return locate(str(what)).parent if isinstance(what, str | Path) else None
