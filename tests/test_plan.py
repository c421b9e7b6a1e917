"""The test plan names tests that exist, leaves out no test file, and lists every planted bug."""

import re
from pathlib import Path

import pytest
from mutants import functions, markdown

TESTS = Path(__file__).parent
PLAN = (TESTS.parent / "docs" / "test-plan.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:(?:hw|sw|cosim|cover|formal)/)?test_\w+\.py)::(\w+)", PLAN)))


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_the_tests_that_the_plan_names_exist(file):
    assert {name for named, name in NAMED if named == file} <= functions(TESTS / file)


def test_every_test_file_is_in_the_plan():
    files = {path.relative_to(TESTS).as_posix() for path in TESTS.glob("*/test_*.py")}
    assert files - {file for file, _ in NAMED} == set()


def test_the_table_of_planted_bugs_is_the_list():
    assert PLAN.endswith(markdown() + "\n"), "paste python tests/mutants.py --table"
