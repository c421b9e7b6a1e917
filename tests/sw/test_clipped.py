"""Biases that saturate when a layer is quantised are told, with what keeps them."""

import dataclasses

import pytest
import torch
from click.testing import CliRunner
from support.own_sets import write_idx
from support.quarters import TANDEM, patterns, small_config
from yoso_sw.commands import train
from yoso_sw.learn import clipped
from yoso_sw.learn.rules import rule_of
from yoso_sw.network.network import Network

CONFIG = """
name = "quarters"
dataset = "patterns"
rule = "tandem"
decision = "softmax"
steps = 26
levels = 16
weight_bits = {bits}
float_epochs = 2
integer_epochs = 1
inputs = 64
validation = 100
batch_size = 50
temperature = 8.0
[[layers]]
neurons = 20
start = 17
end = 25
bias = true
mean = 1.0
std = 0.1
clip = 6.0
batch_norm = 2.0
centred = {centred}
[[layers]]
neurons = 4
bias = true
std = 0.2
"""


@pytest.mark.parametrize("centred", [False, True])
def test_a_layer_whose_mean_weight_its_bias_must_take_back_is_told_unless_it_is_centred(
    centred, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path / "build"))
    write_idx(tmp_path / "patterns", patterns(600, 3), patterns(100, 3))
    path = tmp_path / "quarters.toml"
    path.write_text(CONFIG.format(bits=4, centred=str(centred).lower()))
    done = CliRunner().invoke(train.main, [str(path)])
    assert done.exit_code == 0, done.output
    warnings = [line for line in done.output.splitlines() if line.startswith("warning: biases")]
    network = Network.load(path.with_suffix(".npz"))
    if centred:
        assert warnings == [] and abs(network.layers[0].weights[-1]).max() < 8
        assert "centred weights" in path.with_suffix(".md").read_text()
    else:
        assert len(warnings) == 1
        assert warnings[0].startswith("warning: biases that saturate: ") and "of layer 0's; " in warnings[0]
        assert warnings[0].endswith(clipped.REMEDY)


def test_the_share_is_of_the_biases_beyond_the_bits_and_few_are_not_told():
    model = rule_of("tandem")(small_config(**TANDEM))
    assert clipped.biases(model) == {}  # no integers yet
    model.quantise()
    first, limit = model.chain[0], model.chain[0].quantiser.limit
    with torch.no_grad():
        first.weight[-1] = 0.0
        first.weight[-1, :3] = (limit + 1) / first.scale
        assert clipped.biases(model) == {0: pytest.approx(3 / 20)}
        assert clipped.text(clipped.biases(model)) == (
            f"biases that saturate: 15% of layer 0's; {clipped.REMEDY}"
        )
        first.weight[-1, :2] = (limit - 1) / first.scale  # the largest that fits
        assert clipped.biases(model) == {} and clipped.text({}) == ""


def test_layers_without_a_bias_have_none_to_lose():
    layers = tuple(dataclasses.replace(layer, bias=False, batch_norm=0.0) for layer in TANDEM["layers"])
    model = rule_of("tandem")(small_config(**{**TANDEM, "layers": layers}))
    model.quantise()
    with torch.no_grad():
        model.chain[0].weight[-1] = 1e3
    assert clipped.biases(model) == {}
