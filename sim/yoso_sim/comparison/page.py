"""The page of the comparison, docs/compare: tables of measured rows, and what they assume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from yoso_hw import drawing

from yoso_sim.comparison import tables
from yoso_sim.comparison.draw import draw as draw
from yoso_sim.comparison.rows import GOLDEN
from yoso_sim.comparison.tables import table
from yoso_sim.comparison.verdict import verdict

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

![What an image costs; error by cycles and by noise]({picture})

## Costs
"""

_COLUMNS = """\
*Input spikes*: given until the image ends. *Hidden spikes*: sent by all layers but the last. *Updates*: a
weight added to a neuron, by spikes, biases and charging; of the ReLU network products whose input is not 0,
and biases. *Sweeps*: steps that an image takes, in each of which every PE sweeps its neurons; those of all
neurons are under *neurons swept*. *nJ*: with A in {bits} bits, idle PEs gated, at 150 MHz
([how](../energy.md)).
"""

_ANN = """\
## The ReLU network

Trained by this command on the same images and split with the rate-coded networks' distortions, {epochs}; the
last one is kept. Weights and activations are then quantised to 8 bits, after training, and run in integers.
Inputs and activations of 0 are skipped; in a convolution an input is multiplied for each window that has it.
"""


def load() -> dict[str, Any]:
    """The published numbers; without any, empty ones."""
    return json.loads(NUMBERS.read_text()) if NUMBERS.exists() else EMPTY


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Numbers with new rows in place of the same networks' old ones: dense ones first, wide ones first.

    Of one shape and rule those with short names come first, of which others are variants.
    """
    rows = {row["network"]: row for row in [*old["rows"], *new["rows"]]}
    details = {**old["details"], **new["details"]}

    def place(name: str) -> tuple[bool, int, int, int, str]:
        shape, rule = details[name]["shape"], rows[name]["rule"]
        return (
            "x" in shape,
            -_hidden(shape),
            RULES.index(rule) if rule in RULES else len(RULES),
            len(name),
            name,
        )

    order = sorted(rows, key=place)
    return {
        "rows": [rows[name] for name in order],
        "details": {name: details[name] for name in order},
        "no_energy": new["no_energy"],
    }


def _hidden(shape: str) -> int:
    parts = shape.split("-")
    return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else 0


def _ann(numbers: dict[str, Any]) -> list[str]:
    anns = {
        row["network"]: numbers["details"][row["network"]] for row in numbers["rows"] if row["rule"] == "ann"
    }
    if not anns:
        return []
    heads = ["network", "inputs that are not 0", "activations that are not 0", "products", "of", "biases"]
    keys = ("nonzero_inputs", "nonzero_hidden", "macs", "macs_dense", "biases")
    lines = [
        _ANN.format(epochs=_epochs(anns)),
        *table(heads, [[n, *(f"{o['work'][k]:,.0f}" for k in keys)] for n, o in anns.items()]),
    ]
    priced = {name: own["energy"] for name, own in anns.items() if own["energy"]}
    if not priced:
        return lines
    some = next(iter(priced.values()))
    reads = " or ".join(sorted({f"{own['weight_read_pj']:.2f}" for own in priced.values()}))
    lines += [
        "No such chip was built; its energy is an assumption, given twice. *Memory and arithmetic*, which is "
        f"the nJ of its row: each product reads its weight ({reads} pJ, its share of a read of our weight "
        f"memory) and is multiplied and added ({some['multiply_add_pj']:.2f} pJ: 0.2 and "
        "0.1 pJ at 45 nm and 0.9 V by Horowitz, ISSCC 2014, scaled by length and the voltage's square to "
        "130 nm and 1.2 V), and nothing else is paid for: no partial sums in memory, control, clock or "
        "network. *Like ours*: each product costs what an update costs this chip in that layer and the "
        "multiplication, each neuron one sweep. The spiking rows pay for all of these, so the first flatters "
        "the ReLU network, and the second charges it for a chip that was not made for it.",
        "",
        *table(
            ["network", "memory and arithmetic (nJ)", "like ours (nJ)"],
            [
                [name, f"{own['memory_and_arithmetic']:,.0f}", f"{own['like_ours']:,.0f}"]
                for name, own in priced.items()
            ],
        ),
    ]
    return lines


def _epochs(anns: dict[str, dict[str, Any]]) -> str:
    """Epochs of each network, those of the same number together."""
    found: dict[int, list[str]] = {}
    for name, own in anns.items():
        found.setdefault(own["epochs"], []).append(name)
    return "; ".join(f"{', '.join(names)}: {epochs} epochs" for epochs, names in found.items())


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
        *tables.costs(numbers),
        _COLUMNS.format(bits=" or ".join(map(str, bits))),
        *_missing(numbers),
        *verdict(numbers),
        *tables.widths(numbers),
        *tables.latency(numbers),
        *tables.ended(numbers),
        *tables.anew(numbers),
        *tables.noise(numbers),
        *_ann(numbers),
    ]
    return "\n".join(lines).rstrip() + "\n"


def publish(numbers: dict[str, Any], folder: Path = PAGE) -> None:
    """Write the numbers, the page and the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NUMBERS.name).write_text(json.dumps(numbers, indent=1) + "\n")
    (folder / "README.md").write_text(page(numbers))
    drawing.save(draw(numbers), folder / "compare.png")
