"""The tutorials run from their first cell to their last, and say what their committed outputs say."""

import base64
import importlib.util
import json
import sys
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
    committed = notebook(("run()", "compiling it with Verilator\n100 images, 98.25 %\n"))
    assert tutorials.stale(committed, notebook(("run()", "half is done\n90 images, 97 %\n"))) == []


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


# ---- as a page of the site -------------------------------------------------------------------------------


def page_of(made, folder):
    """What docs/notebooks.py makes of a notebook."""
    spec = importlib.util.spec_from_file_location("notebooks", tutorials.ROOT / "docs" / "notebooks.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["notebooks"] = module
    spec.loader.exec_module(module)
    nbformat.write(made, folder / "one.ipynb")
    return module.convert(folder / "one.ipynb")


def test_a_page_has_the_words_the_code_what_was_printed_and_what_was_drawn(tmp_path):
    made = notebook(("print(3)", "3\n"))
    made.cells.insert(0, nbformat.v4.new_markdown_cell("# One\n\nIt counts."))
    image = {"image/png": base64.b64encode(b"a picture").decode(), "text/plain": "<Figure>"}
    table = {"text/html": "<table></table>", "text/plain": "Run"}
    made.cells[1].outputs += [nbformat.v4.new_output("display_data", data) for data in (image, table)]
    page = page_of(made, tmp_path)
    parts = ["# One\n\nIt counts.", "```python\nprint(3)\n```", "```text\n3\n```", "![<Figure>](one-1-1.png)"]
    assert page.text == "\n\n".join([*parts, "<table></table>\n"])
    assert page.pictures == {"one-1-1.png": b"a picture"}


def test_code_with_backticks_stays_one_block(tmp_path):
    assert "````python\nprint('```')\n````" in page_of(notebook(("print('```')", "")), tmp_path).text


def test_a_notebook_that_ended_with_an_error_makes_no_page(tmp_path):
    made = notebook(("1 / 0", ""))
    made.cells[0].outputs = [nbformat.v4.new_output("error", ename="E", evalue="by zero", traceback=[])]
    with pytest.raises(ValueError, match="one-0-0 is an error, E: by zero; run the notebook again"):
        page_of(made, tmp_path)
