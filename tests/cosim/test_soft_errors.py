"""Flips in the memories of the RTL: the golden model with the same flips agrees spike for spike."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from yoso_hw.core.compute import HISTORY
from yoso_hw.params import ChipParams
from yoso_sim.build import build
from yoso_sim.commands.soft_errors import main
from yoso_sim.simulate import simulate
from yoso_sim.study.injection import REACH
from yoso_sw.compile import faults
from yoso_sw.data import registry
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, Neuron, Reset

#: Two layers a network, of neurons of the family: (first, second, decision).
KINDS = {
    "rel_psp": (Neuron(120, 0, 24), Neuron(20, 0, 24), "ttfs"),
    "charged, cleared": (
        Neuron(700, 9, 24, reset=Reset.SUBTRACT, charge=8),
        Neuron(20, 10, 24, current=CLEARED, leak=2, reset=Reset.ZERO),
        "count",
    ),
    "charged, few words": (
        Neuron(700, 9, 24, reset=Reset.SUBTRACT, charge=8),
        Neuron(20, 10, 24, current=3, leak=2, reset=Reset.SUBTRACT),
        "count",
    ),
    "decaying": (
        Neuron(100, 1, 24, current=2, leak=1, reset=Reset.ZERO),
        Neuron(20, 2, 24, current=1, reset=Reset.SUBTRACT),
        "count",
    ),
    "kept, a readout": (
        Neuron(200, 1, 24, leak=3, reset=Reset.SUBTRACT),
        Neuron(1, 2, 24, leak=1, reset=Reset.NEVER),
        "softmax",
    ),
    "once, leaking": (Neuron(100, 1, 24, current=3, leak=2), Neuron(20, 1, 24, current=2), "ttfs"),
}


@pytest.mark.parametrize("memory", faults.MEMORIES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_rtl_with_flips_is_the_golden_model_with_flips(kind, memory, tmp_path):
    """Two PEs: a layer of five words (or of three), of which the core forwards three, and one of three."""
    few = kind.endswith("few words")
    hidden, rate = 10 if few else 20, 5e-2 if few and memory != "weight" else 5e-3
    rng = np.random.default_rng(0)
    first, second, decision = KINDS[kind]
    layers = (
        Layer(rng.integers(-2, 4, (785, hidden), np.int8), first, bias=True),
        Layer(rng.integers(-7, 8, (hidden + 1, 10), np.int8), second, bias=True),
    )
    if kind == "rel_psp":
        layers = tuple(Layer(layer.weights[:-1], layer.neuron) for layer in layers)
    Network("tiny", layers, 24, 8, decision).save(tmp_path / "tiny.npz")
    registry.load("mnist", "test").first(30).save(tmp_path / "samples.npz")
    params = ChipParams(cols=2, rows=1, neuron="rel_psp" if kind == "rel_psp" else "all")
    made = build(params, reach=REACH)
    job = {
        "network": str(tmp_path / "tiny.npz"),
        "chip": params.to_json(),
        "samples": str(tmp_path / "samples.npz"),
        "memory": memory,
    }
    job |= {"rate": rate, "seed": 1, "result": str(tmp_path / "result.json")}
    (tmp_path / "job.json").write_text(json.dumps(job))
    simulate(
        made, "yoso_sim.study.injection", tmp_path, {"YOSO_JOB": str(tmp_path / "job.json")}, test="inject"
    )
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["images"] == 30 and result["spikes_compared"] > 200
    assert result["mismatched_images"] == 0


def test_the_golden_model_knows_how_many_words_the_core_forwards():
    assert faults.FORWARDED == HISTORY


def test_a_convolution_is_refused_in_one_line():
    result = CliRunner().invoke(main, ["mnist-csnn"])
    assert result.exit_code == 1 and result.output.count("Error:") == 1
    assert "network 'mnist-csnn' has a convolution, layer 0: 16C5-P2, and flips are modelled" in result.output
