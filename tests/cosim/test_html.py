"""``yoso sim --html``: what the page holds is what the run gave; it is one file; bad places are one line."""

import base64
import importlib.util
import json
import re
from html import unescape
from types import SimpleNamespace

import numpy as np
import pytest
from support import page_run
from support.page_run import PARAMS, STEPS, embedded, sim
from yoso_sim.commands import campaign
from yoso_sim.html import collect, figures
from yoso_sim.html.file import energy_of
from yoso_sim.html.page import page
from yoso_sim.job import Job
from yoso_sim.watch import Flits, Part
from yoso_sw.compile.compiler import compile_network
from yoso_sw.data.samples import Samples
from yoso_sw.network.events import NEVER, Events

#: What of a page is text of plotly's, which holds addresses that are never asked.
PLOTLY = re.compile(r"<script>/\*\*.*?</script>", re.DOTALL)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("YOSO_OUTPUT", str(folder))
        yield page_run.make(folder)


def test_the_run_is_a_compared_one_and_the_page_says_so(run):
    assert run.report["spike_mismatches"] == run.report["counter_mismatches"] == 0
    assert "Every spike, decision and counter of the RTL is the golden model's." in run.text
    assert f"<h1>maps ({run.report['shape']}) on 2 x 2 PEs, 2 lanes, multicast</h1>" in run.text


def test_the_page_is_one_file_that_asks_for_nothing(run):
    own, found = PLOTLY.subn("", run.text)
    assert found == 1
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?!["']?data:)|@import|url\(|https?:""", own)


# ---- cycles ----------------------------------------------------------------------------------------------


def test_the_bars_of_every_pe_are_as_long_as_an_image(run):
    mean = np.mean(run.all("cycles"))
    bars = run.data["figures"]["cycles"]["data"]
    total = np.sum([bar["x"] for bar in bars], axis=0)
    assert len(total) == PARAMS.nodes and abs(total - mean).max() < 0.05
    assert {bar["name"] for bar in bars} >= {"sweep", "spikes", "waiting for the barrier", "idle: no neurons"}


def test_a_pe_without_neurons_is_idle_and_one_with_neurons_waits(run):
    unused = [i for i, node in enumerate(run.data["nodes"]) if node["layer"] == 0]
    assert len(unused) == 1
    for bar in run.data["figures"]["cycles"]["data"]:
        values = {label.endswith("unused"): x for label, x in zip(bar["y"], bar["x"], strict=True)}
        if bar["name"] == "idle: no neurons":
            assert values[True] > 0 and not values[False]
        elif bar["name"] != "pipeline and router":
            assert values[True] == 0


def test_steps_add_up_to_the_image_and_parts_to_the_steps(run):
    assert len(run.data["images"]) == len(run.results)
    for image, result in zip(run.data["images"], run.results, strict=True):
        assert sum(image["lengths"]) == result["cycles"][0]
        assert (np.array(image["parts"]).sum(-1) == np.array(image["lengths"])[:, None]).all()
        steps = [step for step in image["steps"] if step >= 0]
        assert steps == list(range(len(steps))) and image["step"] in steps


# ---- spikes and flits ------------------------------------------------------------------------------------


def test_spikes_of_the_raster_are_those_that_the_pes_of_the_layer_sent_in_the_step(run):
    layer = np.array([node["layer"] for node in run.data["nodes"]])
    total = 0
    for image in run.data["images"]:
        sent = np.array(image["flits"])[..., Flits.SENT]
        for number, (steps, _) in enumerate(image["spikes"][1:], start=1):
            for at, step in enumerate(image["steps"]):
                assert sent[at, layer == number].sum() == steps.count(step), (image["index"], number, step)
            total += len(steps)
    assert total > 10


def test_the_hosts_flits_are_the_input_spikes_of_the_steps_that_ran(run):
    for image in run.data["images"]:
        entered = np.array(image["flits"])[..., Flits.HOST]
        steps = np.array(image["spikes"][0][0])
        assert entered[:, 0].tolist() == [int((steps == step).sum()) for step in image["steps"]]


def test_the_shapes_of_feature_maps_and_of_rasters_are_the_layers(run):
    assert [layer["map"] for layer in run.data["layers"]] == [[6, 6, 1], [2, 2, 2], None]
    assert len(run.data["figures"]["maps"]["data"]) == 2 and len(run.data["figures"]["raster"]["data"]) == 2
    assert run.data["steps"] == STEPS


# ---- decisions -------------------------------------------------------------------------------------------


def test_the_confusion_matrix_counts_every_image_once(run):
    labels, decided = np.array(run.all("labels")), np.array(run.all("rtl"))
    counts = np.array(run.data["figures"]["confusion"]["data"][0]["customdata"])
    assert counts.sum() == len(labels) and np.trace(counts) == (labels == decided).sum()
    for true, own in zip(labels, decided, strict=True):
        counts[true, own] -= 1
    assert not counts.any()
    assert f"{run.report['rtl_accuracy']:.2f} % of 25 images on the RTL" in run.text


def test_misclassified_images_are_shown_with_their_pixels(run):
    labels, decided = run.all("labels"), run.all("rtl")
    wrong = [i for i, (true, own) in enumerate(zip(labels, decided, strict=True)) if true != own]
    shown = run.data["wrong"]["shown"]
    assert wrong and [one["index"] for one in shown] == wrong and run.data["wrong"]["count"] == len(wrong)
    (path,) = run.path.parent.glob("sim/*/samples.npz")
    pixels = Samples.load(path).inputs
    for one in shown:
        assert (one["label"], one["decision"]) == (labels[one["index"]], decided[one["index"]])
        bytes_ = base64.b64decode(one["picture"]["data"])
        assert list(bytes_) == pixels[one["index"]].tolist() and one["picture"]["rows"] == 6


def test_spikes_and_events_are_pictures_too_and_rows_of_numbers_are_none():
    steps = Samples("steps", np.array([[0, 3, NEVER, 1]], np.int16), np.zeros(1, int), (2, 2))
    found = collect.picture_of(steps, 0)
    assert list(base64.b64decode(found["data"])) == [255, 64, 0, 191]
    events = Events.of_pairs(np.zeros(3, int), np.array([0, 1, 1]), np.array([2, 2, 7]), 1, 8)
    found = collect.picture_of(Samples("events", events, np.zeros(1, int), (2, 2, 2)), 0)
    assert list(base64.b64decode(found["data"])) == [0, 255, 0, 128]
    assert collect.picture_of(Samples("table", np.zeros((1, 4), np.uint8), np.zeros(1, int), None), 0) is None


# ---- energy ----------------------------------------------------------------------------------------------


def energy(**case):
    """A report of ``yoso energy`` of the run's network and chip, unless `case` says another."""
    settings = [word.removeprefix("--set=") for word in page_run.CHIP]
    found = {"parts_nj": {"core": 3.5, "router": 1.25}, "full_rate": {"nj_per_image": 4.75}}
    return {
        "case": {"network": "maps", "chip": "default", "settings": settings, **case},
        "process": "sg13g2",
        "images": 20,
        "gated": found,
        "ungated": found,
    }


def test_without_an_estimate_a_line_tells_how_to_get_one(run):
    assert "<code>yoso energy --net maps</code>" in run.text and run.data["figures"]["energy"] is None


@pytest.mark.parametrize(
    ("found", "same"),
    [
        (energy(), True),
        (energy(network="sub/maps.npz"), True),
        (energy(network="other"), False),
        (energy(settings=["cols=3"]), False),
        (energy(settings=["cols=many"]), False),
        (energy(chip="no-such"), False),
        ({**energy(), "gated": {}}, False),
        ({"case": None}, False),
        ([], False),
    ],
)
def test_an_estimate_of_another_network_or_chip_is_none_of_this_run(tmp_path, found, same):
    (tmp_path / "energy.json").write_text(json.dumps(found))
    campaign = SimpleNamespace(network_path=tmp_path / "maps.npz", build=SimpleNamespace(params=PARAMS))
    assert (energy_of(tmp_path, campaign) is not None) == same


# ---- a regression ----------------------------------------------------------------------------------------


def test_a_regression_has_a_page_of_its_first_images_run_once_more_beside_the_watch(tmp_path, monkeypatch):
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    monkeypatch.setattr(campaign, "PAGE_IMAGES", 6)
    asked = [*page_run.files(tmp_path), "--html", str(tmp_path / "all.html")]
    done = sim(*asked, images=8, command="regress")
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "reports" / "regress.json").read_text())["images"] == 8
    text = (tmp_path / "all.html").read_text()
    counts = np.array(embedded(text)["figures"]["confusion"]["data"][0]["customdata"])
    assert counts.sum() == 6 and "% of 6 images on the RTL" in text
    watched = [json.loads(path.read_text())["result"] for path in tmp_path.glob("regress/*/images-*.json")]
    assert sorted(("watched" in result, len(result["labels"])) for result in watched) == [
        (False, 8),
        (True, 6),
    ]


# ---- what may go wrong -----------------------------------------------------------------------------------


def test_an_estimate_is_a_figure_and_a_name_is_text_and_no_markup(tmp_path, monkeypatch):
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "energy.json").write_text(json.dumps(energy()))
    name = "</script><b>x"
    done = sim(*page_run.files(tmp_path, name), "--html", str(tmp_path / "run.html"), images=1)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "run.html").read_text()
    assert name not in text and name in unescape(re.search(r"<h1>(.*?)</h1>", text)[1])
    bars = embedded(text)["figures"]["energy"]["data"][0]
    assert (bars["y"], bars["x"]) == (["core", "router"], [3.5, 1.25])
    assert "4.8 nJ an image with idle PEs gated, on sg13g2" in text


def test_a_page_of_a_run_that_differs_says_what_differs(run):
    report = {**run.report, "spike_mismatches": 1, "notes": ["layer 1, neuron 3: <RTL> at step 4"]}
    samples = Samples("squares", np.zeros((25, 36), np.uint8), np.zeros(25, int), (6, 6))
    image = compile_network(page_run.network(), PARAMS)
    text = page(SimpleNamespace(image=image, samples=samples), run.results, report)
    assert (
        '<p class="wrong">RTL and golden model differ: layer 1, neuron 3: &lt;RTL&gt; at step 4</p>' in text
    )


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("", "is a folder; name a file in it, such as "),
        ("file/run.html", "cannot write"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_line_before_any_work(tmp_path, monkeypatch, place, said):
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    (tmp_path / "file").write_text("")
    done = sim(*page_run.files(tmp_path), "--html", str(tmp_path / place))
    (line,) = [line for line in done.output.splitlines() if line.startswith("Error")]
    assert done.exit_code == 2 and said in line and not (tmp_path / "sim").exists()


def test_without_plotly_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "plotly" else find(name, *rest)
    )
    done = sim(*page_run.files(tmp_path), "--html", str(tmp_path / "run.html"))
    assert done.exit_code == 1
    assert done.output == "Error: --html needs plotly, which is not installed: pip install 'yoso[html]'\n"


def test_no_more_images_are_shown_step_by_step_than_a_browser_bears(run, monkeypatch):
    chunks = tuple((first, min(first + 10, 995)) for first in range(0, 995, 10))
    job = Job("", "", "", chunks, "", 0)
    assert [chunk for chunk in chunks if job.detailed(chunk)] == list(chunks[:10])
    assert len(collect.details_of(run.results)) == len(run.results) > 1
    others = [{**result, "watched": {"parts": []}} for result in run.results]
    assert len(collect.details_of([*run.results, *others])) == len(run.results)
    monkeypatch.setattr(collect, "MOST_NUMBERS", 10)
    assert len(collect.details_of(run.results)) == 1


def test_every_part_has_a_name_and_every_name_a_colour(run):
    assert set(collect.PARTS) == set(Part)
    assert {*collect.PARTS.values(), collect.UNUSED} == set(figures.COLOURS)
