"""The option by which commands name a board: ``--board NAME|FILE``."""

from __future__ import annotations

import click

from yoso_hw import boards

board_option = click.option(
    "--board",
    default=boards.DEFAULT,
    show_default=True,
    metavar="NAME|FILE",
    help=f"Board: {', '.join(boards.names())}, or a file that describes yours.",
)
