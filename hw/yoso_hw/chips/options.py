"""The options by which commands name a chip: ``--chip NAME|FILE`` and ``--set NAME=VALUE``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from yoso_hw import chips

set_option = click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change one chip parameter, lanes=1."
)


def chip_option(default: str | None = chips.DEFAULT) -> Callable[..., Any]:
    """``--chip``; None as its default leaves the choice to the command."""
    return click.option(
        "--chip",
        default=default,
        show_default=default is not None,
        metavar="NAME|FILE",
        help=f"Chip: {', '.join(chips.names())}, or a file of your own.",
    )
