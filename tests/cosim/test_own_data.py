"""A data set of one's own: trained on from an npz, then simulated on a small chip and compared."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from support.own_sets import configure, quadrants, write_pictures
from yoso_sim.cli import main
from yoso_sw.data import aer
from yoso_sw.data.streams import Stream

PAGE = Path(__file__).parents[2] / "docs" / "data.md"

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


# ---- other forms of data, the same commands --------------------------------------------------------------


def pictures():
    """A folder of RGB pictures by class, twice as large as the network sees them."""
    from PIL import Image

    images, labels = quadrants(200, 1)
    write_pictures(Path("set"), images, labels, ["frog", "bat", "newt", "owl"])
    for path in Path("set").glob("*/*.png"):
        Image.open(path).convert("RGB").resize((24, 24)).save(path)
    return "set", configure(Path())


def table():
    """A CSV file, by the program of the page."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 300)
    features = 7 + 3 * labels[:, None] * [1, -10, 0.1] + rng.normal(0, [1, 10, 0.1], (300, 3))
    constant = np.full(300, 5.0)  # a column that says nothing
    rows = np.column_stack([features, constant, labels])
    np.savetxt("flowers.csv", rows, delimiter=",", header="a,b,c,d,kind", fmt="%.4g")
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    exec(program, {"np": np})
    path = configure(Path(), inputs=4)
    path.write_text(path.read_text().replace("std = 0.06", "std = 0.3"))  # of so few inputs
    return "flowers.npz", path


def recordings():
    """A folder of event files: edges that go right or left, 6 x 6 pixels of two polarities."""
    rng = np.random.default_rng(2)
    for number in range(150):
        kind, part = number % 2, "train" if number < 100 else "test"
        time = np.sort(rng.integers(0, 100_000, 60))
        cols = time * 6 // 100_000
        stream = Stream(time, rng.integers(0, 6, 60), 5 - cols if kind else cols, rng.integers(0, 2, 60))
        folder = Path("set", part, ("right", "left")[kind])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.bin").write_bytes(aer.encode(stream))
    path = Path("events.toml")
    path.write_text(
        """
        name = "events"
        rule = "count"
        code = "events"
        inputs = 72
        steps = 12
        levels = 10
        decision = "softmax"
        float_epochs = 3
        integer_epochs = 1
        lr = 1e-2
        validation = 20
        batch_size = 20
        temperature = 10.0
        warmup = 5
        layers = [{ neurons = 12, start = 1, end = 11, bias = true }, { neurons = 2, bias = true }]
        """
    )
    return "set", path


@pytest.mark.parametrize("made", [pictures, table, recordings], ids=lambda made: made.__name__)
def test_any_form_of_data_gets_to_a_compared_run_by_the_same_commands(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    source, config = made()
    for words in (["data", source], ["train", "--net", config, "--data", source]):
        done = CliRunner().invoke(main, [str(word) for word in words])
        assert done.exit_code == 0, done.output
    simulate("--net", config.with_suffix(".npz"), "--images", 10)
    report = json.loads((tmp_path / "reports" / "sim.json").read_text())
    assert report["class_mismatches"] == report["spike_mismatches"] == report["counter_mismatches"] == 0
    assert report["spikes_compared"] > 20 and report["rtl_accuracy"] == report["golden_accuracy"] >= 40
