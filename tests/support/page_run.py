"""A run with a page: a pooled convolution before a dense layer, on four PEs of which one has no neurons."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from yoso_sim.cli import main
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron

from support.chip_cases import CHIPS
from support.own_sets import quadrants

PARAMS = CHIPS["2 x 2, convolution"]
CHIP = [f"--set={name}={value}" for name, value in json.loads(PARAMS.to_json()).items()]
IMAGES, SIDE, STEPS = 25, 6, 16


def network(name="maps", **rest) -> Network:
    """Untrained: 6 x 6 pixels, two filters of 3 x 3 pooled to 2 x 2 positions, two classes."""
    rng = np.random.default_rng(3)
    window = Window(SIDE, SIDE, 1, 3)
    convolution = Layer(
        rng.integers(-2, 5, (window.axons, 2)).astype(np.int8), Neuron(40, 0, STEPS), window=window, pool=True
    )
    dense = Layer(rng.integers(-7, 8, (8, 2)).astype(np.int8), Neuron(25, 0, STEPS))
    return Network(name, (convolution, dense), STEPS, 8, weight_bits=4, acc_bits=9, pot_bits=11, **rest)


@dataclass(frozen=True)
class Run:
    """The page, the JSON in it, the report, and the results of the chunks in order."""

    path: Path
    text: str
    data: dict
    report: dict
    results: list[dict]

    def all(self, key: str) -> list[int]:
        """A list of the results, all images."""
        return [value for result in self.results for value in result[key]]


def embedded(text: str) -> dict:
    """The JSON in a page."""
    found = re.search(r'<script type="application/json" id="run">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1])


def files(folder: Path, name="maps") -> list[str]:
    """Network and data of the run, written to a folder: the options that name them."""
    images, labels = quadrants(200, 4, side=SIDE, classes=2)
    np.savez(folder / "squares.npz", images=images, labels=labels)
    network(name).save(folder / "maps.npz")
    return ["--net", str(folder / "maps.npz"), "--data", str(folder / "squares.npz")]


def sim(*arguments: str, images: int = IMAGES, command: str = "sim"):
    """``yoso sim``, or another command, of some images on the chip."""
    asked = [command, *arguments, *CHIP, "--images", str(images)]
    return CliRunner().invoke(main, asked, catch_exceptions=False)


def make(folder: Path) -> Run:
    """Run it, with results in `folder`, which is to be YOSO_OUTPUT."""
    path = folder / "run.html"
    done = sim(*files(folder), "--html", str(path))
    assert done.exit_code == 0, done.output
    assert f"run.html ({path.stat().st_size / 1e6:.1f} MB)" in done.output.replace("\n", "")
    text = path.read_text()
    chunks = [json.loads(found.read_text())["result"] for found in sorted(folder.glob("sim/*/images-*.json"))]
    return Run(path, text, embedded(text), json.loads((folder / "reports" / "sim.json").read_text()), chunks)
