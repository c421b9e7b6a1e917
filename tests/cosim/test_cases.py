"""Random cases: what is drawn, what a case may say, and how one is made small."""

import functools
import json
import operator
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants import ROOT
from yoso_hw.params import ChipParams
from yoso_sim.cli import main
from yoso_sim.study import census, soak
from yoso_sim.study.cases import IMAGES, WEIGHTS, Case, CaseError
from yoso_sim.study.draw import CORNERS, MOST_LAYERS, random_case, random_chip
from yoso_sim.study.shrink import shrink
from yoso_sw.network import golden
from yoso_sw.network.events import NEVER, Events
from yoso_sw.network.neuron import Neuron

# ---- the generator ---------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_every_case_compiles_for_its_chip_and_survives_its_json(rng: Random):
    case = random_case(rng, random_chip(rng))
    assert Case.from_json(case.to_json()) == case
    for run, (network, image) in zip(case.runs, case.programs, strict=True):
        assert image.params == case.chip
        assert (len(run.events()), run.events().axons) == (len(run.images), network.inputs)
        for events in run.events():
            image.image_flits(events)


def test_the_first_chips_are_corners_and_the_next_are_of_every_kind():
    chips = [soak.chip_of(number * soak.CASES_PER_CHIP) for number in range(len(CORNERS) + 60)]
    assert tuple(chips[: len(CORNERS)]) == CORNERS
    random = chips[len(CORNERS) :]
    assert {chip.lanes for chip in random} == {1, 2, 4, 8}
    assert {(chip.multicast, chip.banked) for chip in random} == {(a, b) for a in (0, 1) for b in (0, 1)}
    sizes = {(chip.cols, chip.rows) for chip in random}
    assert {(1, 1), (6, 7)} <= sizes
    assert any(cols == 1 < rows for cols, rows in sizes) and any(rows == 1 < cols for cols, rows in sizes)


def test_a_case_follows_from_its_number_alone_whatever_else_is_loaded():
    numbers = [7, 1300, 98765]
    program = f"""
import json, sys
{{}}
from yoso_sim.study import soak
print(json.dumps([soak.case_of(number).to_json() for number in {numbers}]))
"""
    expected = [soak.case_of(number).to_json() for number in numbers]
    for first in ("", "import cosim.test_build, support.blocks, formal.proofs, hypothesis"):
        ran = subprocess.run(
            [sys.executable, "-c", program.format(first)],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("hw", "sw", "sim", "tests")),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(ran.stdout) == expected


def kinds(case: Case) -> Iterator[str]:
    """What there is in a case, one word for each time."""
    chip = case.chip
    for shape, fits in {
        "1 x 1": chip.nodes == 1,
        "1 x N": chip.cols == 1 < chip.rows,
        "N x 1": chip.rows == 1 < chip.cols,
        "6 x 7": (chip.cols, chip.rows) == (6, 7),
    }.items():
        if fits:
            yield f"mesh {shape}"
    yield f"stalls in {case.stall_in > 0}, out {case.stall_out > 0}"
    for run, (network, image) in zip(case.runs, case.programs, strict=True):
        yield from (f"{len(run.layers)} layers", f"softmax {run.softmax}", f"early exit {run.early_exit}")
        yield from (f"weights {layer.weights}" for layer in run.layers)
        yield from (f"image {kind}" for kind, _ in run.images)
        if any(layer.neurons == 1 for layer in run.layers):
            yield "a layer of one neuron"
        if chip.nodes > 1 and image.pes == chip.nodes:
            yield "every PE of a mesh used"
        if chip.nodes > 1 and sum(layer.neurons for layer in network.layers) == chip.nodes * chip.neurons:
            yield "every neuron of a mesh used"
        result = golden.run(network, run.events(), params=chip, early_exit=run.early_exit)
        for i in range(len(run.images)):
            fired = np.concatenate([spikes.counts[i] > 0 for spikes in result.spikes])
            yield "all fire" if fired.all() else "some fire" if fired.any() else "silent"
            potentials = result.potentials[-1][i]
            if result.spiked[i] and run.count:
                continue
            if result.spiked[i]:
                outputs = result.spikes[-1].steps[i]
                at_once = potentials[outputs == outputs[outputs != NEVER].min()]
                if len(at_once) > 1:
                    yield "tie in the step"
                if (at_once == at_once.max()).sum() > 1:
                    yield "tie in step and V"
            elif (potentials == potentials.max()).sum() > 1:
                yield "tie in V, nothing fired"
            if any(np.isin(v[i], (chip.pot_min, chip.pot_max)).any() for v in result.potentials):
                yield "V clamped"


#: How often each must come in 800 cases.
CENSUS = {
    **{f"{count} layers": 15 for count in range(1, 6)},
    **{"7 layers": 1, f"{MOST_LAYERS} layers": 3},  # all that 8 tags can name, and more
    **{f"mesh {shape}": 15 for shape in ("1 x 1", "1 x N", "N x 1", "6 x 7")},
    **{f"stalls in {a}, out {b}": 30 for a in (False, True) for b in (False, True)},
    **{f"{what} {on}": 50 for what in ("softmax", "early exit") for on in (False, True)},
    **{f"weights {kind}": 30 for kind in WEIGHTS},
    **{f"image {kind}": 50 for kind in IMAGES},
    **{"a layer of one neuron": 50, "every PE of a mesh used": 20, "every neuron of a mesh used": 2},
    **{"silent": 50, "some fire": 50, "all fire": 50, "V clamped": 50},
    **{"tie in the step": 30, "tie in step and V": 30, "tie in V, nothing fired": 30},
}

#: Of each parameter of a random chip, how many values must come.
CHIP_CENSUS = {
    **{"weight_bits": 7, "acc_bits": 20, "pot_bits": 20, "steps": 30, "neurons": 15, "weights": 50},
    **{"lanes": 4, "banked": 2, "multicast": 2, "layers": 4, "classes": 3},
    **{"router": 2, "link_fifo": 4, "spike_fifo": 8},
}


CHIPS_DRAWN = [soak.chip_of(number * soak.CASES_PER_CHIP) for number in range(300)]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """More than 1,000 of them, 20 on each of the first chips."""
    found: list[Case] = []
    for number in range(len(CORNERS) + 40):
        found += [soak.case_of(number * soak.CASES_PER_CHIP + i) for i in range(20)]
    assert len(found) > 1000
    return found


def test_a_thousand_random_cases_leave_no_bin_of_the_census_empty(cases: list[Case]):
    counts: census.Counts = {}
    for case in cases:
        census.count(case, counts)
    assert census.empty(counts) == [], "\n".join(census.lines(counts))
    assert {what: sorted(own) for what, own in counts.items()} == {
        what: sorted(names) for what, names in census.BINS.items()
    }


def test_a_bin_that_never_came_is_named():
    counts: census.Counts = {what: dict.fromkeys(names, 1) for what, names in census.BINS.items()}
    assert census.empty(counts) == []
    del counts["leak"]["7"]
    assert census.empty(counts) == ["leak: 7"]
    assert "leak: none 1, 1 1, 2 1, 3 1, 4 1, 5 1, 6 1, 7 0, 8 1" in "\n".join(census.lines(counts))


def test_networks_of_four_layers_of_mixed_kinds_come_on_every_lane_count(cases: list[Case]):
    mixed = set()
    for case in cases:
        for run in case.runs:
            kinds_of = {
                (layer.current, layer.leak > 0, layer.reset, layer.charge > 0) for layer in run.layers
            }
            if len(run.layers) >= 4 and len(kinds_of) >= 3:
                mixed |= {
                    case.chip.lanes,
                    f"banked {case.chip.banked}",
                    f"multicast {case.chip.multicast}",
                    case.chip.router,
                }
    assert mixed == {
        1,
        2,
        4,
        8,
        "banked True",
        "banked False",
        "multicast True",
        "multicast False",
        "bus",
        "crossbar",
    }


def test_random_cases_reach_every_extreme_often(cases: list[Case]):
    chips = CHIPS_DRAWN[len(CORNERS) :]
    seen = Counter(kind for case in cases[20 * len(CORNERS) :] for kind in kinds(case))
    assert not {kind: seen[kind] for kind, least in CENSUS.items() if seen[kind] < least}
    values = {name: len({getattr(chip, name) for chip in chips}) for name in CHIP_CENSUS}
    assert not {name: values[name] for name, least in CHIP_CENSUS.items() if values[name] < least}


def test_a_case_of_before_the_family_is_read_as_one_without_it():
    old = (
        '{"chip": {"lanes": 2}, "stall_in": 0, "stall_out": 0, "stall_seed": 1, "runs": [{"inputs": 3, '
        '"steps": 9, "softmax": false, "spread": true, "early_exit": true, "images": [["random", 5]], '
        '"layers": [{"neurons": 2, "weights": "random", "seed": 1, "bias": true, "threshold": 4, "slope": 1, '
        '"start": 2, "end": 9}]}]}'
    )
    case = Case.from_json(old)
    ((network, image),) = case.programs
    assert (case.chip.neuron, network.decision, network.code, network.levels) == (
        "rel_psp",
        "ttfs",
        "ttfs",
        1,
    )
    assert network.layers[0].neuron == Neuron(4, 2, 9, 1) and not image.layers[0].writes_a
    rng = np.random.default_rng(5)
    steps = rng.integers(0, 9, 3)
    expected = np.where(rng.random(3) < 0.7, steps, NEVER).astype(np.int16)
    assert case.runs[0].events() == Events.of_steps(expected[None])


@pytest.mark.parametrize("text", ["", "{}", "nowhere.json", "1", '{"chip": {"cols": 99}, "runs": []}'])
def test_what_is_no_case_is_one_clear_error(text):
    with pytest.raises(CaseError):
        soak.read_case(text)
    result = CliRunner().invoke(main, ["soak", "--case", text])
    assert result.exit_code == 1 and result.output.startswith("Error: ")


#: Of a case, where something is changed, and into what no case can be.
NONSENSE = {
    "chip": ([], {"cols": 1.5}),
    "runs": ([], {}, [1]),
    "stall_in": (256, -1, "x", None),
    "stall_seed": (0, 1.5, 1 << 32),
    "runs/0/inputs": (0, -1, "x", None, [], 1.5, 10**9, float("inf")),
    "runs/0/steps": (0, 1 << 20, True),
    "runs/0/softmax": (0, None, "x"),
    "runs/0/images": ([], "x", [["silent"]], [["silent", -1]], [["silent", 0.5]], [["loud", 0]], [[[], 0]]),
    "runs/0/layers": ([], [{}]),
    "runs/0/layers/0/neurons": (0, -1, "x", None, 10**9),
    "runs/0/layers/0/weights": ("heavy", [], None),
    "runs/0/layers/0/seed": (-1, None, {}),
    "runs/0/layers/0/bias": (1, "x"),
    "runs/0/layers/0/end": (-1, 1 << 20),
    "runs/0/layers/0/threshold": (0, 1.5, 1 << 31),
    "runs/0/layers/0/current": ("half", -1, 0, 16, None, []),
    "runs/0/layers/0/leak": (-1, 16, "x"),
    "runs/0/layers/0/reset": ("twice", 0, None, []),
    "runs/0/layers/0/charge": (-1, 1 << 20, None),
    "runs/0/code": ("poisson", 1, None),
    "runs/0/levels": (0, 1 << 20, True),
    "runs/0/count": (1, True),
}


@pytest.mark.parametrize("where", NONSENSE)
def test_a_case_that_says_nonsense_is_one_clear_error_before_a_chip_is_built(where):
    for value in NONSENSE[where]:
        case = json.loads(random_case(Random(3), CORNERS[1]).to_json())
        *path, last = (int(part) if part.isdigit() else part for part in where.split("/"))
        functools.reduce(operator.getitem, path, case)[last] = value
        result = CliRunner().invoke(main, ["soak", "--case", json.dumps(case)])
        assert isinstance(result.exception, SystemExit), (value, result.exception)
        assert result.exit_code == 1 and result.output.startswith("Error: "), (value, result.output)


# ---- small cases -----------------------------------------------------------------------------------------

#: What a chip may do wrong, by what of a case shows it, and the smallest case that does.
SHOWN = {
    "two runs": (lambda case: len(case.runs) > 1, {"runs": 2, "images": 2, "layers": 2, "neurons": 2}),
    "a bias": (lambda case: any(layer.bias for run in case.runs for layer in run.layers), {}),
    "five neurons in a second layer": (
        lambda case: any(layer.neurons >= 5 for run in case.runs for layer in run.layers[1:]),
        {"layers": 2, "neurons": 6},
    ),
    "two images after a stall": (
        lambda case: case.stall_in > 9 and any(len(run.images) > 1 for run in case.runs),
        {"images": 2, "stall_in": 10},
    ),
}


@pytest.mark.parametrize("what", SHOWN)
def test_a_case_shrinks_to_the_least_that_still_shows_what_it_showed(what: str):
    shows, least = SHOWN[what]
    asked: list[Case] = []

    def differs(case: Case) -> bool:
        asked.append(case)
        _ = case.programs
        return shows(case)

    large = (random_case(Random(f"large {number}"), ChipParams(cols=3)) for number in range(1000))
    small = shrink(next(case for case in large if shows(case) and len(case.runs) == 3), differs)
    layers = [layer for run in small.runs for layer in run.layers]
    found = {
        "runs": len(small.runs),
        "images": sum(len(run.images) for run in small.runs),
        "layers": len(layers),
        "neurons": sum(layer.neurons for layer in layers),
        "stall_in": small.stall_in,
    }
    assert shows(small) and small.chip == ChipParams(cols=3)
    assert found == {"runs": 1, "images": 1, "layers": 1, "neurons": 1, "stall_in": 0, **least}
    assert {run.inputs for run in small.runs} == {1} and (small.stall_out, small.stall_seed) == (0, 1)
    assert all((layer.weights, layer.seed) == (WEIGHTS[0], 0) for layer in layers)
    assert all(kind == IMAGES[0] for run in small.runs for kind, _ in run.images)
    assert len(asked) < 2000
