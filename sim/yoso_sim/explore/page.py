"""The points as one HTML file: choose what lies on either axis, point at one; nothing is fetched."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from yoso_hw.params import ChipParams

from yoso_sim.energy.cost import Case
from yoso_sim.explore.front import Found, Objective, front
from yoso_sim.explore.show import rows, sentence

#: Colours of networks, apart in grey and for the colour-blind (Okabe and Ito).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000", "#999999")

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; color: #222; }}
body {{ padding: 0 1rem; }}
table {{ border-collapse: collapse; font-size: 90%; }}
th, td {{ padding: 0.2rem 0.8rem 0.2rem 0; text-align: right; border-bottom: 1px solid #ddd; }}
th:first-child, td:first-child {{ text-align: left; }}
tr.front {{ background: #eef5fa; font-weight: 600; }}
code {{ font-size: 90%; }}
.wide {{ overflow-x: auto; }}
</style>
<script>{plotly}</script>
</head>
<body>
<h1>{title}</h1>
<p><code>{command}</code></p>
<p>{sentence} Filled points are on the front; a click on a network hides it.</p>
{plot}
{lines}
<h2>Points</h2>
<div class="wide"><table><thead><tr>{headings}</tr></thead><tbody>
{rows}
</tbody></table></div>
{reasons}
</body>
</html>
"""


def missing() -> bool:
    """Whether the package that draws it is not installed."""
    return importlib.util.find_spec("plotly") is None


def page(report: dict[str, Any], objectives: dict[str, Objective]) -> str:
    """The file's text."""
    from plotly.offline import get_plotlyjs

    results = [found for found in report["results"] if not found.get("impossible")]
    headings, cells = rows(results, objectives)
    best = front(results, objectives)
    reasons = [
        (found["name"], reason)
        for found in report["results"]
        for reason in ([found["impossible"]] if found.get("impossible") else found.get("left_out", []))
    ]
    listed = "".join(f"<li>{escape(name)}: {escape(reason)}</li>" for name, reason in reasons)
    return _PAGE.format(
        title=escape(f"Exploration {report['spec']}"),
        plotly=get_plotlyjs(),
        command=escape(report["command"]),
        sentence=escape(sentence(report, objectives)),
        plot=scatter(results, objectives, best),
        lines=parallel(results, objectives, best) if len(results) > 1 else "",
        headings="".join(f"<th>{escape(heading)}</th>" for heading in headings),
        rows="\n".join(
            f"<tr{' class=front' if own else ''}>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>"
            for line, own in zip(cells, best, strict=True)
        ),
        reasons=f"<h2>Not measured</h2><ul>{listed}</ul>" if listed else "",
    )


def scatter(results: Sequence[Found], objectives: dict[str, Objective], best: Sequence[bool]) -> str:
    """Points by two of the objectives, which menus choose; a colour a network."""
    from plotly import graph_objects

    names = [*objectives]
    across, up = (names[0], names[-1]) if len(names) > 1 else (names[0], names[0])
    figure = graph_objects.Figure()
    traces = []
    for number, network in enumerate(dict.fromkeys(found["case"]["network"] for found in results)):
        own = [i for i, found in enumerate(results) if found["case"]["network"] == network]
        traces.append(own)
        colour = COLOURS[number % len(COLOURS)]
        figure.add_scatter(
            x=[objectives[across].value(results[i]) for i in own],
            y=[objectives[up].value(results[i]) for i in own],
            mode="markers",
            name=escape(network),
            marker={
                "size": 11,
                "color": [colour if best[i] else "white" for i in own],
                "line": {"width": 2, "color": colour},
            },
            text=[told(results[i], objectives) for i in own],
            hovertemplate="%{text}<extra></extra>",
        )

    def menu(axis: str, chosen: str, place: float) -> dict[str, Any]:
        buttons = [
            {
                "label": f"{axis}: {one.heading}",
                "method": "update",
                "args": [
                    {axis: [[one.value(results[i]) for i in own] for own in traces]},
                    {f"{axis}axis.title.text": one.heading},
                ],
            }
            for one in objectives.values()
        ]
        return {"buttons": buttons, "active": names.index(chosen), "x": place, "y": 1.16, "xanchor": "left"}

    figure.update_layout(
        template="plotly_white",
        height=560,
        xaxis_title=objectives[across].heading,
        yaxis_title=objectives[up].heading,
        showlegend=True,
        legend={"orientation": "h", "y": -0.18},
        updatemenus=[menu("x", across, 0.0), menu("y", up, 0.3)],
        margin={"t": 90},
    )
    return _drawn(figure, "points")


def parallel(results: Sequence[Found], objectives: dict[str, Objective], best: Sequence[bool]) -> str:
    """A line a point, through what points differ in and are judged by; ranges are drawn on the axes."""
    from plotly import graph_objects

    dimensions = [*varied(results)]
    for one in objectives.values():
        values = [one.value(found) for found in results]
        if None not in values:
            dimensions.append({"label": one.heading, "values": values})
    if len(dimensions) < 2:
        return ""
    line = {
        "color": [int(own) for own in best],
        "colorscale": [[0, "#c8c8c8"], [1, COLOURS[0]]],
        "cmin": 0,
        "cmax": 1,
    }
    figure = graph_objects.Figure(graph_objects.Parcoords(dimensions=dimensions, line=line))
    figure.update_layout(template="plotly_white", height=420, margin={"t": 60, "l": 120, "r": 60})
    return _drawn(figure, "lines")


def varied(results: Sequence[Found]) -> list[dict[str, Any]]:
    """Networks, and the chip parameters that are not the same everywhere, as axes."""
    cases = [Case(**found["case"]) for found in results]
    columns: dict[str, list[Any]] = {"network": [case.network for case in cases]}
    chips = [asdict(case.params) for case in cases]
    columns |= {name: [chip[name] for chip in chips] for name in asdict(ChipParams())}
    axes = []
    for name, values in columns.items():
        if len({*map(str, values)}) < 2:
            continue
        if all(type(value) is int for value in values):
            axes.append({"label": name, "values": values})
            continue
        words = [*dict.fromkeys(map(str, values))]
        axes.append(
            {
                "label": name,
                "values": [words.index(str(value)) for value in values],
                "tickvals": [*range(len(words))],
                "ticktext": words,
            }
        )
    return axes


def told(found: Found, objectives: dict[str, Objective]) -> str:
    """All of a point, in lines."""
    lines = [f"<b>{escape(found['name'])}</b>"]
    for one in objectives.values():
        value = one.value(found)
        lines.append(f"{escape(one.heading)}: {'not measured' if value is None else format(value, one.form)}")
    if found.get("mismatches") is not None:
        lines.append(f"RTL and golden model differ: {sum(found['mismatches'].values()):,}")
    return "<br>".join(lines)


def _drawn(figure: Any, name: str) -> str:
    """A figure as a part of the page, which has the script already."""
    from plotly import io

    return io.to_html(
        figure, include_plotlyjs=False, full_html=False, div_id=name, config={"displaylogo": False}
    )
