"""The accuracy of a trained network on the golden model, over a whole test set, and what its spikes cost.

On some images the trainer's integer forward pass (that of its rule, or the neuron family's where a network
has no configuration) must agree with the golden model, spike for spike.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yoso_hw import versions

from yoso_sw.data.recorded import samples_for
from yoso_sw.data.samples import Inputs
from yoso_sw.data.views import family
from yoso_sw.learn import rules, spread
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.tally import tally
from yoso_sw.network import golden
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate

if TYPE_CHECKING:
    from yoso_sw.learn.rule import Result

CHECKED = 20  # images a run of the trainer; bounds its memory

#: Accuracy in the paper's tables I to III, by data set and shape.
PAPER = {
    ("mnist", "784-400-10"): 98.1,
    ("mnist", "784-800-10"): 98.5,
    ("mnist", "28x28-16C5-P2-32C5-P2-800-128-10"): 99.4,
    ("fashion-mnist", "784-1000-10"): 88.1,
    ("fashion-mnist", "28x28-16C5-P2-32C5-P2-800-128-10"): 90.1,
    ("caltech", "40000-4-2"): 99.2,
    ("caltech", "28x28-16C5-P2-32C5-P2-800-128-2"): 99.5,
}


def found(net: str) -> Path:
    """The configuration of a network, or its own file where it has none. Raises `NetworkError`."""
    path = Path(net)
    alone = path.suffix == ".npz" and path.is_file() and not path.with_suffix(".toml").is_file()
    return path if alone else locate(net)


def disagreements(config: TrainConfig | None, network: Network, images: Inputs) -> int:
    """Spikes and decisions in which the trainer's integer forward pass and the golden model differ."""
    import torch

    from yoso_sw.learn import family, trains

    results: Sequence[Result]
    with torch.no_grad():
        if config is None:
            events = golden.check_inputs(network, images)
            results = outputs = family.run(network, trains.of_events(events, network.steps))
            decisions = trains.decide(network.decision, outputs[-1])
        else:
            model = rules.rule_of(config.rule).of(config, network)
            results = model(model.encode(images))
            decisions = model.decide(results)
    exact = golden.run(network, images, early_exit=False)
    wrong = int((decisions.numpy() != exact.decisions).sum())
    return wrong + sum(layer.spikes.unlike(sent) for layer, sent in zip(results, exact.sent, strict=True))


def measure(path: Path, checked: int, data: str | None = None, other: bool = False) -> dict[str, Any]:
    """One network's row, on the set it records or on `data` (`samples_for`).

    `path` is its configuration, or its own file (`found`). `checked` images are compared with the trainer, 0
    for none. Raises what loading raises, and `TrainingError` if trainer and golden model differ.
    """
    config, trained = None, path.with_suffix(".npz")
    if path != trained:
        config = load_config(path)
        config.check_exports()
        if not trained.is_file():
            raise NetworkError(f"{config.name} is not trained: make train NET={config.name} writes {trained}")
    network = Network.load(trained)
    samples = samples_for(network, trained, data, other)
    images, labels = samples.pair
    some = images[:checked]
    firsts = range(0, len(some), CHECKED)
    if wrong := sum(disagreements(config, network, some[first : first + CHECKED]) for first in firsts):
        raise TrainingError(
            f"{network.name}: trainer and golden model differ in {wrong} spikes or decisions "
            f"of {checked} images"
        )
    counted = tally(network, images, labels)
    firing = sum(layer.neurons for layer in network.layers if layer.neuron.fires)
    accuracy = round(counted.accuracy, 2)
    seeds = ([] if other else spread.read(path)) or [{"golden": accuracy}]
    mean, std = spread.mean_and_spread(seeds)
    return {
        "network": network.name,
        "dataset": samples.name,
        "bits": network.weight_bits,
        "steps": network.steps,
        "paper": PAPER.get((family(samples.name), network.shape)),
        "float": network.about.get("float_accuracy"),
        "golden": accuracy,
        "seeds": len(seeds),
        "spikes_per_neuron": round(sum(counted.spikes) / len(images) / firing, 4),
        "decision_step": round(counted.steps / len(images), 2),
        "shape": network.shape,
        "code": network.code,
        "decision": network.decision,
        "decided_by_spikes": round(100 * counted.spiked / len(images), 2),
        "mean": round(mean, 2),
        "spread": None if std is None else round(std, 2),
        "checked_images": checked,
        "tools": versions.of("training" if checked else "golden model"),
    }
