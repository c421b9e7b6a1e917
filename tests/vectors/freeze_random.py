"""Writes the random vectors of this folder; run once, kept to show where they come from.

``PYTHONPATH=hw:sw:tests python tests/vectors/freeze_random.py``. What must come out is computed by
`support.reference.simulate`, never by the golden model that the vectors test.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from support.reference import random_events, random_network, simulate
from yoso_hw.params import ChipParams
from yoso_sw.network.neuron import Neuron, to_words

CHIP = {"cols": 3, "rows": 2, "neurons": 16, "weights": 256, "steps": 32, "layers": 4, "classes": 16}
RECIPES = {
    "random-one-lane": {
        "seed": 362,
        "sizes": [10, 7, 4],
        "steps": 16,
        "chip": {"lanes": 1, "acc_bits": 8, "pot_bits": 10},
    },
    "random-two-lanes-softmax": {
        "seed": 362,
        "sizes": [14, 9, 5],
        "steps": 20,
        "decision": "softmax",
        "chip": {"lanes": 2, "acc_bits": 9, "pot_bits": 12},
    },
    "random-slopes": {
        "seed": 309,
        "sizes": [12, 11, 6],
        "steps": 24,
        "slopes": True,
        "chip": {"acc_bits": 8, "pot_bits": 10},
    },
    "random-three-layers": {
        "seed": 335,
        "sizes": [16, 13, 9, 5],
        "steps": 32,
        "weight_bits": 8,
        "chip": {"lanes": 8, "acc_bits": 12, "pot_bits": 16},
    },
    "random-narrow": {"seed": 233, "sizes": [9, 10, 3], "steps": 16, "chip": {"acc_bits": 8, "pot_bits": 8}},
    "random-family-count": {
        "seed": 239,
        "sizes": [10, 9, 8, 4],
        "steps": 16,
        "decision": "count",
        "family": True,
        "chip": {"lanes": 4, "acc_bits": 12, "pot_bits": 12, "neuron": "all"},
    },
    "random-family-ttfs": {
        "seed": 201,
        "sizes": [11, 9, 5],
        "steps": 14,
        "family": True,
        "chip": {"lanes": 2, "acc_bits": 12, "pot_bits": 12, "neuron": "all"},
    },
    "random-family-readout": {
        "seed": 48,
        "sizes": [12, 10, 7, 5],
        "steps": 16,
        "decision": "softmax",
        "family": True,
        "chip": {"lanes": 1, "acc_bits": 12, "pot_bits": 12, "neuron": "all"},
    },
}


def freeze(name: str, seed: int, sizes: list[int], steps: int, chip: dict, **kind) -> str:
    """One vector's file: eight images, early exit in every other one."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, sizes, steps, **kind)
    chip = {**CHIP, "lanes": 4, "weight_bits": network.weight_bits, **chip}
    params = ChipParams(**chip)
    images = []
    for k, image in enumerate(random_events(rng, 8, network)):
        got = simulate(network, image, params, early_exit=k % 2 == 0)
        arriving = [image.step[image.axon == axon].tolist() for axon in range(image.axons)]
        images.append(
            {
                "inputs": silent(arriving),
                "early_exit": k % 2 == 0,
                "expect": {
                    "decision": got.decision,
                    "decision_step": got.decision_step,
                    "spiked": got.spiked,
                    "last": got.last,
                    "steps": [silent(layer) for layer in got.steps],
                    "potentials": got.potentials,
                    "accumulated": got.accumulated,
                }
                | ({} if network.rel_psp else {"spike_potentials": [v for *_, v in got.spike_potentials]}),
            }
        )
    fixed = {
        "steps": steps,
        "levels": network.levels,
        "decision": network.decision,
        "weight_bits": network.weight_bits,
    }
    if network.code != "ttfs":
        fixed["code"] = network.code
    layers = [
        {"weights": layer.weights.tolist(), **said(layer.neuron), "bias": layer.bias}
        for layer in network.layers
    ]
    entries = {
        "name": name,
        "about": f"{network.shape} with random weights, thresholds, windows and biases.",
        "origin": f"tests/vectors/freeze_random.py, seed {seed}",
        "compiles": True,
        "params": chip,
        "network": {**fixed, "layers": layers},
        "images": images,
    }
    return (
        "{\n"
        + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items())
        + "\n}\n"
    )


def said(neuron: Neuron) -> dict[str, int | str]:
    """A neuron's words: threshold, slope and window, and what else is not the paper's."""
    words, plain = to_words(neuron), to_words(Neuron(1, 0, 0))
    always = ("threshold", "slope", "start", "end")
    return {name: words[name] for name in always} | {
        name: value for name, value in words.items() if name not in always and value != plain[name]
    }


def silent(spikes: list[list[int]]) -> list[int | list[int] | None]:
    """Steps of each neuron or input as the file has them."""
    return [None if not own else own[0] if len(own) == 1 else own for own in spikes]


if __name__ == "__main__":
    for name, recipe in RECIPES.items():
        Path(__file__).with_name(f"{name}.json").write_text(freeze(name, **recipe))
