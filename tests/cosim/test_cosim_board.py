"""A whole board in Verilator: the program that a user runs, against the golden model and the bare chip."""

import json

import numpy as np
from support.blocks import build_block, run_bench
from yoso_hw.params import ChipParams
from yoso_sim import campaign
from yoso_sim.build import build
from yoso_sw.data import registry
from yoso_sw.network import golden
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron

CHIP = ChipParams(
    cols=2,
    rows=1,
    neurons=16,
    weights=8192,
    weight_bits=4,
    acc_bits=12,
    pot_bits=16,
    steps=64,
    layers=4,
    router="bus",
)

IMAGES = 20


def small_network() -> Network:
    """784-8-10 with random weights, whose outputs fire at some images and not at others."""
    rng = np.random.default_rng(1)
    hidden = Layer(rng.integers(-6, 8, (784, 8)).astype(np.int8), Neuron(threshold=300, start=4, end=30))
    output = Layer(rng.integers(-7, 8, (8, 10)).astype(np.int8), Neuron(threshold=60, start=0, end=32))
    return Network("small", (hidden, output), steps=32, levels=16, decision="ttfs", weight_bits=4)


def test_the_boards_program_gets_the_golden_decisions_and_the_chips_cycles(tmp_path, monkeypatch):
    network, path, chip = small_network(), tmp_path / "small.npz", tmp_path / "chip.json"
    network.save(path)
    chip.write_text(CHIP.to_json())
    reports = tmp_path / "reports"
    options = ["--net", path, "--chip", chip, "--data", "mnist", "--images", IMAGES, "--out", reports]
    monkeypatch.setenv("YOSO_BOARD_OPTIONS", json.dumps([str(option) for option in options]))
    run_bench(build_block("board", CHIP), "cosim.bench_board", tmp_path)
    outcomes = json.loads((reports / "board.json").read_text())["outcomes"]

    samples = registry.load("mnist", "test").first(IMAGES)
    wanted = golden.run(network, samples.inputs, params=CHIP)
    assert [one["decision"] for one in outcomes] == wanted.decisions.tolist()
    assert [one["step"] for one in outcomes] == wanted.decision_steps.tolist()
    assert [one["spiked"] for one in outcomes] == wanted.spiked.tolist()
    assert len(set(wanted.decisions)) > 2 and 0 < wanted.spiked.sum() < IMAGES

    # The bare chip, whose host sends a flit a cycle, takes as many cycles: the line is not in them.
    runs = campaign.plan(path, build(CHIP), samples, chunk=IMAGES, early_exit=True, root=tmp_path)
    (result,) = campaign.run(runs, 1, lambda done: None)
    assert [one["cycles"] for one in outcomes] == result["cycles"]
    assert result["class_mismatches"] == 0
