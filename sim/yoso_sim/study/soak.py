"""The endless campaign: random cases, chip after chip, until it is stopped or the chip is wrong.

hypothesis draws the cases, and a simulator that stays open runs them one after another: what a case leaves
in the memories, the next one meets. One that differs is run again in a simulator of its own, as it will be by
whoever replays it, and hypothesis makes it as small as it can there. How many cases there were is kept, and
the next campaign goes on with new ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from yoso_hw.params import ChipParams

from yoso_sim import kept
from yoso_sim.build import Build, build
from yoso_sim.job import write_json
from yoso_sim.study import census
from yoso_sim.study.cases import CORNERS, Case, CaseError, random_case, random_chip
from yoso_sim.study.census import Counts
from yoso_sim.study.session import Session

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
    with Session(made, folder / "alone") as session:
        return session.run(case)


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
    found: list[Mismatch] = []
    while state.cases != last:
        number = state.cases // CASES_PER_CHIP
        left = (number + 1) * CASES_PER_CHIP - state.cases
        made = build(chip_of(state.cases), root=folder / "verilator", report=report)
        state.chips += left == CASES_PER_CHIP
        with Session(made, folder / "run") as session:

            def run(case: Case, made: Build = made) -> None:
                if found and not found[-1].alone:
                    return
                notes = session.run(case)
                if not found:
                    state.count(case)
                    write_json(folder / "state.json", asdict(state))
                    progress()
                if not notes:
                    return
                if not found:
                    report(f"{notes[0]}; making the case small, an interrupt ends that")
                    found.append(Mismatch(case, notes, alone=False))
                # A simulator takes a second to start, so only a case that differs in this one gets its own.
                if alone := notes_alone(made, case, folder):
                    found.append(Mismatch(case, alone))
                    raise found[-1]

            try:
                draw(made.params, state.cases, left if last is None else min(left, last - state.cases), run)
            except KeyboardInterrupt:
                if found:
                    raise found[-1] from None
                raise
            if found:
                raise found[-1]
        if state.cases // CASES_PER_CHIP != number:
            discard(made)


def draw(params: ChipParams, number: int, count: int, run: Callable[[Case], None]) -> None:
    """Run `count` random cases, no two alike, that the seed `number` draws; if one raises, ever smaller ones.

    Raises what `run` raises of the smallest.
    """
    passed: set[Case] = set()

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.randoms(use_true_random=False))
    def check(rng: Random) -> None:
        case = random_case(rng, params)
        assume(case not in passed)  # half of hypothesis' choices make a case that was there before
        run(case)
        passed.add(case)

    check()


def discard(made: Build) -> None:
    """A chip is not met again, and its build is large."""
    kept.discard(made.folder)
