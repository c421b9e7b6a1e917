"""How every picture looks: drawn into a file, in colours that stay apart in grey and for the colour-blind."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from yoso_hw.writing import write_whole

#: Two colours, the second lighter: ours and what it stands beside.
FIRST, SECOND = "#0072b2", "#e69f00"

STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "axes.axisbelow": True,
    "legend.frameon": False,
}


def pyplot() -> Any:
    """matplotlib's pyplot, drawing into files."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update(STYLE)
    return pyplot


@contextmanager
def styled() -> Iterator[None]:
    """Pictures drawn within look as ours do; a notebook's own settings stay as they are."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        yield


def figure(width: float, height: float) -> Any:
    """A figure of so many inches that asks for no window and no pyplot, and that every notebook shows."""
    from matplotlib.figure import Figure

    class Picture(Figure):
        def _repr_png_(self) -> bytes:
            pixels = io.BytesIO()
            self.savefig(pixels, format="png", dpi=100)
            return pixels.getvalue()

    return Picture(figsize=(width, height), layout="constrained")


def shades(count: int) -> list[Any]:
    """Colours from dark to light, for curves or layers in order."""
    import matplotlib

    colours = matplotlib.colormaps["viridis"]
    return [colours(0.85 * i / max(1, count - 1)) for i in range(count)]


def fit(axis: Any, values: Sequence[float]) -> None:
    """Fit the x axis to values: logarithmic where all are above 0 and far apart; few and plain labels."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    ratio = max(values) / min(values) if min(values) > 0 else 1.0
    axis.margins(x=0.12)
    if ratio < 4:
        axis.xaxis.set_major_locator(MaxNLocator(3 if ratio > 1 else 2))
        return
    axis.set_xscale("log")
    labels = (1.0, 2.0, 5.0) if ratio < 10 else (1.0, 3.0) if ratio < 30 else (1.0,)
    axis.xaxis.set_major_locator(LogLocator(subs=labels))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def apart(values: Sequence[float], gap: float, top: float = 1.0) -> list[float]:
    """Places for labels: close to `values`, in their order, at least `gap` apart and none above `top`."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    places = [min(values[i], top) for i in order]
    for below, above in pairwise(range(len(places))):
        places[above] = max(places[above], places[below] + gap)
    if places:
        places[-1] = min(places[-1], top)
    for above, below in pairwise(reversed(range(len(places)))):
        places[below] = min(places[below], places[above] - gap)
    return [place for _, place in sorted(zip(order, places, strict=True))]


#: How a picture can be written, by its file's suffix; the first two are vectors.
FORMATS = ("pdf", "svg", "png")


class FormatError(ValueError):
    """A picture cannot be written so; the message says how it can."""


def check_format(path: Path) -> None:
    """Raise `FormatError` unless a picture can be written by that name."""
    if path.suffix.removeprefix(".") not in FORMATS:
        known = ", ".join(f".{own}" for own in FORMATS)
        raise FormatError(f"{path}: a picture ends in one of {known}; give another name")


def write(figure: Any, path: Path) -> None:
    """Write a figure in the format of its file's suffix, the same at every time.

    Raises `FormatError` if that is none, and as `write_whole` does.
    """
    check_format(path)
    import matplotlib

    kind, contents = path.suffix.removeprefix("."), io.BytesIO()
    date = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind)
    with matplotlib.rc_context({"svg.hashsalt": "yoso", "pdf.fonttype": 42}):
        figure.savefig(contents, format=kind, dpi=100, metadata=date)
    write_whole(path, contents.getvalue())


def save(figure: Any, path: Path) -> None:
    """Write a figure, as a PNG small enough to be committed or as `write` does, by its suffix.

    Raises as `write` does.
    """
    if path.suffix != ".png":
        write(figure, path)
        pyplot().close(figure)
        return
    from PIL import Image  # matplotlib needs it anyway

    pixels = io.BytesIO()
    figure.savefig(pixels, dpi=100)
    pyplot().close(figure)
    # A palette is a third of the size; an octree keeps rare colours.
    small, contents = Image.open(pixels).convert("RGB"), io.BytesIO()
    small.quantize(256, method=Image.Quantize.FASTOCTREE).save(contents, "PNG", optimize=True)
    write_whole(path, contents.getvalue())
