"""``yoso demo`` in a browser without a window: a hand draws, the RTL decides, the page shows it."""

import pytest
from support import page_run
from support.browser import opened
from support.page_run import PARAMS, SIDE
from yoso_sim.build import build
from yoso_sim.demo.session import Session, shown
from yoso_sim.watch import WATCHED, Flits
from yoso_sw.compile.compiler import compile_network

pytest.importorskip("flask", reason="Flask is not installed: pip install 'yoso[demo]'")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from yoso_sim.demo.app import Server, make_app

    network = page_run.network()
    about = shown(network, compile_network(network, PARAMS), (SIDE, SIDE))
    session = Session(about, build(PARAMS, form=WATCHED), tmp_path_factory.mktemp("demo"))
    served = Server(make_app(session), 0)
    yield served
    served.close()
    session.close()


@pytest.fixture
def page(server):
    with opened(server.address, "body[data-ready]") as found:
        yield found


def draw(page, *points):
    """A stroke through points of the paper, in parts of its sides."""
    box = page.locator("#paper").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    before = page.evaluate("() => Number(document.body.dataset.image || 0)")
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    page.wait_for_function(f"() => Number(document.body.dataset.image || 0) > {before}", timeout=60_000)
    return page.evaluate("() => run")


def test_a_stroke_goes_through_the_rtl_and_both_decisions_are_shown(page):
    found = draw(page, (0.2, 0.2), (0.5, 0.5), (0.5, 0.9))
    assert found["differences"] == [] and found["rtl"] == found["golden"] and len(found["spikes"][0][0]) > 2
    assert page.inner_text("#rtl") == page.inner_text("#golden") == str(found["rtl"]["decision"])
    assert page.inner_text("#verdict") == f"{found['spikes_compared']} spikes compared, 0 differ"
    assert f"{found['cycles']:,} cycles in {len(found['steps'])} steps" in page.inner_text("#cost")
    other = draw(page, (0.8, 0.1), (0.8, 0.3))
    assert other["pixels"] != found["pixels"]


def test_the_slider_shows_the_flits_of_its_step_and_the_chip_is_drawn(page):
    found = draw(page, (0.2, 0.2), (0.8, 0.8))
    page.locator("#step").fill("1")
    host, sent = (sum(one[move] for one in found["flits"][1]) for move in (Flits.HOST, Flits.SENT))
    said = f"step 1: {found['lengths'][1]} cycles, {host} flits of the host, {sent} spikes of PEs"
    assert page.inner_text("#told") == said
    for canvas in ("chip", "raster"):
        colours = page.evaluate(f"""() => {{ const canvas = document.getElementById('{canvas}');
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return new Set(new Uint32Array(data.buffer)).size; }}""")
        assert colours > 3, canvas


def test_clear_empties_the_paper_and_playback_runs_to_the_last_step(page):
    found = draw(page, (0.3, 0.3), (0.6, 0.6))
    last = len(found["steps"]) - 1
    page.wait_for_function(f"() => Number(document.getElementById('step').value) === {last}", timeout=60_000)
    page.wait_for_function("() => document.getElementById('play').textContent === 'Play'", timeout=60_000)
    page.locator("#clear").click()
    white = (
        """() => ink.getImageData(0, 0, paper.width, paper.height).data.some((v, i) => i % 4 < 3 && v > 0)"""
    )
    assert page.evaluate(white) is False


def test_a_server_that_is_gone_is_a_line(page):
    page.route("**/classify*", lambda route: route.abort())
    box = page.locator("#paper").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.up()
    page.wait_for_function("() => document.getElementById('verdict').className === 'wrong'", timeout=60_000)
    assert page.inner_text("#verdict") == "the simulator does not answer: is yoso demo still running?"
    page.wrong[:] = [line for line in page.wrong if "ERR_FAILED" not in line]
