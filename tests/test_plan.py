"""The test plan names tests that exist, leaves out no hardware test file, and lists every planted bug."""

import re
from pathlib import Path

import pytest
from mutants import functions, markdown

TESTS = Path(__file__).parent
PLAN = (TESTS.parent / "docs" / "test-plan.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:hw|sw|cosim|cover|formal)/\w+\.py)::(\w+)", PLAN)))


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_the_tests_that_the_plan_names_exist(file):
    assert {name for named, name in NAMED if named == file} <= functions(TESTS / file)


def test_every_hardware_test_file_is_in_the_plan():
    assert {f"hw/{path.name}" for path in (TESTS / "hw").glob("test_*.py")} == {
        file for file, _ in NAMED if file.startswith("hw/")
    }


def test_the_table_of_planted_bugs_is_the_list():
    assert PLAN.endswith(markdown() + "\n"), "paste python tests/mutants.py --table"
