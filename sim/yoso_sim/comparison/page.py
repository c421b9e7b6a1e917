"""The page of the comparison, docs/compare: tables of measured rows, and what they assume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from yoso_hw import drawing

from yoso_sim.comparison.ann import EPOCHS
from yoso_sim.comparison.draw import draw as draw
from yoso_sim.comparison.draw import kind_of
from yoso_sim.comparison.rows import GOLDEN

PAGE = Path(__file__).resolve().parents[3] / "docs" / "compare"
NUMBERS = PAGE / "numbers.json"

#: Numbers of nothing.
EMPTY: dict[str, Any] = {"rows": [], "details": {}, "no_energy": ""}

#: In the order of the table.
RULES = ("stdbp", "count", "tandem", "clif", "ann")

_HEAD = """\
# Rules on one chip

Written by `yoso compare` (`make compare`) from measured runs; do not edit. Networks that different rules have
trained, on the same RTL with every neuron (`neuron=all`): {chips}.
Accuracy, spikes, updates and sweeps are means over the whole test set by the golden model, cycles over the
first images on the RTL, where every spike and every counter is compared with it. An 8-bit ReLU network of the
same shape stands beside them.

![What an image costs; error by step and by noise]({picture})

## Costs
"""

_COLUMNS = """\
*Input spikes*: given until the image ends. *Hidden spikes*: sent by all layers but the last. *Updates*: a
weight added to a neuron, by spikes, biases and charging; of the ReLU network products whose input is not 0,
and biases. *Sweeps*: steps that an image takes, in each of which every PE sweeps its neurons; those of all
neurons are under *neurons swept*. *nJ*: with A in {bits} bits, idle PEs gated, at 150 MHz
([how](../energy.md)).
"""

_WIDTHS = """\
## A in 16 and in 20 bits

The width of A changes neither spikes nor cycles: a network that the compiler takes cannot saturate it. It
changes what an image and the chip cost, estimated on sg13g2 before layout.
"""

_LATENCY = """\
## Accuracy by step

Every network with the weights of its row, its images ended early (the chip's register of steps), on the
golden model. """

_CUTS = """\
Rate-coded neurons get the same input in every step, so fewer steps are the same network at less precision,
and *T* counts the steps that each of its layers sees; C-LIF's input is a rate code, of whose spikes the early
ones are taken. None is trained anew for few steps, which does better there ([learning](../learning.md)). A
network that decides by its first output spike ends there by itself, and images without one by then go by the
highest V; with windows, the highest V decides throughout.
"""

_NOISE = """\
## Noise

Per cent right, golden model, the whole test set, one draw. *Pixels*: normal noise before coding, its standard
deviation as a share of white. *Jitter*: each input spike moves by a normal number of steps, its deviation as
a share of the input window; what leaves the window stays at its edge. *Deleted*: each input spike is left out
with that probability; of the ReLU network, each pixel is 0 with it. No network was trained with such noise.
"""

_ANN = """\
## The ReLU network

Trained by this command on the same images and split with the rate-coded networks' distortions, {epochs}
epochs, the last one is kept; weights and activations then quantised to 8 bits, after training, and run in
integers. Inputs and activations of 0 are skipped.
"""


def load() -> dict[str, Any]:
    """The published numbers; without any, empty ones."""
    return json.loads(NUMBERS.read_text()) if NUMBERS.exists() else EMPTY


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Numbers with new rows in place of the same networks' old ones: dense ones first, wide ones first."""
    rows = {row["network"]: row for row in [*old["rows"], *new["rows"]]}
    details = {**old["details"], **new["details"]}

    def place(name: str) -> tuple[bool, int, int, str]:
        shape, rule = details[name]["shape"], rows[name]["rule"]
        return "x" in shape, -_hidden(shape), RULES.index(rule) if rule in RULES else len(RULES), name

    order = sorted(rows, key=place)
    return {
        "rows": [rows[name] for name in order],
        "details": {name: details[name] for name in order},
        "no_energy": new["no_energy"],
    }


def _hidden(shape: str) -> int:
    parts = shape.split("-")
    return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else 0


def _cell(value: Any, form: str = "{:,}") -> str:
    return "" if value is None else form.format(value)


def _table(heads: list[str], rows: list[list[str]], words: int = 1) -> list[str]:
    """A Markdown table, its first columns words."""
    rule = "|---" * words + "|---:" * (len(heads) - words) + "|"
    return [f"| {' | '.join(heads)} |", rule, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _costs(numbers: dict[str, Any]) -> list[str]:
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
                *(row["network"], kind_of(row, own), row["code"], _cell(row["steps"])),
                *(str(own["weight_bits"]), f"{row['accuracy']:.2f}"),
                *(_cell(row[key], "{:,.0f}") for key in ("input_spikes", "hidden_spikes", "updates")),
                _cell(row["sweeps"], "{:,.1f}"),
                _cell(swept, "{:,.0f}"),
                *(_cell(row[key], "{:,.0f}") for key in ("cycles", "energy_nj")),
                *(_cell(row[key]) for key in ("images_rtl", "spike_mismatches")),
            ]
        )
    return _table(heads, rows, 3)


def _widths(numbers: dict[str, Any]) -> list[str]:
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
    return [_WIDTHS, *_table(heads, rows)]


def _latency(numbers: dict[str, Any]) -> list[str]:
    lines = [_LATENCY + _CUTS]
    curves = {name: own["curve"] for name, own in numbers["details"].items() if "curve" in own}
    rated = {name: points for name, points in curves.items() if points[0]["T"] is not None}
    if rated:
        most = max(len(points) for points in rated.values())
        rows = [
            [name, *(f"{p['accuracy']:.2f}" for p in points), *[""] * (most - len(points))]
            for name, points in rated.items()
        ]
        lines += _table(["T", *map(str, range(1, most + 1))], rows)
    for name, points in curves.items():
        if name in rated:
            continue
        first = numbers["details"][name]["first_spikes"]
        rows = [["accuracy (%)", *(f"{p['accuracy']:.2f}" for p in points)]]
        if first:
            rows.append(["decided by a spike (%)", *(f"{p['decided']:.1f}" for p in first)])
            rows.append(["decided by a spike, rightly (%)", *(f"{p['right']:.1f}" for p in first)])
        lines += _table([f"{name}: ends before step", *(str(p["steps"]) for p in points)], rows)
    return lines


def _noise(numbers: dict[str, Any]) -> list[str]:
    kinds = ("pixels", "jitter", "deleted")
    own = {name: details["noise"] for name, details in numbers["details"].items()}
    shares: dict[str, list[float]] = {}
    for noise in own.values():
        for kind, points in noise.items():
            shares.setdefault(kind, [share for share, _ in points[1:]])
    heads = ["network", "none"] + [f"{k} {share}" for k in kinds for share in shares.get(k, [])]
    rows = []
    for name, noise in own.items():
        (plain, *_) = next(iter(noise.values()))
        cells = [name, f"{plain[1]:.2f}"]
        for kind in kinds:
            points = noise.get(kind)
            cells += (
                [f"{right:.2f}" for _, right in points[1:]] if points else [""] * len(shares.get(kind, []))
            )
        rows.append(cells)
    return [_NOISE, *_table(heads, rows)]


def _ann(numbers: dict[str, Any]) -> list[str]:
    anns = {
        row["network"]: numbers["details"][row["network"]] for row in numbers["rows"] if row["rule"] == "ann"
    }
    if not anns:
        return []
    heads = ["network", "inputs that are not 0", "activations that are not 0", "products", "of", "biases"]
    keys = ("nonzero_inputs", "nonzero_hidden", "macs", "macs_dense", "biases")
    lines = [
        _ANN.format(epochs=EPOCHS),
        *_table(heads, [[n, *(f"{o['work'][k]:,.0f}" for k in keys)] for n, o in anns.items()]),
    ]
    priced = {name: own["energy"] for name, own in anns.items() if own["energy"]}
    if not priced:
        return lines
    some = next(iter(priced.values()))
    lines += [
        "No such chip was built; its energy is an assumption, given twice. *Memory and arithmetic*, which is "
        f"the nJ of its row: each product reads its weight ({some['weight_read_pj']:.2f} pJ, its share of a "
        f"read of our weight memory) and is multiplied and added ({some['multiply_add_pj']:.2f} pJ: 0.2 and "
        "0.1 pJ at 45 nm and 0.9 V by Horowitz, ISSCC 2014, scaled by length and the voltage's square to "
        "130 nm and 1.2 V), and nothing else is paid for: no partial sums in memory, control, clock or "
        "network. *Like ours*: each product costs what an update costs this chip and the multiplication, "
        "each neuron one sweep. The spiking rows pay for all of these, so the first flatters the ReLU "
        "network, and the second charges it for a chip that was not made for it.",
        "",
        *_table(
            ["network", "memory and arithmetic (nJ)", "like ours (nJ)"],
            [
                [name, f"{own['memory_and_arithmetic']:,.0f}", f"{own['like_ours']:,.0f}"]
                for name, own in priced.items()
            ],
        ),
    ]
    return lines


def _missing(numbers: dict[str, Any]) -> list[str]:
    """Which rows were not run on the RTL, what their energies are by, which have none, and why."""
    lines = []
    counted = [n for n, own in numbers["details"].items() if own.get("energy_from") == GOLDEN]
    if counted:
        lines += [
            f"The energies of {', '.join(counted)} are by {GOLDEN}: events of the first images as golden "
            "model and mapping give them, which the RTL's counters must show, and cycles by estimate, on "
            "which leakage and what lies beside the PEs depend.",
            "",
        ]
    if idle := [row["network"] for row in numbers["rows"] if row["images_rtl"] == 0]:
        lines += [f"Not run on the RTL for this page, so without cycles: {', '.join(idle)}.", ""]
    without = [row["network"] for row in numbers["rows"] if row["energy_nj"] is None]
    if not without:
        return lines
    why = "their netlists were not measured (`--energy all` does)"
    if numbers["no_energy"]:
        why = "no process' files were at hand (`PDK_ROOT`)"
    return [*lines, f"No energy is given for {', '.join(without)}: {why}.", ""]


def page(numbers: dict[str, Any], picture: str = "compare.png") -> str:
    """docs/compare/README.md; `picture` is a file beside it."""
    own = [details for details in numbers["details"].values() if "chip" in details]
    meshes = {f"`{one['chip']}`, {one['mesh'][0]} x {one['mesh'][1]} PEs" for one in own}
    bits = sorted({one["acc_bits"] for one in own})
    lines = [
        _HEAD.format(chips="; ".join(sorted(meshes, reverse=True)), picture=picture),
        *_costs(numbers),
        _COLUMNS.format(bits=" or ".join(map(str, bits))),
        *_missing(numbers),
        *_widths(numbers),
        *_latency(numbers),
        *_noise(numbers),
        *_ann(numbers),
    ]
    return "\n".join(lines).rstrip() + "\n"


def publish(numbers: dict[str, Any], folder: Path = PAGE) -> None:
    """Write the numbers, the page and the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NUMBERS.name).write_text(json.dumps(numbers, indent=1) + "\n")
    (folder / "README.md").write_text(page(numbers))
    drawing.save(draw(numbers), folder / "compare.png")
