"""Random cases on the chip, against the golden model, and the campaign."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants import ROOT, load_mutants
from support import chip_cases
from yoso_hw.params import ChipParams
from yoso_sim.build import build
from yoso_sim.cli import main
from yoso_sim.simulate import SimulationError
from yoso_sim.study import soak
from yoso_sim.study.cases import Case
from yoso_sim.study.draw import CORNERS, random_case
from yoso_sim.study.session import Session

#: Chips that other benches build as well.
CHIPS = {name: chip_cases.CHIPS[name] for name in ("1 x 1", "2 x 1, banked", "3 x 2, unicast, bus")}

#: Those, and one with the whole family.
SOAKED = {**CHIPS, "3 x 2, neuron=all, bus": CORNERS[9], "4 x 2, convolution, banked": CORNERS[13]}


# ---- chip against golden model ---------------------------------------------------------------------------


def differ(session: Session, case: Case) -> None:
    """What a test of hypothesis asserts; its message has the command that replays the case."""
    notes = session.run(case)
    assert not notes, f"{notes[0]}\nsee it again: {case.command()}"


@pytest.mark.parametrize("chip", SOAKED)
def test_random_cases_agree_in_every_spike_counter_and_final_state(chip: str, tmp_path: Path):
    params = SOAKED[chip]
    with Session(build(params), tmp_path) as session:

        @settings(max_examples=15)
        @given(st.randoms(use_true_random=False))
        def check(rng: Random) -> None:
            differ(session, random_case(rng, params))

        check()


@pytest.mark.long
def test_the_campaign_finds_a_planted_bug_shrinks_it_and_its_command_shows_it_again(tmp_path: Path):
    """In the RTL, a first sweep keeps the last image's A: two images show it, and less does not.

    One image shows it too after another case. That is nothing that could be seen again.
    """
    bug = next(bug for bug in load_mutants() if bug.name == "first sweep keeps the last image's A")
    shutil.copytree(ROOT / "hw" / "yoso_hw", tmp_path / "hw" / "yoso_hw")
    bug.apply(tmp_path)

    def run(command: list[str], hw: Path) -> tuple[int, str]:
        path = os.pathsep.join([str(hw), str(ROOT / "sw"), str(ROOT / "sim")])
        cache = {"YOSO_CACHE": str(ROOT / "build"), **os.environ}
        environment = {**cache, "PYTHONPATH": path, "YOSO_OUTPUT": str(tmp_path / "build")}
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        return ran.returncode, ran.stdout + ran.stderr

    soak_command = [sys.executable, "-m", "yoso_sim", "soak"]
    status, said = run([*soak_command, "--cases", "150"], tmp_path / "hw")
    assert status == 1, said
    printed = re.search(r"^see it again: (yoso soak --case (\S+))$", said, re.M)
    assert printed, said
    case = soak.read_case(str(ROOT / printed[2]))
    assert sum(len(run.images) for run in case.runs) == 2 and (case.stall_in, case.stall_out) == (0, 0)
    assert all(run.inputs == 1 and [layer.neurons for layer in run.layers] == [1] for run in case.runs)
    _, made = run(["make", "--dry-run", "soak", f"CASE={printed[2]}"], ROOT / "hw")
    assert f"yoso soak --case '{printed[2]}'" in made
    replay = [*soak_command, "--case", printed[2]]
    status, said = run(replay, tmp_path / "hw")
    assert status == 1 and printed[0] in said
    status, said = run(replay, ROOT / "hw")
    assert status == 0 and "agree" in said


def test_a_simulator_that_dies_ends_the_session(tmp_path: Path):
    params: ChipParams = CHIPS["1 x 1"]
    with Session(build(params), tmp_path, module="cosim.bench_mortal") as session:
        with pytest.raises(SimulationError):
            session.run(random_case(Random(1), params))


# ---- the campaign ----------------------------------------------------------------------------------------


class Agreeing:
    """Takes the place of a session: differs from the golden model where `wrong` says so."""

    ran: list[Case]
    wrong = staticmethod(lambda case: False)

    def __init__(self, *_: object) -> None: ...

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None: ...

    def run(self, case: Case) -> list[str]:
        self.ran.append(case)
        return ["a spike is missing"] if self.wrong(case) else []


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The command, with sessions and builds that cost nothing."""
    monkeypatch.setattr(Agreeing, "ran", [], raising=False)
    monkeypatch.setattr(soak, "Session", Agreeing)
    monkeypatch.setattr(soak, "build", lambda params, **_: SimpleNamespace(params=params))
    monkeypatch.setattr(soak, "discard", lambda _: None)
    return lambda *options: CliRunner().invoke(main, ["soak", *options], env={"YOSO_OUTPUT": str(tmp_path)})


def test_a_campaign_goes_on_with_new_cases_after_a_restart(campaign, tmp_path: Path):
    first = campaign("--cases", "3")
    assert first.exit_code == 0 and "3 cases" in first.output
    state = soak.load_state(tmp_path / "soak")
    assert (state.cases, state.chips) == (3, 1)
    second = campaign("--cases", str(soak.CASES_PER_CHIP))
    assert second.exit_code == 0
    state = soak.load_state(tmp_path / "soak")
    assert (state.cases, state.chips) == (soak.CASES_PER_CHIP + 3, 2)
    assert state.cases == len(Agreeing.ran)
    assert state.images == sum(len(run.images) for case in Agreeing.ran for run in case.runs)
    assert [case.chip for case in Agreeing.ran] == [soak.chip_of(number) for number in range(state.cases)]
    assert Agreeing.ran == [soak.case_of(number) for number in range(state.cases)]
    assert len(set(Agreeing.ran)) > 0.9 * state.cases


def test_a_simulator_shares_no_folder_with_that_of_a_process_that_was_killed(tmp_path: Path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    for number in (ended.pid, os.getppid()):
        (tmp_path / f"run-{number}").mkdir()
    (tmp_path / "run-of-mine").mkdir()
    assert soak.own_folder(tmp_path, "run") == tmp_path / f"run-{os.getpid()}"
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"run-{os.getppid()}", "run-of-mine"}


def two_runs(case: Case) -> bool:
    return len(case.runs) > 1


def test_a_mismatch_stops_the_campaign_and_leaves_a_small_case_with_its_command(
    campaign, monkeypatch, tmp_path
):
    monkeypatch.setattr(Agreeing, "wrong", staticmethod(two_runs))
    result = campaign()
    assert result.exit_code == 1 and "a spike is missing" in result.output
    (saved,) = (tmp_path / "soak").glob("mismatch-*.json")
    case = soak.read_case(str(saved))
    assert saved.name in result.output and [len(run.images) for run in case.runs] == [1, 1]
    first = 1 + list(map(two_runs, Agreeing.ran)).index(True)
    assert soak.load_state(tmp_path / "soak").cases == first
    assert campaign("--case", str(saved)).exit_code == 1
    single = dataclasses.replace(case, runs=case.runs[:1])
    assert campaign("--case", single.to_json()).exit_code == 0


def test_a_mismatch_that_is_due_to_the_cases_before_it_is_said_to_be(campaign, monkeypatch, tmp_path):
    sessions = []

    class Remembering(Agreeing):
        def __enter__(self):
            sessions.append(self)
            return self

        def run(self, case: Case) -> list[str]:
            self.ran.append(case)
            return ["a spike is missing"] if self is sessions[0] and len(self.ran) == 5 else []

    monkeypatch.setattr(soak, "Session", Remembering)
    result = campaign()
    assert result.exit_code == 1 and "a spike is missing" in result.output
    (saved,) = (tmp_path / "soak").glob("mismatch-*.json")
    assert "not seen without the cases before it" in result.output and saved.name in result.output
    assert "see it again" not in result.output
    assert soak.read_case(str(saved)) == Agreeing.ran[4]
    assert soak.load_state(tmp_path / "soak").cases == 5


def test_an_interrupt_while_a_case_is_made_small_leaves_what_was_found(campaign, monkeypatch, tmp_path):
    def wrong(case: Case) -> bool:
        if sum(map(two_runs, Agreeing.ran)) > 1:
            raise KeyboardInterrupt
        return two_runs(case)

    monkeypatch.setattr(Agreeing, "wrong", staticmethod(wrong))
    assert campaign().exit_code == 1
    (saved,) = (tmp_path / "soak").glob("mismatch-*.json")
    assert len(soak.read_case(str(saved)).runs) > 1


def test_an_interrupt_ends_the_campaign_with_a_summary(campaign, monkeypatch, tmp_path):
    def interrupted(self: Agreeing, case: Case) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(Agreeing, "run", interrupted)
    result = campaign()
    assert result.exit_code == 0 and "0 cases" in result.output
