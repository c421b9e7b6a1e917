"""The page of the committed networks on the RTL, docs/on-chip: a row a network, from its measured run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from yoso_hw.params import ChipParams
from yoso_sw.compile.image import WeightImage
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import names

PAGE = Path(__file__).resolve().parents[2] / "docs" / "on-chip"
NUMBERS = PAGE / "numbers.json"

#: What of the report of a run is kept.
KEPT = (
    *("images", "golden_accuracy", "rtl_accuracy", "spikes_compared", "spike_mismatches"),
    *("class_mismatches", "counter_mismatches", "errors", "cycles_per_image", "synaptic_updates_per_image"),
)

_HEAD = """\
# Committed networks on the chip

Written by `yoso on-chip` from measured runs; do not edit. Each network ran on the RTL in Verilator beside
the golden model. Compared are every spike, of pooled layers those of every neuron as well as what pooling
lets pass, the decisions, and every counter of every PE. `yoso sim --net NAME` runs one on the chip of its
row, `yoso regress --net NAME` the whole test set, and `yoso fit NAME` tells which other chips hold it. Images
are the first of the test set; of few, accuracy says little, and the whole test set's is in
[results](../results.md).
"""


def row(network: Network, chip: str, image: WeightImage, report: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a run: a network on a chip, which is named or a file."""
    params: ChipParams = image.params
    return {
        "network": network.name,
        "shape": network.shape,
        "neurons": sum(layer.neurons for layer in network.layers),
        "weights": sum(layer.weights.size for layer in network.layers),
        "chip": chip,
        "neuron": params.neuron,
        "mesh": [params.cols, params.rows],
        "lanes": params.lanes,
        "pes": image.pes,
        "steps": network.steps,
        "command": f"yoso regress --net {network.name} --images {report['images']}",
        **{key: report[key] for key in KEPT},
    }


def load() -> dict[str, dict[str, Any]]:
    """The published rows by network."""
    return json.loads(NUMBERS.read_text()) if NUMBERS.exists() else {}


def page(rows: dict[str, dict[str, Any]]) -> str:
    """docs/on-chip/README.md."""
    heads = (
        "network",
        "shape",
        "chip",
        "PEs",
        "images",
        "accuracy (%)",
        "spikes compared",
        "differ",
        "cycles",
    )
    lines = [_HEAD, f"| {' | '.join(heads)} |", "|---|---|---|" + "---:|" * (len(heads) - 3)]
    for name in sorted(rows):
        own = rows[name]
        cols, across = own["mesh"]
        chip = own["chip"] + (f", neuron={own['neuron']}" if own["neuron"] != "rel_psp" else "")
        cells = (
            name,
            own["shape"],
            chip,
            f"{own['pes']} of {cols} x {across}",
            f"{own['images']:,}",
            f"{own['rtl_accuracy']:.2f}",
            f"{own['spikes_compared']:,}",
            f"{differences(own):,}",
            f"{own['cycles_per_image']['mean']:,.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    missing = [name for name in names(".npz") if name not in rows]
    total = sum(own["images"] for own in rows.values()), sum(own["spikes_compared"] for own in rows.values())
    differ = sum(map(differences, rows.values()))
    return "\n".join(
        [
            *lines,
            "",
            f"Together {total[0]:,} images and {total[1]:,} spikes; {differ} of spikes, classes and counters "
            "differ.",
            *(["", f"Not run yet: {', '.join(missing)}."] if missing else []),
            "",
        ]
    )


def differences(own: dict[str, Any]) -> int:
    """Spikes, classes and counters of a row that differ from the golden model, and error bits."""
    names = ("spike_mismatches", "class_mismatches", "counter_mismatches")
    return sum(own[name] for name in names) + len(own["errors"])


def publish(rows: dict[str, dict[str, Any]], folder: Path = PAGE) -> None:
    """Write the numbers, and the page of them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NUMBERS.name).write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")
    (folder / "README.md").write_text(page(rows))
