"""How viewers show a waveform: groups of signals, as GTKWave's save file and as Surfer's state."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from yoso_sw.compile.image import WeightImage

#: GTKWave's flags of a trace: hexadecimal, decimal, a collapsible group's ends, closed at first.
_HEX, _DECIMAL, _OPEN, _CLOSE, _CLOSED = "@22", "@24", "@800200", "@1000200", "@c00200"

#: Surfer's names of the same.
_FORMATS = {"hex": "Hexadecimal", "decimal": "Unsigned"}

#: Instances of a PE that are queues: their last names have one of these in them.
_QUEUES = ("fifo", "queue", "spikes", "into", "out")


@dataclass(frozen=True)
class Trace:
    """A signal that is shown.

    Attributes
    ----------
    path, full
        Without and with its bit range.
    base
        "hex" or "decimal".
    """

    path: str
    full: str
    base: str


@dataclass(frozen=True)
class Group:
    """Signals under a heading, which can be folded away."""

    name: str
    traces: tuple[Trace, ...]
    is_open: bool = True


def groups(
    image: WeightImage, names: dict[str, str], top: str, pe: tuple[int, int] | None = None
) -> list[Group]:
    """The host port, then for each layer the spikes of its PEs and their rows; then a PE's core and FIFOs.

    Parameters
    ----------
    names
        The waveform's signals (`names.of_vcd`); one that it lacks is a `KeyError`.
    top
        The scope of all.
    pe
        The PE (X, Y) that the waveform has all of.
    """

    def group(name: str, traces: list[tuple[str, str]]) -> Group:
        return Group(
            name, tuple(Trace(f"{top}.{path}", names[f"{top}.{path}"], base) for base, path in traces)
        )

    shown = [
        group(
            "host and steps",
            [("decimal", "step"), ("hex", "tick"), ("hex", "in_valid"), ("hex", "in_ready")],
        ),
        group("answers", [("hex", "out_valid"), ("hex", "out_ready"), ("hex", "out_data")]),
    ]
    for number, layer in enumerate(image.layers):
        nodes = [part.y * image.params.cols + part.x for part in layer.slices]
        name = f"layer {number}: {layer.neurons} neurons on {len(nodes)} PEs"
        shown.append(group(f"{name}, spikes", [("hex", f"node[{n}].spike") for n in nodes]))
        shown.append(
            group(f"{name}, row or class of the spike", [("decimal", f"node[{n}].row") for n in nodes])
        )
    return [*shown, *([] if pe is None else inside(names, top, pe))]


def inside(names: dict[str, str], top: str, pe: tuple[int, int]) -> Iterator[Group]:
    """A PE's core, part by part, and its FIFOs; what lies deeper is in the waveform alone.

    Raises `KeyError` if the waveform has not looked into it.
    """
    x, y = pe
    node = f"{top}.chip.mesh.node_{x}_{y}."
    scopes: dict[str, list[str]] = {}
    for path in names:
        scope, _, signal = path.rpartition(".")
        # Names with a $ are wires between blocks, better named at their ends; those with a [ are parts.
        if path.startswith(node) and not {*"$["} & {*signal} and signal not in ("clk", "rst"):
            scopes.setdefault(scope.removeprefix(node), []).append(path)
    if "pe.core" not in scopes:
        raise KeyError(f"{node}pe.core")
    # The fields of a struct lie in a scope, too, which has the struct's name.
    blocks = [scope for scope in scopes if node + scope not in names and not {*"$["} & {*scope}]
    core = [scope for scope in blocks if scope == "pe.core" or re.fullmatch(r"pe\.core\.\w+", scope)]

    def is_queue(scope: str) -> bool:
        last = scope.rpartition(".")[2]
        return any(word == last if word in ("into", "out") else word in last for word in _QUEUES)

    def under(queue: str) -> bool:
        return any(is_queue(".".join(queue.split(".")[:n])) for n in range(1, queue.count(".") + 1))

    for scope in core:
        if not is_queue(scope):
            yield _all(f"PE ({x}, {y}): {scope.removeprefix('pe.')}", scopes[scope], names)
    for scope in blocks:
        if is_queue(scope) and not under(scope):
            yield _all(f"PE ({x}, {y}), FIFO: {scope}", scopes[scope], names)


def _all(name: str, paths: list[str], names: dict[str, str]) -> Group:
    return Group(name, tuple(Trace(path, names[path], "hex") for path in paths), is_open=False)


def gtkwave(shown: list[Group], wave: Path, top: str) -> str:
    """The text of GTKWave's save file."""
    lines = [f'[dumpfile] "{wave}"', "[timestart] 0", f"[treeopen] {top}."]
    for group in shown:
        lines += [_OPEN if group.is_open else _CLOSED, f"-{group.name}"]
        for trace in group.traces:
            lines += [_DECIMAL if trace.base == "decimal" else _HEX, trace.full]
        lines += [_CLOSE, f"-{group.name}"]
    return "\n".join([*lines, ""])


def surfer(shown: list[Group], wave: Path) -> str:
    """The text of Surfer's state file (RON), as its versions 0.3 and later read it."""
    items, tree, number = [], [], 0
    for group in shown:
        number += 1
        content = range(number + 1, number + 1 + len(group.traces))
        tree.append(_row(number, 0, group.is_open))
        listed = ", ".join(f"({one})" for one in content)
        items.append(
            f"({number}): Group((name: {_text(group.name)}, color: None, background_color: None, "
            f"content: [{listed}], is_open: {str(group.is_open).lower()})),"
        )
        for number, trace in zip(content, group.traces, strict=True):
            tree.append(_row(number, 1, True))
            items.append(f"({number}): Variable({_variable(trace)}),")
    return _SURFER.format(
        source=_text(str(wave)),
        format=wave.suffix[1:].capitalize(),
        tree="\n                ".join(tree),
        items="\n            ".join(items),
        count=number,
    )


def _row(number: int, level: int, unfolded: bool) -> str:
    shown = str(unfolded).lower()
    return f"(item_ref: ({number}), level: {level}, unfolded: {shown}, selected: false),"


def _variable(trace: Trace) -> str:
    *scopes, name = _parts(trace.path)
    path = f"(strs: [{', '.join(map(_text, scopes))}], id: None)"
    return (
        f"(variable_ref: (path: {path}, name: {_text(name)}, id: None), color: None, background_color: None, "
        f"display_name: {_text(name)}, display_name_type: Unique, manual_name: None, "
        f"format: Some({_text(_FORMATS[trace.base])}), field_formats: [], height_scaling_factor: None)"
    )


def _parts(path: str) -> list[str]:
    """Scopes and name of a signal."""
    return path.split(".")


def _text(text: str) -> str:
    """A string of RON, which are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


_SURFER = """\
(
    show_hierarchy: None,
    show_menu: None,
    show_ticks: None,
    show_toolbar: None,
    show_tooltip: None,
    show_scope_tooltip: None,
    show_default_timeline: None,
    show_overview: None,
    show_statusbar: None,
    align_names_right: None,
    show_variable_indices: None,
    show_variable_direction: None,
    show_empty_scopes: None,
    show_parameters_in_scopes: None,
    waves: Some((
        source: File({source}),
        format: {format},
        active_scope: None,
        items_tree: (
            items: [
                {tree}
            ],
        ),
        displayed_items: {{
            {items}
        }},
        display_item_ref_counter: {count},
        viewports: [
            (
                curr_left: (0.0),
                curr_right: (1.0),
                target_left: (0.0),
                target_right: (1.0),
                move_start_left: (0.0),
                move_start_right: (1.0),
                move_duration: None,
                move_strategy: Instant,
            ),
        ],
        cursor: None,
        markers: {{}},
        focused_item: None,
        focused_transaction: (None, None),
        default_variable_name_type: Unique,
        scroll_offset: 0.0,
        display_variable_indices: true,
        graphics: {{}},
    )),
    drag_started: false,
    drag_source_idx: None,
    drag_target_idx: None,
    previous_waves: None,
    count: None,
    blacklisted_translators: [],
    show_about: false,
    show_keys: false,
    show_gestures: false,
    show_quick_start: false,
    show_license: false,
    show_performance: false,
    show_logs: false,
    show_cursor_window: false,
    wanted_timeunit: NanoSeconds,
    time_string_format: None,
    show_url_entry: false,
    variable_name_filter_focused: false,
    variable_filter: (
        name_filter_type: Contain,
        name_filter_str: "",
        name_filter_case_insensitive: true,
        include_inputs: true,
        include_outputs: true,
        include_inouts: true,
        include_others: true,
        group_by_direction: false,
    ),
    sidepanel_width: Some(300.0),
    ui_zoom_factor: None,
)
"""
