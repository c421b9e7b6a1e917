"""The chips that benches, soak and proofs have: a pytest plugin that runs tests up to their first simulation.

Nothing is simulated or built. What counts is the chip that reaches a simulator (`Bench`, `build`,
`build_block`) or a proof's harness, not what a test says of itself. Of several in one test the first counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import pytest
import support.bench
import support.blocks
import yoso_sim.build
from formal.harness import Harness
from formal.proofs import PROOFS
from yoso_hw.component import Component
from yoso_hw.params import ChipParams
from yoso_sim.study import soak

TESTS = Path(__file__).parents[1]

#: Cosimulation of the RTL against its models. Other tests build a chip to try the tools.
COSIM = ("test_cosim_*.py", "test_default_chip.py", "test_record.py", "test_reset.py")

#: Of the soak, how many chips count: those of the first 30 000 cases, a night.
SOAKED = 200

_OUT = "YOSO_CHIPS_OF_BENCHES"
_found: dict[str, set[ChipParams]] = defaultdict(set)
_running = ""


def _simulated(chip: Any) -> NoReturn:
    if isinstance(chip, ChipParams):
        _found[_running].add(chip)
    pytest.skip("its chip is known")


# ---- the plugin ------------------------------------------------------------------------------------------


def pytest_configure() -> None:
    support.bench.Bench.__init__ = lambda self, dut, **_: _simulated(getattr(dut, "params", None))
    yoso_sim.build.build = lambda params, **_: _simulated(params)
    support.blocks.build_block = lambda block, params, **_: _simulated(params)


def pytest_runtest_protocol(item: pytest.Item) -> None:
    global _running
    _running = str(item.path.relative_to(TESTS))


def pytest_sessionfinish() -> None:
    chips = {name: [asdict(chip) for chip in found] for name, found in _found.items()}
    Path(os.environ[_OUT]).write_text(json.dumps(chips))


# ---- who has which ---------------------------------------------------------------------------------------


@cache
def chips() -> dict[str, frozenset[ChipParams]]:
    """By bench (its file), soak or proof."""
    proofs = {f"proof {name}": frozenset(_of_proof(name)) for name in PROOFS}
    return {**_of_benches(), "soak": frozenset(_of_soak()), **{name: of for name, of in proofs.items() if of}}


def _of_benches() -> dict[str, frozenset[ChipParams]]:
    benches = [path for path in sorted((TESTS / "hw").glob("test_*.py")) if "support" in path.read_text()]
    benches += [path for name in COSIM for path in sorted((TESTS / "cosim").glob(name))]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "chips.json"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "cover.chips", "-p", "no:cacheprovider"]
        ran = subprocess.run(
            [*command, *map(str, benches)],
            cwd=TESTS.parent,
            env={**os.environ, _OUT: str(out)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout
        found = json.loads(out.read_text())
    return {name: frozenset(ChipParams(**chip) for chip in found[name]) for name in sorted(found)}


def _of_soak() -> Iterator[ChipParams]:
    return (soak.chip_of(number * soak.CASES_PER_CHIP) for number in range(SOAKED))


def _of_proof(name: str) -> set[ChipParams]:
    made: list[Component] = []

    def init(self: Component, *arguments: Any, **named: Any) -> None:
        made.append(self)
        original(self, *arguments, **named)

    original = Component.__init__
    with patch.object(Component, "__init__", init):
        for case in PROOFS[name].cases.values():
            case(harness := Harness())
            for part in (harness.m, *made):
                part._MustUse__silence = True  # type: ignore[union-attr]  # it is looked at and never elaborated
    return {part.params for part in made if isinstance(getattr(part, "params", None), ChipParams)}
