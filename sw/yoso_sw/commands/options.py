"""The options that commands share: one word for one thing.

A chip's are in `yoso_hw.chips.options`, a data set's in `yoso_sw.data.options`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from yoso_hw.folders import checked, output_folder

from yoso_sw.network.zoo import names

Command = Callable[..., Any]


def net_option(default: str | None = None, needed: bool = True) -> Callable[[Command], Command]:
    """``NET`` or ``--net NET``: one network, which the command takes as `net`; `default` if none is given.

    Not `needed`: the command takes None as well.
    """

    def give(command: Command) -> Command:
        @wraps(command)
        def wrapped(*, net_word: str | None, net_given: str | None, **own: Any) -> Any:
            if net_word and net_given and net_word != net_given:
                raise click.UsageError(f"{net_word} and --net {net_given}: give one network")
            net = net_word or net_given or default
            if net is None and needed:
                raise click.UsageError(f"NET is missing: a file or one of {', '.join(names())}")
            return command(net=net, **own)

        shown = f"; {default} if not given" if default else ""
        wrapped = click.option(
            "--net", "net_given", metavar="NAME|FILE", help=f"Network, the same as NET{shown}."
        )(wrapped)
        return click.argument("net_word", required=False, metavar="[NET]")(wrapped)

    return give


def nets_option(command: Command) -> Command:
    """``[NET]...``, or ``--net NET`` several times: networks, which the command takes as `nets`."""

    @wraps(command)
    def wrapped(*, net_words: tuple[str, ...], nets_given: tuple[str, ...], **own: Any) -> Any:
        return command(nets=(*net_words, *nets_given), **own)

    wrapped = click.option(
        "--net", "nets_given", multiple=True, metavar="NAME|FILE", help="Network, the same as NET."
    )(wrapped)
    return click.argument("net_words", nargs=-1, metavar="[NET]...")(wrapped)


def images_option(default: int, what: str = "Test images, the first.") -> Callable[[Command], Command]:
    """``--images N``."""
    return click.option("--images", default=default, show_default=True, metavar="N", help=what)


def jobs_option(default: int, what: str = "Processes.") -> Callable[[Command], Command]:
    """``--jobs N``."""
    return click.option(
        "--jobs", default=default, type=click.IntRange(1), show_default=True, metavar="N", help=what
    )


def picture_option(command: Command) -> Command:
    """``--pictures FORMAT``: how a report's picture is written, which the command takes as `pictures`."""
    return click.option(
        "--pictures",
        type=click.Choice(["png", "svg", "pdf"]),
        default="png",
        show_default=True,
        help="Format of the picture; two are vectors.",
    )(command)


def out_option(below: str = "reports") -> Callable[[Command], Command]:
    """``--out DIR``: where reports go, a folder that can be written, which the command takes as `out`."""

    def folder(context: click.Context, option: click.Parameter, given: Path | None) -> Path:
        return output_folder() / below if given is None else checked(given, "give another --out")

    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="DIR",
        callback=folder,
        help=f"Folder of the reports; $YOSO_OUTPUT/{below} if not given (YOSO_OUTPUT: build).",
    )


def file_option(what: str, *flags: str) -> Callable[[Command], Command]:
    """``-o FILE``: what the command makes, which it takes as `output`; None if not given.

    With `flags`, an option of those names.
    """
    flags = flags or ("-o", "--output")

    def file(context: click.Context, option: click.Parameter, given: Path | None) -> Path | None:
        if given is not None and not given.parent.is_dir():
            raise click.ClickException(f"cannot write {given}: there is no folder {given.parent}")
        if given is not None:
            checked(given.parent, f"give another {flags[0]}")
        return given

    return click.option(
        *flags,
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        callback=file,
        help=what,
    )
