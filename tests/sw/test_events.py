"""Spikes as events: the two forms, one step an axon and (step, axon) pairs, say the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yoso_sw.network.events import NEVER, Events, EventsError

BY_HAND = np.array([[3, NEVER, 0, 3], [NEVER, NEVER, NEVER, NEVER], [NEVER, 7, NEVER, NEVER]], np.int16)

matrices = st.tuples(st.integers(0, 5), st.integers(0, 6)).flatmap(
    lambda shape: st.lists(
        st.one_of(st.integers(0, 9), st.just(NEVER)),
        min_size=shape[0] * shape[1],
        max_size=shape[0] * shape[1],
    ).map(lambda values: np.array(values, np.int16).reshape(shape))
)
spikes = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 8), st.integers(0, 4)), max_size=30)


def of_set(pairs, images=4, axons=5):
    image, step, axon = np.array([*pairs], np.int64).reshape(-1, 3).T
    return Events.of_pairs(image, step, axon, images, axons)


def test_steps_become_pairs_by_step_and_then_by_axon():
    events = Events.of_steps(BY_HAND)
    ends, step, axon = events.pairs
    assert (ends.tolist(), step.tolist(), axon.tolist()) == ([0, 3, 3, 4], [0, 3, 3, 7], [2, 0, 3, 1])
    assert events.image.tolist() == [0, 0, 0, 2]
    assert (step.dtype, axon.dtype, len(events), events.axons) == (np.int16, np.int32, 3, 4)


def test_several_spikes_of_an_axon_in_consecutive_steps_are_kept():
    events = of_set({(0, 2, 1), (0, 3, 1), (0, 3, 0)}, images=1, axons=2)
    assert list(zip(events.step.tolist(), events.axon.tolist(), strict=True)) == [(2, 1), (3, 0), (3, 1)]
    assert events.counts.tolist() == [[1, 2]]
    with pytest.raises(EventsError, match="image 0, axon 1 spikes more than once"):
        _ = events.steps


@given(matrices)
def test_steps_survive_the_way_through_pairs(steps):
    through = Events(*Events.of_steps(steps).pairs, steps.shape[1])
    np.testing.assert_array_equal(through.steps, steps)
    assert through == Events.of_steps(steps)
    assert through.counts.tolist() == (steps != NEVER).astype(int).tolist()
    assert through.per_image.tolist() == Events.of_steps(steps).per_image.tolist()


@given(spikes, st.randoms())
def test_pairs_come_out_sorted_whatever_order_they_came_in(pairs, random):
    mixed = sorted(pairs)
    random.shuffle(mixed)
    events = of_set(mixed)
    found = list(zip(events.image.tolist(), events.step.tolist(), events.axon.tolist(), strict=True))
    assert found == sorted(pairs) and events.total == len(pairs)


@given(spikes, st.integers(0, 4), st.integers(0, 4))
def test_some_images_have_their_own_spikes_alone(pairs, first, stop):
    part = of_set(pairs)[first:stop]
    own = {(b - first, t, i) for b, t, i in pairs if first <= b < stop}
    assert len(part) == max(0, stop - first)
    assert {*zip(part.image.tolist(), part.step.tolist(), part.axon.tolist(), strict=True)} == own


def test_one_image_is_a_set_of_one_image():
    for events in (Events.of_steps(BY_HAND), Events(*Events.of_steps(BY_HAND).pairs, 4)):
        assert len(events[2]) == 1 and events[2].step.tolist() == [7]
        assert [one.total for one in events] == [3, 0, 1]
        with pytest.raises(IndexError, match=r"image 3 is outside 0\.\.2"):
            events[3]


def test_sets_are_equal_if_images_axons_and_spikes_are():
    events = Events.of_steps(BY_HAND)
    later = BY_HAND.copy()
    later[2, 1] = 8
    assert events == Events.of_steps(BY_HAND.copy())
    assert events != Events.of_steps(later)
    assert (events.unlike(events), events.unlike(Events.of_steps(later))) == (0, 2)
    assert events != Events.of_steps(np.pad(BY_HAND, ((0, 1), (0, 0)), constant_values=NEVER))
    assert events != Events.of_steps(np.pad(BY_HAND, ((0, 0), (0, 1)), constant_values=NEVER))
    assert Events.none(3, 4) == of_set((), images=3, axons=4) and Events.none(0, 4).total == 0


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ([(0, 1, 2), (3, 1, 0)], r"spike 1: image 3 is outside 0\.\.2"),
        ([(0, NEVER, 2)], rf"spike 0: step {NEVER} is outside 0\.\.{NEVER - 1}"),
        ([(0, -1, 2)], r"spike 0: step -1 is outside"),
        ([(0, 1, 4)], r"spike 0: axon 4 is outside 0\.\.3"),
        ([(1, 5, 2), (1, 4, 2), (1, 5, 2)], "image 1, axon 2 spikes twice in step 5"),
    ],
)
def test_what_no_image_can_hold_is_refused_by_name(pairs, says):
    with pytest.raises(EventsError, match=says):
        of_set(pairs, images=3, axons=4)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        (np.zeros(4, np.int16), r"int16 of shape \(4,\), not int16 \(images, axons\)"),
        (np.zeros((2, 4), np.int64), "steps are int64"),
        (np.array([[0, 3], [NEVER, -2]], np.int16), "image 1, axon 1: step -2 is negative"),
    ],
)
def test_steps_that_are_none_are_refused_by_name(steps, says):
    with pytest.raises(EventsError, match=says):
        Events.of_steps(steps)


def test_the_first_and_the_latest_spike_are_the_same_of_either_form():
    several = of_set([(0, 3, 1), (0, 5, 1), (0, 2, 0), (1, 7, 1)], images=3, axons=3)
    assert several.first.tolist() == [[2, 3, NEVER], [NEVER, 7, NEVER], [NEVER] * 3]
    assert several.latest == 7 and of_set([], images=2, axons=3).latest == -1
    once = Events.of_steps(BY_HAND)
    again = Events(*once.pairs, once.axons)
    assert once.latest == again.latest and Events.none(2, 3).latest == -1
    np.testing.assert_array_equal(once.first, BY_HAND)
    np.testing.assert_array_equal(again.first, BY_HAND)


def test_parts_are_joined_in_order_whatever_their_form():
    whole = of_set([(0, 3, 1), (0, 5, 1), (2, 2, 0), (3, 7, 1), (3, 8, 2)], images=5, axons=3)
    assert Events.joined([whole[:1], whole[1:1], whole[1:4], whole[4:]]) == whole
    once = Events.of_steps(BY_HAND)
    assert Events.joined([once[:1], once[1:]]) == once
    assert Events.joined([Events(*once[:1].pairs, once.axons), once[1:]]) == once


def test_a_record_of_who_spikes_when_has_the_same_spikes():
    rng = np.random.default_rng(3)
    record = rng.random((6, 9, 5)) < 0.3
    record[2] = False
    due = Events.of_pairs(*np.nonzero(record), 6, 5)
    assert Events.of_record(record) == due and Events.of_record(record[:0]).total == 0
    assert Events.of_record(record[:, :, 1:4]) == Events.of_pairs(*np.nonzero(record[:, :, 1:4]), 6, 3)
