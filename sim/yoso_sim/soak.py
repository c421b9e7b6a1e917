"""The endless campaign: random cases, chip after chip, until it is stopped or the chip is wrong.

Case n is made from the seed n alone, and so is its chip, so a number says all. What is done is kept, and the
next campaign goes on with new numbers.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from yoso_hw.params import ChipParams

from yoso_sim.build import Build, build
from yoso_sim.cases import CORNERS, Case, CaseError, random_case, random_chip
from yoso_sim.job import write_json
from yoso_sim.session import Session

#: Cases on one chip: enough that its build, tens of seconds, is not most of the time.
CASES_PER_CHIP = 150


class Mismatch(Exception):
    """The chip differed from the golden model.

    Attributes
    ----------
    case, notes
        The case, and the differences in words.
    """

    def __init__(self, case: Case, notes: list[str]) -> None:
        super().__init__(notes[0])
        self.case, self.notes = case, notes


@dataclass
class State:
    """How far the campaign has come, over all its starts."""

    next: int = 0
    cases: int = 0
    networks: int = 0
    images: int = 0
    chips: int = 0

    def count(self, case: Case) -> None:
        self.next += 1
        self.cases += 1
        self.networks += len(case.runs)
        self.images += sum(len(run.images) for run in case.runs)

    def __str__(self) -> str:
        return f"{self.cases} cases, {self.networks} networks, {self.images} images on {self.chips} chips"


def load_state(folder: Path) -> State:
    """The state that a campaign left in `folder`; a new one if there is none that can be read."""
    try:
        return State(**json.loads((folder / "state.json").read_text()))
    except (OSError, ValueError, TypeError):
        return State()


def chip_of(number: int) -> ChipParams:
    """The chip of case `number`."""
    chip = number // CASES_PER_CHIP
    return CORNERS[chip] if chip < len(CORNERS) else random_chip(Random(f"chip {chip}"))


def case_of(number: int) -> Case:
    """Case `number`, 0 and up."""
    return random_case(Random(f"case {number}"), chip_of(number))


def read_case(text: str) -> Case:
    """A case by its number, its JSON, or a file with that. Raises `CaseError`."""
    if text.isdecimal():
        return case_of(int(text))
    if text.lstrip().startswith("{"):
        return Case.from_json(text)
    try:
        return Case.from_json(Path(text).read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(f"{text!r} is no number of a case, no JSON and no file: {error}") from None


def run_one(case: Case, folder: Path, report: Callable[[str], None]) -> None:
    """Run one case. Raises `Mismatch`, and what `yoso_sim.build.build` and `Session.run` raise."""
    with Session(build(case.chip, report=report), folder / "run") as session:
        notes = session.run(case)
    if notes:
        raise Mismatch(case, notes)


def soak(
    folder: Path,
    state: State,
    report: Callable[[str], None],
    progress: Callable[[], None],
    most: int | None = None,
) -> None:
    """Go on from `state`, which is kept up to date and saved in `folder` after every case.

    Parameters
    ----------
    most
        Cases to stop after; None: never.

    Raises
    ------
    Mismatch
        At the first case that differs; the campaign would go on with the one after it.
    """
    last = None if most is None else state.next + most
    while state.next != last:
        number = state.next // CASES_PER_CHIP
        params = chip_of(state.next)
        made = build(params, root=folder / "verilator", report=report)
        state.chips += state.next % CASES_PER_CHIP == 0
        with Session(made, folder / "run") as session:
            while state.next // CASES_PER_CHIP == number and state.next != last:
                case = case_of(state.next)
                notes = session.run(case)
                state.count(case)
                write_json(folder / "state.json", asdict(state))
                progress()
                if notes:
                    raise Mismatch(case, notes)
        if state.next // CASES_PER_CHIP != number:
            discard(made)


def discard(made: Build) -> None:
    """A random chip is not met again, and its build is large."""
    shutil.rmtree(made.folder, ignore_errors=True)
