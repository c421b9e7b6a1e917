"""Runs that are kept: a folder each, told apart, compared, gone on with, pruned; and what the folder has."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from click.testing import CliRunner
from command.test_output_folder import CONFIG
from support.faults import disk, environment, fill, one_line, yoso
from yoso_sim.cli import main
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron
from yoso_sw.runs import facts, store
from yoso_sw.runs.errors import RunError
from yoso_sw.runs.run import FINISHED, INTERRUPTED, LOG, RECORD, RUNNING, NamedRun, state_of

#: Takes the golden model a moment.
EVAL = ("eval", "tiny.npz", "--checked", "2")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a network of four pixels and its data; the output folder is out in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path / "out"))
    rng = np.random.default_rng(1)
    labels = np.arange(60) % 2
    images = rng.integers(0, 60, (60, 2, 2)).astype(np.uint8)
    images[np.arange(60), labels, 0] = 250
    np.savez(
        "pictures.npz", images=images, labels=labels, split=np.where(np.arange(60) < 40, "train", "test")
    )
    for name, threshold in (("tiny", 4), ("other", 5)):
        layer = Layer(
            np.array([[3, -2], [1, 4], [-3, 2], [2, 2]], np.int8), Neuron(threshold=threshold, start=0, end=8)
        )
        about = {"dataset": "pictures", "data": str(tmp_path / "pictures.npz"), "seed": 7}
        Network(name, (layer,), steps=8, levels=8, decision="ttfs", weight_bits=4, about=about).save(
            tmp_path / f"{name}.npz"
        )
    return tmp_path


@pytest.fixture
def root(tmp_path):
    return tmp_path / "out" / "runs"


def said(*words, status=0):
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == status and "Traceback" not in done.output, done.output
    return " ".join(done.output.split())


def record(root, name):
    return json.loads((root / name / RECORD).read_text())


# ---- what is kept ----------------------------------------------------------------------------------------


def test_a_run_keeps_what_it_was_made_with_what_it_came_to_and_what_it_said(folder, root):
    text = said(*EVAL, "--run", "first")
    own = record(root, "first")
    assert own["words"] == [*EVAL, "--run", "first"] and own["in"] == str(folder)
    assert own["options"] == {"checked": 2, "data": None, "other_data": False}
    assert (own["command"], own["state"], own["named"]) == ("eval", FINISHED, True)
    assert own["versions"]["numpy"] == np.__version__ and len(own["source"]["code"]) == 16
    assert own["began"] <= own["ended"] and own["seconds"] >= 0
    assert own["configuration"]["networks"].keys() == {"tiny"}
    (row,) = json.loads((root / "first/accuracy.json").read_text())
    assert row["network"] == "tiny" and "run first: out/runs/first" in text
    assert "trainer and golden model agree" in (root / "first" / LOG).read_text()


def test_nothing_overwrites_an_earlier_result_and_reports_are_copies_of_the_latest(folder, root):
    said(*EVAL)
    said("eval", "other.npz", "--checked", "2")
    names = [json.loads((root / f"eval-{n}/accuracy.json").read_text())[0]["network"] for n in (1, 2)]
    latest = folder / "out/reports/accuracy.json"
    assert names == ["tiny", "other"] and latest.read_bytes() == (root / "eval-2/accuracy.json").read_bytes()
    with latest.open("a") as file:
        file.write("\n")
    assert latest.read_bytes() != (root / "eval-2/accuracy.json").read_bytes()


def test_reports_go_where_out_says_as_well(folder, root):
    said(*EVAL, "--out", "mine")
    assert (folder / "mine/accuracy.json").read_bytes() == (root / "eval-1/accuracy.json").read_bytes()
    assert not (folder / "out/reports").exists()


def test_training_keeps_its_network_which_training_again_replaces(folder, root):
    (folder / "corners.toml").write_text(CONFIG)
    said("train", "corners.toml", "--run", "one")
    own = record(root, "one")["configuration"]
    assert own["seed"] == 1 and own["config"]["name"] == "corners"
    assert own["config"]["layers"][0]["neurons"] == 4
    kept = Network.load(root / "one/corners.npz")
    assert (kept.layers[0].weights == Network.load(folder / "corners.npz").layers[0].weights).all()
    assert (
        json.loads((root / "one/train.json").read_text())["golden_accuracy"] == kept.about["golden_accuracy"]
    )
    assert (root / "one/corners.curve.png").is_file() and not (folder / "out/reports").exists()


def test_what_is_refused_leaves_no_run(folder, root):
    said("eval", "nothing", status=1)
    said("train", "nothing.toml", status=1)
    said("sim", "--net", "nothing", status=1)
    assert not root.exists()


def test_runs_that_begin_at_once_have_folders_of_their_own(tmp_path):
    made = []

    def begin():
        run = NamedRun(tmp_path / "runs", "sim")
        run.note()
        made.append(run)

    threads = [threading.Thread(target=begin) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run.name for run in made) == sorted(f"sim-{n + 1}" for n in range(12))


def test_a_number_is_not_given_again_while_a_later_run_is_there(tmp_path):
    for name in ("sim-7", "sim-x", "sim-07b", "regress-9"):
        (tmp_path / name).mkdir()
    assert NamedRun(tmp_path, "sim").name == "sim-8"


# ---- names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "-x", "a b", "é", "x" * 101, "a\n"])
def test_a_bad_name_is_one_line_before_any_work(name, folder, root):
    done = CliRunner().invoke(main, [*EVAL, f"--run={name}"])
    assert done.exit_code == 1 and len(done.output.splitlines()) == 1
    assert (
        done.output.startswith("Error: a run cannot be called") and "beginning with a letter" in done.output
    )
    assert not root.exists()


def test_a_name_that_is_taken_is_one_line_and_what_has_it_stays(folder, root):
    said(*EVAL, "--run", "mine")
    before = {path: path.read_bytes() for path in (root / "mine").iterdir()}
    text = said("eval", "other.npz", "--run", "mine", status=1)
    assert text == (
        "Error: run 'mine' is there already: give another name, or remove it with yoso runs remove mine"
    )
    assert {path: path.read_bytes() for path in (root / "mine").iterdir()} == before


def test_a_name_of_a_run_that_is_being_made_is_one_line(tmp_path):
    run = NamedRun(tmp_path, "sim", asked="mine")
    run.note()
    assert state_of(tmp_path / "mine") == RUNNING
    with pytest.raises(RunError, match="'mine' is being made by another process"):
        NamedRun(tmp_path, "sim", asked="mine")
    with pytest.raises(RunError, match="is being made: end it first"):
        store.remove(store.find(tmp_path, "mine"))
    run.end(FINISHED)
    assert state_of(tmp_path / "mine") == FINISHED


def test_an_unknown_run_is_one_line_that_names_those_there_are(folder, root):
    assert "there is no run 'x' in" in said("runs", "show", "x", status=1)
    said(*EVAL)
    assert said("runs", "diff", "eval-1", "x", status=1).endswith("there are eval-1")
    assert "a run cannot be called '../x'" in said("runs", "remove", "../x", "--yes", status=1)


# ---- how a run ends --------------------------------------------------------------------------------------

#: Notes that it began, then waits to be killed or interrupted.
WAITS = """
import sys, time, click
from yoso_hw import folders
from yoso_sw.commands.recorded import recorded
@click.command()
@recorded()
def main(run):
    run.note(network="n")
    (run.folder / "sim.json").write_text("{}")
    print("begun", flush=True)
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; what is done is kept") from None
main()
"""


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_killed_or_interrupted_is_marked_so(kind, folder, root):
    with subprocess.Popen(
        [sys.executable, "-c", WAITS, "--run", "mine"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    ) as process:
        assert process.stdout.readline() == b"begun\n"
        assert state_of(root / "mine") == RUNNING and "mine" in said("runs") and "running" in said("runs")
        process.send_signal(kind)
    assert state_of(root / "mine") == INTERRUPTED and "interrupted" in said("runs")


def test_a_run_that_fails_says_why_and_its_reports_are_the_latest_all_the_same(tmp_path):
    import click
    from yoso_sw.commands.recorded import recorded

    @click.command()
    @recorded()
    def command(run):
        (run.folder / "sim.json").write_text('{"spike_mismatches": 1}')
        raise click.ClickException("RTL and golden model differ")

    done = CliRunner().invoke(command, ["--run", "bad"], env={"YOSO_OUTPUT": str(tmp_path)})
    own = record(tmp_path / "runs", "bad")
    assert done.exit_code == 1 and (own["state"], own["why"]) == ("failed", "RTL and golden model differ")
    assert (tmp_path / "reports/sim.json").is_file()
    assert (tmp_path / "runs/bad" / LOG).read_text().endswith("RTL and golden model differ\n")


def test_an_interrupted_run_is_gone_on_with_by_the_same_words_and_no_others(tmp_path):
    run = NamedRun(tmp_path, "regress", ("regress", "--images", "5", "--run", "r"), asked="r")
    run.note(chip="a")
    run.log.write("first\n")
    run.end(INTERRUPTED)
    try:
        NamedRun(tmp_path, "regress", ("regress", "--images", "6", "--run", "r"), asked="r")
        refused = ""
    except RunError as error:
        refused = str(error)
    assert "was begun as yoso regress --images 5 --run r: go on with the same words" in refused
    again = NamedRun(tmp_path, "regress", ("regress", "--images=5", "--run=r"), asked="r")
    again.note(chip="a")
    again.log.write("second\n")
    again.end(FINISHED)
    assert (tmp_path / "r" / LOG).read_text() == "first\nsecond\n" and state_of(tmp_path / "r") == FINISHED


def test_a_full_disk_is_one_line_and_leaves_no_empty_run(folder):
    with disk(folder / "small", 64) as small:
        filler = fill(small, 0)
        status, text = yoso(*EVAL, cwd=folder, YOSO_OUTPUT=small)
        assert status == 1 and one_line(text).startswith(f"{small}/runs/eval-1/")
        assert one_line(text).endswith(": the disk is full") and not list((small / "runs").iterdir())
        filler.unlink()
        assert yoso(*EVAL, cwd=folder, YOSO_OUTPUT=small)[0] == 0


# ---- the list, one, two ----------------------------------------------------------------------------------


def test_the_list_has_every_run_with_its_figures_and_says_what_they_take(folder, root):
    assert "there are no runs in" in said("runs")
    said(*EVAL)
    said("eval", "other.npz", "--run", "mine")
    shutil.copytree(root / "mine", root / "torn")
    (root / "torn" / RECORD).write_text("{")
    text = said("runs")
    accuracy = json.loads((root / "mine/accuracy.json").read_text())[0]["golden"]
    assert "eval-1" in text and f"finished other {accuracy}" in text and "torn damaged" in text
    assert "3 runs, 0.0 MB in out/runs; yoso runs prune makes room" in text


def test_one_run_is_shown_with_its_configuration_figures_files_and_log(folder, root):
    said(*EVAL, "--run", "mine")
    text = said("runs", "show", "mine", "--log")
    assert "yoso eval tiny.npz --checked 2 --run mine" in text and "option.checked 2" in text
    assert (f"numpy {np.__version__}" in text and "golden 1" in text) or "golden" in text
    assert "out/runs/mine/accuracy.json" in text and "trainer and golden model agree" in text
    assert "trainer and golden model agree" not in said("runs", "show", "mine")


def test_two_runs_are_compared_by_what_differs_alone(folder, root):
    said(*EVAL, "--run", "a")
    said("eval", "tiny.npz", "--checked", "5", "--run", "b")
    said("eval", "other.npz", "--checked", "2", "--run", "c")
    text = said("runs", "diff", "a", "b")
    assert "option.checked 2 5 +3 (+150.0 %)" in text and "versions: all" in text
    assert "figures: 1 differ" in text and "checked_images 2 5" in text and "golden" not in text
    text = said("runs", "diff", "a", "c")
    assert "network tiny other" in text and "option.checked" not in text
    assert text.index("networks.tiny") < text.index("versions") < text.index("figures")


def test_the_same_run_twice_differs_in_nothing(folder, root):
    said(*EVAL)
    said(*EVAL)
    text = said("runs", "diff", "eval-1", "eval-2")
    assert text.count(": all ") == 3 and "differ" not in text


def test_rows_of_reports_are_compared_by_what_they_are_of():
    rows = [{"target": "ecp5", "block": "pe", "lut4": 5, "chip": ""}, {"target": "ecp5", "block": "node"}]
    assert facts.flat({"rows": rows})["rows[ecp5 pe].lut4"] == 5
    assert facts.flat({"rows": [{"x": 1}, {"x": 2}]}) == {"rows": "2 rows"}
    assert facts.flat([{"network": "n", "golden": 9.0}]) == {"network": "n", "golden": 9.0}
    assert facts.flat({"tools": {"numpy": "1"}, "cycles": {"mean": 3, "max": 4}}) == {
        "cycles.mean": 3,
        "cycles.max": 4,
    }
    assert facts.differing({"a": 0, "b": 1}, {"a": 0, "c": None, "b": 2}) == [("b", 1, 2)]


# ---- room ------------------------------------------------------------------------------------------------


def made(root, name, named=False, state=FINISHED):
    run = NamedRun(root, name, asked=name if named else None)
    run.note()
    path = run.folder / RECORD
    run.end(state)
    own = json.loads(path.read_text())
    own["began"] = f"2026-01-{len(list(root.iterdir())):02}T00:00:00+00:00"
    path.write_text(json.dumps(own))


def test_pruning_leaves_the_newest_and_what_was_named(folder, root):
    for name, named, state in (
        ("mine", True, FINISHED),
        ("sim", False, INTERRUPTED),
        ("sim", False, FINISHED),
        ("sim", False, FINISHED),
        ("sim", False, INTERRUPTED),
        ("sim", False, FINISHED),
    ):
        made(root, name, named, state)
    assert "nothing to remove" in said("runs", "prune", "--keep", "3", "--yes")
    text = said("runs", "prune", "--keep", "2", "--yes")
    assert "removed 2 runs" in text
    assert {path.name for path in root.iterdir()} == {"mine", "sim-3", "sim-4", "sim-5"}
    said("runs", "prune", "--keep", "0", "--yes")
    assert {path.name for path in root.iterdir()} == {"mine"}


def test_runs_go_only_when_that_is_confirmed(folder, root):
    made(root, "sim")
    done = CliRunner().invoke(main, ["runs", "remove", "sim-1"], input="n\n")
    assert "remove 1 run," in done.output and (root / "sim-1").is_dir()
    done = CliRunner().invoke(main, ["runs", "remove", "sim-1"], input="y\n")
    assert done.exit_code == 0 and not (root / "sim-1").exists()


def test_what_a_killed_run_left_half_written_goes_with_the_next_and_what_one_writes_stays(tmp_path):
    running = NamedRun(tmp_path, "sim")
    (tmp_path / "killed").mkdir()
    half = [folder / f"{RECORD}.1.part" for folder in (tmp_path / "killed", running.folder)]
    for path in half:
        path.write_text("{")
    NamedRun(tmp_path, "sim").note()
    assert [path.exists() for path in half] == [False, True]


def test_a_list_of_many_runs_takes_a_moment(tmp_path):
    for n in range(200):
        (tmp_path / f"sim-{n}").mkdir()
        (tmp_path / f"sim-{n}" / RECORD).write_text(json.dumps({"state": FINISHED, "began": str(n)}))
    began = time.process_time()
    assert len(store.every(tmp_path)) == 200 and time.process_time() - began < 2
