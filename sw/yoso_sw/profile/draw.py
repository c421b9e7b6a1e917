"""The picture of a profile: a row a layer, and what stages cost below."""

from __future__ import annotations

from typing import Any

from yoso_hw import drawing

#: Bars of channels beyond this many are a line.
MOST_BARS = 64


def draw(profile: dict[str, Any]) -> Any:
    """The figure: weights, A and V by bits, channels, for each layer; accuracy by stage and by bits of V."""
    pyplot = drawing.pyplot()
    layers = profile["layers"]
    figure, axes = pyplot.subplots(
        len(layers) + 1,
        3,
        figsize=(12, 2.5 * len(layers) + 2.9),
        layout="constrained",
        squeeze=False,
        width_ratios=(1, 1.35, 1),
    )
    for row, layer in zip(axes, layers, strict=False):
        _weights(row[0], layer)
        _adders(row[1], layer)
        _channels(row[2], layer)
    _stages(axes[-1][0], profile)
    _shifts(axes[-1][1], profile)
    _narrower(axes[-1][2], profile)
    figure.suptitle(f"{profile['network']} ({profile['shape']}), {profile['images']:,} images")
    return figure


def _weights(axis: Any, layer: dict[str, Any]) -> None:
    own = layer["weights"]
    total = own["weights"]
    values = [int(value) for value in own["values"]]
    axis.bar(values, [100 * n / total for n in own["values"].values()], width=1.0, color=drawing.FIRST)
    limit = 1 << (own["bits"] - 1)
    axis.set_xlim(-limit - 1, limit)
    for bound in (-limit - 0.5, limit - 0.5):
        axis.axvline(bound, color="0.4", linestyle=":", linewidth=1)
    axis.set_title(f"layer {layer['layer']} ({layer['shape']}): weights, {own['bits']} bits", fontsize=10)
    axis.set_ylabel("% of weights")
    axis.set_xlabel(f"value; {own['at_bounds']} % at bounds, {own['zeros']} % zero")


def _adders(axis: Any, layer: dict[str, Any]) -> None:
    """Share of values that need more than so many bits: where it ends, the bits that are needed end."""
    a, v = layer["a"], layer["v"]
    for own, name, colour in ((a, "A", drawing.FIRST), (v, "V", drawing.SECOND)):
        total, above = max(1, own["values"]), []
        rest = own["values"]
        for count in own["by_bits"][: own["needed"]]:
            above.append(100 * rest / total)
            rest -= count
        bits = list(range(1, len(above) + 1))
        saturated = f", {own['saturated']:,} saturated" if own["saturated"] else ""
        axis.step(bits, above, where="post", color=colour, label=f"{name}, of {own['bits']} bits{saturated}")
        axis.axvline(own["bits"], color=colour, linewidth=1.5, linestyle=":")
        axis.plot([own["needed"]], [above[-1]], "o", color=colour, markersize=4)
    axis.plot([a["bound_bits"]], [0.0014], "^", color=drawing.FIRST, label="A, bound by the weights")
    axis.set_yscale("log")
    axis.set_ylim(0.001, 150)
    axis.set_xlim(0.5, max(a["bits"], v["bits"]) + 1)
    axis.set_title(f"A: {a['unused']} bits unused, V: {v['unused']}", fontsize=10)
    axis.set_xlabel("bits, the sign among them; dotted: what there is")
    axis.set_ylabel("% that take as many")
    axis.legend(fontsize=8, loc="lower left")


def _channels(axis: Any, layer: dict[str, Any]) -> None:
    """Channels from the one that rounding hurts most on."""
    known = layer["channels"].get("float")
    if known is None:
        curves = [(layer["channels"]["snr_db"], drawing.FIRST, "of the integers")]
    else:
        curves = [
            (known["snr_db"], drawing.FIRST, "the layer's scale"),
            (known["own_snr_db"], drawing.SECOND, "a scale of its own"),
        ]
    for values, colour, label in curves:
        some = sorted(value for value in values if value is not None)
        axis.plot(
            range(1, len(some) + 1), some, color=colour, label=label, marker=_marker(some), markersize=3
        )
    axis.set_title("channels: weights over their rounding", fontsize=10)
    axis.set_xlabel("channels, the worst first")
    axis.set_ylabel("dB")
    axis.legend(fontsize=8, loc="lower right")


def _marker(values: list[float]) -> str:
    return "o" if len(values) <= MOST_BARS else ""


def _stages(axis: Any, profile: dict[str, Any]) -> None:
    stages = [stage for stage in profile["stages"] if "images" not in stage]  # the RTL's are other images
    places = range(len(stages))
    axis.plot(places, [stage["accuracy"] for stage in stages], "o-", color=drawing.FIRST)
    for place, stage in zip(places, stages, strict=True):
        axis.annotate(
            f"{stage['accuracy']:.2f}",
            (place, stage["accuracy"]),
            textcoords="offset points",
            xytext=(0, 7),
            ha="center",
            fontsize=8,
        )
    names = [stage["stage"] for stage in stages]
    axis.set_xticks(places, names, fontsize=8, rotation=15)
    axis.margins(x=0.15)
    _around(axis, [stage["accuracy"] for stage in stages])
    axis.set_ylabel("accuracy, %")
    said = "".join(
        f"; RTL: {stage['images']} images, {stage['spike_mismatches']} spikes differ"
        for stage in profile["stages"]
        if "images" in stage
    )
    axis.set_title(f"accuracy by stage{said}", fontsize=10 if not said else 8)


def _shifts(axis: Any, profile: dict[str, Any]) -> None:
    """By layer and stage: outputs that spike at another step, or in one of both stages alone."""
    stages = [stage for stage in profile["stages"] if stage["layers"] and "moved" in stage["layers"][0]]
    firing = [i for i, layer in enumerate(profile["layers"]) if layer["fires"]]
    colours = drawing.shades(len(stages))
    width = 0.8 / max(1, len(stages))
    for k, (stage, colour) in enumerate(zip(stages, colours, strict=True)):
        changed = [sum(stage["layers"][i][key] for key in ("moved", "lost", "gained")) for i in firing]
        places = [i + (k - (len(stages) - 1) / 2) * width for i in range(len(firing))]
        label = f"{stage['stage']} against {stage['beside']}"
        bars = axis.bar(places, changed, width, color=colour, label=label)
        axis.bar_label(bars, [f"{value:.2f}" for value in changed], fontsize=8)
    axis.set_xticks(range(len(firing)), [f"layer {i}" for i in firing])
    axis.margins(y=0.15 + 0.22 * len(stages))
    axis.set_ylabel("% of outputs")
    axis.set_title("first spikes a step or more away, lost or gained", fontsize=10)
    if stages:
        axis.legend(fontsize=8)


def _narrower(axis: Any, profile: dict[str, Any]) -> None:
    rows = profile["narrower"]
    bits = [row["pot_bits"] for row in rows]
    axis.plot(bits, [row["accuracy"] for row in rows], "o-", color=drawing.FIRST)
    axis.invert_xaxis()
    axis.set_xticks(bits)
    axis.margins(x=0.15)
    _around(axis, [row["accuracy"] for row in rows])
    axis.set_xlabel("bits of V")
    axis.set_ylabel("accuracy, %")
    axis.set_title("V in fewer bits", fontsize=10)


def _around(axis: Any, values: list[float]) -> None:
    """At least a point of accuracy, so that what is nothing looks like nothing."""
    least, most = min(values), max(values)
    room = max(0.5, 0.25 * (most - least))
    axis.set_ylim(least - room, most + room)
