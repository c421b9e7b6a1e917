"""The neuron: both halves of a sweep against the golden model's, every state of narrow numbers."""

import itertools
import random

from support.bench import evaluate
from yoso_hw.core.neuron import Fire, Integrate
from yoso_hw.params import ChipParams
from yoso_sw.network.neuron import Neuron, records
from yoso_sw.network.sweep import sweep_neuron

NARROW = ChipParams(weight_bits=2, acc_bits=3, pot_bits=3)
WIDE = ChipParams()


def expected_integrate(params, case):
    """As the golden model has it: a fired neuron is left out."""
    a, v, fired, slope = case["a"], case["v"], case["fired"], case["config"]["slope"]
    neuron = Neuron(threshold=1, slope=slope, start=0 if case["step"]["sloped"] else 1, end=0)
    swept, _ = sweep_neuron(a, v, 0, records([neuron])[0], params.pot_min, params.pot_max)
    return {"a_next": a, "v_next": v if fired else int(swept)}


def expected_fire(params, case):
    fire = not case["fired"] and case["step"]["open"] and case["v"] >= case["config"]["threshold"]
    return {"v_next": case["v"], "fired_next": int(case["fired"] or fire), "fire": int(fire)}


def product(**ranges):
    return [dict(zip(ranges, values, strict=True)) for values in itertools.product(*ranges.values())]


def signed(low, high):
    return range(low, high + 1)


def test_every_narrow_state_is_swept_as_in_the_golden_model():
    cases = product(
        a=signed(NARROW.acc_min, NARROW.acc_max),
        v=signed(NARROW.pot_min, NARROW.pot_max),
        fired=(0, 1),
        step=({"sloped": 0},),
        config=({"slope": 1},),
    ) + product(
        a=(NARROW.acc_min, 0, NARROW.acc_max),
        v=signed(NARROW.pot_min, NARROW.pot_max),
        fired=(0, 1),
        step=({"sloped": 1},),
        config=[{"slope": slope} for slope in range(1, NARROW.pot_max + 1)],
    )
    assert evaluate(Integrate(NARROW), cases) == [expected_integrate(NARROW, case) for case in cases]


def test_wide_states_are_swept_as_in_the_golden_model():
    rng = random.Random(3)
    edges = (WIDE.pot_min, WIDE.pot_min + 1, -1, 0, 1, WIDE.pot_max - 1, WIDE.pot_max)
    cases = [
        {
            "a": rng.choice([WIDE.acc_min, WIDE.acc_max, rng.randint(WIDE.acc_min, WIDE.acc_max)]),
            "v": rng.choice([*edges, rng.randint(WIDE.pot_min, WIDE.pot_max)]),
            "fired": rng.getrandbits(1),
            "step": {"sloped": rng.getrandbits(1)},
            "config": {"slope": rng.choice([1, WIDE.pot_max, rng.randint(1, WIDE.pot_max)])},
        }
        for _ in range(300)
    ]
    assert evaluate(Integrate(WIDE), cases) == [expected_integrate(WIDE, case) for case in cases]


def test_a_neuron_fires_at_the_threshold_in_an_open_window_and_only_once():
    cases = product(
        v=signed(NARROW.pot_min, NARROW.pot_max),
        fired=(0, 1),
        step=({"open": 0}, {"open": 1}),
        config=[{"threshold": threshold} for threshold in range(1, NARROW.pot_max + 1)],
    )
    assert evaluate(Fire(NARROW), cases) == [expected_fire(NARROW, case) for case in cases]


def test_the_largest_threshold_is_reached_by_the_largest_potential_alone():
    top = WIDE.pot_max
    cases = product(
        v=(top, top - 1, -1, WIDE.pot_min), fired=(0,), step=({"open": 1},), config=({"threshold": top},)
    )
    assert [result["fire"] for result in evaluate(Fire(WIDE), cases)] == [1, 0, 0, 0]
