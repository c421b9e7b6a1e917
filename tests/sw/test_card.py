"""Model cards say what the files say, and the committed ones are up to date."""

import dataclasses

import pytest
from click.testing import CliRunner
from yoso_sw.learn import card, spread
from yoso_sw.learn.config_file import load_config
from yoso_sw.network.network import CODES, DECISIONS, Network
from yoso_sw.network.neuron import CLEARED, Neuron, Reset
from yoso_sw.network.zoo import NETWORKS, names

TRAINED = sorted(set(names()) & set(names(".npz")))


def rendered(name):
    path = NETWORKS / f"{name}.toml"
    return card.render(load_config(path), Network.load(path.with_suffix(".npz")), spread.read(path))


@pytest.mark.parametrize("name", TRAINED)
def test_a_committed_card_is_up_to_date(name):
    path, advice = NETWORKS / f"{name}.md", "python -m yoso_sw.learn.card brings it up to date"
    assert path.is_file() and path.read_text() == rendered(name), advice


def test_no_card_is_left_of_a_network_that_is_gone():
    assert sorted(path.stem for path in NETWORKS.glob("*.md")) == TRAINED


def test_a_card_says_what_the_files_say():
    text = rendered("mnist-784-800-10")
    network = Network.load(NETWORKS / "mnist-784-800-10.npz")
    about, hidden = network.about, network.layers[0].neuron
    for part in (
        "784-800-10, in weights of 5 bits and 33 time steps",
        f"**{about['golden_accuracy']:.2f} %**",
        f"{about['validation_accuracy']:.2f} %",
        f"`{about['command']}`",
        f"| 0 | 800 | 800 | 628,000 with bias | {hidden.slope} | {hidden.threshold:,} | 16..31 |",
        "55,000 images to train, the last 5,000 of the training set to validate, all 10,000",
        "rotate 10, scale 0.12, shear 0.15, shift 1.2, elastic 0.7",
        "Not for decisions about people",
    ):
        assert part in text, part


def test_a_card_of_the_family_says_code_neurons_and_decision():
    path = NETWORKS / "mnist-784-100-10.toml"
    network = Network.load(path.with_suffix(".npz"))
    neuron = Neuron(20, 1, 33, current=CLEARED, leak=2, reset=Reset.SUBTRACT)
    layers = tuple(dataclasses.replace(layer, neuron=neuron) for layer in network.layers)
    other = dataclasses.replace(network, layers=layers, decision="count", code="rate")
    text = card.render(load_config(path), other, [])
    for part in (
        "A spiking network, 784-100-10",
        "784 pixels, each as many spikes of 16 as it is bright",
        "| beyond the ReL-PSP neuron | layer 0: current=cleared, layer 0: leak=2, layer 0: reset=subtract,",
        "| decision | the most output spikes (a tie goes to the lower class)",
    ):
        assert part in text, part
    assert card.CODES.keys() == set(CODES) and card.DECISIONS.keys() == set(DECISIONS)


def test_a_card_gives_mean_and_spread_of_the_seeds():
    rows = [{"seed": seed, "golden": golden} for seed, golden in ((1, 98.0), (2, 99.0), (3, 97.0))]
    path = NETWORKS / "mnist-784-100-10.toml"
    network = Network.load(path.with_suffix(".npz"))
    assert "seeds 1, 2, 3: mean ± sample standard deviation | 98.00 ± 1.00 %" in card.render(
        load_config(path), network, rows
    )
    assert "mean ±" not in card.render(load_config(path), network, [])


def test_what_was_not_recorded_and_unknown_sets_are_said():
    path = NETWORKS / "mnist-784-100-10.toml"
    config = dataclasses.replace(load_config(path), dataset="letters")
    text = card.render(config, dataclasses.replace(Network.load(path.with_suffix(".npz")), about={}), [])
    assert "not recorded" in text and "the set's own parts, or drawn from the seed" in text
    assert "`make train NET=mnist-784-100-10`" in text


def test_the_command_writes_the_card_beside_the_network(tmp_path):
    for suffix in (".toml", ".npz", ".seeds.json"):
        (tmp_path / f"x{suffix}").write_bytes((NETWORKS / f"mnist-784-100-10{suffix}").read_bytes())
    done = CliRunner().invoke(card.main, [str(tmp_path / "x.toml")])
    assert done.exit_code == 0 and "x.md" in done.output
    assert (tmp_path / "x.md").read_text() == rendered("mnist-784-100-10")


def test_a_card_that_says_the_same_stays_untouched(tmp_path):
    for suffix in (".toml", ".npz"):
        (tmp_path / f"x{suffix}").write_bytes((NETWORKS / f"mnist-784-100-10{suffix}").read_bytes())
    path = card.write(tmp_path / "x.toml")
    before, text = path.stat(), path.read_text()
    card.write(tmp_path / "x.toml")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    path.write_text("old")
    card.write(tmp_path / "x.toml")
    assert path.read_text() == text
