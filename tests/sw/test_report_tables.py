"""Tables of reports as CSV, LaTeX and Markdown."""

import csv
import io
import json

import pytest
import yoso
from click.testing import CliRunner
from yoso_sim.cli import main
from yoso_sim.tables import Table, TableError, table_of

ROWS = [
    {"network": "a_b & 5 %", "golden": 99.25, "cycles": {"mean": 12.5}, "notes": [1]},
    {"network": "c|d ± 1", "golden": None, "seeds": 3},
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "accuracy.json").write_text(json.dumps(ROWS))
    (reports / "sim.json").write_text(json.dumps({"images": 7, "cycles_per_image": {"mean": 3.5, "max": 4}}))
    (reports / "broken.json").write_text("{")
    return reports


def test_a_report_of_rows_is_a_table_of_all_their_figures():
    table = table_of(ROWS)
    assert table.columns == ("network", "golden", "cycles.mean", "seeds")
    assert table.rows == (("a_b & 5 %", 99.25, 12.5, None), ("c|d ± 1", None, None, 3))
    assert table_of({"rows": ROWS, "note": 1}) == table
    assert table_of({"images": 7, "by": {"x": {"y": 1}}}).columns == ("images", "by.x.y")


def test_csv_is_read_back_as_it_was():
    read = list(csv.reader(io.StringIO(table_of(ROWS).to_csv())))
    assert read[0] == ["network", "golden", "cycles.mean", "seeds"]
    assert read[1] == ["a_b & 5 %", "99.25", "12.5", ""] and read[2] == ["c|d ± 1", "", "", "3"]


def test_latex_escapes_what_it_would_read_otherwise_and_puts_numbers_to_the_right():
    lines = table_of(ROWS).only(["network", "golden"]).to_latex().splitlines()
    assert lines[0] == r"\begin{tabular}{lr}" and lines[-1] == r"\end{tabular}"
    assert r"a\_b \& 5 \% & 99.25 \\" in lines and r"c|d $\pm$ 1 &  \\" in lines


def test_markdown_has_as_many_cells_in_every_row():
    lines = table_of(ROWS).to_markdown().splitlines()
    assert lines[1] == "| --- | ---: | ---: | ---: |" and r"c\|d" in lines[3]
    assert {line.replace(r"\|", "").count("|") for line in lines} == {5}
    assert "<td>a_b &amp; 5 %</td>" in table_of(ROWS)._repr_html_()


def test_the_command_and_the_api_give_the_same_table(folder):
    for form, text in (("csv", Table.to_csv), ("latex", Table.to_latex), ("md", Table.to_markdown)):
        done = CliRunner().invoke(main, ["report", "accuracy", "--format", form])
        assert done.exit_code == 0 and done.output == text(yoso.report("accuracy"))
    done = CliRunner().invoke(main, ["report", "sim", "--format", "csv", "--columns", "cycles_per_image.max"])
    assert done.output == "cycles_per_image.max\n4\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nosuch", "--format", "csv"), "no report nosuch in"),
        (("--format", "csv"), "is of one report"),
        (("sim", "--columns", "images"), "--columns needs --format"),
        (("sim", "--format", "md", "--columns", "speed"), "there is no column 'speed'; there are images"),
        (("broken", "--format", "md"), "cannot be read"),
    ],
)
def test_a_table_that_is_not_there_is_one_line(folder, words, said):
    done = CliRunner().invoke(main, ["report", *words])
    assert done.exit_code != 0 and said in done.output and "Traceback" not in done.output


def test_the_api_refuses_with_the_commands_sentence(folder):
    with pytest.raises(TableError) as caught:
        yoso.report("nosuch")
    done = CliRunner().invoke(main, ["report", "nosuch", "--format", "csv"])
    assert done.output == f"Error: {caught.value}\n"
