"""Timing the training: a process for each way, whose threads sleep; CPU beside wall seconds; the load."""

import json
import os

import numpy as np
import pytest
from click.testing import CliRunner
from support.own_sets import write_idx
from yoso_sw.commands import bench
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.stdbp import speed


@pytest.fixture
def dataset(tmp_path):
    """36 random images of MNIST's size."""
    rng = np.random.default_rng(1)
    pair = rng.integers(0, 256, (36, 784)).astype(np.uint8).reshape(36, 28, 28), np.arange(36) % 10
    write_idx(tmp_path / "noise", (pair[0], pair[1].astype(np.uint8)), (pair[0], pair[1].astype(np.uint8)))
    return str(tmp_path / "noise")


def test_three_ways_take_turns_and_say_batches_cpu_seconds_and_load(dataset):
    turns = []
    run = speed.measure(1, 5, 3, 2, batch=4, dataset=dataset, advance=turns.append)
    assert run["threads"] == 1 and run["batch"] == 4 and run["epoch_batches"] == 9
    assert [run[f"{name}_batches"] for name in speed.WAYS] == [5, 3, 5]
    assert turns == [2, 1, 2, 3, 2, 3]
    for name in speed.WAYS:
        assert run[f"{name}_cpu_s"] > 0 and run[f"{name}_s"] > 0
    for suffix in ("", "_cpu"):
        own, plain, relu = (run[f"{name}{suffix}_s"] for name in speed.WAYS)
        assert run[f"ratio_vs_plain{suffix}"] == pytest.approx(plain / own, abs=0.01)
        assert run[f"ratio_vs_relu{suffix}"] == pytest.approx(own / relu, abs=0.01)
    assert run["load_before"] >= 0 and run["load_after"] >= 0


def test_a_way_that_takes_too_long_stops_early_and_is_measured_on_fewer_batches(dataset):
    run = speed.measure(1, 5, 1000, 1, seconds=0.01, batch=4, dataset=dataset)
    assert 1 <= run["plain_torch_literal_batches"] < 1000


def test_the_processes_threads_sleep_while_they_wait(dataset, monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    way = speed.Way(speed.Setting("relu_mlp", 2, 4, dataset))
    try:
        way.train(1, 1.0)
        with open(f"/proc/{way.process.pid}/environ") as file:
            own = dict(pair.split("=", 1) for pair in file.read().split("\0") if pair)
    finally:
        way.end()
    assert own["OMP_WAIT_POLICY"] == "PASSIVE" and own["KMP_BLOCKTIME"] == "0"
    assert own["OMP_NUM_THREADS"] == "2" and os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


def test_a_process_that_dies_is_one_message(dataset):
    way = speed.Way(speed.Setting("relu_mlp", 1, 4, dataset))
    way.process.kill()
    way.process.wait()
    with pytest.raises(TrainingError, match="the process that trains relu_mlp ended, status -9"):
        way.train(1, 1.0)
    way.end()


def test_the_command_writes_a_row_for_each_number_of_threads_and_the_tools(tmp_path, monkeypatch):
    row = {"load_before": 1.5, "load_after": 2.5, "epoch_batches": 9, "batch": 4}
    row |= {f"{name}_{key}": 1.0 for name in speed.WAYS for key in ("s", "cpu_s", "batches")}
    row |= {f"ratio_vs_{name}{suffix}": 3.0 for name in ("plain", "relu") for suffix in ("", "_cpu")}
    monkeypatch.setattr(speed, "measure", lambda threads, *_, **__: row | {"threads": threads})
    done = CliRunner().invoke(bench.main, ["--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert done.output.count("load 1.5 before, 2.5 after") == 2
    report = json.loads((tmp_path / "bench_train.json").read_text())
    assert [run["threads"] for run in report["rows"]] == [1, 2]
    assert report["environment"] == speed.PASSIVE and "torch" in report["tools"]
