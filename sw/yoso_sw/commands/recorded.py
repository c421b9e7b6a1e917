"""``--run NAME``: what a command makes is kept in a folder of its own; the latest reports are copies."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import wraps
from pathlib import Path
from typing import Any, cast

import click
from yoso_hw.folders import output_folder
from yoso_hw.writing import write_whole

from yoso_sw.runs import run as runs
from yoso_sw.runs.errors import RunError
from yoso_sw.runs.log import Tee
from yoso_sw.runs.run import NamedRun

Command = Callable[..., Any]

#: Where the command `yoso` notes the words that it was called with.
WORDS = "yoso.words"

#: Parameters that are no setting: where things go, and networks, which are noted by their digest.
_PLACES = ("run_name", "out", "output", "net_word", "net_given", "net_words", "nets_given", "checkpoint")


def runs_folder() -> Path:
    """The folder of all runs."""
    return output_folder() / "runs"


def recorded(own: Sequence[str] = (), latest: bool = True) -> Callable[[Command], Command]:
    """Give a command ``--run NAME`` and the `NamedRun` that it makes, as `run`.

    The command notes what it works on once that is known to be right (`NamedRun.note`), which begins the run,
    and writes its reports to `run.folder`. What is there when it ends, however it ends, is copied to the
    folder of the latest reports, ``--out``, but for those named in `own`, to which the command adds there
    itself; without `latest` nothing is.
    """

    def give(command: Command) -> Command:
        @wraps(command)
        def wrapped(*asked: Any, run_name: str | None, out: Path | None = None, **others: Any) -> Any:
            context = click.get_current_context()
            try:
                run = NamedRun(
                    runs_folder(),
                    context.info_name or "run",
                    tuple(context.meta.get(WORDS, ())),
                    _options(context.params),
                    run_name,
                    out,
                )
            except RunError as error:
                raise click.ClickException(str(error)) from None

            def publish() -> None:
                if latest and run.begun:
                    _publish(run, own)

            return _run(run, lambda: command(*asked, run=run, **others), publish)

        return click.option(
            "--run",
            "run_name",
            metavar="NAME",
            help="Name of this run, under which yoso runs finds it; the command and a number if not given.",
        )(wrapped)

    return give


def _run(run: NamedRun, work: Callable[[], Any], publish: Callable[[], None]) -> Any:
    try:
        with (
            redirect_stdout(cast(Any, Tee(sys.stdout, run.log))),
            redirect_stderr(cast(Any, Tee(sys.stderr, run.log))),
        ):
            done = work()
            publish()
            if run.begun:
                click.echo(f"run {run.name}: {os.path.relpath(run.folder)}")
    except RunError as error:
        raise click.ClickException(str(error)) from None
    except BaseException as error:
        with suppress(OSError):
            publish()
        interrupted = isinstance(error, KeyboardInterrupt) or isinstance(error.__context__, KeyboardInterrupt)
        said = error.format_message() if isinstance(error, click.ClickException) else str(error)
        run.end(runs.INTERRUPTED if interrupted else runs.FAILED, said or type(error).__name__)
        raise
    run.end(runs.FINISHED)
    return done


def _publish(run: NamedRun, own: Sequence[str]) -> None:
    """Copy the reports of a run to the folder of the latest ones."""
    for path in run.reports():
        if path.name not in own:
            run.latest.mkdir(parents=True, exist_ok=True)
            write_whole(run.latest / path.name, path.read_bytes())


def _options(params: dict[str, Any]) -> dict[str, Any]:
    """What a command was asked, in values of JSON."""
    shown = {name: value for name, value in params.items() if name not in _PLACES}
    return {
        name: [*value] if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
        for name, value in shown.items()
    }
