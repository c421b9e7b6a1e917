"""A data set of one's own: trained on from an npz, then simulated on a small chip and compared."""

import json
import subprocess
import sys

import numpy as np
from click.testing import CliRunner
from support.own_sets import configure, quadrants
from yoso_sim.cli import main

CHIP = ("--set", "cols=2", "--set", "rows=1")


def simulate(*arguments, fails=False):
    done = CliRunner().invoke(main, ["sim", *map(str, arguments), *CHIP])
    assert done.exit_code == (1 if fails else 0), done.output
    return done.output


def test_a_set_of_ones_own_goes_from_training_to_a_compared_run_of_the_rtl(tmp_path, monkeypatch):
    """12 x 12 pixels, 5 classes, an npz without parts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    images, labels = quadrants(600, 1, classes=5)
    np.savez("five.npz", images=images, labels=labels)
    config = configure(tmp_path, classes=5)
    command = [sys.executable, "-m", "yoso_sim", "train", str(config), "--data", "five.npz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    simulate("--net", "quadrants.npz", "--images", 30)
    report = json.loads((tmp_path / "reports" / "sim.json").read_text())
    assert report["class_mismatches"] == report["spike_mismatches"] == report["counter_mismatches"] == 0
    assert report["images"] == 30 and report["rtl_accuracy"] == report["golden_accuracy"] > 40
    first = {path.name for path in (tmp_path / "sim").iterdir() if path.is_dir()}

    # Other data of that name are another campaign.
    np.savez("five.npz", images=images[::-1], labels=labels[::-1])
    simulate("--net", "quadrants.npz", "--images", 30)
    assert len({path.name for path in (tmp_path / "sim").iterdir() if path.is_dir()} - first) == 1

    # Spikes of one's own, on a network that was trained on pixels: another set, and meant to be.
    steps = np.where(images > 100, 3, 32767).astype(np.int16).reshape(600, 144)
    np.savez("spikes.npz", steps=steps, labels=labels)
    assert "not on 'spikes': " in simulate("--net", "quadrants.npz", "--data", "spikes.npz", fails=True)
    simulate("--net", "quadrants.npz", "--data", "spikes.npz", "--other-data", "--images", 10)
    report = json.loads((tmp_path / "reports" / "sim.json").read_text())
    assert report["images"] == 10 and report["spike_mismatches"] == 0
