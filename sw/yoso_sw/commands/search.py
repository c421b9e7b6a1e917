"""Search thresholds, windows, bits and rates of a training by its validation images.

NET is a training configuration with a table [search] that says what varies. Trials are kept as they are
finished: a search that was interrupted goes on with the same command, and is the same. The test set is never
read; train the best configuration, which is written beside the report, to measure it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from yoso_hw import drawing
from yoso_hw.folders import output_folder
from yoso_hw.writing import write_whole

from yoso_sw.commands.options import net_option, out_option, picture_option
from yoso_sw.commands.train import ERRORS
from yoso_sw.data import registry
from yoso_sw.learn.config_file import load_table
from yoso_sw.learn.curve import Epoch
from yoso_sw.network.zoo import locate
from yoso_sw.search import space as spaces


@click.command(help=__doc__)
@net_option()
@click.option("--trials", type=click.IntRange(1), metavar="N", help="Trials in all, in place of [search]'s.")
@click.option("--restart", is_flag=True, help="Forget what an earlier search has done.")
@picture_option
@out_option()
def main(net: str, trials: int | None, restart: bool, pictures: str, out: Path) -> None:
    console = Console(highlight=False)
    try:
        path = locate(net)
        space = spaces.read(load_table(path), str(path))
        if trials is not None:
            space = dataclasses.replace(space, trials=trials)
        folder = output_folder() / "search" / path.stem
        if restart:
            shutil.rmtree(folder, ignore_errors=True)
        _search(space, folder, path, out, pictures, console)
    except ERRORS as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; the same command goes on where it was") from None


def _search(
    space: spaces.Space, folder: Path, path: Path, out: Path, pictures: str, console: Console
) -> None:
    import torch

    from yoso_sw.search import show
    from yoso_sw.search.study import Search, SearchError, Trial

    torch.set_num_threads(1)
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TimeElapsedColumn(), TimeRemainingColumn()),
    )
    try:
        search = Search(space, folder, path.parent)
        with search.alone(), Progress(*columns, console=console) as progress:
            done = len(search.trials)
            if done:
                console.print(f"{done} of {space.trials} trials are done already")
            all_of_it = progress.add_task("trials", total=space.trials, completed=done)
            one_of_them = progress.add_task("epochs of the trial")

            def report(trial: Trial) -> None:
                chosen = ", ".join(f"{key}={show.plain(value)}" for key, value in trial.values.items())
                came = ", ".join(
                    f"{name} {trial.figures[name]:,g}" for name in space.objectives if trial.figures
                )
                console.print(
                    f"trial {trial.number}: {chosen}: {came or 'refused: ' + trial.refused}",
                    soft_wrap=True,
                    markup=False,
                )
                progress.advance(all_of_it)
                progress.reset(one_of_them)

            def tick(config: spaces.TrainConfig, epoch: Epoch) -> None:
                total = config.float_epochs + config.integer_epochs
                progress.update(one_of_them, total=total, completed=epoch.number)

            search.run(space.trials, report, tick)
    except SearchError as error:
        raise click.ClickException(str(error)) from None
    found, best = search.trials, search.best
    if not best:
        raise click.ClickException(f"all {len(found)} trials are refused, the last so: {found[-1].refused}")
    several = len(space.objectives) > 1
    console.print(show.table(space, best))
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "search.json", json.dumps(show.report(space, found, best), indent=1) + "\n")
    write_whole(out / "search.md", show.markdown(space, found, best, f"search.{pictures}"))
    drawing.save(show.draw(space, found, best), out / f"search.{pictures}")
    console.print(f"[dim]{os.path.relpath(out / 'search')}.json, .md, .{pictures}")
    for place, trial in enumerate(best, 1):
        config = space.config(trial.values)
        own = registry.find(config.dataset, path.parent).place
        name = f"{path.stem}-best-{place}" if several else f"{path.stem}-best"
        config = dataclasses.replace(config, name=name)
        said = ", ".join(f"{key} {value:,g}" for key, value in trial.figures.items())
        comment = f"Trial {trial.number} of {len(found)} of a search of {path.name}: {said} (validation)."
        dataset = config.dataset if own is None else str(own.resolve())
        write_whole(folder / f"{name}.toml", show.toml(config, dataset, comment))
        console.print(f"yoso train {os.path.relpath(folder / name)}.toml", soft_wrap=True)
