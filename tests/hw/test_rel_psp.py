"""The ReL-PSP neuron: both halves of a sweep against the arithmetic, every state of narrow numbers."""

import random

from support.bench import evaluate, product, signed
from support.flit_machine import clamp
from yoso_hw.core.ops import Op
from yoso_hw.core.rel_psp import Fire, Integrate
from yoso_hw.params import ChipParams

NARROW = ChipParams(weight_bits=2, acc_bits=3, pot_bits=3)
WIDE = ChipParams()


def expected_integrate(params, case):
    """A spike adds its weight to A; a sweep adds A or the slope to V, unless the neuron has fired."""
    gain = case["config"]["slope"] if case["step"]["sloped"] else case["a"]
    swept = case["v"] if case["fired"] else clamp(case["v"] + gain, params.pot_bits)
    return {"a_next": clamp(case["a"] + case["w"], params.acc_bits), "v_next": swept}


def expected_fire(params, case):
    fire = not case["fired"] and case["step"]["open"] and case["v"] >= case["config"]["threshold"]
    return {"a_next": 0, "v_next": case["v"], "fired_next": int(case["fired"] or fire), "fire": int(fire)}


def test_every_narrow_state_is_swept_as_in_the_arithmetic():
    cases = product(
        a=signed(NARROW.acc_min, NARROW.acc_max),
        v=signed(NARROW.pot_min, NARROW.pot_max),
        w=(0,),
        fired=(0, 1),
        step=({"sloped": 0},),
        config=({"slope": 1},),
    ) + product(
        a=(NARROW.acc_min, 0, NARROW.acc_max),
        v=signed(NARROW.pot_min, NARROW.pot_max),
        w=(0,),
        fired=(0, 1),
        step=({"sloped": 1},),
        config=[{"slope": slope} for slope in range(1, NARROW.pot_max + 1)],
    )
    assert evaluate(Integrate(NARROW), cases) == [expected_integrate(NARROW, case) for case in cases]


def test_every_narrow_a_takes_every_weight():
    cases = product(
        op=(Op.SPIKE,),
        a=signed(NARROW.acc_min, NARROW.acc_max),
        w=signed(NARROW.weight_min, NARROW.weight_max),
        v=(0,),
        fired=(0, 1),
        step=({"sloped": 0},),
        config=({"slope": 0},),
    )
    got = [result["a_next"] for result in evaluate(Integrate(NARROW), cases)]
    assert got == [clamp(case["a"] + case["w"], NARROW.acc_bits) for case in cases]


def test_wide_states_are_swept_as_in_the_arithmetic():
    rng = random.Random(3)
    edges = (WIDE.pot_min, WIDE.pot_min + 1, -1, 0, 1, WIDE.pot_max - 1, WIDE.pot_max)
    cases = [
        {
            "a": rng.choice([WIDE.acc_min, WIDE.acc_max, rng.randint(WIDE.acc_min, WIDE.acc_max)]),
            "v": rng.choice([*edges, rng.randint(WIDE.pot_min, WIDE.pot_max)]),
            "w": rng.randint(WIDE.weight_min, WIDE.weight_max),
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
