"""``yoso explore``: what a file of grids says, which points are on the front, a grid on the RTL."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from click.testing import CliRunner
from yoso_hw.params import ChipParams
from yoso_sim.build import build
from yoso_sim.cli import main
from yoso_sim.energy.cost import Case
from yoso_sim.explore import measure, page, show
from yoso_sim.explore.front import OBJECTIVES, choose, front, measured
from yoso_sim.explore.spec import MOST, STUDY, SpecError, asked, label, load
from yoso_sim.job import read_result, write_result
from yoso_sw.compile.compiler import compile_network
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron
from yoso_synth.pdk import MissingPdk
from yoso_synth.report import Row

#: Grids of two networks on chips of two PEs, which one build serves: no width of a weight changes its timing.
GRID = """
images = 4
accuracy = 30
measure = ["rtl"]
networks = ["own8.npz", "own12.npz"]
set = { cols = 2, rows = 1, weight_bits = { from = 3, to = 5 } }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with two untrained networks; the output folder is out in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path / "out"))
    rng = np.random.default_rng(1)
    for hidden in (8, 12):
        layers = (
            Layer(rng.integers(-2, 4, (784, hidden), np.int8), Neuron(120, 0, 16)),
            Layer(rng.integers(-7, 8, (hidden, 10), np.int8), Neuron(20, 0, 16)),
        )
        about = {"dataset": "mnist"}
        Network(f"own{hidden}", layers, 16, 8, about=about).save(tmp_path / f"own{hidden}.npz")
    return tmp_path


def spec(folder, text):
    path = folder / "grid.toml"
    path.write_text(text)
    return path


def explore(*words, status=0):
    done = CliRunner().invoke(main, ["explore", *map(str, words)])
    assert done.exit_code == status and "Traceback" not in done.output, done.output
    return " ".join(done.output.split())


# ---- the file --------------------------------------------------------------------------------------------

#: The points of docs/asic, the first ones first.
POINTS = [
    "mnist-784-800-10",
    "mnist-784-800-10-4bit weight_bits=4",
    "mnist-784-800-10 weight_bits=5",
    "mnist-784-800-10-stdbp lanes=1 multicast=false no early exit",
    "mnist-784-800-10-stdbp lanes=1 no early exit",
    "mnist-784-800-10-stdbp lanes=1",
    "mnist-784-800-10-stdbp",
    "mnist-784-800-10-stdbp lanes=8 weights=18840",
    "mnist-784-800-10-stdbp lanes=2",
    "mnist-784-800-10 banked=true",
    "mnist-784-800-10-4bit lanes=8 weights=18840 weight_bits=4",
    "mnist-784-800-10-4bit lanes=2 weight_bits=4",
    "mnist-784-800-10 lanes=8 weights=18840 weight_bits=5",
    "mnist-784-800-10 multicast=false",
    "mnist-784-800-10 router=bus",
    "mnist-784-800-10 lanes=1 router=bus",
    "mnist-784-800-10-stdbp lanes=1 multicast=false router=bus no early exit",
]


def test_the_study_of_the_pages_is_a_file_with_its_points_in_their_order():
    study = load(STUDY)
    assert [label(case) for case in study.cases] == POINTS
    assert label(study.baseline) == POINTS[3] and (study.images, study.measure) == (20, ("rtl", "energy"))


@pytest.mark.parametrize("case", load(STUDY).cases, ids=label)
def test_every_chip_of_the_study_holds_its_network(case):
    compile_network(Network.load(case.path), case.params)


def test_a_grid_is_every_network_on_every_chip_with_every_value(folder):
    text = """
    networks = ["own8.npz", "mnist-784-100-10"]
    chips = ["default", "8-lane"]
    set = { multicast = [true, false], lanes = { from = 2, to = 8, step = 6 } }
    early_exit = [true, false]
    """
    found = load(spec(folder, text))
    assert len(found.cases) == 2 * 2 * 2 * 2 * 2 and len({*found.cases}) == len(found.cases)
    assert found.cases[0] == Case(str(folder / "own8.npz"), ("multicast=true", "lanes=2"))
    last = Case("mnist-784-100-10", ("multicast=false", "lanes=8"), early_exit=False, chip="8-lane")
    assert found.cases[-1] == last and label(last) == (
        "mnist-784-100-10 on 8-lane multicast=false lanes=8 no early exit"
    )
    assert (found.name, found.images, found.measure, found.front) == ("grid", 20, None, ())


def test_a_point_that_two_grids_have_is_one_and_ranges_have_both_ends(folder):
    text = """
    [[grid]]
    networks = "own8.npz"
    set = { weight_bits = { from = 4, to = 6 } }
    [[grid]]
    networks = "own8.npz"
    set = { weight_bits = [5, 7, 7] }
    """
    assert [case.settings for case in load(spec(folder, text)).cases] == [
        (f"weight_bits={bits}",) for bits in (4, 5, 6, 7)
    ]


#: Files that are wrong, and all that is to be said of them.
WRONG = {
    'networks = "nothing"': ["no trained network 'nothing'"],
    "set = { lanes = 1 }": ["networks is missing"],
    'networks = "own8.npz"\nchips = "none"\nset = { lane = 1 }\ncolour = 1': [
        "there is no chip 'none'",
        "lane is no chip parameter",
        "colour is no key",
    ],
    'networks = "own8.npz"\nmeasure = "area"\nfront = ["price"]\nimages = 0\naccuracy = "all"': [
        "measure: 'area' is not one of rtl, energy, luts",
        "front: 'price' is not one of",
        "images = 0 is no whole number from 1",
        "accuracy = 'all' is no whole number",
    ],
    'networks = "own8.npz"\nset = { lanes = { from = 4, to = 1 }, cols = 1.5 }': [
        "set: lanes = {'from': 4, 'to': 1} is no range",
        "set: cols: 1.5 is no number, text, true or false",
    ],
    'networks = "own8.npz"\nset = { cols = { from = 1, to = 200 }, rows = { from = 1, to = 200 } }': [
        f"it has 40,000 points, and {MOST:,} are the most"
    ],
    'networks = "own8.npz"\n[[grid]]\nnetworks = "own12.npz"': ["networks stands beside [[grid]]"],
    '[[grid]]\nnetworks = ["own8.npz", "own12.npz"]\nbaseline = true': ["the baseline is 2 points"],
    '[[grid]]\nnetworks = "own8.npz"\n[[grid]]\nnetwork = "own8.npz"': [
        "grid 2: network is no key",
        "grid 2: networks is missing",
    ],
    'name = "mine"\ninputs = 144\nsteps = 33': [
        ": name, inputs, steps are no keys: there are about, accuracy, "
    ],
    'networks = "own8.npz"\nearly_exit = 1\ndata = 2\nset = 3': [
        "early_exit = 1 is neither true nor false",
        "data = 2 is no name or path",
        "set = 3 is no table",
    ],
    "networks = ": ["cannot be read"],
    'grid = "x"': ["grid is no list of tables"],
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_all_that_is_wrong_with_a_file_is_told_at_once_in_a_line(text, folder):
    path = spec(folder, text)
    with pytest.raises(SpecError) as raised:
        load(path)
    assert str(raised.value).startswith(str(path)) and "\n" not in str(raised.value)
    assert all(said in str(raised.value) for said in WRONG[text]), raised.value
    assert explore(path, status=1).startswith("Error: ")
    assert not (folder / "out/runs").exists()


def test_a_file_that_is_not_there_is_a_line(folder):
    assert "nothing.toml cannot be read" in explore("nothing.toml", status=1)


# ---- the front -------------------------------------------------------------------------------------------


def found(cycles, area, nj, accuracy):
    return {
        "name": f"{cycles}",
        "case": {"network": "n", "chip": "default"},
        "cycles": {"mean": cycles},
        "chip_mm2": area,
        "gated": {"full_rate": {"nj_per_image": nj}},
        "accuracy": accuracy,
    }


def test_the_front_leaves_out_what_another_beats_in_everything():
    results = [found(10, 10, 10, 99.0), found(9, 11, 10, 99.0)]
    results += [found(11, 10, 10, 99.0), found(99, 99, 99, 99.5)]
    assert front(results, measured(results)) == [True, True, False, True]


def test_the_chosen_chip_is_not_bought_with_accuracy():
    results = [found(10, 10, 10, 99.3), found(5, 10, 10, 99.25), found(1, 1, 1, 98.0)]
    assert choose(results, measured(results)) == 1


def test_the_front_is_of_what_was_asked_for_and_of_points_that_have_it():
    results = [found(10, 1, 1, 99.0), found(9, 2, 2, 98.0), found(8, 3, 3, 97.0)]
    results[2]["gated"] = None
    assert front(results, measured(results)) == [True, True, False]
    only = measured(results, ("cycles",))
    assert [*only] == ["cycles"] and front(results, only) == [False, False, True]
    assert choose(results, only) == 2 and choose(results, {"accuracy": OBJECTIVES["accuracy"]}) is None
    assert "luts" not in measured(results)


def test_what_the_baseline_takes_is_said_in_words_or_that_it_has_not_run():
    assert show.beside_the_baseline(None) == "The baseline has not run yet."
    said = show.beside_the_baseline({"cycles": 7.53, "energy": 2.1})
    assert said == "The baseline takes 7.53 times the cycles, 2.1 times the energy."


# ---- a grid on the RTL -----------------------------------------------------------------------------------


def test_a_grid_runs_on_the_rtl_and_is_told_as_table_picture_and_page(folder):
    build(ChipParams(cols=2, rows=1))
    text = explore(spec(folder, GRID), "--run", "one")
    assert "no such point: layer 1: weights -7..7 do not fit the chip's 3 bits" in text
    report = json.loads((folder / "out/reports/explore-grid.json").read_text())
    assert len(report["results"]) == 6 and sum("impossible" in one for one in report["results"]) == 2
    there = [one for one in report["results"] if "impossible" not in one]
    assert all(one["mismatches"] == {"spike": 0, "class": 0, "counter": 0} for one in there)
    assert all(one["spikes_compared"] > 0 and one["cycles"]["mean"] > 100 for one in there)
    assert {one["accuracy_of"] for one in there} == {"30 test images on the golden model"}
    # The bits of a weight cost neither cycles nor accuracy here; more neurons cost cycles.
    by_network = {one["case"]["network"].rpartition("/")[2]: one["cycles"]["mean"] for one in there}
    assert by_network["own8.npz"] < by_network["own12.npz"]
    assert (
        report["front"]
        and report["chosen"] in report["front"]
        and report["objectives"] == ["cycles", "accuracy"]
    )
    page_of = (folder / "out/reports/explore-grid.md").read_text()
    assert "own12.npz" in page_of and "do not fit the chip's 3 bits" in page_of
    assert (folder / "out/reports/explore-grid.png").read_bytes().startswith(b"\x89PNG")
    kept = json.loads((folder / "out/runs/one/run.json").read_text())
    assert kept["configuration"]["points"] == 6 and len(kept["configuration"]["networks"]) == 2

    # Again: nothing that is done is done again.
    chunks = {path: path.stat().st_mtime_ns for path in (folder / "out/cost").glob("*/images-*.json")}
    assert chunks and (folder / "out/explore").is_dir()
    explore(folder / "grid.toml")
    assert {path: path.stat().st_mtime_ns for path in chunks} == chunks

    # What differs from the golden model is told, and is no success.
    chunk = next(iter(chunks))
    write_result(chunk, {**read_result(chunk), "spike_mismatches": 1})
    assert "RTL and golden model differ: " in explore(folder / "grid.toml", status=1)
    report = json.loads((folder / "out/reports/explore-grid.json").read_text())
    assert sum(one.get("mismatches", {}).get("spike", 0) for one in report["results"]) >= 1


def test_a_grid_of_which_no_chip_holds_a_network_is_a_line(folder):
    text = explore(spec(folder, GRID.replace("from = 3, to = 5", "from = 2, to = 3")), status=1)
    assert "none of the 4 points exists; the last: layer 1: weights" in text


def test_a_network_of_ones_own_is_explored_beside_those_of_a_file(folder, monkeypatch):
    seen = []

    def point(case, spec, measures, report, jobs, process):
        seen.append(case)
        return found(10, 10, 10, 99.0) | {
            "name": label(case),
            "case": {"network": case.network, "chip": "default"},
        }

    monkeypatch.setattr(measure, "measure", point)
    monkeypatch.setattr(show, "title", lambda results: "")
    monkeypatch.setattr(page, "missing", lambda: True)
    text = explore(spec(folder, GRID), "--also", "own8.npz neuron=all")
    assert seen[-1] == Case("own8.npz", ("neuron=all",)) == asked("own8.npz neuron=all") and len(seen) == 7
    assert "the interactive page needs plotly, which is not installed: pip install 'yoso[html]'" in text
    report = json.loads((folder / "out/reports/explore-grid.json").read_text())
    assert report["command"].endswith("grid.toml --images 4 --also 'own8.npz neuron=all'")
    assert not list((folder / "out/reports").glob("*.html"))


def test_energy_without_its_files_is_a_line_before_any_work_or_left_out_if_nobody_asked(folder, monkeypatch):
    def cells(process):
        raise MissingPdk("sg13g2: no files; set PDK_ROOT")

    monkeypatch.setattr("yoso_synth.asic.cells", cells)
    asked_for = spec(folder, GRID.replace('["rtl"]', '["rtl", "energy"]'))
    assert explore(asked_for, status=1) == "Error: sg13g2: no files; set PDK_ROOT"
    assert not (folder / "out").exists()
    nobody = load(spec(folder, GRID.replace('measure = ["rtl"]', "")))
    assert measure.measures_of(nobody, None) == (("rtl",), "sg13g2: no files; set PDK_ROOT")


def test_luts_are_placed_once_a_chip_and_counted_for_all_its_nodes(folder, monkeypatch):
    placed = []

    def synthesise(block, params, folder, reports):
        placed.append(block)
        return [Row("ecp5", block, 100, 20, 3, fmax_mhz=99.5)]

    monkeypatch.setattr(measure.ecp5, "synthesise", synthesise)
    for _ in range(2):
        whole = measure.luts(ChipParams(cols=3, rows=2), lambda text: None)
        assert (whole["lut4"], whole["ff"], whole["bram"], whole["fmax_mhz"]) == (600, 120, 18, 99.5)
    assert placed == ["node"]
    assert OBJECTIVES["luts"].value({"ecp5": whole}) == 0.6


# ---- the page --------------------------------------------------------------------------------------------


@pytest.fixture
def points():
    """Two networks, one with a name that looks like HTML, on two chips each."""
    pytest.importorskip("plotly", reason="the page needs plotly: pip install 'yoso[html]'")
    results = []
    for network, cycles in (("own<b>", 1500), ("other", 1200)):
        for lanes in (1, 4):
            one = found(cycles * 4 / lanes, 50 + lanes, 5000 - lanes, 97 + lanes / 10)
            one |= {"name": f"{network} lanes={lanes}", "images": 4}
            one["case"] = {"network": network, "settings": (f"lanes={lanes}",), "chip": "default"}
            results.append(one)
    return results


def report_of(results):
    return {
        "spec": "grid",
        "command": "yoso explore grid.toml",
        "results": [*results, {"name": "x", "case": results[0]["case"], "impossible": "it is <too> small"}],
        "chosen": results[0]["name"],
        "baseline": None,
        "ratio": None,
    }


def test_the_page_is_one_file_that_fetches_nothing_and_has_every_point(points):
    text = page.page(report_of(points), measured(points))
    without_scripts = re.sub(r"<script.*?</script>", "", text, flags=re.S)
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", without_scripts)
    assert (
        "<script src" not in text
        and "own&lt;b&gt; lanes=4" in without_scripts
        and "own<b>" not in without_scripts
    )
    assert without_scripts.count("<tr") == 5 and "it is &lt;too&gt; small" in without_scripts
    for one in OBJECTIVES.values():
        assert (f'"x: {one.heading}"' in text) == (one.heading != "1000 LUT4")


def test_a_browser_draws_the_page(points, tmp_path):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here")
    (tmp_path / "page.html").write_text(page.page(report_of(points), measured(points)))
    ran = subprocess.run(
        [
            *(chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"),
            *("--virtual-time-budget=20000", "--dump-dom", f"file://{tmp_path}/page.html"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    drawn = ran.stdout
    assert drawn.count('class="point"') == len(points), ran.stderr[-500:]
    assert drawn.count("updatemenu-header-group") >= 1 and 'class="parcoords' in drawn
