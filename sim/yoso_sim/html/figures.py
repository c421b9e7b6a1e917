"""The page's figures, for plotly. Those that follow the slider get their data from ``page.js``."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from yoso_hw.drawing import FIRST, SECOND

from yoso_sim.html.collect import PARTS, UNUSED
from yoso_sim.watch import Part

#: Colours that stay apart for the colour-blind; work in strong ones, waiting in grey.
COLOURS = {
    PARTS[Part.SWEEP]: FIRST,
    PARTS[Part.SPIKES]: SECOND,
    PARTS[Part.STALLED]: "#d55e00",
    PARTS[Part.PASSING]: "#009e73",
    PARTS[Part.WAITING]: "#b0b0b0",
    PARTS[Part.BARRIER]: "#d4d4d4",
    UNUSED: "#efefef",
}

_FONT = {"family": "system-ui, sans-serif", "size": 12}

#: From nothing to much, light enough for black numbers.
_PALE = [[0, "#ffffff"], [1, "#56b4e9"]]

#: Most columns of nodes that have room for numbers.
_NUMBERS = 12

#: Layers of a raster beyond this height in pixels are no easier to read.
_LAYER_HEIGHT = 170


def figure(data: list[Any], **layout: Any) -> dict[str, Any]:
    """A figure as JSON values, checked by plotly."""
    from plotly import graph_objects

    layout = {
        "template": "plotly_white",
        "font": _FONT,
        "margin": {"l": 60, "r": 20, "t": 40, "b": 45},
        **layout,
    }
    return json.loads(graph_objects.Figure(data, layout).to_json())


def raster(layers: list[dict[str, Any]], steps: int) -> dict[str, Any]:
    """Spikes of layers that are no feature maps, the input at the bottom: trace 2k all, 2k + 1 until now."""
    rows = [i for i, layer in enumerate(layers) if layer["map"] is None]
    gap = 0.25 / max(1, len(rows))
    height = (1 - gap * (len(rows) - 1)) / max(1, len(rows))
    data, layout = [], {}
    for place, i in enumerate(rows):
        name = str(place + 1) if place else ""
        low = place * (height + gap)
        layout[f"yaxis{name}"] = {
            "domain": [low, min(1.0, low + height)],
            "title": {"text": f"{layers[i]['name']}<br>{'neuron' if i else 'pixel'}"},
            "range": [-0.02 * layers[i]["size"] - 0.5, layers[i]["size"] * 1.02 - 0.5],
            "zeroline": False,
        }
        for colour, size in (("#c8c8c8", 3), (FIRST if i else "#444444", 4)):
            data.append(
                {
                    "type": "scattergl",
                    "mode": "markers",
                    "x": [],
                    "y": [],
                    "yaxis": f"y{name}",
                    "marker": {"color": colour, "size": size if layers[i]["size"] > 30 else 2 * size},
                    "name": layers[i]["name"],
                    "hovertemplate": f"{layers[i]['name']}, %{{y}}, step %{{x}}<extra></extra>",
                }
            )
    return figure(
        data,
        **layout,
        xaxis={
            "title": {"text": "time step"},
            "range": [-0.5, steps - 0.5],
            "zeroline": False,
            "anchor": "y",
        },
        height=80 + _LAYER_HEIGHT * max(1, len(rows)),
        showlegend=False,
    )


def maps(layers: list[dict[str, Any]], steps: int) -> dict[str, Any] | None:
    """Feature maps, a heat map a layer, the steps of first spikes until now; None if there are none."""
    shown = [layer for layer in layers if layer["map"] is not None]
    if not shown:
        return None
    data, layout = [], {}
    gap = 0.25 / len(shown)
    height = (1 - gap * (len(shown) - 1)) / len(shown)
    for place, layer in enumerate(shown):
        name = str(place + 1) if place else ""
        low = place * (height + gap)
        rows, cols, channels = layer["map"]
        title = f"{layer['name']}: {channels} map{'s' * (channels > 1)} of {rows} x {cols}"
        layout[f"xaxis{name}"] = {"anchor": f"y{name}", "visible": False, "constrain": "domain"}
        layout[f"yaxis{name}"] = {
            "domain": [low, min(1.0, low + height)],
            "anchor": f"x{name}",
            "scaleanchor": f"x{name}",
            "autorange": "reversed",
            "title": {"text": title.replace(": ", "<br>")},
            "showticklabels": False,
            "showgrid": False,
            "zeroline": False,
            "constrain": "domain",
        }
        data.append(
            {
                "type": "heatmap",
                "z": [[None]],
                "xaxis": f"x{name}",
                "yaxis": f"y{name}",
                "zmin": 0,
                "zmax": steps - 1,
                "colorscale": "Viridis",
                "reversescale": True,
                "showscale": place == 0,
                "colorbar": {"title": {"text": "step of<br>first spike"}},
                "hovertemplate": f"{layer['name']}, step %{{z}}<extra></extra>",
            }
        )
    return figure(data, **layout, height=80 + 230 * len(shown), plot_bgcolor="#eeeeee")


def traffic(cols: int, rows: int) -> dict[str, Any]:
    """Nodes with the spikes that their cores take in the step; ``page.js`` draws the links between them.

    Node (0, 0), where the host's flits enter, is at the bottom left.
    """
    node = {
        "type": "scatter",
        "mode": "markers+text" if cols <= _NUMBERS else "markers",
        "x": [x for _ in range(rows) for x in range(cols)],
        "y": [y for y in range(rows) for _ in range(cols)],
        "text": [""] * (cols * rows),
        "customdata": [""] * (cols * rows),
        "textfont": {"size": 11},
        "marker": {
            "symbol": "square",
            "size": _node_size(cols, rows),
            "color": [0] * (cols * rows),
            "colorscale": _PALE,
            "cmin": 0,
            "line": {"color": "#888888", "width": 1},
        },
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    return _mesh([node], "Spikes taken, and flits on the links", cols, rows)


def busy(cols: int, rows: int) -> dict[str, Any]:
    """Share of the step's cycles in which the adders of each PE have a word, in per cent."""
    heat = {
        "type": "heatmap",
        "z": [[0] * cols for _ in range(rows)],
        "zmin": 0,
        "zmax": 100,
        "colorscale": "Viridis",
        "texttemplate": "%{z:.0f}" if cols <= _NUMBERS else "",
        "hovertemplate": "node (%{x}, %{y}): %{z:.1f} % of the step<extra></extra>",
        "colorbar": {"title": {"text": "%"}, "thickness": 12},
        "xgap": 3,
        "ygap": 3,
    }
    return _mesh([heat], "Adders busy, % of the step's cycles", cols, rows)


def _mesh(data: list[Any], title: str, cols: int, rows: int) -> dict[str, Any]:
    every = 1 if cols <= _NUMBERS else 4
    axis = {"showgrid": False, "zeroline": False, "constrain": "domain"}
    return figure(
        data,
        title={"text": title, "font": {"size": 14}},
        xaxis={**axis, "range": [-1.0, cols - 0.4], "tickvals": list(range(0, cols, every))},
        yaxis={
            **axis,
            "range": [-0.6, rows - 0.4],
            "tickvals": list(range(0, rows, every)),
            "scaleanchor": "x",
        },
        height=_mesh_height(rows),
        margin={"l": 40, "r": 20, "t": 40, "b": 40},
    )


def _mesh_height(rows: int) -> int:
    return 110 + max(220, min(520, 64 * rows))


def _node_size(cols: int, rows: int) -> int:
    """Of a node in pixels: half of what it has, so that links show."""
    return max(6, min(36, (_mesh_height(rows) - 80) // (2 * rows), 520 // (2 * cols + 1)))


def cycles(parts: dict[str, list[float]], nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """Stacked bars: where the cycles of each PE went, by layer."""
    order = sorted(range(len(nodes)), key=lambda i: (nodes[i]["layer"] == 0, nodes[i]["layer"], i))
    said = [f"({node['x']}, {node['y']}) {_layer(node)}" for node in (nodes[i] for i in order)]
    total = np.sum([parts[name] for name in parts], axis=0)
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": said,
            "x": [values[i] for i in order],
            "customdata": [round(100 * values[i] / max(1e-9, float(total[i])), 1) for i in order],
            "marker": {"color": COLOURS[name]},
            "hovertemplate": f"%{{y}}<br>{name}: %{{x:,.1f}} cycles, %{{customdata}} %<extra></extra>",
        }
        for name, values in parts.items()
        if any(values)
    ]
    return figure(
        data,
        barmode="stack",
        xaxis={"title": {"text": "cycles an image, mean"}},
        yaxis={"autorange": "reversed", "type": "category", "dtick": 1, "tickfont": {"size": 10}},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        margin={"l": 110, "r": 20, "t": 60, "b": 45},
        height=140 + max(9, min(17, 1100 // len(nodes))) * len(nodes),
        bargap=0.15,
    )


def _layer(node: dict[str, Any]) -> str:
    return f"layer {node['layer']}" if node["layer"] else "unused"


def step_cycles() -> dict[str, Any]:
    """Stacked bars: what a PE with neurons did in each step of an image, on average; ``page.js`` fills it."""
    data = [
        {
            "type": "bar",
            "name": PARTS[part],
            "x": [],
            "y": [],
            "marker": {"color": COLOURS[PARTS[part]]},
            "hovertemplate": f"step %{{x}}, {PARTS[part]}: %{{y:.1f}} cycles<extra></extra>",
        }
        for part in Part
    ]
    return figure(
        data,
        barmode="stack",
        bargap=0.05,
        xaxis={"title": {"text": "step"}, "type": "category"},
        yaxis={"title": {"text": "cycles"}},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        height=330,
    )


def confusion(counts: list[list[int]]) -> dict[str, Any]:
    """Images by class and decision; right ones are on the diagonal and not coloured."""
    shown = np.array(counts, float)
    off = shown.copy()
    np.fill_diagonal(off, 0)
    classes = list(range(len(counts)))
    return figure(
        [
            {
                "type": "heatmap",
                "z": off.tolist(),
                "x": classes,
                "y": classes,
                "text": [[str(value) if value else "" for value in row] for row in counts],
                "texttemplate": "%{text}" if len(classes) <= 30 else "",
                "customdata": counts,
                "hovertemplate": "class %{y}, decided %{x}: %{customdata} images<extra></extra>",
                "colorscale": [[0, "#ffffff"], [1, "#d55e00"]],
                "zmin": 0,
                "zmax": max(1.0, float(off.max())),
                "showscale": False,
                "xgap": 1,
                "ygap": 1,
            }
        ],
        xaxis={"title": {"text": "decision of the RTL"}, "dtick": 1, "constrain": "domain"},
        yaxis={"title": {"text": "class"}, "dtick": 1, "autorange": "reversed", "scaleanchor": "x"},
        height=min(700, 160 + 34 * len(classes)),
        plot_bgcolor="#dddddd",
    )


def energy(found: dict[str, Any]) -> dict[str, Any]:
    """Energy of an image by part, from the report of ``yoso energy``."""
    kinds = (("gated", "idle PEs gated", FIRST), ("ungated", "clock always on", SECOND))
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": said,
            "y": list(found[kind]["parts_nj"]),
            "x": list(found[kind]["parts_nj"].values()),
            "marker": {"color": colour},
            "hovertemplate": "%{y}: %{x:,.1f} nJ<extra></extra>",
        }
        for kind, said, colour in kinds
    ]
    return figure(
        data,
        xaxis={"title": {"text": "nJ an image, estimated, without leakage"}},
        yaxis={"autorange": "reversed"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        margin={"l": 150, "r": 20, "t": 60, "b": 45},
        height=120 + 45 * len(found["gated"]["parts_nj"]),
    )
