"""The endless campaign: random cases, chip after chip, until it is stopped or the chip is wrong.

A case follows from its number alone. A simulator that stays open runs one after another: what a case leaves
in the memories, the next one meets. One that differs is run again in a simulator of its own, as it will be by
whoever replays it, and made as small as it can be there. How many cases there were is kept, and the next
campaign goes on with new ones.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random

from yoso_hw.params import ChipParams

from yoso_sim import kept
from yoso_sim.build import Build, build
from yoso_sim.job import write_json
from yoso_sim.simulate import SimulationError
from yoso_sim.study import census
from yoso_sim.study.cases import Case, CaseError, Run
from yoso_sim.study.census import Counts
from yoso_sim.study.draw import CORNERS, random_case, random_chip
from yoso_sim.study.session import Session
from yoso_sim.study.shrink import shrink

#: Cases on one chip: enough that its build, tens of seconds, is not most of the time.
CASES_PER_CHIP = 150


class Mismatch(Exception):
    """The chip differed from the golden model.

    Attributes
    ----------
    case, notes
        The case, and the differences in words.
    alone
        Whether it was seen in a simulator that had run nothing before.
    """

    def __init__(self, case: Case, notes: list[str], *, alone: bool = True) -> None:
        super().__init__(notes[0])
        self.case, self.notes, self.alone = case, notes, alone


@dataclass
class State:
    """How far the campaign has come, over all its starts, and what its cases were (`census`)."""

    cases: int = 0
    networks: int = 0
    images: int = 0
    chips: int = 0
    census: Counts = field(default_factory=dict)

    def count(self, case: Case) -> None:
        self.cases += 1
        self.networks += len(case.runs)
        self.images += sum(len(run.images) for run in case.runs)
        census.count(case, self.census)

    def __str__(self) -> str:
        return f"{self.cases} cases, {self.networks} networks, {self.images} images on {self.chips} chips"


def load_state(folder: Path) -> State:
    """The state that a campaign left in `folder`; a new one if there is none that can be read."""
    try:
        state = State(**json.loads((folder / "state.json").read_text()))
        census.lines(state.census)
        return state
    except (OSError, ValueError, TypeError, AttributeError):
        return State()


def chip_of(number: int) -> ChipParams:
    """The chip of case `number`, 0 and up: the corners first, then random ones."""
    chip = number // CASES_PER_CHIP
    return CORNERS[chip] if chip < len(CORNERS) else random_chip(Random(f"chip {chip}"))


def case_of(number: int) -> Case:
    """Case `number`, 0 and up; nothing else decides what it is."""
    return random_case(Random(f"case {number}"), chip_of(number))


def read_case(text: str) -> Case:
    """A case by its JSON, or a file with that. Raises `CaseError`."""
    if text.lstrip().startswith("{"):
        return Case.from_json(text)
    try:
        return Case.from_json(Path(text).read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(f"{text!r} is no JSON of a case and no file: {error}") from None


def run_one(case: Case, folder: Path, report: Callable[[str], None]) -> None:
    """Run one case. Raises `Mismatch`, and what `Case.programs`, `build` and `Session.run` raise."""
    _ = case.programs  # here, not in the simulator, what the chip cannot hold is an error
    made = build(case.chip, root=folder / "verilator", report=report)
    if notes := notes_alone(made, case, folder):
        raise Mismatch(case, notes)


def notes_alone(made: Build, case: Case, folder: Path) -> list[str]:
    """How the chip differs, in words, where nothing ran before the case."""
    with Session(made, own_folder(folder, "alone")) as session:
        return session.run(case)


def own_folder(folder: Path, name: str) -> Path:
    """A folder in `folder` for this process's simulator alone; those of processes that have ended go.

    The simulator of one that was killed goes on to the end of its case, and would write into ours.
    """
    for old in folder.glob(f"{name}-*"):
        number = old.name.rpartition("-")[2]
        if number.isdecimal() and not is_running(int(number)):
            shutil.rmtree(old, ignore_errors=True)
    return folder / f"{name}-{os.getpid()}"


def is_running(process: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(process, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return True


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
        Of the first case that differs, made small, or as it is if it does not differ alone;
        the campaign would go on with new ones.
    """
    last = None if most is None else state.cases + most
    while state.cases != last:
        end = (state.cases // CASES_PER_CHIP + 1) * CASES_PER_CHIP
        made = build(chip_of(state.cases), root=folder / "verilator", report=report)
        state.chips += state.cases % CASES_PER_CHIP == 0
        with Session(made, own_folder(folder, "run")) as session:
            past: tuple[Run, ...] = ()
            while state.cases not in (end, last):
                case = case_of(state.cases)
                notes = session.run(case)
                state.count(case)
                write_json(folder / "state.json", asdict(state))
                progress()
                if notes:
                    report(f"{notes[0]}; making the case small, an interrupt ends that")
                    raise smallest(Mismatch(case, notes, alone=False), past, session, made, folder)
                past = case.runs
        if state.cases == end:
            discard(made)


def smallest(found: Mismatch, past: tuple[Run, ...], session: Session, made: Build, folder: Path) -> Mismatch:
    """The mismatch of the smallest case that differs alone; `found` if it does not, even after runs `past`.

    An interrupt ends the search, and so does a simulator that dies of a case.
    """

    def differs(case: Case) -> bool:
        nonlocal found
        _ = case.programs  # here, not in the simulator, what the chip cannot hold is an error
        # A simulator takes a second to start, so only a case that differs in this one gets its own.
        if not session.run(case) or not (notes := notes_alone(made, case, folder)):
            return False
        found = Mismatch(case, notes)
        return True

    case = found.case
    try:
        for first in (case, replace(case, runs=past + case.runs)):
            if differs(first):
                shrink(first, differs)
                break
    except (KeyboardInterrupt, SimulationError):
        pass
    return found


def discard(made: Build) -> None:
    """A chip is not met again, and its build is large."""
    kept.discard(made.folder)
