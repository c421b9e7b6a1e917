"""``yoso demo`` through HTTP: what is drawn goes through the RTL, is compared, and comes back whole."""

import base64
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from support import page_run
from support.own_sets import quadrants
from support.page_run import PARAMS, SIDE
from yoso_sim.build import build
from yoso_sim.cli import main
from yoso_sim.demo.picture import centred, pixels_of, shrunk
from yoso_sim.demo.session import Session, shown
from yoso_sim.simulate import SimulationError
from yoso_sim.watch import WATCHED, Flits, Part
from yoso_sw.compile.compiler import compile_network
from yoso_sw.data.samples import DatasetError, Samples
from yoso_sw.network import golden

flask = pytest.importorskip("flask", reason="Flask is not installed: pip install 'yoso[demo]'")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    network = page_run.network()
    about = shown(network, compile_network(network, PARAMS), (SIDE, SIDE))
    opened = Session(about, build(PARAMS, form=WATCHED), tmp_path_factory.mktemp("demo"))
    yield opened
    opened.close()
    assert not opened._thread.is_alive()


@pytest.fixture(scope="module")
def client(session):
    from yoso_sim.demo.app import make_app

    images, labels = quadrants(5, 9, side=SIDE, classes=2)
    samples = Samples("squares", images.reshape(5, -1), labels, (SIDE, SIDE))
    return make_app(session, samples).test_client()


def classify(client, picture, mnist=0):
    rows, cols = picture.shape
    return client.post(f"/classify?rows={rows}&cols={cols}&mnist={mnist}", data=picture.tobytes())


# ---- classified ------------------------------------------------------------------------------------------


def test_a_drawing_is_decided_by_the_rtl_as_by_the_golden_model_spike_for_spike(client):
    network = page_run.network()
    different = set()
    for image in quadrants(6, 2, side=SIDE, classes=2)[0]:
        # As the page sends it: each pixel of the network's is a square of the drawing's.
        found = classify(client, np.kron(image, np.ones((7, 7), np.uint8))).get_json()
        wanted = golden.run(network, image.reshape(1, -1), params=PARAMS)
        assert list(base64.b64decode(found["pixels"])) == image.reshape(-1).tolist()
        assert found["rtl"] == found["golden"] and found["differences"] == []
        assert (found["rtl"]["decision"], found["rtl"]["step"]) == (
            wanted.decisions[0],
            wanted.decision_steps[0],
        )
        for layer, (steps, outputs) in enumerate(found["spikes"][1:]):
            own = wanted.sent[layer][0]
            assert (steps, outputs) == (own.step.tolist(), own.axon.tolist())
        different.add(str(found["spikes"][1:]))
    assert len(different) > 3


def test_steps_links_and_cycles_come_with_it(client):
    image = quadrants(1, 3, side=SIDE, classes=2)[0][0]
    found = classify(client, image).get_json()
    parts, flits = np.array(found["parts"]), np.array(found["flits"])
    assert parts.shape == (len(found["steps"]), PARAMS.nodes, len(Part))
    assert sum(found["lengths"]) == found["cycles"]
    assert (parts.sum(-1) == np.array(found["lengths"])[:, None]).all()
    inside = np.array(found["spikes"][0][0]) <= found["rtl"]["step"]
    assert flits[:, 0, Flits.HOST].sum() == inside.sum() > 0
    assert flits[..., Flits.SENT].sum() == sum(len(steps) for steps, _ in found["spikes"][1:])


def test_a_blank_sheet_is_an_image_too(client):
    found = classify(client, np.zeros((60, 60), np.uint8), mnist=1).get_json()
    assert found["rtl"] == found["golden"] and not found["differences"] and found["spikes"][0] == [[], []]


def test_a_difference_is_told_and_not_hidden(client, session, monkeypatch):
    run = golden.run

    def other(network, inputs, **rest):
        return run(network, 255 - inputs, **rest)

    monkeypatch.setattr(golden, "run", other)
    found = classify(client, quadrants(1, 3, side=SIDE, classes=2)[0][0]).get_json()
    assert found["differences"] and "golden at" in found["differences"][0]


def test_the_page_its_parts_and_the_test_images_are_served(client):
    assert "<canvas" in client.get("/").text
    for part in ("page.js", "page.css"):
        assert client.get(f"/{part}").status_code == 200
    about = client.get("/about").get_json()
    assert (about["network"], about["rows"], about["mesh"], about["samples"]) == ("maps", SIDE, [2, 2], 5)
    assert about["mnist"] is False and len(about["nodes"]) == PARAMS.nodes and about["sizes"] == [36, 8, 2]
    images, labels = quadrants(5, 9, side=SIDE, classes=2)
    found = client.get("/sample/3").get_json()
    assert (
        found["label"] == labels[3]
        and list(base64.b64decode(found["pixels"])) == images[3].reshape(-1).tolist()
    )


def test_the_page_asks_for_nothing_from_elsewhere():
    import yoso_sim.demo

    for name in ("page.html", "page.css", "page.js"):
        text = (Path(yoso_sim.demo.__file__).parent / name).read_text()
        assert "http:" not in text and "https:" not in text and "@import" not in text


# ---- refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "data", "status", "said"),
    [
        ("post", "/classify?rows=6&cols=6", b"x" * 35, 400, "35 bytes are no drawing of 6 x 6"),
        ("post", "/classify?rows=-1&cols=-1", b"x", 400, "1 bytes are no drawing of -1 x -1"),
        ("post", "/classify?rows=many&cols=6", b"x", 400, "1 bytes are no drawing of 0 x 6"),
        ("post", "/classify?rows=2000&cols=2000", b"x" * 4_000_000, 413, "exceeds the capacity limit"),
        ("get", "/sample/5", None, 404, "there is no test image 5"),
        ("get", "/page.py", None, 404, "not found"),
        ("get", "/classify", None, 405, "not allowed"),
    ],
)
def test_what_is_no_request_of_the_pages_is_one_line(client, method, path, data, status, said):
    answer = getattr(client, method)(path, **({"data": data} if data else {}))
    assert answer.status_code == status
    error = answer.get_json()["error"]
    assert said in error and "\n" not in error


def test_a_page_under_another_name_is_not_served(client):
    answer = client.get("/about", headers={"Host": "evil.example:8000"})
    assert answer.status_code == 403 and "is not this machine" in answer.get_json()["error"]
    assert client.get("/about", headers={"Host": "localhost:8000"}).status_code == 200


def test_a_network_that_sees_no_picture_is_refused_by_name():
    network = page_run.network()
    image = compile_network(network, PARAMS)
    with pytest.raises(
        DatasetError, match="network 'maps' sees no picture; yoso demo wants one whose inputs"
    ):
        shown(network, image, None)
    with pytest.raises(DatasetError, match="sees pictures of several channels"):
        shown(network, image, (3, 3, 4))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["n-mnist-count"], "n-mnist-count"),
        (["no-such-network"], "no-such-network"),
        (["--data", "/no/such/set"], "/no/such/set"),
    ],
)
def test_what_cannot_be_shown_is_one_line_before_any_work(tmp_path, monkeypatch, arguments, said):
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    done = CliRunner().invoke(main, ["demo", *arguments])
    (line,) = [line for line in done.output.splitlines() if line.startswith("Error")]
    assert done.exit_code == 1 and said in line and not (tmp_path / "demo").exists()


# ---- the simulator ---------------------------------------------------------------------------------------


def processes_in(folder):
    """Processes that work in a folder or below it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            place = Path(os.readlink(entry / "cwd"))
            if folder.resolve() in (place, *place.parents):
                found.append(int(entry.name))
    return found


def test_a_simulator_that_dies_is_an_error_and_no_hang(tmp_path):
    from yoso_sim.demo.app import make_app

    network = page_run.network()
    about = shown(network, compile_network(network, PARAMS), (SIDE, SIDE))
    session = Session(about, build(PARAMS, form=WATCHED), tmp_path)
    client = make_app(session).test_client()
    blank = np.zeros((6, 6), np.uint8)
    assert classify(client, blank).status_code == 200
    (process,) = processes_in(tmp_path)
    os.kill(process, signal.SIGKILL)
    answer = classify(client, blank)
    assert answer.status_code == 503 and "the simulator died" in answer.get_json()["error"]
    session.close()


def test_a_simulator_that_does_not_start_is_an_error_and_no_hang(tmp_path):
    network = page_run.network()
    about = shown(network, compile_network(network, PARAMS), (SIDE, SIDE))
    made = build(PARAMS, form=WATCHED)
    broken = type(made)(tmp_path / "nowhere", made.key, made.params, False, 0.0, made.form)
    with pytest.raises(SimulationError):
        Session(about, broken, tmp_path / "run")


def test_the_command_serves_until_it_is_interrupted_and_leaves_no_process(tmp_path):
    environment = {**os.environ, "YOSO_OUTPUT": str(tmp_path)}
    command = [
        sys.executable,
        "-m",
        "yoso_sim",
        "demo",
        *page_run.files(tmp_path),
        *page_run.CHIP,
        "--port",
        "0",
    ]
    network = tmp_path / "maps.npz"
    page_run.network(about={"shape": [SIDE, SIDE]}).save(network)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for line in process.stdout:
            if line.startswith("http://127.0.0.1:"):
                break
        address = line.split()[0]
        assert b"maps" in urllib.request.urlopen(f"{address}about", timeout=30).read()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert not processes_in(tmp_path)


# ---- pictures --------------------------------------------------------------------------------------------


def test_a_picture_is_shrunk_to_the_mean_of_what_a_pixel_covers():
    small = np.random.default_rng(1).integers(0, 256, (4, 3))
    assert np.allclose(shrunk(np.kron(small, np.ones((5, 5))), 4, 3), small)
    assert np.allclose(shrunk(np.array([[0, 30, 60]]), 1, 2), [[10, 50]])
    assert np.allclose(shrunk(np.full((7, 11), 9), 28, 28), 9)


@pytest.mark.parametrize("where", [(0, 0), (100, 40), (200, 230)])
def test_a_digit_is_centred_wherever_and_however_large_it_is_drawn(where):
    y, x = where
    sheet = np.zeros((280, 280), np.uint8)
    sheet[y : y + 70, x : x + 20] = 255
    found = centred(sheet, 28, 28)
    rows, cols = (np.flatnonzero(found.any(axis)) for axis in (1, 0))
    assert (rows[0], rows[-1]) == (4, 23) and len(cols) == 6 and abs(cols.mean() - 13.5) <= 1
    larger = np.kron(sheet[y : y + 70, x : x + 20], np.ones((2, 2), np.uint8))
    assert np.allclose(centred(larger, 28, 28), found)


def test_mnists_own_digits_stay_nearly_where_they_are():
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 9:19] = 200
    assert pixels_of(digit, 28, 28, True).tolist() == digit.reshape(-1).tolist()
