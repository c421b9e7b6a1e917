"""Random bugs of the RTL's text: each is one change that still is Python, and what survives is told."""

import pytest
from mutants import ROOT, RTL
from mutate import Mutation, mutations, sample, summary

TEXT = """
def elaborate(self):
    with m.If(self.a & ~self.b):
        m.d.comb += self.y.eq(Mux(self.a == 3, self.b, self.c[: self.n]))
"""


def test_every_kind_of_bug_is_made_of_a_text():
    found = {
        (one.kind, " ".join(one.old.split()), " ".join(one.new.split())) for one in mutations("x.py", TEXT)
    }
    assert {
        ("comparison", "self.a == 3", "self.a != 3"),
        ("operator", "self.a & ~self.b", "((self.a) | (~self.b))"),
        ("operand dropped", "self.a & ~self.b", "(self.a)"),
        ("operand dropped", "self.a & ~self.b", "(~self.b)"),
        ("negation dropped", "~self.b", "(self.b)"),
        ("constant", "3", "4"),
        ("constant", "3", "2"),
        ("slice", "self.n", "(self.n) - 1"),
        ("Mux", "self.b", "self.c[: self.n]"),
        ("condition dropped", "self.a & ~self.b", "1"),
    } <= found
    assert any(kind == "assignment lost" and new == "0" for kind, _, new in found)


def test_a_bug_changes_its_place_alone_and_leaves_python():
    for one in mutations("x.py", TEXT):
        changed = one.apply(TEXT)
        assert changed != TEXT
        assert changed.encode()[: one.at] == TEXT.encode()[: one.at]
        compile(changed, "x.py", "exec")


def test_bugs_are_drawn_from_all_of_the_rtl_the_same_by_the_same_seed():
    drawn = sample(150, 1)
    assert drawn == sample(150, 1) != sample(150, 2)
    assert len({one.file for one in drawn}) > 15 and len({one.kind for one in drawn}) >= 8
    for one in drawn:
        compile(one.apply((ROOT / RTL / one.file).read_text()), one.file, "exec")


@pytest.mark.parametrize("ring", ["own", "survived", "same hardware"])
def test_what_survives_is_told_and_what_is_no_other_hardware_does_not_count(ring):
    bug = Mutation("fifo.py", 3, 0, "a", "b", "constant")
    text = summary([(bug, {"ring": ring, "by": ""}), (bug, {"ring": "own", "by": "test_x"})])
    noticed, of = {"own": (2, 2), "survived": (1, 2), "same hardware": (1, 1)}[ring]
    assert f"noticed: {noticed} of {of} that are other hardware" in text
    assert ("survived: fifo.py:3 constant: a -> b" in text) == (ring == "survived")
