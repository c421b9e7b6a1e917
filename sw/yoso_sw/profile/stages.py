"""From float weights to the golden model in stages, and what each changes: accuracy, spike times, counts.

| stage | is |
|---|---|
| float | the float phase's weights, in its time: continuous of STDBP, whole steps of the others |
| rounded | the same with the weights that the integers stand for, one scale a layer |
| integers | those integers, on whole steps and the chip's adders: quantised, not trained further |
| trained | the network: its integers after the integer phase, by the trainer's forward pass |
| golden | the network on the golden model |

The first three need the weights of the float phase (`learn.floats`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from yoso_hw.params import ChipParams

from yoso_sw.data.samples import Inputs
from yoso_sw.learn import family, rules, trains
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.rule import Rule, ScaledRule
from yoso_sw.network import golden
from yoso_sw.network.events import NEVER
from yoso_sw.network.network import Network
from yoso_sw.profile.difference import Difference
from yoso_sw.profile.weights import percent

#: Images that run at once: bounds the memory of trains.
BATCH = 200


class Seen(NamedTuple):
    """What a stage gives for some images.

    times, counts
        Per layer: first spike of each output, float32 (images, outputs), inf for silent; its spikes.
    potentials
        Of the last layer, (images, classes), in any unit.
    decisions
        Classes, (images,).
    """

    times: list[np.ndarray]
    counts: list[np.ndarray]
    potentials: np.ndarray
    decisions: np.ndarray


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes
    ----------
    beside
        The stage that it is set against; "": none.
    run
        What it gives for inputs of the network.
    """

    name: str
    beside: str
    run: Callable[[Inputs], Seen]


def stages(
    network: Network,
    config: TrainConfig | None,
    model: ScaledRule[Any] | None,
    params: ChipParams | None = None,
) -> list[Stage]:
    """The stages of a network, from `model`, its float phase, on, if there is one.

    `params` are the widths of A and V of the golden model. Raises `TrainingError` if the configuration is not
    the network's.
    """
    found = []
    if model is not None:
        whole = copy.deepcopy(model)
        whole.quantise()
        rounded = copy.deepcopy(whole)
        rounded.unquantise(range(len(network.layers)))
        found += [
            Stage("float", "", of_model(model)),
            Stage("rounded", "float", of_model(rounded)),
            Stage("integers", "float", of_model(whole)),
        ]
    own = of_network(network) if config is None else of_model(rules.rule_of(config.rule).of(config, network))
    found.append(Stage("trained", "float" if found else "", own))
    found.append(Stage("golden", "trained", of_golden(network, params)))
    return found


def of_model(model: Rule[Any]) -> Callable[[Inputs], Seen]:
    """The stage of a rule's model, in its present phase."""

    def run(inputs: Inputs) -> Seen:
        with torch.no_grad():
            results = model(model.encode(inputs))
            return _seen(results, model.decide(results))

    return run


def of_network(network: Network) -> Callable[[Inputs], Seen]:
    """The trainers' forward pass of a network that has no configuration."""

    def run(inputs: Inputs) -> Seen:
        events = golden.check_inputs(network, inputs)
        with torch.no_grad():
            results = family.run(network, trains.of_events(events, network.steps))
            return _seen(results, trains.decide(network.decision, results[-1]))

    return run


def of_golden(network: Network, params: ChipParams | None = None) -> Callable[[Inputs], Seen]:
    """The golden model's stage."""

    def run(inputs: Inputs) -> Seen:
        result = golden.run(network, inputs, params=params, early_exit=False)
        firsts = [layer.first for layer in result.sent]
        times = [np.where(first == NEVER, np.inf, first).astype(np.float32) for first in firsts]
        return Seen(times, [layer.counts for layer in result.sent], result.potentials[-1], result.decisions)

    return run


def _seen(results: Sequence[Any], decisions: torch.Tensor) -> Seen:
    onward = [result.onward for result in results]
    return Seen(
        [own.times.float().numpy() for own in onward],
        [own.counts.numpy() for own in onward],
        results[-1].potentials.numpy(),
        decisions.numpy(),
    )


def measure(
    chain: Sequence[Stage],
    inputs: Inputs,
    labels: np.ndarray,
    readout: bool,
    tick: Callable[[int], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Run the stages beside each other: accuracy, spikes and differences of each, as JSON values.

    `readout` says that the last layer never fires, so that its V is what differs. `tick` is called with the
    images done. `cost` is what accuracy falls by from the stage before, in points.
    """
    right = dict.fromkeys((stage.name for stage in chain), 0)
    spikes: dict[str, Any] = dict.fromkeys(right, 0)
    differences: dict[str, list[Difference]] = {}
    changed = dict.fromkeys(right, 0)
    for first in range(0, len(labels), BATCH):
        own = slice(first, first + BATCH)
        found: dict[str, Seen] = {}
        for stage in chain:
            seen = found[stage.name] = stage.run(inputs[own])
            right[stage.name] += int((seen.decisions == labels[own]).sum())
            spikes[stage.name] = spikes[stage.name] + np.array([float(c.sum()) for c in seen.counts])
            if stage.beside:
                other = found[stage.beside]
                changed[stage.name] += int((seen.decisions != other.decisions).sum())
                sums = differences.setdefault(stage.name, [Difference() for _ in seen.times])
                for i, layer in enumerate(sums):
                    layer.take(other.times[i], seen.times[i], other.counts[i], seen.counts[i])
                if readout:
                    sums[-1].take_potentials(other.potentials, seen.potentials)
        tick(min(first + BATCH, len(labels)))
    rows, before = [], None
    for stage in chain:
        accuracy = right[stage.name] / len(labels)
        rows.append(
            {
                "stage": stage.name,
                "accuracy": percent(accuracy),
                "cost": None if before is None else round(percent(before) - percent(accuracy), 2),
                "spikes": (spikes[stage.name] / len(labels)).round(2).tolist(),
                "beside": stage.beside,
                "decisions_changed": changed[stage.name] if stage.beside else None,
                "layers": [one.row() for one in differences.get(stage.name, [])],
            }
        )
        before = accuracy
    return rows
