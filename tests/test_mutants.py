"""The list of planted bugs is not stale, and a few cheap ones are noticed (`make mutants` tries them all)."""

from pathlib import Path

import pytest
from mutants import ROOT, functions, load_mutants, path_of, problem

MUTANTS = load_mutants()
CHEAP = [mutant for mutant in MUTANTS if mutant.name in ("round robin starves", "PE error not sticky")]

by_name = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


@by_name
def test_the_mutation_applies_and_changes_the_file(mutant):
    text = (ROOT / mutant.path).read_text()
    mutated = mutant.mutated(text)
    assert mutated != text
    if mutant.file.endswith(".py"):  # and not the Verilog of a kit
        compile(mutated, mutant.file, "exec")


@by_name
def test_the_tests_that_must_notice_it_exist(mutant):
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = str(path_of(test)).partition("::")
        assert name.partition("[")[0] in functions(ROOT / file), test


def test_names_are_unique():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 30


@pytest.mark.parametrize("mutant", CHEAP, ids=lambda mutant: mutant.name)
def test_a_cheap_one_is_noticed(mutant):
    assert problem(mutant) == ""


def test_a_bug_that_its_tests_do_not_notice_is_reported(tmp_path: Path):
    adder = next(mutant for mutant in MUTANTS if mutant.name == "adder wraps")
    harmless = type(adder)("harmless", "adder.py", "sign, fits =", "sign,  fits =", adder.tests[:1])
    assert problem(harmless).startswith("not noticed by test_adder.py::")
