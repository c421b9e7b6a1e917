"""Long work that is killed at any moment: what is left, and gone on with, equals one run to the end."""

import json
import os

import numpy as np
import pytest
from support.kills import Work, kill
from yoso_sim.job import read_result
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron

#: Kills of each kind of work by `make kill`, and by `make test` of what is short.
MANY, FEW = int(os.environ.get("KILLS", "20")), 2

YOSO = ("-m", "yoso_sim")


def without(table, *keys):
    return {key: value for key, value in table.items() if key not in keys}


def regression(out):
    """Every chunk and the report, without their times."""
    chunks = sorted((out / "regress").glob("*/images-*"))
    results = {path.name: without(read_result(path), "seconds") for path in chunks}
    return results, without(json.loads((out / "reports/regress.json").read_text()), "images_per_second")


def training(out):
    """The network and the curve."""
    network = Network.load(out.parent.parent / "here" / "trained.npz")
    curve = json.loads((out / "train/corners.curve.json").read_text())
    return network.about, [layer.weights.tolist() for layer in network.layers], curve


def soaking(out):
    """How many cases on how many chips; the networks are others after each start."""
    state = json.loads((out / "soak/state.json").read_text())
    return state["cases"], state["chips"]


def report(name, *times):
    return lambda out: without(json.loads((out / f"reports/{name}.json").read_text()), *times)


SMALL = ("--net", "small.npz", "--set", "cols=2", "--set", "rows=1")
DEFAULT = ("--net", "mnist-784-100-10")
WORK = {
    "regress": Work((*YOSO, "regress", *DEFAULT, "--images", "600"), regression),
    "train": Work((*YOSO, "train", "corners.toml", "-o", "trained.npz"), training),
    "soak": Work(("-m", "command.long_work", "soak"), soaking),
    "soak of the default chip": Work(("-m", "command.long_work", "soak-default"), soaking),
    "explore": Work(("-m", "command.long_work", "explore"), report("explore-nodes")),
    "coverage": Work(("-m", "command.long_work", "coverage"), report("coverage")),
}
QUICK = {
    "regress": Work((*YOSO, "regress", *SMALL, "--images", "150"), regression),
    "train": WORK["train"],
}


@pytest.fixture
def here(here):
    """With a network for a chip of two nodes as well."""
    rng = np.random.default_rng(1)
    neuron = Neuron(threshold=9, start=0, end=8)
    layers = tuple(Layer(rng.integers(-4, 8, (4, 4), np.int8), neuron) for _ in range(2))
    about = {"dataset": "pictures.npz"}
    Network("nodes", layers, 8, 8, weight_bits=4, about=about).save(here / "nodes.npz")
    return here


def run(work, here, tmp_path, kills):
    print(kill(work, here, tmp_path / "out", kills, seed=26))


@pytest.mark.parametrize("name", QUICK)
def test_work_that_is_killed_a_few_times_comes_to_what_it_comes_to_at_once(name, here, tmp_path):
    run(QUICK[name], here, tmp_path, FEW)


@pytest.mark.kill
@pytest.mark.parametrize("name", WORK)
def test_work_that_is_killed_at_many_moments_comes_to_what_it_comes_to_at_once(name, here, tmp_path):
    if name == "explore" and "PDK_ROOT" not in os.environ:
        pytest.skip("needs PDK_ROOT")
    run(WORK[name], here, tmp_path, MANY)
