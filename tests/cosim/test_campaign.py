"""``make sim`` and ``make regress`` on a small chip and network: reports, resuming, exit status."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yoso
from click.testing import CliRunner
from rich.console import Console
from support.reports import summary
from yoso_hw.params import ChipParams
from yoso_sim import report as reports
from yoso_sim.build import build
from yoso_sim.cli import main
from yoso_sim.job import chunk_path, read_chunk, read_result, write_result
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron

CHIP = ("--set", "cols=2", "--set", "rows=1")

#: What `yoso sim` keeps if it is asked to.
KEPT = {"--save": "run.npz", "--csv": "run.csv", "--raster": "spikes.pdf"}

#: What the reports must have, and nothing under another name.
KEYS = {
    *("network", "mesh", "images", "float_accuracy", "golden_accuracy", "rtl_accuracy"),
    *("class_mismatches", "spike_mismatches", "spikes_compared", "cycles_per_image"),
    *("synaptic_updates_per_image", "images_per_second"),
}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """An untrained 784-12-10 that fits two PEs, as a file."""
    rng = np.random.default_rng(0)
    layers = (
        Layer(rng.integers(-2, 4, (784, 12), np.int8), Neuron(120, 0, 16)),
        Layer(rng.integers(-7, 8, (12, 10), np.int8), Neuron(20, 0, 16)),
    )
    path = tmp_path_factory.mktemp("network") / "tiny.npz"
    Network("tiny", layers, 16, 8, about={"dataset": "mnist", "float_accuracy": 12.5}).save(path)
    build(ChipParams(cols=2, rows=1))
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def report(folder, name):
    return json.loads((folder / "reports" / f"{name}.json").read_text())


def test_sim_writes_report_and_picture_and_succeeds(network, folder):
    result = call("sim", "--net", network, *CHIP, "--images", 25, "--jobs", 2)
    assert result.exit_code == 0, result.output
    written = report(folder, "sim")
    assert set(written) >= KEYS
    assert set(written["cycles_per_image"]) == {"mean", "max"}
    assert (written["images"], written["network"], written["mesh"]) == (25, "tiny", "2 x 1")
    assert written["class_mismatches"] == written["spike_mismatches"] == written["counter_mismatches"] == 0
    assert written["spikes_compared"] > 100 and written["float_accuracy"] == 12.5
    assert written["rtl_accuracy"] == written["golden_accuracy"]
    assert (folder / "reports" / "sim.png").read_bytes().startswith(b"\x89PNG")


def test_two_runs_are_kept_and_differ_in_what_was_asked(network, folder):
    for name, images in (("few", 4), ("more", 6)):
        assert call("sim", "--net", network, *CHIP, "--images", images, "--run", name).exit_code == 0
    record, kept = (json.loads((folder / "runs/few" / file).read_text()) for file in ("run.json", "sim.json"))
    made = record["configuration"]
    assert (made["chip"]["cols"], made["network"]["name"], made["data"]["samples"]) == (2, "tiny", 4)
    assert record["state"] == "finished" and kept["images"] == 4 and report(folder, "sim")["images"] == 6
    assert (folder / "runs/few/sim.png").is_file() and "spikes compared" in (
        folder / "runs/few/log.txt"
    ).read_text()
    text = " ".join(call("runs", "diff", "few", "more").output.split())
    assert "data.samples 4 6 +2" in text and "spikes_compared" in text
    assert "chip." not in text and "network" not in text
    assert "few" in (listed := call("runs").output) and "more" in listed


def test_sim_keeps_spikes_rows_and_pictures_that_are_asked_for(network, folder):
    files = {option: folder / name for option, name in KEPT.items()}
    asked = [part for pair in files.items() for part in pair]
    result = call("sim", "--net", network, *CHIP, "--images", 25, *asked, "--potentials", "--pictures", "svg")
    assert result.exit_code == 0, result.output
    run, samples = yoso.Run.load(files["--save"]), yoso.load(network)
    exact = yoso.Chip(cols=2, rows=1).run(samples, images=25, potentials=True)
    assert len(run) == 25 and not run.differences(exact)
    assert {"layer 0, spikes", "layer 1, spikes", "layer 1, potential", "counters"} <= set(run.known())
    assert run.compared.agree and run.accuracy == report(folder, "sim")["rtl_accuracy"]
    rows = files["--csv"].read_text().splitlines()
    assert len(rows) == 26 and rows[0].startswith(
        "image,label,decision,step,by_spike,cycles,spikes_in,spikes_0"
    )
    assert files["--raster"].read_bytes().startswith(b"%PDF")
    assert (folder / "reports" / "sim.svg").read_text().startswith("<?xml")


def test_a_picture_of_no_known_format_is_refused_before_anything_runs(network, folder):
    result = call("sim", "--net", network, *CHIP, "--raster", folder / "spikes.gif")
    assert result.exit_code == 1 and "a picture ends in one of .pdf, .svg, .png" in result.output
    assert not (folder / "sim").exists()


def test_a_chunk_whose_spikes_are_lost_is_run_again(network, folder, monkeypatch):
    """Planted: a file of spikes cut in half; `resume` does not take it for whole."""
    chip, own = yoso.Chip(backend="rtl", say=None, cols=2, rows=1), yoso.load(network)
    whole = chip.run(own, images=20)
    kept = sorted((folder / "api").glob("*/images-*.npz"))
    stamps = [path.stat().st_mtime_ns for path in kept]
    kept[1].write_bytes(kept[1].read_bytes()[:200])
    assert not chip.run(own, images=20, resume=True).differences(whole)
    again = [path.stat().st_mtime_ns for path in kept]
    assert len(kept) == 2 and again[0] == stamps[0] and again[1] != stamps[1]


def test_regress_fills_in_what_is_missing_and_counts_nothing_twice(network, folder):
    call("regress", "--net", network, *CHIP, "--images", 230)
    whole = report(folder, "regress")
    chunks = sorted((folder / "regress").glob("*/images-*.json"))
    assert len(chunks) == 5 and whole["images"] == 230
    before = chunks[0].stat().st_mtime_ns
    chunks[1].unlink()
    chunks[3].write_text(chunks[3].read_text()[:100])
    assert call("regress", "--net", network, *CHIP, "--images", 230).exit_code == 0
    again = report(folder, "regress")
    timing = "images_per_second"
    assert {k: v for k, v in again.items() if k != timing} == {k: v for k, v in whole.items() if k != timing}
    assert chunks[0].stat().st_mtime_ns == before, "a finished chunk was run again"


def test_a_killed_regress_goes_on_where_it_stopped(network, folder):
    command = [
        sys.executable,
        "-m",
        "yoso_sim",
        "regress",
        "--net",
        str(network),
        *CHIP,
        "--images",
        "4000",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not (done := list((folder / "regress").glob("*/images-*.json"))):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    time.sleep(3)  # its simulators see that it is gone
    kept = {path: path.stat().st_mtime_ns for path in (folder / "regress").glob("*/images-*.json")}
    assert len(done) <= len(kept) < 80
    assert call("regress", "--net", network, *CHIP, "--images", 4000).exit_code == 0
    assert report(folder, "regress")["images"] == 4000
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())


def test_a_file_under_another_chunks_name_is_not_counted(tmp_path):
    write_result(chunk_path(tmp_path, (0, 2)), {"images": (0, 2), "labels": [3, 1]})
    assert read_chunk(tmp_path, (0, 2)) == {"images": [0, 2], "labels": [3, 1]}
    chunk_path(tmp_path, (2, 4)).write_bytes(chunk_path(tmp_path, (0, 2)).read_bytes())
    assert read_chunk(tmp_path, (2, 4)) is None


def test_a_name_that_looks_like_markup_is_shown_as_it_is():
    console = Console(file=io.StringIO(), width=120)
    console.print(reports.table(summary("[/b][red]")))
    assert "[/b][red] (2-2) on 1 x 1 PEs" in console.file.getvalue()


def test_any_mismatch_gives_a_status_that_is_not_0(network, folder):
    assert call("regress", "--net", network, *CHIP, "--images", 50).exit_code == 0
    (chunk,) = (folder / "regress").glob("*/images-*.json")
    for key in ("spike_mismatches", "class_mismatches", "counter_mismatches", "state_mismatches"):
        text = chunk.read_text()
        write_result(chunk, {**read_result(chunk), key: 1})
        result = call("regress", "--net", network, *CHIP, "--images", 50)
        assert result.exit_code == 1 and "differ" in result.output
        assert report(folder, "regress")[key] == 1
        chunk.write_text(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    (
        (("--net", "nothing"), "no trained network 'nothing'"),
        (("--set", "lanes=3"), "lanes=3"),
        (("--set", "lanes"), "NAME=VALUE"),
        (("--set", "cols=2", "--set", "rows=2"), "needs"),
        (("--images", "10001"), "10001"),
    ),
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_clear_error(network, folder, arguments, message):
    net = () if "--net" in arguments or "cols=2" in arguments else ("--net", network, *CHIP)
    result = call("sim", *net, *arguments)
    assert result.exit_code == 1 and message in result.output
    assert "Traceback" not in result.output


def test_the_committed_networks_agree_on_a_few_images(folder):
    family = (
        "--chip",
        "default",
        "--set",
        "side=35",
        "--set",
        "neuron=all",
    )  # that other tests build as well
    for name, chip in (("mnist-784-100-10", ()), ("mnist-784-800-10", ()), ("mnist-784-100-10-clif", family)):
        result = call("sim", "--net", name, "--images", 4, *chip)
        assert result.exit_code == 0, result.output
        assert report(folder, "sim")["spike_mismatches"] == 0


def test_make_help_lists_every_target():
    root = Path(__file__).parents[2]
    targets = {"sim", "regress", "waves", "test", "lint", "train", "help", "clean"}
    shown = subprocess.run(["make", "help"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert all(f"make {target} " in shown for target in targets)
    assert os.access(root / ".ci" / "run", os.X_OK)
