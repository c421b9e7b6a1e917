"""Look at data: which sets there are, what one holds, and what is wrong with one of one's own."""

from __future__ import annotations

from collections.abc import Iterator

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from yoso_sw.data import registry
from yoso_sw.data.recorded import shape_of
from yoso_sw.data.samples import SPLITS, DatasetError, Samples, Shape
from yoso_sw.network.network import NEVER, Network, NetworkError
from yoso_sw.network.zoo import locate


def known_sets(console: Console) -> None:
    """Print the known sets and the places where sets are looked for by name."""
    table = Table("set", "what", "train", "test", "where", box=None)
    for name, known in registry.KNOWN.items():
        counts = (f"{count:,}" if count else "drawn" for count in (known.facts.train, known.facts.test))
        where = known.where()
        content = known.facts.content.partition(": ")[2] or known.facts.content
        table.add_row(name, content, *counts, "not here yet" if where is None else str(where))
    console.print(table)
    console.print(f"looked for in {', '.join(map(str, registry.folders()))}", soft_wrap=True)
    console.print(f"your own by path: {registry.FORMS} (docs/data.md)", soft_wrap=True)


def parts_of(found: registry.Found, shape: Shape | None) -> dict[str, Samples]:
    """Every part of a set, as it is read. Raises `DatasetError`."""
    names = [part for part in SPLITS if part in found.source.parts]
    return {part: registry.load(found, part, shape=shape) for part in names}


def doubts(parts: dict[str, Samples]) -> Iterator[str]:
    """What can be read and yet is hardly meant, in words."""
    classes = {part: set(samples.labels.tolist()) for part, samples in parts.items()}
    every = set().union(*classes.values())
    if gaps := set(range(max(every, default=0))) - every:
        yield f"no sample has label {', '.join(map(str, sorted(gaps)))}: classes are numbered from 0"
    for part, own in classes.items():
        if missing := every - own:
            yield f"{part} has no sample of class {', '.join(map(str, sorted(missing)))}"
    for part, samples in parts.items():
        silent = 0 if samples.inputs.dtype == np.uint8 else NEVER
        if empty := int((samples.inputs == silent).all(axis=1).sum()):
            yield f"{part}: {empty} samples have no input at all"
        if samples.inputs.dtype == np.uint8 and len(samples) and samples.inputs.max() <= 1:
            yield f"{part}: no pixel is above 1; pixels are 0..255"
    if "train" in parts and "test" in parts:
        seen = {row.tobytes() for row in parts["train"].inputs}
        if twice := sum(row.tobytes() in seen for row in parts["test"].inputs):
            yield f"{twice} test samples are training samples too"


def show(found: registry.Found, parts: dict[str, Samples], console: Console) -> None:
    """Print what a set holds."""
    table = Table("part", "samples", "of each class", "inputs", "SHA-256", box=None)
    for part, samples in parts.items():
        counts = np.bincount(samples.labels, minlength=0)
        each = ", ".join(map(str, counts[:10])) + (
            f" and {len(counts) - 10} more" if len(counts) > 10 else ""
        )
        kind = "pixels" if samples.inputs.dtype == np.uint8 else "spike steps"
        sides = " x ".join(map(str, samples.shape or samples.inputs.shape[1:]))
        table.add_row(part, f"{len(samples):,}", each, f"{sides} {kind}", samples.digest[:16])
    known = registry.KNOWN.get(registry.family(found.name))
    where = found.place or (known.where() if known else None)
    classes = max((int(samples.labels.max()) + 1 for samples in parts.values() if len(samples)), default=0)
    console.print(f"{found.name}: {classes} classes, {where}", soft_wrap=True, markup=False)
    console.print(table)
    if "validation" not in parts:
        console.print("no validation part: the last training samples validate (docs/data.md)")


@click.command()
@click.argument("word", required=False, metavar="[NAME|PATH]")
@click.option("--data", metavar="NAME|PATH", help="Data set, the same as the argument.")
@click.option("--net", metavar="NAME|FILE", help="Trained network that is to see it.")
@click.option("--shape", metavar="ROWSxCOLS", help="Rows and columns, for pictures of any size; 28x28.")
def main(word: str | None, data: str | None, net: str | None, shape: str | None) -> None:
    """List the data sets, or look at one: what it holds, where it was found, and what is wrong with it.

    With --net, also whether it suits that network. How to write a set of your own is in docs/data.md.
    """
    console = Console(highlight=False)
    console.width = max(console.width, 110)
    chosen = word or data
    if chosen is None:
        known_sets(console)
        return
    try:
        sides = None if shape is None else sides_of(shape)
        path = None if net is None else locate(net, ".npz")
        network = None if path is None else Network.load(path)
        found = registry.find(chosen, None if path is None else path.parent)
        if network is not None and path is not None:
            sides = sides or shape_of(network, path)
        parts = parts_of(found, sides)
        show(found, parts, console)
        if network is not None:
            for part, samples in parts.items():
                registry.check(samples.inputs, samples.labels, found.name, part, network)
            console.print(f"suits {network.name}", markup=False)
    except (DatasetError, NetworkError) as error:
        raise click.ClickException(str(error)) from None
    for doubt in doubts(parts):
        console.print(f"note: {doubt}", soft_wrap=True, markup=False)


def sides_of(text: str) -> Shape:
    """Rows and columns of ``28x28``. Raises `click.BadParameter`."""
    words = text.split("x")
    if len(words) != 2 or not all(word.isdecimal() and int(word) > 0 for word in words):
        raise click.BadParameter(f"{text!r} is not ROWSxCOLS, 28x28", param_hint="--shape")
    return int(words[0]), int(words[1])
