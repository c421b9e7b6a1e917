"""The tutorials run from their first cell to their last, and say what their committed outputs say."""

import json
from pathlib import Path

import pytest
import tutorials

nbformat = pytest.importorskip("nbformat")


def notebook(*cells):
    """A notebook of (source, output) cells, executed or not."""
    made = nbformat.v4.new_notebook()
    for number, (source, text) in enumerate(cells):
        outputs = [nbformat.v4.new_output("stream", text=text)] if text else []
        made.cells.append(nbformat.v4.new_code_cell(source, id=f"c{number}", outputs=outputs))
    return made


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Results go to a folder of the test."""
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path / "out"))
    return tmp_path


@pytest.mark.parametrize("path", tutorials.TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs_and_says_what_its_committed_outputs_say(path, place):
    fresh = tutorials.load(path)
    tutorials.execute(fresh, place, slow=False)
    assert tutorials.stale(tutorials.load(path), fresh) == [], f"run python tests/tutorials.py {path.stem}"


@pytest.mark.synth
@pytest.mark.parametrize("path", tutorials.TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorials_slow_cells_run_too(path, place):
    fresh = tutorials.load(path)
    tutorials.execute(fresh, place, slow=True)
    assert tutorials.stale(tutorials.load(path), fresh) == []


@pytest.mark.parametrize("path", tutorials.TUTORIALS, ids=lambda path: path.stem)
def test_a_committed_tutorial_was_executed_in_its_order_without_an_error(path):
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]


def test_there_are_three_tutorials():
    assert len(tutorials.TUTORIALS) == 3


def test_other_numbers_and_more_progress_are_no_difference():
    committed = notebook(("run()", "100 images, 98.25 %\n"))
    assert tutorials.stale(committed, notebook(("run()", "compiling\n90 images, 97 %\n"))) == []


def test_a_line_that_is_no_longer_said_is_stale():
    committed = notebook(("run()", "100 images\nnothing differs\n"), ("end()", ""))
    fresh = notebook(("run()", "100 images\n3 spikes differ\n"), ("end()", ""))
    assert tutorials.stale(committed, fresh) == ["run() ...: nothing differs"]
    assert tutorials.stale(committed, notebook(("run()", "nothing differs\n100 images\n"))) != []


def test_a_cell_that_fails_is_told(tmp_path):
    errors = pytest.importorskip("nbclient.exceptions")
    with pytest.raises(errors.CellExecutionError, match="ZeroDivisionError"):
        tutorials.execute(notebook(("1 / 0", "")), tmp_path, slow=False)


def test_slow_cells_are_left_to_those_who_ask(tmp_path):
    for slow in (False, True):
        made = notebook(("open('ran', 'w')", ""))
        made.cells[0].metadata["tags"] = ["slow"]
        tutorials.execute(made, tmp_path, slow=slow)
        assert Path(tmp_path / "ran").exists() == slow
