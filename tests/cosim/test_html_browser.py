"""The page of a run in a browser without a window: slider, images and pictures show what the run gave."""

import base64

import numpy as np
import pytest
from support import page_run
from support.browser import opened
from support.page_run import PARAMS
from yoso_sim.watch import Flits, Part


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("YOSO_OUTPUT", str(folder))
        yield page_run.make(folder)


@pytest.fixture
def page(run):
    with opened(f"file://{run.path}", "body[data-drawn]") as found:
        yield found


def trace(page, figure, index=0):
    """A trace of a figure, as it is drawn now."""
    script = f"() => JSON.parse(JSON.stringify(document.getElementById('{figure}').data[{index}]))"
    return page.evaluate(script)


def slide(page, at):
    """Move the slider as a hand does."""
    page.locator("#step").fill(str(at))


def test_the_page_draws_all_figures_and_asks_for_no_other_file(run, page):
    assert [url for url in page.asked if not url.startswith(("data:", "blob:"))] == [f"file://{run.path}"]
    for name in ("raster", "maps", "traffic", "busy", "steps", "cycles", "confusion"):
        box = page.locator(f"#{name} .main-svg").first.bounding_box()
        assert box["width"] > 300 and box["height"] > 100, name
    assert page.locator("#wrong figure").count() == len(run.data["wrong"]["shown"])


def test_the_slider_shows_traffic_use_and_links_of_its_step(run, page):
    image = run.data["images"][0]
    for at in (0, 2, len(image["steps"]) - 1):
        slide(page, at)
        flits, parts = np.array(image["flits"][at]), np.array(image["parts"][at])
        assert trace(page, "traffic")["marker"]["color"] == flits[:, Flits.TAKEN].tolist()
        shares = 100 * parts[:, [Part.SWEEP, Part.SPIKES]].sum(1) / image["lengths"][at]
        assert np.allclose(np.ravel(trace(page, "busy")["z"]), shares)
        lines = page.evaluate("() => document.getElementById('traffic').layout.shapes.length")
        moving = [Flits.EAST, Flits.WEST, Flits.NORTH, Flits.SOUTH, Flits.HOST]
        assert lines == (flits[:, moving] > 0).sum()
        told = page.locator("#told").inner_text()
        assert f"({at + 1} of {len(image['steps'])}): {image['lengths'][at]} cycles" in told
        assert f"{flits[:, Flits.SENT].sum()} spike" in told


def test_raster_and_maps_show_what_has_spiked_until_the_step(run, page):
    image = run.data["images"][0]
    for at, step in enumerate(image["steps"][:6]):
        slide(page, at)
        steps, neurons = map(np.array, image["spikes"][2])
        now = trace(page, "raster", 1)
        assert now["x"] == steps[steps <= step].tolist() and now["y"] == neurons[steps <= step].tolist()
        assert trace(page, "raster", 0)["x"] == steps.tolist()
        for figure, layer in ((0, 0), (1, 1)):
            steps, outputs = map(np.array, image["spikes"][layer])
            rows, cols, channels = run.data["layers"][layer]["map"]
            wanted = np.full((rows, cols, channels), np.nan)
            for own, output in zip(steps[::-1], outputs[::-1], strict=True):
                if own <= step:
                    wanted.reshape(-1)[output] = own
            sheet = np.array(trace(page, "maps", figure)["z"], float)
            maps = [sheet[:rows, c * (cols + 1) : c * (cols + 1) + cols] for c in range(channels)]
            assert np.array_equal(np.stack(maps, 2), wanted, equal_nan=True), (layer, step)


def test_another_image_brings_its_own_steps_and_decision(run, page):
    page.locator("#image").select_option("1")
    image = run.data["images"][1]
    steps = [str(step) if step >= 0 else "report" for step in image["steps"]]
    for part in Part:
        drawn = trace(page, "steps", part)
        used = [i for i, node in enumerate(run.data["nodes"]) if node["layer"]]
        assert drawn["x"] == steps
        assert np.allclose(drawn["y"], np.array(image["parts"])[:, used, part].mean(1))
    assert f"class {image['label']}, decided {image['decision']} at step {image['step']}" in page.inner_text(
        "#decided"
    )
    assert page.locator("#step").get_attribute("max") == str(len(steps) - 1)


def test_play_runs_to_the_last_step_and_stops(run, page):
    last = len(run.data["images"][0]["steps"]) - 1
    slide(page, last - 1)
    page.locator("#play").click()
    page.wait_for_function(f"() => Number(document.getElementById('step').value) === {last}", timeout=20_000)
    page.wait_for_function("() => document.getElementById('play').textContent === 'Play'", timeout=20_000)


def test_a_misclassified_image_is_drawn_pixel_by_pixel(run, page):
    one = run.data["wrong"]["shown"][0]["picture"]
    script = """() => { const canvas = document.querySelector('#wrong canvas');
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return Array.from(pixels).filter((_, i) => i % 4 === 0); }"""
    assert page.evaluate(script) == list(base64.b64decode(one["data"]))


def test_the_mesh_has_a_place_for_every_node(page):
    assert len(trace(page, "traffic")["x"]) == PARAMS.nodes
