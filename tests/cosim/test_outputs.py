"""Outputs as vectors: V and spike counts of 800 outputs, more than classes need, from the RTL of a chip."""

import dataclasses

import numpy as np
import pytest
from yoso_hw.params import ChipParams
from yoso_sim import outputs
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.samples import Samples
from yoso_sw.network import golden
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, Neuron, Reset

#: Two PEs whose decision knows 800 outputs.
CHIP = ChipParams(cols=2, rows=1, neurons=1024, weights=16384, classes=800, neuron="all")


def network(decision):
    """64-12-800, integrate-and-fire, whose outputs are a readout or spike several times."""
    rng = np.random.default_rng(3)
    hidden = Neuron(30, 1, 11, current=CLEARED, reset=Reset.SUBTRACT)
    last = {
        "softmax": Neuron(1, 2, 12, current=CLEARED, reset=Reset.NEVER),
        "count": Neuron(9, 2, 12, current=CLEARED, reset=Reset.SUBTRACT),
    }[decision]
    layers = (
        Layer(rng.integers(-4, 8, (64, 12), np.int8), hidden),
        Layer(rng.integers(-7, 8, (13, 800), np.int8), last, bias=True),
    )
    return Network(f"vectors-{decision}", layers, 12, 8, decision, about={"seed": 1})


@pytest.mark.parametrize("decision", ["softmax", "count"])
def test_v_and_counts_of_800_outputs_come_back_with_each_image(decision, tmp_path):
    own = network(decision)
    rng = np.random.default_rng(4)
    images = np.where(rng.random((3, 64)) < 0.5, rng.integers(1, 256, (3, 64)), 0).astype(np.uint8)
    run = outputs.run(own, Samples("own", images, np.zeros(3, np.int64)), CHIP, tmp_path)
    exact = golden.run(own, images, params=CHIP, early_exit=False)
    assert run.potentials.shape == run.counts.shape == (3, 800)
    assert np.array_equal(run.potentials, exact.potentials[-1])
    assert np.array_equal(run.counts, exact.spikes[-1].counts)
    assert run.compared.agree and run.compared.spikes > 30
    assert len(np.unique(run.potentials[0])) > 20 and (run.potentials[0] != run.potentials[1]).any()
    assert (run.counts.max() > 1) == (decision == "count")


def test_a_report_counts_what_was_compared(tmp_path):
    images = np.random.default_rng(5).integers(0, 256, (2, 64)).astype(np.uint8)
    samples = Samples("own", images, np.zeros(2, np.int64))
    found = outputs.measure(network("softmax"), samples, CHIP, tmp_path)
    assert (found["images"], found["outputs"], found["output_mismatches"]) == (2, 1600, 0)
    assert found["spikes"] > 20 and found["spike_mismatches"] == 0 and found["cycles"] > 100


def test_a_chip_with_fewer_classes_is_refused_before_it_is_built(tmp_path):
    fewer = dataclasses.replace(CHIP, classes=256)
    with pytest.raises(CompileError, match="800"):
        outputs.run(
            network("softmax"), Samples("own", np.zeros((1, 64), np.uint8), np.zeros(1, int)), fewer, tmp_path
        )
    assert list(tmp_path.iterdir()) == []
