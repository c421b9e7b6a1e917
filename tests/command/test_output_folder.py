"""Where commands write: the output folder and nowhere else."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from yoso_hw import folders
from yoso_hw.folders import OutputError, cache_folder, checkout, output_folder
from yoso_sim.cli import main
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron

CONFIG = """
name = "corners"
dataset = "pictures.npz"
inputs = 4
validation = 10
steps = 17
levels = 16
weight_bits = 5
float_epochs = 1
integer_epochs = 1
batch = 10

[[layers]]
neurons = 4
end = 17
threshold = 4.0
mean = 0.5

[[layers]]
neurons = 2
end = 17
mean = 0.1
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A working folder outside the checkout, and the output folder that YOSO_OUTPUT names."""
    here, out = tmp_path / "here", tmp_path / "out"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("YOSO_OUTPUT", str(out))
    return here, out


def tiny():
    weights = np.array([[3, -2], [1, 4], [-3, 2], [2, 2]], np.int8)
    neurons = Neuron(threshold=4, start=0, end=8)
    return Network("tiny", (Layer(weights, neurons),), steps=8, levels=8, decision="ttfs", weight_bits=4)


# ---- which folder it is ----------------------------------------------------------------------------------


def test_it_is_build_of_the_checkout_for_who_works_in_one(monkeypatch):
    monkeypatch.delenv("YOSO_OUTPUT", raising=False)
    root = Path(__file__).parents[2]
    assert checkout() == root
    for inside in (root, root / "sw"):
        monkeypatch.chdir(inside)
        assert output_folder() == root / "build"


def test_it_is_build_of_the_working_folder_elsewhere(elsewhere, monkeypatch):
    assert output_folder() == elsewhere[1]
    monkeypatch.delenv("YOSO_OUTPUT")
    assert output_folder() == elsewhere[0] / "build"


def test_simulators_are_kept_where_make_can_work(tmp_path, monkeypatch):
    monkeypatch.delenv("YOSO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == Path(__file__).parents[2] / "build"
    for name in ("my project", "proj-é"):
        monkeypatch.setattr(folders, "checkout", lambda name=name: tmp_path / name)
        assert cache_folder() == tmp_path / "cache" / "yoso"
    monkeypatch.setenv("YOSO_CACHE", str(tmp_path / "a b"))
    with pytest.raises(
        OutputError, match=r"a b: make and Verilator need a path without spaces.*set YOSO_CACHE"
    ):
        cache_folder()


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path / "out"))
    monkeypatch.setattr(folders.os, "access", lambda *_: False)
    with pytest.raises(OutputError, match=r"out: no permission for .*; set YOSO_OUTPUT to another folder"):
        output_folder()


# ---- every command obeys it ------------------------------------------------------------------------------

#: Commands, in a folder with `tiny.npz` and a data set, by what they are to leave.
CHEAP = {
    "compile tiny.npz": "images/tiny.yoso",
    "nir export tiny.npz": "nir/tiny.nir",
    "nir import ../tiny.nir": "nir/tiny.npz",
    "rtl --set cols=1 --set rows=1 --set neurons=16 --set weights=64": "kit/rtl/yoso_chip.v",
    "eval corners.toml": "reports/accuracy.json",
    "figures tables": "reports/figures/tables.md",
}


def test_cheap_commands_write_to_the_output_folder_alone(elsewhere):
    here, out = elsewhere
    rng = np.random.default_rng(1)
    labels = np.arange(100) % 2
    images = rng.integers(0, 60, (100, 2, 2)).astype(np.uint8)
    images[np.arange(100), labels, 0] = 250
    np.savez(
        here / "pictures.npz",
        images=images,
        labels=labels,
        split=np.where(np.arange(100) < 80, "train", "test"),
    )
    (here / "corners.toml").write_text(CONFIG)
    tiny().save(here / "tiny.npz")
    done = CliRunner().invoke(main, ["train", "corners.toml"])
    assert done.exit_code == 0, done.output
    assert {path.name for path in (out / "train").iterdir()} >= {"corners.pt", "corners.curve.json"}
    CliRunner().invoke(main, ["nir", "export", "tiny.npz", "-o", str(here.parent / "tiny.nir")])
    before = {path.name for path in here.iterdir()}
    assert before == {"corners.npz", "corners.toml", "corners.md", "tiny.npz", "pictures.npz"}
    for text, left in CHEAP.items():
        done = CliRunner().invoke(main, text.split())
        assert done.exit_code == 0, f"{text}: {done.output}"
        assert (out / left).is_file(), text
        assert {path.name for path in here.iterdir()} == before, text


#: A call of every command that writes to the output folder.
WRITERS = (
    *(
        "train mnist-784-100-10",
        "seeds mnist-784-100-10",
        "eval",
        "bench",
        "compile mnist-784-100-10",
        "rtl",
    ),
    *("sim", "regress", "waves", "soak", "soft-errors", "synth", "energy", "explore", "compare", "report"),
    "bitstream",
    *("board --port none", "nir export mnist-784-100-10-stdbp", "figures gradients", "figures tables"),
    *("test", "formal", "mutants", "gatesim", "coverage"),
)


@pytest.mark.parametrize("text", WRITERS)
def test_an_output_folder_that_is_a_file_is_one_line_before_any_work(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("YOSO_OUTPUT", "taken")
    done = CliRunner().invoke(main, text.split())
    assert done.exit_code == 1, done.output
    assert done.output.startswith("Error: cannot write to taken") and len(done.output.splitlines()) == 1
    assert "taken is a file; set YOSO_OUTPUT to another folder" in done.output


# ---- the package -----------------------------------------------------------------------------------------


def test_a_wheel_outside_the_checkout_has_networks_and_chips(tmp_path):
    """Built, unpacked and run in an empty folder, without this checkout."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    root, site, here = Path(__file__).parents[2], tmp_path / "site", tmp_path / "empty"
    wheels = tmp_path / "wheels"
    subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, root], check=True)
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True)
    here.mkdir()
    environment = {"PYTHONPATH": str(site), "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}

    def yoso(*words):
        environment = {
            "PYTHONPATH": str(site),
            "PATH": "/usr/bin:/bin",
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        }
        command = [sys.executable, "-P", "-m", "yoso_sim", *words]
        return subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)

    assert "regress" in yoso("--help").stdout
    done = yoso("compile", "mnist-784-100-10", "-o", "x.yoso")
    assert done.returncode == 0 and "28 of 42 PEs" in done.stdout, done.stderr
    done = yoso("compile", "mnist-784-100-10", "--chip", "paper")
    assert "build/images/mnist-784-100-10.yoso: weight image" in done.stdout, done.stderr
    assert yoso("data").stdout.splitlines()[1].startswith(" mnist ")
    done = yoso("formal")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1) and "needs a checkout" in done.stderr
    code = "from yoso_sw.network import zoo; print(zoo.NETWORKS, zoo.home(zoo.locate('mnist-784-100-10')))"
    command = [sys.executable, "-P", "-c", code]
    found = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.split() == [str(site / "yoso_sw" / "networks"), "."]
    code = (
        "import numpy as np, yoso; network = yoso.load('mnist-784-100-10')\n"
        "run = yoso.Chip('paper').run(network, np.zeros((2, 784), np.uint8))\n"
        "print(yoso.__file__, len(run), run.network.shape)"
    )
    command = [sys.executable, "-P", "-c", code]
    found = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.split() == [str(site / "yoso" / "__init__.py"), "2", "784-100-10"]
    assert sorted(path.name for path in here.iterdir()) == ["build", "x.yoso"]
    assert json.loads((site / "yoso_sw/networks/mnist-784-100-10.seeds.json").read_text())
