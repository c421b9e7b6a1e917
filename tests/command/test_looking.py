"""`yoso data` and `yoso report`: what they show, and what they refuse."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from yoso_sim.cli import main
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron
from yoso_sw.network.zoo import locate


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder, which is the output folder's too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path / "out"))
    return tmp_path


def said(*words, status=0):
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == status and "Traceback" not in done.output, done.output
    return " ".join(done.output.split())


def pictures(**changes):
    rng = np.random.default_rng(1)
    arrays = {
        "images": rng.integers(1, 255, (60, 3, 4)).astype(np.uint8),
        "labels": np.arange(60) % 3,
        "split": np.where(np.arange(60) < 40, "train", "test"),
    }
    np.savez("own.npz", **(arrays | changes))


# ---- data ------------------------------------------------------------------------------------------------


def test_the_known_sets_are_listed_with_where_they_are(folder):
    text = said("data")
    assert all(name in text for name in ("mnist", "fashion-mnist", "caltech", "60,000", "npz file"))


def test_a_set_of_ones_own_is_described_part_by_part(folder):
    pictures()
    text = said("data", "own.npz")
    assert f"own: 3 classes, {folder / 'own.npz'}" in text and "note:" not in text
    assert "train 40 14, 13, 13 3 x 4 pixels" in text and "test 20 6, 7, 7 3 x 4 pixels" in text
    assert said("data", "--data", "own.npz") == text


def test_what_is_hardly_meant_is_noted(folder):
    images = np.ones((60, 3, 4), np.uint8)
    images[:5] = 0
    pictures(images=images, labels=np.array([0, 2] * 20 + [0] * 20))
    text = said("data", "own.npz")
    assert "note: no sample has label 1" in text and "note: test has no sample of class 2" in text
    assert "note: train: 5 samples have no input at all" in text and "no pixel is above 1" in text
    assert "note: 20 test samples are training samples too" in text


def test_what_is_wrong_is_one_line(folder):
    assert "there is no data set 'nothing'" in said("data", "nothing", status=1)
    np.savez("own.npz", images=np.zeros((4, 2, 2), np.float32), labels=np.zeros(4, int))
    assert said("data", "own.npz", status=1).startswith("Error: ")
    assert "is not ROWSxCOLS" in said("data", "mnist", "--shape", "28", status=2)


def test_a_set_is_held_against_a_network(folder):
    pictures()
    layer = Layer(np.ones((12, 3), np.int8), Neuron(threshold=4, start=0, end=8))
    Network("right", (layer,), steps=8, levels=8, decision="ttfs", weight_bits=4).save(folder / "right.npz")
    layer = Layer(np.ones((9, 3), np.int8), Neuron(threshold=4, start=0, end=8))
    Network("wrong", (layer,), steps=8, levels=8, decision="ttfs", weight_bits=4).save(folder / "wrong.npz")
    assert "suits right" in said("data", "own.npz", "--net", "right.npz")
    text = said("data", "own.npz", "--net", "wrong.npz", status=1)
    assert "own, train images have 12 pixels, not inputs=9 of wrong" in text


# ---- report ----------------------------------------------------------------------------------------------


def write(folder, name, report):
    path = folder / "out" / "reports" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report if isinstance(report, str) else json.dumps(report))


def test_reports_are_shown_with_their_date_key_figures_and_pictures(folder):
    write(
        folder,
        "sim",
        {"network": "n", "images": 2, "cycles_per_image": {"mean": 1708.7}, "spike_mismatches": 0},
    )
    write(folder, "synth", {"rows": [{"target": "ecp5", "block": "router", "lut4": 1004, "chip": ""}]})
    write(folder, "accuracy", [{"network": "m", "golden": 98.29}])
    (folder / "out/reports/sim.png").write_bytes(b"")
    text = said("report")
    assert "cycles per image mean 1,708.7" in text and "spike mismatches 0" in text
    assert "ecp5 router 1,004" in text and "m 98.29" in text and "out/reports/sim.png" in text
    assert "ecp5" not in said("report", "sim") and "20" in said("report", "sim")


def test_a_report_that_is_not_there_or_damaged_is_a_line(folder):
    assert "there are no reports in" in said("report", status=1)
    write(folder, "sim", "{")
    assert "cannot be read" in said("report")
    assert "no report synth in" in said("report", "synth", status=1)


# ---- one name for a pair of files --------------------------------------------------------------------------


def test_a_configuration_means_its_trained_network_and_the_other_way_round(folder):
    (folder / "mine.toml").write_text("")
    with pytest.raises(NetworkError, match=r"mine\.toml has no trained network .*: there is no mine\.npz"):
        locate("mine.toml", ".npz")
    (folder / "mine.npz").write_bytes(b"")
    assert locate("mine.toml", ".npz").name == "mine.npz" and locate("mine.npz").name == "mine.toml"
