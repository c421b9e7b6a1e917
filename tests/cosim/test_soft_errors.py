"""Flips in the memories of the RTL: the golden model with the same flips agrees spike for spike."""

import json

import numpy as np
import pytest
from yoso_hw.core.compute import HISTORY
from yoso_hw.params import ChipParams
from yoso_sim.build import build
from yoso_sim.simulate import simulate
from yoso_sim.study.injection import REACH
from yoso_sw.compile import faults
from yoso_sw.data import registry
from yoso_sw.network.network import Layer, Network
from yoso_sw.network.neuron import Neuron


@pytest.mark.parametrize("memory", faults.MEMORIES)
def test_the_rtl_with_flips_is_the_golden_model_with_flips(memory, tmp_path):
    """Two PEs: a layer of five words, of which the core forwards three, and one of three."""
    rng = np.random.default_rng(0)
    layers = (
        Layer(rng.integers(-2, 4, (784, 20), np.int8), Neuron(120, 0, 16)),
        Layer(rng.integers(-7, 8, (20, 10), np.int8), Neuron(20, 0, 16)),
    )
    Network("tiny", layers, 16, 8).save(tmp_path / "tiny.npz")
    registry.load("mnist", "test").first(30).save(tmp_path / "samples.npz")
    params = ChipParams(cols=2, rows=1)
    made = build(params, reach=REACH)
    job = {
        "network": str(tmp_path / "tiny.npz"),
        "chip": params.to_json(),
        "samples": str(tmp_path / "samples.npz"),
        "memory": memory,
    }
    job |= {"rate": 5e-3, "seed": 1, "result": str(tmp_path / "result.json")}
    (tmp_path / "job.json").write_text(json.dumps(job))
    simulate(
        made, "yoso_sim.study.injection", tmp_path, {"YOSO_JOB": str(tmp_path / "job.json")}, test="inject"
    )
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["images"] == 30 and result["spikes_compared"] > 200
    assert result["mismatched_images"] == 0


def test_the_golden_model_knows_how_many_words_the_core_forwards():
    assert faults.FORWARDED == HISTORY
