"""Pool: which fires of a group of four pass, when, and under which word."""

import random

import pytest
from support.bench import Bench, product
from yoso_hw.core.pool import Pool
from yoso_hw.params import ChipParams

PARAMS = ChipParams(lanes=4, neurons=64, weights=64, side=9)
WORDS = 16


class PoolBench(Bench):
    """Pool, and what it lets pass as (cycle, word, lanes)."""

    def __init__(self, params=PARAMS, pools=1):
        super().__init__(Pool(params))
        self.drive(pools=pools)
        self.passed = []
        self.each_cycle(self._watch)

    def _watch(self):
        if self.get(self.dut.passed_valid):
            fire = self.get(self.dut.passed)
            self.passed.append((self.cycle, fire["word"], fire["lanes"]))

    def word(self, word, lanes, marked=0):
        self.set(self.dut.fire, {"word": word, "lanes": lanes})
        self.pulse(valid=1, marked=marked)

    def sweep(self, members, gap=lambda: 0):
        """Words with (lanes that fire, lanes marked); what passes, as (word, lanes)."""
        self.pulse(start=1)
        before = len(self.passed)
        for word, (lanes, marked) in enumerate(members):
            self.word(word, lanes, marked)
            self.step(gap())
        self.step(2)
        return [each[1:] for each in self.passed[before:]]


def passing(members):
    """What must pass, as (word, lanes): a group speaks under its fourth member."""
    found = []
    for fourth in range(3, len(members), 4):
        fires = marked = 0
        for each in members[fourth - 3 : fourth + 1]:
            fires, marked = fires | each[0], marked | each[1]
        if fires & ~marked:
            found.append((fourth, fires & ~marked))
    return found


@pytest.mark.parametrize("case", product(fires=range(16), marked=range(16)))
def test_a_group_passes_once_if_members_fire_and_none_had_fired_before(case):
    """One to four members in one step, a later member after a pass, and each of them first."""
    bench = PoolBench()
    got = bench.sweep([(case["fires"] >> i & 1, case["marked"] >> i & 1) for i in range(4)])
    assert got == ([(3, 1)] if case["fires"] and not case["marked"] else [])


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
def test_each_lane_is_a_group_of_its_own_and_nothing_is_left_of_the_group_before(lanes):
    rng, bench = random.Random(lanes), PoolBench(ChipParams(lanes=lanes, neurons=512, weights=64, side=9))
    for _ in range(40):
        share = rng.random()
        members = [
            tuple(sum((rng.random() < share) << lane for lane in range(lanes)) for _ in range(2))
            for _ in range(WORDS)
        ]
        assert bench.sweep(members, gap=lambda: rng.choice([0, 0, 1, 3])) == passing(members)


def test_over_the_steps_of_an_image_each_group_passes_at_its_earliest_members_step_and_once():
    """Members are marked once they have fired, as store marks them: two filters of a word at two steps."""
    rng, bench = random.Random(3), PoolBench()
    at = [[rng.randrange(8) for _ in range(4)] for _ in range(WORDS)]  # 0 to 5: the step; later: never
    seen = {}
    for step in range(6):
        members = [
            tuple(sum(test(each, step) << lane for lane, each in enumerate(word)) for test in (equal, before))
            for word in at
        ]
        for word, lanes in bench.sweep(members):
            for lane in range(4):
                if lanes >> lane & 1:
                    assert (word, lane) not in seen
                    seen[word, lane] = step
    due = {
        (fourth, lane): min(word[lane] for word in at[fourth - 3 : fourth + 1])
        for fourth in range(3, WORDS, 4)
        for lane in range(4)
    }
    assert seen == {group: step for group, step in due.items() if step < 6} and len({*seen.values()}) > 2


def equal(at, step):
    return at == step


def before(at, step):
    return at < step


def test_without_marks_a_group_passes_in_every_step_in_which_a_member_fires():
    bench = PoolBench()
    for _ in range(3):
        assert bench.sweep([(0, 0), (2, 0), (3, 0), (0, 0)]) == [(3, 3)]


def test_what_passes_leaves_a_cycle_after_its_groups_fourth_word():
    bench = PoolBench()
    bench.pulse(start=1)
    for word in range(8):
        bench.word(word, 1)
    bench.step(3)
    assert bench.passed == [(1 + 3 + 1, 3, 1), (1 + 7 + 1, 7, 1)]


def test_where_the_pe_does_not_pool_each_word_passes_as_it_is():
    bench = PoolBench(pools=0)
    members = [(lanes, 15 - lanes) for lanes in (1, 0, 15, 6, 9)]
    assert bench.sweep(members) == [(word, lanes) for word, (lanes, _) in enumerate(members) if lanes]
    assert [cycle for cycle, *_ in bench.passed] == [2, 4, 5, 6]


def test_a_sweep_begins_with_a_groups_first_member_whatever_was_left_of_the_last_one():
    """Of a number of words that is no multiple of four, which is no mapping's."""
    bench = PoolBench()
    bench.sweep([(1, 8), (2, 4)])
    assert bench.sweep([(0, 0), (4, 0), (8, 0), (0, 0)]) == [(3, 12)]


def test_nothing_is_taken_that_is_not_valid():
    bench = PoolBench()
    bench.pulse(start=1)
    bench.word(0, 0)
    bench.set(bench.dut.fire, {"word": 1, "lanes": 15})
    bench.drive(marked=15)
    bench.step(5)
    for word in (1, 2, 3):
        bench.word(word, 2)
    bench.step(3)
    assert [each[1:] for each in bench.passed] == [(3, 2)]
