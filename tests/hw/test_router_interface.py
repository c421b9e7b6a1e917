"""Router interface: what the router delivers goes where it belongs, what the PE sends is merged."""

import random

import pytest
from support.bench import Bench, held
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.router_interface import RouterInterface

PARAMS = ChipParams()
BUS = ChipParams(router="bus")
PACKETS = Packets(PARAMS)
by_router = pytest.mark.parametrize(("params", "pace"), [(PARAMS, 1), (BUS, 2)], ids=["crossbar", "bus"])
HERE = {"x0": 1, "x1": 1, "y0": 2, "y1": 2}


def spike(tag, row, parity=0):
    return PACKETS.pack("SPIKE", **HERE, tag=tag, parity=parity, row=row)


def bench_of(params=PARAMS, *, stall=0.0, seed=0, tag=2, enabled=1):
    bench = Bench(RouterInterface(params), seed=seed)
    bench.drive(x=1, y=2, tag=tag, enabled=enabled)
    dut = bench.dut
    ends = {name: bench.source(getattr(dut, name), stall=stall) for name in ("from_router", "reply", "send")}
    ends |= {name: bench.sink(getattr(dut, name), stall=stall) for name in ("to_router", "spike", "packet")}
    return bench, ends


def memory_packets(rng, count):
    seek = [PACKETS.pack("SEEK", **HERE, memory=rng.randrange(6), address=rng.getrandbits(8)) for _ in "ab"]
    write = [PACKETS.pack("WRITE", **HERE, data=rng.getrandbits(16)) for _ in "ab"]
    return [rng.choice([*seek, *write, PACKETS.pack("READ", **HERE)]) for _ in range(count)]


@pytest.mark.parametrize("params", [PARAMS, BUS], ids=["crossbar", "bus"])
@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_spikes_of_its_layer_and_memory_packets_are_sorted_in_order(stall, params):
    rng = random.Random(3)
    packets = memory_packets(rng, 25)
    spikes = [(rng.choice([1, 2, 2, 2, 2, 6]), rng.getrandbits(12), rng.getrandbits(1)) for _ in range(40)]
    flits = [*packets, *(spike(tag, row, parity) for tag, row, parity in spikes)]
    rng.shuffle(flits)
    bench, ends = bench_of(params, stall=stall)
    ends["spike"].stall = 1.5 * stall  # a slow core: the FIFO fills up
    ends["from_router"].put(*flits)
    bench.run(lambda: not ends["from_router"].queue)
    bench.step(150)
    fields = [PACKETS.unpack(flit) for flit in flits]
    assert ends["packet"].taken == [
        f for f, each in zip(flits, fields, strict=True) if each["name"] != "SPIKE"
    ]
    assert ends["spike"].taken == [
        {"row": each["row"], "parity": each["parity"]}
        for each in fields
        if each["name"] == "SPIKE" and each["tag"] == 2
    ]


def test_with_convolution_a_spike_brings_its_row_and_column_to_the_core():
    params = ChipParams(side=35)
    packets, rng = Packets(params), random.Random(4)
    spikes = [
        {"row": rng.getrandbits(12), "r": rng.getrandbits(6), "q": rng.getrandbits(6), "parity": i & 1}
        for i in range(20)
    ]
    bench, ends = bench_of(params, stall=0.3)
    ends["from_router"].put(*(packets.pack("SPIKE", **HERE, tag=2, **each) for each in spikes))
    bench.run(lambda: len(ends["spike"].taken) == 20)
    assert ends["spike"].taken == spikes


def test_with_convolution_a_spike_that_finds_the_fifo_empty_is_at_the_core_a_cycle_sooner():
    params = ChipParams(side=35)
    bench, ends = bench_of(params)
    flits = [Packets(params).pack("SPIKE", **HERE, tag=2, row=row, r=3, q=4, parity=0) for row in range(20)]
    ends["from_router"].put(*flits[:10])
    bench.step(12)
    assert ends["spike"].cycles == [*range(1, 11)] and bench.get(bench.dut.idle) == 1
    ends["spike"].stall = 1.0
    ends["from_router"].put(*flits[10:])
    bench.step(12)
    assert len(ends["from_router"].sent) == 10 + 1 + params.spike_fifo and bench.get(bench.dut.idle) == 0
    ends["spike"].stall = 0.0
    bench.step(12)
    assert [each["row"] for each in ends["spike"].taken] == [*range(20)] and bench.get(bench.dut.idle) == 1


@by_router
@pytest.mark.parametrize("setup", [{"tag": 1}, {"tag": 2, "enabled": 0}])
def test_spikes_of_another_layer_are_dropped_at_once_even_while_the_core_is_busy(setup, params, pace):
    bench, ends = bench_of(params, **setup)
    ends["spike"].stall = 1.0
    ends["from_router"].put(*(spike(2, row) for row in range(20)))
    bench.step(20 * pace)
    assert len(ends["from_router"].sent) == 20 and bench.get(bench.dut.spike.valid) == 0


@by_router
def test_a_spike_that_waits_makes_it_busy_and_register_and_fifo_hold_what_they_should(params, pace):
    bench, ends = bench_of(params)
    ends["spike"].stall = 1.0
    ends["from_router"].put(*(spike(2, row) for row in range(10)))
    assert bench.get(bench.dut.idle) == 1
    bench.step(10 * pace)
    assert len(ends["from_router"].sent) == 1 + PARAMS.spike_fifo and bench.get(bench.dut.idle) == 0
    ends["spike"].stall = 0.0
    bench.step(1 + 10 * pace)
    assert [each["row"] for each in ends["spike"].taken] == list(range(10)) and bench.get(bench.dut.idle) == 1


@by_router
def test_spikes_pass_one_a_cycle_or_with_a_bus_one_every_other(params, pace):
    bench, ends = bench_of(params)
    ends["from_router"].put(*(spike(2, row) for row in range(20)))
    bench.step(3 + 20 * pace)
    assert ends["spike"].cycles == list(range(2, 2 + 20 * pace, pace))


@pytest.mark.parametrize("params", [PARAMS, BUS], ids=["crossbar", "bus"])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_answers_carry_the_nodes_place_and_nothing_sent_is_lost(stall, params):
    rng = random.Random(4)
    replies = [rng.getrandbits(16) for _ in range(15)]
    sent = [spike(1, row) for row in range(15)]
    bench, ends = bench_of(params, stall=stall, seed=9)
    ends["reply"].put(*replies)
    ends["send"].put(*sent)
    bench.run(lambda: len(ends["to_router"].taken) == 30)
    got = ends["to_router"].taken
    assert [flit for flit in got if PACKETS.unpack(flit)["name"] == "SPIKE"] == sent
    assert [PACKETS.unpack(flit) for flit in got if PACKETS.unpack(flit)["name"] == "REPLY"] == [
        {"name": "REPLY", "kind": 4, "x": 1, "y": 2, "data": data} for data in replies
    ]


@by_router
def test_answers_go_before_spikes(params, pace):
    bench, ends = bench_of(params)
    ends["reply"].put(1, 2, 3)
    ends["send"].put(spike(1, 0))
    bench.step(1 + 4 * pace)
    assert [PACKETS.unpack(flit)["name"] for flit in ends["to_router"].taken] == ["REPLY"] * 3 + ["SPIKE"]


@by_router
def test_what_waits_on_either_way_stays_as_it_is(params, pace):
    """A reply does not overtake a spike that is offered already, and what comes in does not touch it."""
    bench, ends = bench_of(params)
    ends["to_router"].stall = ends["spike"].stall = 1.0
    sent = [spike(1, row) for row in (3, 4)]
    ends["send"].put(*sent)
    bench.step(3)
    ends["reply"].put(7)
    ends["from_router"].put(*(spike(2, row, row & 1) for row in (8, 9)))
    reply = PACKETS.pack("REPLY", x=1, y=2, data=7)
    assert [held(ends["to_router"]) for _ in range(3)] == [sent[0], reply, sent[1]]
    assert [held(ends["spike"]) for _ in range(2)] == [{"row": row, "parity": row & 1} for row in (8, 9)]
    ends["packet"].stall = 1.0
    ends["from_router"].put(PACKETS.pack("READ", **HERE), spike(2, 1))
    assert held(ends["packet"]) == PACKETS.pack("READ", **HERE)


def test_without_multicast_a_spike_leaves_as_one_flit_a_node():
    params = ChipParams(multicast=False)
    bench, ends = bench_of(params, stall=0.3)
    wide = {"x0": 0, "x1": 1, "y0": 1, "y1": 2}
    ends["send"].put(PACKETS.pack("SPIKE", **wide, tag=1, parity=1, row=9))
    bench.run(lambda: len(ends["to_router"].taken) == 4)
    bench.step(10)
    assert ends["to_router"].taken == [
        PACKETS.pack("SPIKE", x0=x, x1=x, y0=y, y1=y, tag=1, parity=1, row=9) for y in (1, 2) for x in (0, 1)
    ]
    assert bench.get(bench.dut.idle) == 1
