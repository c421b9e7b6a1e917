"""The test plan names tests that exist and leaves out no test file; its page is what the data give."""

import re
from pathlib import Path

import pytest
from mutants import functions, load_mutants, rtl_blocks
from plan import PAGE, ROOT, block_tests, fast_tests, load, page

TESTS = Path(__file__).parent
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
PLAN = load()
ROWS = [row for section in PLAN for row in section.rows]
NAMED = sorted({tuple(test.split("::")) for row in ROWS for test in row.tests})


def test_the_committed_page_is_what_the_plan_says():
    assert PAGE.read_text() == page(PLAN, load_mutants()), "run python tests/plan.py"


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_the_tests_that_the_plan_names_exist(file):
    assert {name for named, name in NAMED if named == file} <= functions(TESTS / file)


def test_every_test_file_is_in_the_plan():
    files = {path.relative_to(TESTS).as_posix() for path in TESTS.glob("*/test_*.py")}
    assert files - {file for file, _ in NAMED} == set()


def test_the_files_of_make_check_exist():
    assert [file for file in fast_tests() if not (ROOT / file).is_file()] == []
    assert len(set(fast_tests())) == len(fast_tests())


def test_no_line_of_the_page_is_too_long_to_read():
    assert [line for line in PAGE.read_text().splitlines() if len(line) > 150] == []


def test_every_block_has_tests_and_rows_name_blocks_only():
    assert {block for row in ROWS for block in row.blocks} <= rtl_blocks()
    assert [block for block in rtl_blocks() if not block_tests(block, PLAN, load_mutants())] == []


def test_a_blocks_tests_are_those_of_its_files_its_rows_and_the_bugs_planted_in_it():
    found = block_tests("rel_psp", PLAN, load_mutants())
    assert "tests/hw/test_rel_psp.py" in found
    assert "tests/hw/test_core.py::test_windows_and_slopes" in found
    assert "tests/hw/test_store.py::test_neurons_at_or_above_the_threshold_fire_and_are_marked" in found
    assert not [test for test in found if test.startswith("tests/hw/test_rel_psp.py::")]


def test_the_files_that_contributing_names_exist():
    named = re.findall(r"`((?:hw|sw|sim|tests|docs)/[\w./-]+)`", (ROOT / "CONTRIBUTING.md").read_text())
    assert [path for path in named if "NAME" not in path and not (ROOT / path).exists()] == []


def test_architecture_and_contributing_name_the_same_files_six_at_most():
    paths = re.compile(r"`((?:hw|sw)/[\w./-]+\.(?:py|toml))`")
    rows = dict(re.findall(r"^\| (neuron|synapse|rule|data set|board) \| (.+) \|$", ARCHITECTURE, re.M))
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert len(rows) == 5
    for new, listed in rows.items():
        section = re.search(rf"^### A {new}\n(.+?)^###", text, re.M | re.S)
        assert section is not None, new
        tasks = [task for task in section[1].split("\n- [ ] ")[1:] if "only if" not in task]
        named = [found[1] for task in tasks if (found := paths.match(task))]
        assert named == paths.findall(listed), new
        assert 1 <= len(named) <= 6, new
