"""Stream FIFO: order, capacity, latency and throughput, against a list."""

import random

import pytest
from support.bench import Bench, held, sent_and_received
from yoso_hw.fifo import DeepFIFO, Pair, StreamFIFO

STALLS = [(0.0, 0.0), (0.0, 0.7), (0.7, 0.0), (0.5, 0.5)]


def bench_of(width, depth, stalls=(0.0, 0.0), seed=0):
    bench = Bench(StreamFIFO(width, depth), seed=seed)
    return bench, bench.source(bench.dut.i, stall=stalls[0]), bench.sink(bench.dut.o, stall=stalls[1])


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize(("width", "depth"), [(1, 2), (8, 3), (33, 4), (5, 64)])
def test_what_goes_in_comes_out_once_and_in_order(width, depth, stalls):
    rng = random.Random(depth)
    words = [rng.getrandbits(width) for _ in range(80)]
    _, source, sink = bench_of(width, depth, stalls)
    assert sent_and_received(source, sink, words) == words


@pytest.mark.parametrize("depth", [2, 3, 5, 64])
def test_it_holds_as_many_words_as_it_is_deep_and_then_waits(depth):
    bench, source, sink = bench_of(8, depth)
    sink.stall = 1.0
    source.put(*range(depth + 3))
    bench.step(depth + 10)
    assert len(source.sent) == depth and bench.get(bench.dut.i.ready) == 0
    sink.stall = 0.0
    bench.step(depth + 10)
    assert sink.taken == list(range(depth + 3))


@pytest.mark.parametrize("depth", [2, 3])
def test_a_word_comes_out_the_cycle_after_it_went_in_and_one_follows_every_cycle(depth):
    bench, source, sink = bench_of(8, depth)
    source.put(*range(20))
    bench.step(25)
    assert sink.cycles == [cycle + 1 for cycle in source.sent] == list(range(1, 21))


def test_neither_side_sees_the_other_in_the_same_cycle():
    bench = Bench(StreamFIFO(8, 2))
    for valid in (0, 1):
        bench.set(bench.dut.i.valid, valid)
        assert bench.get(bench.dut.o.valid) == 0
    bench.step(2)  # full
    for ready in (0, 1):
        bench.set(bench.dut.o.ready, ready)
        assert bench.get(bench.dut.i.ready) == 0


# ---- the one that words pass by ---------------------------------------------------------------------------


def through_bench(depth, stalls=(0.0, 0.0), seed=0):
    bench = Bench(StreamFIFO(8, depth, through=True), seed=seed)
    return bench, bench.source(bench.dut.i, stall=stalls[0]), bench.sink(bench.dut.o, stall=stalls[1])


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_whether_words_pass_it_by_or_wait_they_come_out_once_and_in_order(depth, stalls):
    words = random.Random(depth).choices(range(256), k=200)
    _, source, sink = through_bench(depth, stalls, seed=depth)
    assert sent_and_received(source, sink, words) == words


def test_a_word_that_finds_it_empty_comes_out_in_the_same_cycle_and_is_not_held():
    bench, source, sink = through_bench(2)
    source.put(*range(20))
    bench.step(20)
    assert sink.cycles == source.sent == [*range(20)] and sink.taken == [*range(20)]
    sink.stall = 1.0  # nothing is in it: it takes as many as ever
    source.put(*range(20, 25))
    bench.step(10)
    assert len(source.sent) == 22 and bench.get(bench.dut.i.ready) == 0
    sink.stall = 0.0
    bench.step(10)
    assert sink.taken == [*range(25)]


def test_a_word_that_waited_goes_before_one_that_comes_in():
    bench, source, sink = through_bench(4)
    sink.stall = 1.0
    source.put(1)
    bench.step(2)
    sink.stall = 0.0
    source.put(2, 3)
    bench.step()
    assert sink.taken == [1] and len(source.sent) == 2
    bench.step(2)
    assert sink.taken == [1, 2, 3]


def test_it_says_whether_it_has_room_without_a_look_at_who_takes():
    bench = Bench(StreamFIFO(8, 2, through=True))
    bench.set(bench.dut.i.valid, 1)
    bench.step(2)  # full
    for ready in (0, 1):
        bench.set(bench.dut.o.ready, ready)
        assert bench.get(bench.dut.i.ready) == 0


# ---- the pair --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stalls", STALLS)
def test_a_pair_is_cycle_by_cycle_a_fifo_of_two_words(stalls):
    """With the same words, and the same stalls of both sides."""
    words = random.Random(2).choices(range(512), k=200)
    runs = []
    for dut in (Pair(9), StreamFIFO(9, 2)):
        bench = Bench(dut, seed=5)
        source = bench.source(dut.i, *words, stall=stalls[0])
        sink = bench.sink(dut.o, stall=stalls[1])
        rooms = [bench.record(value) for value in (dut.i.ready, dut.o.valid)]
        bench.run(lambda sink=sink: len(sink.taken) == len(words))
        assert sink.taken == words
        runs.append((source.sent, sink.cycles, rooms))
    assert runs[0] == runs[1]


# ---- the deep one ----------------------------------------------------------------------------------------


def deep_bench(width, depth, stalls=(0.0, 0.0)):
    bench = Bench(DeepFIFO(width, depth), seed=depth)
    return bench, bench.source(bench.dut.i, stall=stalls[0]), bench.sink(bench.dut.o, stall=stalls[1])


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("depth", [2, 4, 64])
def test_what_goes_into_the_deep_one_comes_out_once_and_in_order(depth, stalls):
    rng = random.Random(depth)
    words = [rng.getrandbits(9) for _ in range(200)]
    _, source, sink = deep_bench(9, depth, stalls)
    assert sent_and_received(source, sink, words) == words


@pytest.mark.parametrize(("depth", "held"), [(2, 2), (3, 4), (64, 64)])
def test_the_deep_one_holds_a_power_of_two_and_says_when_it_is_empty(depth, held):
    bench, source, sink = deep_bench(8, depth)
    assert bench.get(bench.dut.empty)
    sink.stall = 1.0
    source.put(*range(held + 3))
    bench.step()
    assert not bench.get(bench.dut.empty) and not bench.get(bench.dut.o.valid)
    bench.step(held + 10)
    assert len(source.sent) == held and bench.get(bench.dut.i.ready) == 0
    sink.stall = 0.0
    bench.step(held + 15)
    assert sink.taken == list(range(held + 3)) and bench.get(bench.dut.empty)


def test_a_word_comes_out_of_the_deep_one_two_cycles_after_it_went_in_and_one_follows_every_cycle():
    bench, source, sink = deep_bench(8, 16)
    source.put(*range(20))
    bench.step(25)
    assert sink.cycles == [cycle + 2 for cycle in source.sent] == list(range(2, 22))


QUEUES = {
    "StreamFIFO": lambda: StreamFIFO(8, 4),
    "through": lambda: StreamFIFO(8, 4, through=True),
    "Pair": lambda: Pair(8),
    "DeepFIFO": lambda: DeepFIFO(8, 4),
}


@pytest.mark.parametrize("kind", QUEUES)
def test_what_waits_in_a_queue_stays_as_it_is_while_more_comes(kind):
    bench = Bench(QUEUES[kind](), seed=1)
    bench.source(bench.dut.i, *range(20, 32), stall=0.9)
    sink = bench.sink(bench.dut.o)
    assert [held(sink) for _ in range(12)] == list(range(20, 32))
