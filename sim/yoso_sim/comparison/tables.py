"""The tables of the comparison's page: costs, widths of A, accuracy by step and by cycles, noise."""

from __future__ import annotations

from typing import Any

from yoso_sim.comparison.kinds import kind_of, trained_anew

#: Published numbers: `rows`, `details` by network, and why there are no energies.
Numbers = dict[str, Any]

_WIDTHS = """\
## A in 16 and in 20 bits

The width of A changes neither spikes nor cycles: a network that the compiler takes cannot saturate it. It
changes what an image and the chip cost, estimated on sg13g2 before layout. The chip with convolutions has the
width that its networks need.
"""

_LATENCY = """\
## Accuracy by step

Every network with the weights of its row, its images ended early (the chip's register of steps), on the
golden model{few}. """

_CUTS = """\
Rate-coded neurons get the same input in every step, so fewer steps are the same network at less precision,
and *T* counts the steps that each of its layers sees; C-LIF's input is a rate code, of whose spikes the early
ones are taken. {anew}A network that
decides by its first output spike ends there by itself, and images without one by then go by the highest V;
with windows, the highest V decides throughout.
"""

_ANEW = """\
## Trained for few steps

Networks of one shape and rule, each trained for its T, with whole images: rows of the table above.
"""

_ENDED = """\
## Accuracy by cycles

Some of these points on the RTL, whose register of steps was set so: cycles are means over {images} images,
every spike compared, and {differ} differ. Accuracy and hidden spikes are those of the golden model, as above.
"""

_NOISE = """\
## Noise

Per cent right, golden model, the whole test set{few}, one draw. *Pixels*: normal noise before coding, its
standard deviation as a share of white. *Jitter*: each input spike moves by a normal number of steps, its
deviation as a share of the input window; what leaves the window stays at its edge. *Deleted*: each input
spike is left out with that probability; of the ReLU network, each pixel is 0 with it. No network was trained
with such noise.
"""


def cell(value: Any, form: str = "{:,}") -> str:
    """A value, nothing where there is none."""
    return "" if value is None else form.format(value)


def table(heads: list[str], rows: list[list[str]], words: int = 1) -> list[str]:
    """A Markdown table, its first columns words."""
    rule = "|---" * words + "|---:" * (len(heads) - words) + "|"
    return [f"| {' | '.join(heads)} |", rule, *(f"| {' | '.join(row)} |" for row in rows), ""]


def costs(numbers: Numbers) -> list[str]:
    """A row a network."""
    heads = [
        *("network", "rule", "code", "steps", "bits", "accuracy (%)", "input spikes", "hidden spikes"),
        *("updates", "sweeps", "neurons swept", "cycles", "nJ", "images on the RTL", "spikes that differ"),
    ]
    rows = []
    for row in numbers["rows"]:
        own = numbers["details"][row["network"]]
        swept = own.get("counts", {}).get("neuron_sweeps")
        rows.append(
            [
                *(row["network"], kind_of(row, own), row["code"], cell(row["steps"])),
                *(str(own["weight_bits"]), f"{row['accuracy']:.2f}"),
                *(cell(row[key], "{:,.0f}") for key in ("input_spikes", "hidden_spikes", "updates")),
                cell(row["sweeps"], "{:,.1f}"),
                cell(swept, "{:,.0f}"),
                *(cell(row[key], "{:,.0f}") for key in ("cycles", "energy_nj")),
                *(cell(row[key]) for key in ("images_rtl", "spike_mismatches")),
            ]
        )
    return table(heads, rows, 3)


def widths(numbers: Numbers) -> list[str]:
    """What an image and the chip cost by the width of A."""
    rows = []
    for name, own in numbers["details"].items():
        for bits, cost in own.get("costs", {}).items():
            rows.append(
                [
                    *(name, bits, f"{cost['energy_nj']:,.0f}", f"{cost['energy_nj_ungated']:,.0f}"),
                    *(f"{cost['chip_mm2']:.2f}", f"{cost['fmax_mhz']:.0f}"),
                ]
            )
    if not rows:
        return []
    heads = ["network", "bits of A", "nJ an image", "nJ, clock always on", "mm2", "MHz"]
    return [_WIDTHS, *table(heads, rows)]


def _few(numbers: Numbers) -> str:
    """On which test images the curves of networks are that are not on all of them."""
    few = [
        own for own in numbers["details"].values() if own.get("curve_images", own["images"]) < own["images"]
    ]
    if not few:
        return ""
    shapes = sorted({own["shape"] for own in few})
    return f" ({' and '.join(shapes)}: the first {few[0]['curve_images']:,} test images)"


def latency(numbers: Numbers) -> list[str]:
    """Accuracy by the step at which images end."""
    below = "What training anew for few steps does is [below](#trained-for-few-steps). "
    some = below if trained_anew(numbers["rows"], numbers["details"]) else ""
    lines = [_LATENCY.format(few=_few(numbers)) + _CUTS.format(anew=some)]
    curves = {name: own["curve"] for name, own in numbers["details"].items() if "curve" in own}
    rated = {name: points for name, points in curves.items() if points[0]["T"] is not None}
    if rated:
        most = max(len(points) for points in rated.values())
        rows = [
            [name, *(f"{p['accuracy']:.2f}" for p in points), *[""] * (most - len(points))]
            for name, points in rated.items()
        ]
        lines += table(["T", *map(str, range(1, most + 1))], rows)
    for name, points in curves.items():
        if name in rated:
            continue
        first = numbers["details"][name]["first_spikes"]
        rows = [["accuracy (%)", *(f"{p['accuracy']:.2f}" for p in points)]]
        if first:
            rows.append(["decided by a spike (%)", *(f"{p['decided']:.1f}" for p in first)])
            rows.append(["decided by a spike, rightly (%)", *(f"{p['right']:.1f}" for p in first)])
        lines += table([f"{name}: ends before step", *(str(p["steps"]) for p in points)], rows)
    return lines


#: Of a point that ran on the RTL: what it is called, and how it is written.
_OF_POINT = {
    "accuracy": ("accuracy (%)", "{:.2f}"),
    "hidden_spikes": ("hidden spikes", "{:,.0f}"),
    "cycles": ("cycles", "{:,.0f}"),
}


def ended(numbers: Numbers) -> list[str]:
    """Accuracy, hidden spikes and cycles of images that end early on the RTL."""
    found = {name: own["ended"] for name, own in numbers["details"].items() if own.get("ended")}
    if not found:
        return []
    points = [point for own in found.values() for point in own]
    images = sorted({point["images_rtl"] for point in points})
    differ = sum(point["spike_mismatches"] for point in points)
    lines = [_ENDED.format(images=" or ".join(map(str, images)), differ=differ)]
    rated = {name: {p["T"]: p for p in own} for name, own in found.items() if own[0]["T"] is not None}
    if rated:
        heads = sorted({each for own in rated.values() for each in own})
        rows = [
            [name, called, *(cell(own.get(each, {}).get(key), form) for each in heads)]
            for name, own in rated.items()
            for key, (called, form) in _OF_POINT.items()
        ]
        lines += table(["network", "T", *map(str, heads)], rows, 2)
    for name, own in found.items():
        if name not in rated:
            rows = [
                [called, *(form.format(p[key]) for p in own)] for key, (called, form) in _OF_POINT.items()
            ]
            lines += table([f"{name}: ends before step", *(str(p["steps"]) for p in own)], rows)
    return lines


def anew(numbers: Numbers) -> list[str]:
    """Networks that differ in the T that they were trained for."""
    found = trained_anew(numbers["rows"], numbers["details"])
    if not found:
        return []
    heads = ["T", "network", "accuracy (%)", "hidden spikes", "updates", "cycles", "nJ"]
    keys = ("hidden_spikes", "updates", "cycles", "energy_nj")
    rows = [
        [
            *(str(numbers["details"][row["network"]]["T"]), row["network"], f"{row['accuracy']:.2f}"),
            *(cell(row[key], "{:,.0f}") for key in keys),
        ]
        for own in found
        for row in own
    ]
    return [_ANEW, *table(heads, rows, 2)]


def noise(numbers: Numbers) -> list[str]:
    """Accuracy under disturbed inputs."""
    kinds = ("pixels", "jitter", "deleted")
    own = {name: details["noise"] for name, details in numbers["details"].items()}
    shares: dict[str, list[float]] = {}
    for each in own.values():
        for kind, points in each.items():
            shares.setdefault(kind, [share for share, _ in points[1:]])
    heads = ["network", "none"] + [f"{k} {share}" for k in kinds for share in shares.get(k, [])]
    rows = []
    for name, each in own.items():
        (plain, *_) = next(iter(each.values()))
        cells = [name, f"{plain[1]:.2f}"]
        for kind in kinds:
            points = each.get(kind)
            cells += (
                [f"{right:.2f}" for _, right in points[1:]] if points else [""] * len(shares.get(kind, []))
            )
        rows.append(cells)
    return [_NOISE.format(few=_few(numbers)), *table(heads, rows)]
