"""Random cases: the generator, the chip against the golden model under hypothesis, and the campaign."""

import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from random import Random

import chip_cases
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from yoso_hw.params import ChipParams
from yoso_sim import soak
from yoso_sim.build import build
from yoso_sim.cases import CORNERS, IMAGES, MOST_LAYERS, WEIGHTS, Case, CaseError, random_case, random_chip
from yoso_sim.cli import main
from yoso_sim.session import Session
from yoso_sim.simulate import SimulationError
from yoso_sw import golden
from yoso_sw.network import NEVER

#: Chips that other benches build as well.
CHIPS = {name: chip_cases.CHIPS[name] for name in ("1 x 1", "2 x 1, banked", "3 x 2, unicast")}


# ---- the generator ---------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_every_case_compiles_for_its_chip_and_survives_its_json(rng: Random):
    case = random_case(rng, random_chip(rng))
    assert Case.from_json(case.to_json()) == case
    for run, (network, image) in zip(case.runs, case.programs, strict=True):
        assert image.params == case.chip
        assert run.pixels().shape == (len(run.images), network.inputs)


def test_a_number_says_all_of_a_case():
    for number in (0, 1, soak.CASES_PER_CHIP, 12 * soak.CASES_PER_CHIP + 7):
        case = soak.case_of(number)
        assert soak.case_of(number) == case and case.chip == soak.chip_of(number)
        again, first = soak.read_case(str(number)).programs[0], case.programs[0]
        assert np.array_equal(again[1].load_flits(), first[1].load_flits())
    assert soak.case_of(0) != soak.case_of(1)


def test_the_first_chips_are_corners_and_the_next_are_of_every_kind():
    chips = [soak.chip_of(number * soak.CASES_PER_CHIP) for number in range(len(CORNERS) + 60)]
    assert tuple(chips[: len(CORNERS)]) == CORNERS
    random = chips[len(CORNERS) :]
    assert {chip.lanes for chip in random} == {1, 2, 4, 8}
    assert {(chip.multicast, chip.banked) for chip in random} == {(a, b) for a in (0, 1) for b in (0, 1)}
    sizes = {(chip.cols, chip.rows) for chip in random}
    assert {(1, 1), (6, 7)} <= sizes
    assert any(cols == 1 < rows for cols, rows in sizes) and any(rows == 1 < cols for cols, rows in sizes)


def test_networks_reach_every_extreme():
    """One to five layers, one neuron to a full chip, silent, all firing, ties, both decisions."""
    seen: Counter[str] = Counter()
    for seed in range(120):
        case = random_case(Random(seed), CORNERS[5] if seed % 4 else CORNERS[3])
        seen[f"stalls {bool(case.stall_in)} {bool(case.stall_out)}"] += 1
        for run, (network, image) in zip(case.runs, case.programs, strict=True):
            seen.update([f"{len(run.layers)} layers", f"softmax {run.softmax}", f"early {run.early_exit}"])
            seen.update(layer.weights for layer in run.layers)
            seen.update(kind for kind, _ in run.images)
            seen["one neuron"] += any(layer.neurons == 1 for layer in run.layers)
            seen["chip full"] += image.pes == case.chip.nodes
            result = golden.run(network, run.pixels(), params=case.chip, early_exit=run.early_exit)
            fired = np.concatenate([steps.ravel() != NEVER for steps in result.steps])
            seen["silent"] += not fired.any()
            seen["all fire"] += bool(fired.all())
            outputs = result.steps[-1]
            earliest = outputs.min(axis=1, keepdims=True)
            seen["tie"] += bool((((outputs == earliest) & (outputs != NEVER)).sum(axis=1) > 1).any())
    wanted = {f"{count} layers" for count in range(1, MOST_LAYERS + 1)} | {*WEIGHTS, *IMAGES}
    wanted |= {f"stalls {a} {b}" for a in (False, True) for b in (False, True)}
    wanted |= {"softmax True", "softmax False", "early True", "early False"}
    wanted |= {"one neuron", "chip full", "silent", "all fire", "tie"}
    assert not (missing := {name for name in wanted if not seen[name]}), missing


@pytest.mark.parametrize("text", ["", "{}", "nowhere.json", "-1", '{"chip": {"cols": 99}, "runs": []}'])
def test_what_is_no_case_is_one_clear_error(text):
    with pytest.raises(CaseError):
        soak.read_case(text)
    result = CliRunner().invoke(main, ["soak", "--case", text])
    assert result.exit_code == 1 and result.output.startswith("Error: ")


# ---- chip against golden model ---------------------------------------------------------------------------


def differ(session: Session, case: Case) -> None:
    """What a test of hypothesis asserts; its message has the command that replays the case."""
    notes = session.run(case)
    assert not notes, f"{notes[0]}\nsee it again: {case.command()}"


@pytest.mark.parametrize("chip", CHIPS)
def test_random_cases_agree_in_every_spike_counter_and_final_state(chip: str, tmp_path: Path):
    params = CHIPS[chip]
    with Session(build(params), tmp_path) as session:

        @settings(max_examples=15)
        @given(st.randoms(use_true_random=False))
        def check(rng: Random) -> None:
            differ(session, random_case(rng, params))

        check()


def test_a_planted_bug_is_caught_shrunk_and_seen_again_by_its_command(tmp_path: Path):
    """The golden model fires above the threshold only; one network of one layer shows it."""
    params = CHIPS["1 x 1"]
    made = build(params)
    with Session(made, tmp_path / "found", module="bench_tampered") as session:

        @settings(max_examples=60, database=None, print_blob=False)
        @given(st.randoms(use_true_random=False))
        def check(rng: Random) -> None:
            differ(session, random_case(rng, params))

        with pytest.raises(AssertionError) as caught:
            check()
    case = Case.from_json(re.search(r"make soak CASE='(.*)'", str(caught.value))[1])  # type: ignore[index]
    (run,) = case.runs
    assert len(run.layers) == 1 and len(run.images) == 1 and (case.stall_in, case.stall_out) == (0, 0)
    with Session(made, tmp_path / "again", module="bench_tampered") as session:
        assert session.run(case)
    # The chip is right, so the command itself finds nothing.
    result = CliRunner().invoke(main, ["soak", "--case", case.to_json()], env={"YOSO_OUTPUT": str(tmp_path)})
    assert result.exit_code == 0, result.output


def test_a_simulator_that_dies_ends_the_session(tmp_path: Path):
    params: ChipParams = CHIPS["1 x 1"]
    with Session(build(params), tmp_path, module="bench_mortal") as session:
        with pytest.raises(SimulationError):
            session.run(random_case(Random(1), params))


# ---- the campaign ----------------------------------------------------------------------------------------


class Agreeing:
    """Takes the place of a session: differs from the golden model in the cases of these numbers."""

    wrong: tuple[Case, ...] = ()

    def __init__(self, *_: object) -> None: ...

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None: ...

    def run(self, case: Case) -> list[str]:
        return ["a spike is missing"] if case in self.wrong else []


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The command, with sessions and builds that cost nothing."""
    monkeypatch.setattr(soak, "Session", Agreeing)
    monkeypatch.setattr(soak, "build", lambda *_, **__: None)
    monkeypatch.setattr(soak, "discard", lambda _: None)
    return lambda *options: CliRunner().invoke(main, ["soak", *options], env={"YOSO_OUTPUT": str(tmp_path)})


def test_a_campaign_goes_on_with_new_cases_after_a_restart(campaign, tmp_path: Path):
    first = campaign("--cases", "3")
    assert first.exit_code == 0 and "3 cases" in first.output
    state = soak.load_state(tmp_path / "soak")
    assert (state.next, state.cases, state.chips) == (3, 3, 1)
    second = campaign("--cases", str(soak.CASES_PER_CHIP))
    assert second.exit_code == 0
    state = soak.load_state(tmp_path / "soak")
    assert (state.next, state.chips) == (soak.CASES_PER_CHIP + 3, 2)
    expected = [soak.case_of(number) for number in range(state.next)]
    assert state.images == sum(len(run.images) for case in expected for run in case.runs)


def test_a_mismatch_stops_the_campaign_and_leaves_the_case_with_its_command(campaign, monkeypatch, tmp_path):
    monkeypatch.setattr(Agreeing, "wrong", (soak.case_of(2),))
    result = campaign()
    assert result.exit_code == 1 and "a spike is missing" in result.output
    (saved,) = (tmp_path / "soak").glob("mismatch-*.json")
    assert saved.name in result.output and soak.read_case(str(saved)) == soak.case_of(2)
    assert campaign("--case", str(saved)).exit_code == 1
    assert campaign("--case", "1").exit_code == 0
    assert asdict(soak.load_state(tmp_path / "soak"))["next"] == 3


def test_an_interrupt_ends_the_campaign_with_a_summary(campaign, monkeypatch, tmp_path):
    def interrupted(self: Agreeing, case: Case) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(Agreeing, "run", interrupted)
    result = campaign()
    assert result.exit_code == 0 and "0 cases" in result.output
