"""What every figure has in common: where it is written, how it looks, how it says what made it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
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
from yoso_hw.extras import advice
from yoso_hw.writing import write_whole

COMMAND = "yoso figures"

#: Two colours that stay apart in grey and for the colour-blind: the paper's neuron and its baseline.
COLOURS = {"rel": "#0072b2", "alpha": "#d55e00"}


class FigureError(RuntimeError):
    """A figure cannot be drawn; the message says what is missing and which command makes it."""


def command_line() -> str:
    """The running command with those of its options that were given, but for where and how fast it works."""
    context = click.get_current_context()
    words = [COMMAND, str(context.info_name)]
    for option in context.command.params:
        given = context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
        if given and option.name not in ("out", "jobs", "restart", "pictures"):
            value = context.params[str(option.name)]
            values = value if isinstance(value, tuple) else (value,)
            prefix = [option.opts[0]] if isinstance(option, click.Option) else []
            words += [word for each in values for word in (*prefix, str(each))]
    return " ".join(words)


def pyplot() -> Any:
    """matplotlib's pyplot, drawing into files. Raises `FigureError` where matplotlib is not installed."""
    try:
        return drawing.pyplot()
    except ImportError:
        raise FigureError(advice("matplotlib")) from None


def write(
    out: Path,
    name: str,
    caption: str,
    settings: dict[str, Any],
    numbers: Any,
    drawn: Any,
    pictures: str = "png",
) -> None:
    """Write <name>.png and <name>.json, the latter whole or not at all.

    Parameters
    ----------
    caption
        What the picture shows, how much of the paper's experiment ran, what is our choice.
    settings, numbers
        What went in and what came out; JSON's types.
    drawn
        The figure; None: no picture.
    pictures
        Its format, which is its suffix.
    """
    out.mkdir(parents=True, exist_ok=True)
    if drawn is not None:
        drawing.save(drawn, out / f"{name}.{pictures}")
    report = {
        "figure": name,
        "command": command_line(),
        "caption": caption,
        "settings": settings,
        "numbers": numbers,
    }
    write_whole(out / f"{name}.json", json.dumps(report, indent=1) + "\n")


def progress(console: Console) -> Progress:
    """A progress bar with the time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
