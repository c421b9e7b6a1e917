"""A profile as tables: for the terminal and as a Markdown page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.table import Table as RichTable


class Table(NamedTuple):
    """A table: what it is, its columns, its rows; the first column names the row."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def headline(profile: dict[str, Any]) -> str:
    """The network and what it ran on."""
    rule = f", rule {profile['rule']}" if profile["rule"] else ""
    return (
        f"{profile['network']} ({profile['shape']}){rule}, code {profile['code']}, {profile['steps']} steps; "
        f"{profile['images']:,} images of {profile['dataset']}"
    )


def tables(profile: dict[str, Any]) -> list[Table]:
    """All that a profile says, apart from distributions and single channels."""
    found = [_bits(profile), _weights(profile), _channels(profile), _stages(profile), _spikes(profile)]
    found.append(_rtl(profile))
    if "rounding" in profile:
        found.append(_rounding(profile))
    if profile["narrower"]:
        found.append(_narrower(profile))
    return [table for table in found if table.rows]


def _bits(profile: dict[str, Any]) -> Table:
    rows: list[tuple[str, ...]] = []
    for layer in profile["layers"]:
        a, v = layer["a"], layer["v"]
        theta = "never fires" if layer["threshold"] is None else f"{layer['threshold']:,}"
        rows.append((f"{layer['layer']}, A", f"{a['bits']}", span(a), f"{a['needed']}", f"{a['bound_bits']}"))
        rows[-1] += (f"{a['unused']}", f"{a['saturated']:,}", "")
        needed = v["bits"] - v["unused"]
        rows.append((f"{layer['layer']}, V", f"{v['bits']}", span(v), f"{v['needed']}", f"{needed}"))
        rows[-1] += (f"{v['unused']}", f"{v['saturated']:,}", theta)
    columns = ("layer", "bits", "took", "in bits", "must hold", "unused", "saturations", "theta")
    return Table("A and V against their bits", columns, rows)


def _weights(profile: dict[str, Any]) -> Table:
    rows: list[tuple[str, ...]] = []
    for layer in profile["layers"]:
        own = layer["weights"]
        bias = own.get("bias")
        rows.append(
            (
                f"{layer['layer']}, {layer['shape']}",
                f"{own['bits']}",
                span(own),
                f"{own['unused']}",
                f"{own['entropy']}",
                f"{own['at_bounds']} %",
                f"{own['zeros']} %",
                "none" if bias is None else f"{span(bias)}, {bias['at_bounds']} % at bounds",
            )
        )
    columns = ("layer", "bits", "took", "unused", "entropy", "at bounds", "zeros", "bias")
    return Table("Weights against their bits", columns, rows)


def _channels(profile: dict[str, Any]) -> Table:
    rows: list[tuple[str, ...]] = []
    for layer in profile["layers"]:
        own = layer["channels"]
        row: tuple[str, ...] = (
            f"{layer['layer']}, {layer['shape']}",
            f"{own['channels']}",
            f"{own['unused']:.2f}",
            f"{min(own['needed'])} .. {max(own['needed'])}",
            quartiles(own["snr_db"]),
        )
        known = own.get("float")
        if known is not None:
            row += (quartiles(known["snr_db"]), quartiles(known["own_snr_db"]), f"{known['clipped']} %")
        rows.append(row)
    columns: tuple[str, ...] = (
        "layer",
        "channels",
        "unused bits, mean",
        "bits",
        "dB, of the integers",
    )
    if rows and len(rows[0]) > len(columns):
        columns += ("dB, float", "dB, own scale", "clipped")
    return Table("Channels, which share their layer's scale (least, median, most)", columns, rows)


def _stages(profile: dict[str, Any]) -> Table:
    rows: list[tuple[str, ...]] = []
    for stage in profile["stages"]:
        changed = stage.get("decisions_changed")
        cost = stage["cost"]
        rows.append(
            (
                stage["stage"],
                f"{stage.get('images', profile['images']):,}",
                f"{stage['accuracy']:.2f} %",
                "" if cost is None else f"{cost:+.2f}",
                stage["beside"],
                "" if changed is None else f"{changed:,}",
                ", ".join(f"{count:,.1f}" for count in stage.get("spikes", [])),
            )
        )
    columns = ("stage", "images", "accuracy", "costs", "set against", "decisions changed", "spikes an image")
    return Table("What each stage costs, in points of accuracy", columns, rows)


def _spikes(profile: dict[str, Any]) -> Table:
    rows: list[tuple[str, ...]] = []
    for stage in profile["stages"]:
        for layer, own in zip(profile["layers"], stage["layers"], strict=False):
            if "mismatches" in own:  # the RTL's, which has a table of its own
                continue
            where = f"{stage['stage']}, {layer['layer']}"
            if not layer["fires"]:
                rows.append((where, "", "", "", "", "", f"{100 * own['potentials']:.2f} %"))
                continue
            shift = "" if own["shift"] is None else f"{own['shift']:.2f} ({own['mean_shift']:+.2f})"
            shares = (f"{own[key]:.2f} %" for key in ("moved", "lost", "gained"))
            counts = f"{own['counts']:.3f} ({own['mean_counts']:+.3f})"
            rows.append((where, shift, *shares, counts, ""))
    columns = ("stage, layer", "shift, steps", "moved", "lost", "gained", "counts", "V of a readout")
    return Table(
        "First spikes and counts of a stage against the other: size (mean) of differences", columns, rows
    )


def _rtl(profile: dict[str, Any]) -> Table:
    rows = [
        (f"{layer['layer']}, {layer['shape']}", f"{own['spikes_compared']:,}", f"{own['mismatches']:,}")
        for stage in profile["stages"]
        for layer, own in zip(profile["layers"], stage["layers"], strict=False)
        if "mismatches" in own
    ]
    return Table("Spikes of the RTL against the golden model", ("layer", "compared", "differ"), rows)


def _rounding(profile: dict[str, Any]) -> Table:
    own, stages = profile["rounding"], {stage["stage"]: stage["accuracy"] for stage in profile["stages"]}
    rows = [("none, float", f"{stages['float']:.2f} %", "")]
    cases = [(f"layer {i} alone", accuracy) for i, accuracy in enumerate(own["alone"])]
    cases += [("all, a scale a layer", stages["rounded"]), ("all, a scale a channel", own["by_channel"])]
    rows += [(name, f"{got:.2f} %", f"{stages['float'] - got:+.2f}") for name, got in cases]
    return Table("Weights rounded, in the float phase's time", ("weights", "accuracy", "costs"), rows)


def _narrower(profile: dict[str, Any]) -> Table:
    rows = [
        (
            f"{row['pot_bits']}",
            f"{row['accuracy']:.2f} %",
            f"{row['cost']:+.2f}",
            f"{row['spikes_changed']:.2f} %",
            f"{row['decisions_changed']:,}",
        )
        for row in profile["narrower"]
    ]
    columns = ("bits of V", "accuracy", "costs", "spikes changed", "decisions changed")
    return Table("V in fewer bits, on the golden model", columns, rows)


def span(own: dict[str, Any]) -> str:
    """From the least to the largest."""
    return f"{own['least']:,} .. {own['largest']:,}"


def quartiles(values: list[float | None]) -> str:
    """Least, median and most of what is known."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return "nothing"
    return f"{known[0]:.1f}, {known[len(known) // 2]:.1f}, {known[-1]:.1f}"


def rich(table: Table) -> RichTable:
    """For the terminal."""
    found = RichTable(title=table.title, title_justify="left", title_style="bold")
    for i, column in enumerate(table.columns):
        found.add_column(column, justify="right" if i else "left", no_wrap=not i)
    for row in table.rows:
        found.add_row(*row)
    return found


def markdown(profile: dict[str, Any], picture: str = "") -> str:
    """The page; `picture` is a file beside it."""
    parts = [f"# Profile of {profile['network']}", headline(profile) + "."]
    if picture:
        parts.append(f"![Weights, A and V against their bits, by layer; accuracy by stage]({picture})")
    parts += profile.get("notes", [])
    for table in tables(profile):
        parts.append(f"## {table.title}")
        lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
        lines += ["| " + " | ".join(row) + " |" for row in table.rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
