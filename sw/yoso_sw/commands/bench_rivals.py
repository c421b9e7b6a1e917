"""``yoso bench --rivals``: an epoch of each rule beside snnTorch and SpikingJelly."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from yoso_hw import extras
from yoso_hw.writing import write_whole

from yoso_sw.data.samples import DatasetError

#: Threads that wait sleep, so that they do not take the cores of whose turn it is; read when torch is loaded.
PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}


def beside(
    threads: tuple[int, ...],
    rounds: int,
    names: tuple[str, ...],
    skip: tuple[str, ...],
    page: Path | None,
    folder: Path,
) -> None:
    """Time the rules `names`; the report goes to `folder`, and to `page` as docs have it."""
    os.environ.update(PASSIVE)
    from yoso_sw.rivals import measure
    from yoso_sw.rivals import page as pages
    from yoso_sw.rivals.tasks import NETWORKS, check_installed

    if unknown := [name for name in names if name not in NETWORKS]:
        raise click.UsageError(f"--rules {unknown[0]} is none of {', '.join(NETWORKS)}")
    try:
        check_installed()
    except ImportError as error:
        package = extras.package_of(error)
        if extras.EXTRAS.get(package) != "rivals":
            raise
        raise click.ClickException(extras.advice(package, what="yoso bench --rivals")) from None

    console, rows = Console(), []
    try:
        about = measure.about()
        for count in threads:
            for name in names:
                with console.status(name) as status:
                    say = partial(_say, status, f"{name}, {count} threads")
                    rows.append(measure.measure(name, count, rounds=rounds, skip=skip, advance=say))
                _show(rows[-1], console)
    except DatasetError as error:
        raise click.ClickException(str(error)) from None
    report = {**about, "rows": rows}
    text = json.dumps(report, indent=1) + "\n"
    write_whole(folder / "bench_rivals.json", text)
    write_whole(folder / "bench_rivals.md", pages.page(report))
    if page is not None:
        page.mkdir(parents=True, exist_ok=True)
        write_whole(page / "README.md", pages.page(report))
        write_whole(page / "numbers.json", text)
    console.print(f"written to {folder / 'bench_rivals.json'}", soft_wrap=True)


def _say(status: Any, row: str, way: str) -> None:
    status.update(f"{row}: {way}")


def _show(row: dict[str, Any], console: Console) -> None:
    for library, best in row["fastest"].items():
        console.print(
            f"{row['rule']}, T = {row['steps']}, {row['threads']} threads: {library} ({best['mode']}) takes "
            f"{best['cpu_ratio']} times our CPU time, {best['wall_ratio']} times our wall time",
            soft_wrap=True,
        )
