"""The neuron family: every half of a sweep against the arithmetic, and the core with random layers of it."""

import random

import pytest
from amaranth.hdl import Module, Value
from support.bench import Bench, evaluate, product, signed
from support.core_bench import CoreBench, chip, run_image
from support.flit_machine import clamp, decay
from yoso_hw.component import Component
from yoso_hw.core.family import Fire, Integrate, Prepare, Step
from yoso_hw.core.neuron import integrate_signature
from yoso_hw.core.ops import Op
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Reset

NARROW = ChipParams(weight_bits=2, acc_bits=4, pot_bits=4, neuron="all")
WIDE = ChipParams(neuron="all")
plain_and_banked = pytest.mark.parametrize("banked", [False, True], ids=["plain", "banked"])
by_words = pytest.mark.parametrize("words", [1, 2, 3, 4, 5, 8])

DECAYS = (0, 1, 2, 3, 4, 5, 15)


class Operation(Component):
    """`Prepare` and `Integrate` as compute has them, without the register between them."""

    def __init__(self, params):
        self.params = params
        members = dict(integrate_signature(params).members)
        del members["prepared"]
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.prepare = prepare = Prepare(self.params)
        m.submodules.integrate = integrate = Integrate(self.params)
        m.d.comb += [
            prepare.config.eq(self.config),
            prepare.step.eq(self.step),
            prepare.a.eq(self.stored),
            prepare.v.eq(self.v),
            integrate.prepared.eq(prepare.prepared),
            self.a_next.eq(integrate.a_next),
            self.v_next.eq(integrate.v_next),
        ]
        for name in ("config", "step", "op", "a", "stored", "w", "v", "fired"):
            m.d.comb += Value.cast(getattr(integrate, name)).eq(Value.cast(getattr(self, name)))
        return m


def expected_integrate(params, case):
    """Of a sweep: docs/arithmetic.md, step 1, as far as it goes before the neuron fires."""
    config, v, a = case["config"], case["v"], case["a"]
    if not case["fired"]:
        v -= decay(v, config["leak"]) if config["leak"] else 0
        v = clamp(v + a, params.pot_bits)
    a -= decay(a, config["current"]) if config["decays"] else 0
    return {"a_next": clamp(a + case["w"], params.acc_bits), "v_next": v}


def told(params, config):
    """What `Step` makes of the registers."""
    return {
        "leaks": int(config["leak"] != 0),
        "v_mask": ((1 << config["leak"]) - 1) & ((1 << params.pot_bits) - 1),
        "a_mask": ((1 << config["current"]) - 1) & ((1 << params.acc_bits) - 1),
    }


def sweeps(params, *, a, v, w=(0,), fired=(0,), **config):
    """Cases of `Operation` in a sweep, which finds in `stored` what it finds in `a`."""
    cases = product(a=a, v=v, w=w, fired=fired, config=product(**config))
    return [
        {"op": Op.SWEEP, "stored": case["a"], "step": told(params, case["config"]), **case} for case in cases
    ]


def test_every_narrow_potential_loses_its_decay_before_a_is_added():
    cases = sweeps(
        NARROW,
        a=signed(NARROW.acc_min, NARROW.acc_max),
        v=signed(NARROW.pot_min, NARROW.pot_max),
        fired=(0, 1),
        leak=DECAYS,
        decays=(0,),
        current=(0,),
    )
    assert evaluate(Operation(NARROW), cases) == [expected_integrate(NARROW, case) for case in cases]


def test_every_narrow_current_loses_its_decay_and_takes_the_bias():
    cases = sweeps(
        NARROW,
        a=signed(NARROW.acc_min, NARROW.acc_max),
        v=(0,),
        w=signed(NARROW.weight_min, NARROW.weight_max),
        fired=(0, 1),
        leak=(0,),
        decays=(0, 1),
        current=DECAYS,
    )
    assert evaluate(Operation(NARROW), cases) == [expected_integrate(NARROW, case) for case in cases]


@pytest.mark.parametrize("decays", [0, 1])
def test_a_spike_adds_its_weight_to_the_newest_a_whatever_the_neuron(decays):
    cases = [
        {
            **case,
            "op": Op.SPIKE,
            "stored": stored,
            "step": {"leaks": 1, "v_mask": 1, "a_mask": 1},
            "config": {"decays": decays, "current": 1, "leak": 1},
        }
        for case in product(
            a=signed(NARROW.acc_min, NARROW.acc_max), w=signed(NARROW.weight_min, NARROW.weight_max)
        )
        for stored in (NARROW.acc_min, 5)
    ]
    got = [result["a_next"] for result in evaluate(Operation(NARROW), cases)]
    assert got == [clamp(case["a"] + case["w"], NARROW.acc_bits) for case in cases]


def test_wide_states_are_swept_as_in_the_arithmetic():
    rng = random.Random(5)
    edges = (WIDE.pot_min, WIDE.pot_min + 1, -1, 0, 1, WIDE.pot_max - 1, WIDE.pot_max)
    cases = []
    for _ in range(500):
        a = rng.choice([WIDE.acc_min, -1, 1, WIDE.acc_max, rng.randint(WIDE.acc_min, WIDE.acc_max)])
        cases.append(
            {
                "op": Op.SWEEP,
                "a": a,
                "stored": a,
                "v": rng.choice([*edges, rng.randint(WIDE.pot_min, WIDE.pot_max)]),
                "w": rng.randint(WIDE.weight_min, WIDE.weight_max),
                "fired": rng.getrandbits(1),
                "config": {
                    "leak": rng.randint(0, 15),
                    "decays": rng.getrandbits(1),
                    "current": rng.randint(0, 15),
                },
            }
        )
        cases[-1]["step"] = told(WIDE, cases[-1]["config"])
    assert evaluate(Operation(WIDE), cases) == [expected_integrate(WIDE, case) for case in cases]


def test_a_slope_is_added_in_place_of_a():
    cases = [
        {"op": Op.SWEEP, "a": 3, "stored": 3, "v": v, "step": {"sloped": 1}, "config": {"slope": slope}}
        for v in (NARROW.pot_min, -1, 0, 3)
        for slope in range(1, NARROW.pot_max + 1)
    ]
    got = [result["v_next"] for result in evaluate(Operation(NARROW), cases)]
    assert got == [clamp(case["v"] + case["config"]["slope"], NARROW.pot_bits) for case in cases]


# ---- firing ----------------------------------------------------------------------------------------------


def expected_fire(case):
    config, step, v = case["config"], case["step"], case["v"]
    fire = bool(step["open"]) and not case["fired"] and v >= config["threshold"]
    left = {Reset.SUBTRACT: v - config["threshold"], Reset.ZERO: 0}.get(config["reset"], v)
    once = config["reset"] == Reset.ONCE
    return {
        "v_next": 0 if step["charging"] else left if fire else v,
        "fired_next": int(once and (fire or bool(case["fired"]))),
        "fire": int(fire),
        "a_next": clamp(v, NARROW.acc_bits) if step["charging"] and case["sweep"] else case["a"],
    }


def test_every_reset_leaves_of_every_narrow_potential_what_it_should():
    cases = product(
        v=signed(NARROW.pot_min, NARROW.pot_max),
        a=(3,),
        sweep=(1,),
        fired=(0, 1),
        step=({"open": 0, "charging": 0}, {"open": 1, "charging": 0}, {"open": 0, "charging": 1}),
        config=product(threshold=range(1, NARROW.pot_max + 1), reset=tuple(Reset)),
    )
    assert evaluate(Fire(NARROW), cases) == [expected_fire(case) for case in cases]


def test_charging_makes_every_potential_the_current_of_its_own_width():
    params = ChipParams(weight_bits=2, acc_bits=3, pot_bits=6, neuron="all")
    cases = product(
        v=signed(params.pot_min, params.pot_max),
        a=(-4, 0, 3),
        sweep=(0, 1),
        step=product(charging=(0, 1)),
    )
    got = [result["a_next"] for result in evaluate(Fire(params), cases)]
    assert got == [
        clamp(case["v"], 3) if case["sweep"] and case["step"]["charging"] else case["a"] for case in cases
    ]


def test_the_largest_threshold_leaves_nothing_of_the_largest_potential():
    top = WIDE.pot_max
    cases = product(
        v=(top, top - 1, WIDE.pot_min),
        fired=(0,),
        step=({"open": 1},),
        config=({"threshold": top, "reset": Reset.SUBTRACT},),
    )
    got = [(result["fire"], result["v_next"]) for result in evaluate(Fire(WIDE), cases)]
    assert got == [(1, 0), (0, top - 1), (0, WIDE.pot_min)]


# ---- what a step decides ---------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [0, 1, 3])
@pytest.mark.parametrize("reset", [Reset.SUBTRACT, Reset.NEVER])
def test_the_window_gates_firing_and_a_step_before_the_bias(start, reset):
    params, end, charge = ChipParams(steps=8, neuron="all"), 6, 4
    bench = Bench(Step(params))
    bench.drive(bench.dut.config, window_start=start, window_end=end, bias=1, reset=reset, charge=charge)
    for number in range(8):
        bench.drive(number=number)
        bench.step()
        step = bench.get(bench.dut.step)
        charging = number == charge
        fires = start <= number < end and reset != Reset.NEVER and not charging
        assert (step["open"], step["charging"]) == (int(fires), int(charging))
        assert step["biased"] == int(start <= number + 1 < end)


def test_the_last_step_that_there_is_has_no_bias_after_it():
    """A window to the end: the step that would follow does not come round to 0."""
    bench = Bench(Step(ChipParams(steps=8, neuron="all")))
    bench.drive(bench.dut.config, window_start=0, window_end=8, bias=1)
    for number, biased in ((6, 1), (7, 0)):
        bench.drive(number=number)
        bench.step()
        assert bench.get(bench.dut.step)["biased"] == biased


def test_without_a_bias_row_nothing_is_biased_and_charge_0_never_charges():
    bench = Bench(Step(ChipParams(steps=8, neuron="all")))
    bench.drive(bench.dut.config, window_start=0, window_end=8)
    bench.drive(number=0)
    bench.step()
    step = bench.get(bench.dut.step)
    assert (step["open"], step["biased"], step["charging"], step["leaks"]) == (1, 0, 0, 0)


@pytest.mark.parametrize("k", [0, 1, 2, 7, 15])
def test_the_masks_have_a_bit_for_each_that_a_decay_shifts_out(k):
    params = ChipParams(steps=8, acc_bits=8, pot_bits=20, neuron="all")
    bench = Bench(Step(params))
    bench.drive(bench.dut.config, leak=k, current=k)
    bench.step()
    step = bench.get(bench.dut.step)
    assert {name: step[name] for name in ("leaks", "v_mask", "a_mask")} == told(
        params, {"leak": k, "current": k}
    )


# ---- in the core -----------------------------------------------------------------------------------------


def random_neuron(rng, steps):
    """Registers of any legal neuron that fires now and then."""
    decays = rng.getrandbits(1)
    charge = 0 if decays or rng.random() < 0.5 else rng.randint(1, steps // 2)
    start = rng.randint(charge + 1, charge + 3)
    return {
        "threshold": rng.choice([1, 20, 60]),
        "window_start": start,
        "window_end": rng.choice([steps, max(start, rng.randint(1, steps))]),
        "decays": decays,
        "current": rng.choice([0, 0, 1, 2, 4, 15]) if decays else 0,
        "leak": 0 if charge else rng.choice([0, 1, 3, 15]),
        "reset": rng.choice([Reset.SUBTRACT, Reset.ZERO, Reset.NEVER] + [Reset.ONCE] * (not charge)),
        "charge": charge,
        "bias": decays & rng.getrandbits(1),
        "bias_row": rng.randrange(40),
    }


@by_words
@plain_and_banked
@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
def test_images_of_random_layers_leave_the_state_and_send_the_flits_of_the_reference(lanes, words, banked):
    rng = random.Random(f"{lanes} {words} {banked}")
    params = chip(lanes, words, banked=banked, neuron="all")
    for _ in range(3):
        steps = rng.randint(4, 14)
        neuron = random_neuron(rng, steps)
        bench = CoreBench(params, words, live=rng.randint(1, lanes), seed=words, stall=0.3, **neuron)
        writes = bench.record(bench.dut.memory.a_write)
        weights = bench.record(bench.dut.memory.w_read)
        due = run_image(bench, steps, rng)
        assert bench.out.taken == due, neuron
        assert bench.state() == bench.expected(), neuron
        count = bench.reference.count
        assert sum(writes) == count[Counter.ACC_WRITES], neuron
        assert sum(weights) == count[Counter.WEIGHT_READS], neuron
        assert bench.total("updates") == count[Counter.UPDATES]
        assert not any(bench.bad_rows)


@plain_and_banked
@pytest.mark.parametrize("words", [1, 2, 3, 4])
def test_a_spike_right_behind_the_sweep_finds_the_a_that_the_sweep_made(words, banked):
    """The first spike of a step waits at the door, so that it follows the sweep without a gap."""
    bench = CoreBench(
        chip(2, words, banked=banked, neuron="all"),
        words,
        decays=1,
        current=1,
        reset=Reset.NEVER,
        bias=1,
        bias_row=8,
        window_start=1,
        seed=words,
    )
    for _ in range(6):
        bench.spike(20, ahead=True)
        bench.tick()
        bench.take(20)
        bench.settle()
    assert bench.state() == bench.expected()


@plain_and_banked
@pytest.mark.parametrize("words", [1, 2, 3, 4])
def test_a_spike_right_behind_the_sweep_that_charges_finds_the_new_current(words, banked):
    """Store alone knows it: the spike waits, and no A from before comes back."""
    bench = CoreBench(
        chip(2, words, banked=banked, neuron="all"),
        words,
        charge=3,
        reset=Reset.SUBTRACT,
        window_start=4,
        seed=words,
    )
    for step in range(6):
        bench.spike(20, ahead=True)
        bench.tick()
        bench.take(20)
        bench.settle()
        assert bench.state() == bench.expected(), step


def test_a_bias_row_past_the_weight_memory_is_an_error_and_no_bias():
    params = chip(2, 4, neuron="all")
    bench = CoreBench(params, 4, decays=1, bias=1, bias_row=61, window_start=1, reset=Reset.NEVER)
    bench.step(2)  # registers are written long before an image begins
    bench.pulse(tick=1, first=1)
    bench.drive(parity=1, step=0)
    bench.settle()
    assert any(bench.bad_rows) and not bench.w_reads
