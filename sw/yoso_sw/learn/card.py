"""Model cards: ``python -m yoso_sw.learn.card`` writes ``<name>.md`` beside every trained network.

A card says what a network is, what it was trained on, how well it does and what it may be used for. All of it
comes from the configuration, the network's file and the accuracies of its seeds, so a card is never edited;
the command brings it up to date, and training does so at its end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import click
from yoso_hw.writing import write_whole

from yoso_sw.data import registry
from yoso_sw.data.augment import Augment
from yoso_sw.data.source import Facts
from yoso_sw.data.views import VIEWS, views_of
from yoso_sw.learn import dead, spread
from yoso_sw.learn.config import ConfigError, TrainConfig
from yoso_sw.learn.config_file import load_config
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate, names

DECISIONS = {
    "ttfs": "the earliest output spike (a tie goes to the higher potential, then to the lower class)",
    "softmax": "the highest output potential after the last step; output neurons never fire",
    "count": "the most output spikes (a tie goes to the lower class); without any, the highest potential",
}

#: What the column of slopes means, by whether all neurons are ReL-PSP.
SLOPES = {
    True: "Slope A: each step adds the weights that have arrived to the potential (ReL-PSP); a number: the "
    "constant slope that replaces A from the window's first step on (docs/arithmetic.md).",
    False: "Slope A: each step adds the current A to the potential (docs/arithmetic.md).",
}

#: What an input of each code has, in the network's levels.
CODES = {
    "ttfs": "pixels, each at most one spike in {} levels",
    "rate": "pixels, each as many spikes of {} as it is bright",
    "poisson": "pixels, each a spike in every one of {} steps with the probability of its brightness",
    "events": "inputs of recorded spikes in {} steps",
}


def _split(config: TrainConfig, source: Facts) -> str:
    if source.split:
        return source.split
    if not source.train:
        return f"the set's own; the last {config.validation:,} training images validate"
    return (
        f"{source.train - config.validation:,} images to train, the last {config.validation:,} of the "
        f"training set to validate, all {source.test:,} of the test set to test"
    )


def _distortions(augment: Augment) -> str:
    pairs = [(field.name, getattr(augment, field.name)) for field in dataclasses.fields(augment)]
    used = [name if value is True else f"{name} {value:g}" for name, value in pairs if value]
    return f"{', '.join(used)} (`yoso_sw/data/augment.py`)" if used else "none"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _per_cent(value: object) -> str:
    return f"{value:.2f} %" if isinstance(value, int | float) else "not recorded"


def _layer_row(i: int, layer: Layer, spikes: float | None) -> tuple[str, ...]:
    fires = layer.neuron.fires
    return (
        str(i),
        layer.shape,
        f"{layer.neurons:,}",
        f"{layer.weights.size:,}" + " with bias" * layer.bias,
        str(layer.neuron.slope) if layer.neuron.slope else "A",
        f"{layer.neuron.threshold:,}" if fires else "",
        f"{layer.neuron.start}..{layer.neuron.end - 1}" if fires else "never fires",
        "" if spikes is None else f"{spikes:,.1f}",
        "" if spikes is None or not fires else f"{spikes / layer.neurons:.3f}",
    )


def _warning(silent: Sequence[int]) -> list[str]:
    return [f"**Warning: {dead.text(silent)}.**", ""] if silent else []


def render(config: TrainConfig, network: Network, rows: list[dict[str, float]]) -> str:
    """The card's text.

    Parameters
    ----------
    config, network
        A configuration and what was trained from it.
    rows
        Accuracies of its seeds (`spread.read`), none if only one was trained.
    """
    about = network.about
    config = dataclasses.replace(config, dataset=str(about.get("dataset", config.dataset)))
    source = registry.facts(config.dataset)
    nouns = [VIEWS[name].noun for name in views_of(config.dataset)]
    stdbp = config.rule == "stdbp"
    weights = sum(layer.weights.size for layer in network.layers)
    spikes = about.get("spikes") or [None] * len(network.layers)
    time = "continuous" if network.fires_once else "discrete"
    accuracies = [
        (f"float weights, {time} time, test images", _per_cent(about.get("float_accuracy"))),
        ("**integers on the golden model, test images**", f"**{_per_cent(about.get('golden_accuracy'))}**"),
        ("integers, validation images", _per_cent(about.get("validation_accuracy"))),
    ]
    if rows:
        mean, std = spread.mean_and_spread(rows)
        listed = ", ".join(str(row["seed"]) for row in rows)
        value = f"{mean:.2f} %" if std is None else f"{mean:.2f} ± {std:.2f} %"
        accuracies.append((f"golden model, seeds {listed}: mean ± sample standard deviation", value))
    kind = "time-to-first-spike" if network.fires_once else "spiking"
    beyond = network.beyond_rel_psp
    floats, integers = about.get("epochs", (config.float_epochs, config.integer_epochs))
    lines = [
        f"# {network.name}",
        "",
        f"A {kind} network, {network.shape}, in weights of "
        f"{network.weight_bits} bits and {network.steps} time steps an image.",
        "",
        *_table(("accuracy", ""), accuracies),
        "",
        *_warning(about.get("silent_layers", [])),
        "## Network",
        "",
        *_table(
            ("", ""),
            [
                ("input", f"{network.inputs:,} {CODES[network.code].format(network.levels)}"),
                *([("beyond the ReL-PSP neuron", ", ".join(beyond))] if beyond else []),
                ("decision", DECISIONS.get(network.decision, network.decision)),
                ("classes", str(network.classes)),
                ("weights", f"{weights:,}, {weights * network.weight_bits / 8192:,.1f} KiB"),
                ("adders", f"A of {network.acc_bits} bits, V of {network.pot_bits}"),
            ],
        ),
        "",
        *_table(
            (
                *("layer", "shape", "neurons", "weights", "slope", "threshold", "fires in steps"),
                *("spikes an image", "spikes a neuron"),
            ),
            [_layer_row(i, layer, spikes[i]) for i, layer in enumerate(network.layers)],
        ),
        "",
        f"{SLOPES[network.rel_psp]} Spikes are means over the test images, up to the decision.",
        "",
        "## Training",
        "",
        *_table(
            ("", ""),
            [
                ("command", f"`{about.get('command', f'make train NET={config.name}')}`"),
                ("configuration", f"[{config.name}.toml]({config.name}.toml)"),
                ("seed", str(about.get("seed", config.seed))),
                ("epochs", f"{floats} in float, {integers} in integers"),
                ("images", ", seen as ".join((source.content, *nouns))),
                ("split", _split(config, source)),
                *([] if stdbp else [("rule", f"`{config.rule}` (docs/learning.md)")]),
                ("beyond the paper's STDBP" if stdbp else "beside the rule", config.strategies),
                ("distortions of training images", _distortions(config.augment)),
            ],
        ),
        "",
        "The last epoch is kept; test images choose nothing.",
        "",
        "## Use",
        "",
        f"For {source.use}, and for work on spiking hardware: the integers' accuracies are the golden "
        "model's, which the chip reproduces spike for spike where the network fits it "
        f"(`make sim NET={config.name}` says whether it does).",
        "",
        f"Not for decisions about people or anything that must be safe. {source.limits} Nothing is known of "
        "its behaviour on images of another kind: it names one of its classes for any image, with no measure "
        "of doubt, and was not hardened against images made to deceive it.",
        "",
        "Written by `python -m yoso_sw.learn.card`; not to be edited.",
    ]
    return "\n".join(lines) + "\n"


def write(config_path: Path, network_path: Path | None = None) -> Path:
    """Write the card beside the network, by default beside the configuration. Returns its path.

    Raises
    ------
    ConfigError, NetworkError
        If either file is missing or not valid.
    """
    network_path = network_path or config_path.with_suffix(".npz")
    text = render(load_config(config_path), Network.load(network_path), spread.read(config_path))
    path = network_path.with_suffix(".md")
    write_whole(path, text)
    return path


@click.command(help=__doc__)
@click.argument("nets", nargs=-1, metavar="[NET]...")
def main(nets: tuple[str, ...]) -> None:
    try:
        trained = set(names(".npz"))
        for net in nets or [name for name in names() if name in trained]:
            click.echo(write(locate(net)))
    except (ConfigError, NetworkError) as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
