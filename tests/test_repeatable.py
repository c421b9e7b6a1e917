"""What hypothesis draws follows from the test alone, not from the company in which it runs."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent

DRAWS = """
import sys
import conftest
{company}
from hypothesis import given, strategies as st

@given(st.integers(), st.integers(0, 5000), st.text(), st.randoms(use_true_random=False))
def draw(number, bounded, text, rng):
    print(ascii((number, bounded, text, rng.randint(0, 1 << 31), rng.random())))

draw()
"""

#: A module of constants that hypothesis would take for the test's own.
COMPANY = "NUMBERS = [{}]\n".format(", ".join(str(7919 * i) for i in range(1, 200)))


def test_the_examples_of_a_test_are_the_same_in_other_company(tmp_path: Path):
    (tmp_path / "company.py").write_text(COMPANY)
    paths = [tmp_path, TESTS, *(TESTS.parent / name for name in ("hw", "sw", "sim"))]
    drawn = []
    for company in ("", "import company, mutants, support.blocks"):
        ran = subprocess.run(
            [sys.executable, "-c", DRAWS.format(company=company)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
            capture_output=True,
            text=True,
            check=True,
        )
        drawn.append(ran.stdout)
    assert drawn[0] == drawn[1] and drawn[0].count("\n") >= 100
