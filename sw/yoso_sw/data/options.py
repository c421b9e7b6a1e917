"""The options by which commands name a data set."""

from __future__ import annotations

import click

data_option = click.option(
    "--data",
    metavar="NAME|PATH",
    help="Data set: name of a known one, path of your own; else the one that the network records.",
)

other_data_option = click.option(
    "--other-data",
    is_flag=True,
    help="--data is another set than the network records, and meant to be.",
)
