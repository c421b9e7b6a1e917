"""What cannot be read in a picture: labels over each other, over the data, or beyond the canvas."""

from __future__ import annotations

from itertools import combinations
from typing import Any
from unittest.mock import patch

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.text import Text
from matplotlib.transforms import Bbox

#: Pixels that the boxes of two labels may share: a box is a little larger than its letters.
SLACK = 1.0


def drawn_texts(figure: Any) -> list[Text]:
    """The texts that drawing really draws: matplotlib keeps ticks beyond the axes, which it leaves out."""
    found: list[Text] = []
    draw = Text.draw

    def noted(text: Text, renderer: Any) -> None:
        if text.get_visible() and text.get_text().strip():
            found.append(text)
        draw(text, renderer)

    canvas = FigureCanvasAgg(figure)
    with patch.object(Text, "draw", noted):
        canvas.draw()
        found.clear()  # the layout is settled by the first time
        canvas.draw()
    return found


def _box(text: Text, renderer: Any) -> Bbox:
    box = Text.get_window_extent(text, renderer)  # without an annotation's arrow
    return Bbox.from_extents(box.x0 + SLACK, box.y0 + SLACK, box.x1 - SLACK, box.y1 - SLACK)


def _pixels(many: Any) -> np.ndarray:
    """Where the dots of a scatter are."""
    return many.get_offset_transform().transform(many.get_offsets())


def _under(box: Bbox, axis: Any) -> bool:
    """Whether data of `axis` lie in a box; what lies at zorder 0 or below is background."""
    shapes = [shape for shape in (*axis.lines, *axis.patches) if shape.get_zorder() > 0]
    paths = (shape.get_transform().transform_path(shape.get_path()) for shape in shapes)
    return any(path.intersects_bbox(box) for path in paths) or _dotted(box, axis)


def _dotted(box: Bbox, axis: Any) -> bool:
    scatters = (many for many in axis.collections if isinstance(many, PathCollection))
    return any(box.contains(x, y) for many in scatters for x, y in _pixels(many))


def unreadable(figure: Any) -> list[str]:
    """A line for each label that leaves the canvas, lies over another or over dots, or legend over data."""
    texts = drawn_texts(figure)
    renderer = figure.canvas.get_renderer()
    boxes = [(text, text.get_text(), _box(text, renderer)) for text in texts]
    canvas = figure.bbox
    out = [
        f"{said!r} leaves the canvas"
        for _, said, box in boxes
        if box.x0 < canvas.x0 or box.y0 < canvas.y0 or box.x1 > canvas.x1 or box.y1 > canvas.y1
    ]
    both = [
        f"{one!r} and {other!r} overlap"
        for (_, one, box), (_, other, beside) in combinations(boxes, 2)
        if box.overlaps(beside)
    ]
    dotted = [
        f"{said!r} lies over dots"
        for text, said, box in boxes
        if any(text in axis.texts and _dotted(box, axis) for axis in figure.axes)
    ]
    legends = [axis.get_legend().get_window_extent(renderer) for axis in figure.axes if axis.get_legend()]
    over = ["a legend lies over data" for box in legends if any(_under(box, axis) for axis in figure.axes)]
    return out + both + dotted + over
