"""Look at data: which sets there are, what one holds, and what is wrong with one of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from yoso_sw.data import recorded, registry
from yoso_sw.data.samples import SPLITS, DatasetError, Samples, Shape
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.events import NEVER, Events
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate

#: Bins of a recording that is looked at without a network.
LEVELS = 10

#: Rows or columns of the widest picture that a terminal shows.
WIDEST = 64


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


def parts_of(found: registry.Found, settings: dict[str, Any]) -> dict[str, Samples]:
    """Every part of a set, as it is read with these settings of `registry.load`. Raises `DatasetError`."""
    names = [part for part in SPLITS if part in found.source.parts]
    return {part: registry.load(found, part, **settings) for part in names}


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
        inputs = samples.inputs
        if isinstance(inputs, Events):
            empty = int((inputs.per_image == 0).sum())
        else:
            empty = int((inputs == (0 if inputs.dtype == np.uint8 else NEVER)).all(axis=1).sum())
            if inputs.dtype == np.uint8 and len(samples) and inputs.max() <= 1:
                yield f"{part}: no pixel is above 1; pixels are 0..255"
        if empty:
            yield f"{part}: {empty} samples have no input at all"
    if "train" in parts and "test" in parts:
        seen = {contents(one) for one in parts["train"].inputs}
        if twice := sum(contents(one) in seen for one in parts["test"].inputs):
            yield f"{twice} test samples are training samples too"


def contents(sample: np.ndarray | Events) -> bytes:
    """What makes a sample equal to another."""
    if isinstance(sample, Events):
        return sample.step.tobytes() + sample.axon.tobytes()
    return sample.tobytes()


def show(found: registry.Found, parts: dict[str, Samples], console: Console) -> None:
    """Print what a set holds."""
    table = Table("part", "samples", "of each class", "inputs", "SHA-256", box=None)
    for part, samples in parts.items():
        counts = np.bincount(samples.labels, minlength=0)
        each = ", ".join(map(str, counts[:10])) + (
            f" and {len(counts) - 10} more" if len(counts) > 10 else ""
        )
        if isinstance(samples.inputs, Events):
            kind = "events"
        else:
            kind = "pixels" if samples.inputs.dtype == np.uint8 else "spike steps"
        sides = " x ".join(map(str, samples.shape or (samples.axons,)))
        table.add_row(part, f"{len(samples):,}", each, f"{sides} {kind}", samples.digest[:16])
    known = registry.KNOWN.get(registry.family(found.name))
    where = found.place or (known.where() if known else None)
    classes = max((int(samples.labels.max()) + 1 for samples in parts.values() if len(samples)), default=0)
    console.print(f"{found.name}: {classes} classes, {where}", soft_wrap=True, markup=False)
    console.print(table)
    if "validation" not in parts:
        console.print("no validation part: the last training samples validate (docs/data.md)")
    for part, samples in parts.items():
        if isinstance(samples.inputs, Events):
            console.print(f"{part}: {spikes(samples.inputs)}", soft_wrap=True, markup=False)
    first = next(iter(parts.values()), None)
    if first is not None and isinstance(first.inputs, Events) and first.shape is not None:
        console.print("\n".join(picture(first.inputs, first.shape)), markup=False, no_wrap=True)


def spikes(events: Events) -> str:
    """How many spikes there are, where and when, in words; the bars are a step each."""
    counts = np.bincount(events.step)
    bars = "".join(shade(counts, " ▁▂▃▄▅▆▇█"))
    busy = np.mean([len(np.unique(one.axon)) for one in events]) if len(events) else 0
    return (
        f"{events.per_image.mean():,.0f} spikes an image on {busy:,.0f} of {events.axons:,} axons "
        f"in {len(counts)} steps [{bars}]"
    )


def picture(events: Events, shape: Shape) -> Iterator[str]:
    """All spikes of some images, summed over steps and channels, as lines of characters."""
    sums = np.bincount(events.axon, minlength=events.axons).reshape(shape)
    sums = sums.sum(axis=tuple(range(2, sums.ndim)))
    if max(sums.shape) <= WIDEST:
        yield from ("".join(2 * dot for dot in shade(row, " .:-=+*#%@", int(sums.max()))) for row in sums)


def shade(values: np.ndarray, dots: str, most: int = 0) -> list[str]:
    """A character each: the first for nothing, the last for the largest, or for `most`."""
    most = max(1, most or int(values.max(initial=0)))
    return [dots[-(-int(value) * (len(dots) - 1) // most)] for value in values]


@click.command()
@click.argument("word", required=False, metavar="[NAME|PATH]")
@click.option("--data", metavar="NAME|PATH", help="Data set, the same as the argument.")
@click.option("--net", metavar="NAME|FILE", help="Trained network that is to see it.")
@click.option(
    "--shape", metavar="ROWSxCOLS[xCHANNELS]", help="For pictures of any size, 28x28; of a camera, 34x34x2."
)
@click.option("--levels", type=click.IntRange(1, 256), help="Bins of a recording; 10 if nothing says them.")
@click.option("--window", type=click.IntRange(1), help="Microseconds that the bins divide; else all of it.")
def main(
    word: str | None,
    data: str | None,
    net: str | None,
    shape: str | None,
    levels: int | None,
    window: int | None,
) -> None:
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
        path = None if net is None else locate(net, ".npz")
        network = None if path is None else Network.load(path)
        found = registry.find(chosen, None if path is None else path.parent)
        settings: dict[str, Any] = {"levels": LEVELS}
        if network is not None and path is not None:
            settings = recorded.settings(network, path)
        given = {"shape": None if shape is None else sides_of(shape), "levels": levels, "window": window}
        parts = parts_of(found, settings | {name: own for name, own in given.items() if own is not None})
        show(found, parts, console)
        if network is not None:
            for part, samples in parts.items():
                own = recorded.seen(samples, network)
                registry.check(own.inputs, own.labels, found.name, part, network)
            console.print(f"suits {network.name}", markup=False)
    except (DatasetError, NetworkError) as error:
        raise click.ClickException(str(error)) from None
    for doubt in doubts(parts):
        console.print(f"note: {doubt}", soft_wrap=True, markup=False)


def sides_of(text: str) -> Shape:
    """Rows, columns and perhaps channels of ``28x28``. Raises `click.BadParameter`."""
    words = text.split("x")
    if len(words) not in (2, 3) or not all(word.isdecimal() and int(word) > 0 for word in words):
        raise click.BadParameter(f"{text!r} is not ROWSxCOLS, 28x28", param_hint="--shape")
    return tuple(map(int, words))
