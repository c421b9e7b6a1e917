"""``yoso profile``: what it tells, where float weights come from, and what it refuses in a line."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from support.own_sets import configure, quadrants
from yoso_sim.cli import main
from yoso_sw.network.network import Network


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder with a set of one's own and its configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path / "build"))
    images, labels = quadrants(400, 1, classes=5)
    np.savez("five.npz", images=images, labels=labels)
    return configure(tmp_path, "five.npz", classes=5)


def yoso(*words, fails=False):
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == (1 if fails else 0), done.output
    assert not fails or len(done.output.strip().splitlines()) == 1, done.output
    return " ".join(done.output.split())


def test_the_command_tells_stages_bits_and_where_float_weights_come_from(own, tmp_path):
    yoso("train", own)
    kept = tmp_path / "build" / "train" / "quadrants.float.pt"
    said = yoso("profile", own, "--rtl", 0, "--images", 50)
    report = json.loads((tmp_path / "build" / "reports" / "profile.json").read_text())
    assert report["stages"][0]["stage"] == "float" and report["images"] == 50
    assert report["notes"] == [] and "A and V against their bits" in said
    page = (tmp_path / "build" / "reports" / "profile.md").read_text()
    assert "![" in page and "| float |" in page
    assert (tmp_path / "build" / "reports" / "profile.png").read_bytes()[:4] == b"\x89PNG"

    first = kept.read_bytes()
    kept.unlink()
    said = yoso("profile", own, "--rtl", 0, "--pictures", "pdf")
    assert (tmp_path / "build" / "reports" / "profile.pdf").read_bytes().startswith(b"%PDF")
    assert "(profile.pdf)" in (tmp_path / "build" / "reports" / "profile.md").read_text()
    assert "a network file holds integers alone. `--train` trains the float phase anew" in said
    report = json.loads((tmp_path / "build" / "reports" / "profile.json").read_text())
    assert [row["stage"] for row in report["stages"]] == ["trained", "golden"]

    yoso("profile", own, "--rtl", 0, "--train")
    anew = tmp_path / "build" / "profile" / "quadrants.float.pt"
    states = [
        torch.load(own, weights_only=True) for own in (anew, kept.with_name("again.pt")) if own.exists()
    ]
    kept.write_bytes(first)
    states.append(torch.load(kept, weights_only=True))
    for key, weight in states[0]["model"].items():  # trained anew they are the same
        assert torch.equal(weight, states[1]["model"][key])

    other = own.with_name("other.toml")
    other.write_text(own.read_text().replace("lr = 1e-2", "lr = 2e-2"))
    yoso("train", other, "-o", other.with_suffix(".npz"))
    said = yoso("profile", own, "--rtl", 0, "--float", "build/train/other.float.pt", fails=True)
    assert "belongs to another configuration: " in said
    assert "give one of them" in CliRunner().invoke(main, ["profile", "--train", "--float", "x"]).output
    assert "there is no checkpoint none.pt" in yoso(
        "profile", own, "--rtl", 0, "--float", "none.pt", fails=True
    )


def test_the_command_says_that_float_weights_are_of_another_training(own, tmp_path):
    yoso("train", own)
    network = Network.load(own.with_suffix(".npz"))
    about = {**network.about, "float_accuracy": 12.5}
    dataclasses.replace(network, about=about).save(own.with_suffix(".npz"))
    assert "came from were on 12.50 %: another training" in yoso("profile", own, "--rtl", 0, "--images", 20)


def test_a_network_alone_is_profiled_without_floats(own, tmp_path):
    yoso("train", own)
    own.with_suffix(".npz").rename(tmp_path / "alone.npz")
    said = yoso("profile", "alone.npz", "--rtl", 0, "--images", 20)
    assert "No configuration stands beside the network" in said
    said = yoso("profile", "alone.npz", "--rtl", 0, "--train", fails=True)
    assert "alone.toml, and its float weights cannot be read or trained without" in said


def test_float_weights_are_found_where_the_command_named_the_data_and_the_pair_has_a_name_alone(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOSO_OUTPUT", "build")
    images, labels = quadrants(400, 1, classes=5)
    np.savez("five.npz", images=images, labels=labels)
    configure(tmp_path, "", classes=5)
    yoso("train", "quadrants", "--data", "five.npz")
    said = yoso("profile", "quadrants", "--rtl", 0, "--images", 20)
    assert "No float weights" not in said and "No configuration" not in said
    report = json.loads((tmp_path / "build" / "reports" / "profile.json").read_text())
    assert report["stages"][0]["stage"] == "float" and report["notes"] == []
    (tmp_path / "build" / "train" / "quadrants.float.pt").unlink()
    yoso("profile", "quadrants", "--rtl", 0, "--images", 20, "--train")
    assert "there is no trained network 'quadrant'" in yoso("profile", "quadrant", "--rtl", 0, fails=True)
