"""A layer that never fires is told in the run, in the network and on its card, a healthy one is not."""

import dataclasses

import pytest
from click.testing import CliRunner
from support.own_sets import write_idx
from support.quarters import LITERAL, load, patterns, small_config
from yoso_sw.commands import seeds, train
from yoso_sw.learn import dead
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network

CONFIG = """
name = "quarters"
dataset = "patterns"
steps = 33
levels = 16
float_epochs = 1
integer_epochs = 1
inputs = 64
validation = 100
batch_size = 50
[[layers]]
neurons = 8
threshold = 5
end = 33
mean = {mean}
[[layers]]
neurons = 4
threshold = 5
end = 33
mean = 0.3
"""
SAID = "no neuron of layers 0, 1 fired for any validation image"


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty folder to work in, with data that fit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path / "build"))
    write_idx(tmp_path / "patterns", patterns(600, 3), patterns(100, 3))
    return tmp_path


def trained(folder, command, mean, *options):
    """What a command that trains prints, and the card."""
    path = folder / "quarters.toml"
    path.write_text(CONFIG.format(mean=mean))
    done = CliRunner().invoke(command, [str(path), *options])
    assert done.exit_code == 0, done.output
    return done.output, path.with_suffix(".md").read_text()


def test_a_dead_network_is_told_each_epoch_at_the_end_in_its_file_and_on_its_card(folder):
    said, card = trained(folder, train.main, -1.0)
    lines = said.splitlines()
    assert sum(line.startswith("epoch") and line.rstrip().endswith(SAID) for line in lines) == 2
    assert [line for line in lines if line.startswith("warning:")] == [f"warning: {SAID}: {dead.REMEDY}"]
    assert Network.load(folder / "quarters.npz").about["silent_layers"] == [0, 1]
    assert f"**Warning: {SAID}.**" in card
    said, card = trained(folder, seeds.main, -1.0, "--seeds", "1")
    assert f"warning: quarters, seed 1: {SAID}" in said and f"**Warning: {SAID}.**" in card


def test_a_healthy_network_says_nothing_of_it(folder):
    said, card = trained(folder, train.main, 0.05)
    assert "warning" not in said and "fired for" not in said and "Warning" not in card
    assert "silent_layers" not in Network.load(folder / "quarters.npz").about


def test_an_output_layer_that_is_never_to_fire_is_not_dead():
    config = small_config()
    assert dead.layers(config, (3.0, 0.0)) == [] and dead.layers(config, (0.0, 0.0)) == [0]
    assert dead.text([]) == "" and dead.text([0]).startswith("no neuron of layer 0 fired for any")


def test_a_rules_summary_says_which_layers_are_dead():
    layers = tuple(dataclasses.replace(layer, mean=-1.0) for layer in LITERAL["layers"])
    changes = {**LITERAL, "layers": layers, "float_epochs": 1, "integer_epochs": 1}
    trainer = Trainer(small_config(**changes), load())
    trainer.run()
    assert trainer.summary("")["silent_layers"] == [0, 1]


def test_a_file_whose_silent_layers_are_no_list_is_refused(tmp_path):
    trainer = Trainer(small_config(float_epochs=1, integer_epochs=1), load())
    trainer.run()
    network = dataclasses.replace(trainer.network(""), about={"silent_layers": "all"})
    network.save(tmp_path / "x.npz")
    with pytest.raises(NetworkError, match=r"about\.silent_layers='all' is no list of layers"):
        Network.load(tmp_path / "x.npz")
