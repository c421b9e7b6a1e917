"""Router: X-Y routes, multicast trees, order, fairness and throughput, alone and in a mesh of routers."""

import random

import pytest
from support.bench import Bench
from support.fabric import Traffic, nodes, rectangles
from yoso_hw.packet import Packets
from yoso_hw.params import ROUTERS, ChipParams
from yoso_hw.router import INPUTS_OF, Port, Router
from yoso_hw.router.bus import Arbiter
from yoso_hw.router.crossbar import RoundRobin

PARAMS = ChipParams(cols=3, rows=3)
PACKETS = Packets(PARAMS)
KINDS = {kind: ChipParams(cols=3, rows=3, router=kind) for kind in ROUTERS}
KINDS["convolution"] = ChipParams(cols=3, rows=3, side=5)  # its queues are pairs of registers
CROSSBAR, BUS, CONVOLUTION = KINDS["crossbar"], KINDS["bus"], KINDS["convolution"]

by_kind = pytest.mark.parametrize("params", KINDS.values(), ids=KINDS)


def spike(rectangle, row=0):
    x0, x1, y0, y1 = rectangle
    return PACKETS.pack("SPIKE", x0=x0, x1=x1, y0=y0, y1=y1, tag=1, parity=0, row=row)


def router_at(x, y, params, *, stall=0.0):
    bench = Bench(Router(params), seed=x + y)
    bench.drive(x=x, y=y)
    inputs = {port: bench.source(bench.dut.input(port)) for port in Port}
    outputs = {port: bench.sink(bench.dut.output(port), stall=stall) for port in Port}
    return bench, inputs, outputs


# ---- arbiters --------------------------------------------------------------------------------------------


def test_round_robin_serves_all_who_ask_in_turn():
    bench = Bench(RoundRobin(5))
    bench.drive(requests=0b11111, taken=1)
    grants = bench.record(bench.dut.grant)
    bench.step(15)
    assert grants == [1, 2, 4, 8, 16] * 3


def test_round_robin_grants_one_of_those_who_ask_and_nobody_waits_longer_than_a_turn():
    rng, bench, waits = random.Random(2), Bench(RoundRobin(4)), [0] * 4
    for _ in range(300):
        requests = rng.getrandbits(4) | sum(1 << i for i in range(4) if waits[i])
        taken = rng.getrandbits(1)
        bench.drive(requests=requests, taken=taken)
        grant = bench.get(bench.dut.grant)
        assert grant.bit_count() == (requests != 0) and grant & ~requests == 0
        for i in range(4):
            asks, served = requests >> i & 1, grant >> i & taken
            waits[i] = 0 if served or not asks else waits[i] + taken
        assert max(waits) < 4
        bench.step()


def test_round_robin_of_one_grants_whenever_asked():
    bench = Bench(RoundRobin(1))
    for requests in (0, 1, 1, 0, 1):
        bench.drive(requests=requests, taken=1)
        assert bench.get(bench.dut.grant) == requests
        bench.step()


def test_the_arbiter_serves_all_who_ask_in_turn():
    bench = Bench(Arbiter(5))
    bench.drive(requests=0b11111)
    grants = bench.record(bench.dut.grant)
    bench.step(15)
    assert grants == [1, 2, 4, 8, 16] * 3


def test_the_arbiter_grants_one_of_those_who_ask_the_one_served_longest_ago():
    rng, bench, last = random.Random(2), Bench(Arbiter(4)), [-4, -3, -2, -1]
    for cycle in range(300):
        requests = rng.getrandbits(4)
        bench.drive(requests=requests)
        asking = [i for i in range(4) if requests >> i & 1]
        longest = min(asking, key=lambda i: last[i], default=None)
        assert bench.get(bench.dut.grant) == (0 if longest is None else 1 << longest)
        if longest is not None:
            last[longest] = cycle
        bench.step()


def test_an_arbiter_of_one_grants_whenever_asked():
    bench = Bench(Arbiter(1))
    for requests in (0, 1, 1, 0, 1):
        bench.drive(requests=requests)
        assert bench.get(bench.dut.grant) == requests
        bench.step()


# ---- one router ------------------------------------------------------------------------------------------


def branches(port, at, rectangle):
    """Where a flit that came in at `port` goes: along x first, up and down in the rectangle's columns."""
    (x, y), (x0, x1, y0, y1) = at, rectangle
    vertical = port in (Port.NORTH, Port.SOUTH)
    column = vertical or x0 <= x <= x1
    wants = {
        Port.LOCAL: column and y0 <= y <= y1,
        Port.EAST: not vertical and x1 > x,
        Port.WEST: not vertical and x0 < x,
        Port.NORTH: column and y1 > y,
        Port.SOUTH: column and y0 < y,
    }
    return {out for out, want in wants.items() if want and (out is not port or out is Port.LOCAL)}


@pytest.mark.parametrize("port", Port)
@by_kind
def test_a_flit_takes_each_branch_of_its_tree_once(port, params):
    """From the middle node, for every rectangle that can have sent a flit in at that port."""
    bench, inputs, outputs = router_at(1, 1, params)
    side = {
        Port.EAST: lambda r: r[0] <= 1,  # it goes west, so some column is here or to the west
        Port.WEST: lambda r: r[1] >= 1,
        Port.NORTH: lambda r: r[0] <= 1 <= r[1] and r[2] <= 1,
        Port.SOUTH: lambda r: r[0] <= 1 <= r[1] and r[3] >= 1,
        Port.LOCAL: lambda r: True,
    }[port]
    for rectangle in filter(side, rectangles(PARAMS)):
        for sink in outputs.values():
            sink.taken.clear()
        inputs[port].put(spike(rectangle))
        bench.step(4)
        got = {out: sink.taken for out, sink in outputs.items() if sink.taken}
        assert got == {out: [spike(rectangle)] for out in branches(port, (1, 1), rectangle)}


@pytest.mark.parametrize(
    ("at", "port", "out"),
    [
        ((2, 1), Port.LOCAL, Port.WEST),
        ((1, 2), Port.EAST, Port.WEST),
        ((0, 2), Port.EAST, Port.SOUTH),
        ((0, 2), Port.LOCAL, Port.SOUTH),
        ((0, 1), Port.NORTH, Port.SOUTH),
        ((0, 0), Port.NORTH, Port.WEST),
        ((0, 0), Port.EAST, Port.WEST),
        ((0, 0), Port.LOCAL, Port.WEST),
    ],
)
@by_kind
def test_flits_to_the_host_go_west_then_south_and_out(at, port, out, params):
    bench, inputs, outputs = router_at(*at, params)
    flits = [
        PACKETS.pack("REPLY", x=2, y=2, data=0xABCD),
        PACKETS.pack("RESULT", index=3, potential=-1),
        PACKETS.pack("RESULT", index=0, potential=0),
    ]
    inputs[port].put(*flits)
    bench.step(8)
    assert {o: sink.taken for o, sink in outputs.items() if sink.taken} == {out: flits}


def test_with_a_crossbar_a_lone_flit_takes_one_cycle_and_each_port_streams_one_a_cycle():
    bench, inputs, outputs = router_at(1, 1, CROSSBAR)
    inputs[Port.WEST].put(*(spike((2, 2, 1, 1), row) for row in range(20)))
    inputs[Port.NORTH].put(*(spike((1, 1, 0, 0), row) for row in range(20)))
    bench.step(30)
    for port, out in ((Port.WEST, Port.EAST), (Port.NORTH, Port.SOUTH)):
        assert outputs[out].cycles == [cycle + 1 for cycle in inputs[port].sent] == list(range(1, 21))


def test_with_a_bus_a_lone_flit_takes_one_cycle_and_an_input_takes_a_flit_every_other_cycle():
    bench, inputs, outputs = router_at(1, 1, BUS)
    inputs[Port.WEST].put(*(spike((2, 2, 1, 1), row) for row in range(10)))
    bench.step(30)
    assert outputs[Port.EAST].cycles == [cycle + 1 for cycle in inputs[Port.WEST].sent]
    assert inputs[Port.WEST].sent == list(range(0, 20, 2))


def test_with_a_bus_the_inputs_share_one_flit_a_cycle():
    bench, inputs, outputs = router_at(1, 1, BUS)
    inputs[Port.WEST].put(*(spike((2, 2, 1, 1), row) for row in range(10)))
    inputs[Port.NORTH].put(*(spike((1, 1, 0, 0), row) for row in range(10)))
    bench.step(30)
    east, south = outputs[Port.EAST].cycles, outputs[Port.SOUTH].cycles
    assert sorted(east + south) == list(range(1, 21)) and len(east) == len(south) == 10


@by_kind
def test_a_branch_that_is_blocked_holds_up_no_other_branch_and_gets_one_copy(params):
    bench, inputs, outputs = router_at(1, 1, params)
    outputs[Port.NORTH].stall = 1.0
    inputs[Port.LOCAL].put(spike((0, 2, 0, 2), 7))
    bench.step(10)
    others = [Port.LOCAL, Port.EAST, Port.WEST, Port.SOUTH]
    assert [len(outputs[port].taken) for port in others] == [1, 1, 1, 1] and not outputs[Port.NORTH].taken
    assert bench.get(bench.dut.empty) == 0
    outputs[Port.NORTH].stall = 0.0
    bench.step(3)
    assert [len(sink.taken) for sink in outputs.values()] == [1] * 5 and bench.get(bench.dut.empty) == 1


@by_kind
def test_an_output_is_shared_fairly_by_the_inputs_that_want_it(params):
    bench, inputs, outputs = router_at(1, 1, params)
    for number, port in enumerate(INPUTS_OF[Port.LOCAL]):
        inputs[port].put(*(spike((1, 1, 1, 1), number) for _ in range(20)))
    bench.step(52)
    rows = [PACKETS.unpack(flit)["row"] for flit in outputs[Port.LOCAL].taken]
    assert len(rows) >= 50 and [rows.count(number) for number in range(5)] == [
        len(rows[i::5]) for i in range(5)
    ]


@pytest.mark.parametrize("out", [Port.LOCAL, Port.NORTH])
def test_with_a_crossbar_a_flit_does_not_change_while_it_waits(out):
    """The rule of streams: what is offered stays until it is taken, whoever else comes to want the output."""
    bench, inputs, outputs = router_at(1, 1, CROSSBAR, stall=0.7)
    payloads, valids = bench.record(bench.dut.output(out).payload), bench.record(bench.dut.output(out).valid)
    rectangle = (1, 1, 1, 1) if out is Port.LOCAL else (1, 1, 2, 2)
    for number, port in enumerate(INPUTS_OF[out]):
        inputs[port].stall = 0.6
        inputs[port].put(*(spike(rectangle, number * 20 + k) for k in range(15)))
    bench.run(lambda: len(outputs[out].taken) == 15 * len(INPUTS_OF[out]))
    taken = set(outputs[out].cycles)
    for cycle in range(1, bench.cycle):
        if valids[cycle - 1] and cycle - 1 not in taken:
            assert valids[cycle] and payloads[cycle] == payloads[cycle - 1]


@pytest.mark.parametrize("out", [Port.LOCAL, Port.NORTH])
def test_with_a_bus_an_output_offers_a_flit_only_when_it_is_ready(out):
    """So no flit is seen to change while it waits, whoever else comes to want the output."""
    bench, inputs, outputs = router_at(1, 1, BUS, stall=0.7)
    valids, readies = bench.record(bench.dut.output(out).valid), bench.record(bench.dut.output(out).ready)
    rectangle = (1, 1, 1, 2)  # here and to the north: one branch waits while the other goes
    for number, port in enumerate(INPUTS_OF[out]):
        inputs[port].stall = 0.6
        inputs[port].put(*(spike(rectangle, number * 20 + k) for k in range(15)))
    bench.run(lambda: len(outputs[out].taken) == 15 * len(INPUTS_OF[out]))
    assert all(ready for valid, ready in zip(valids, readies, strict=True) if valid)
    assert 0 in readies


@by_kind
def test_a_full_router_stalls_its_inputs_and_loses_nothing(params):
    bench, inputs, outputs = router_at(1, 1, params)
    outputs[Port.LOCAL].stall = 1.0
    flits = [spike((1, 1, 1, 1), row) for row in range(6)]
    inputs[Port.WEST].put(*flits)
    bench.step(10)
    assert len(inputs[Port.WEST].sent) == (1 if params is BUS else params.link_fifo)
    outputs[Port.LOCAL].stall = 0.0
    bench.step(15)
    assert outputs[Port.LOCAL].taken == flits


# ---- a mesh of routers -----------------------------------------------------------------------------------


def in_order(spikes, arrived):
    """Spikes of one source reach each node in the order in which they were injected."""
    for numbers in arrived.values():
        for source in {source for source, _ in spikes}:
            own = [n for n in numbers if spikes[n][0] == source]
            if own != sorted(own):
                return False
    return True


@pytest.mark.parametrize("stall", [0.0, 0.4, 0.8])
@by_kind
def test_every_rectangle_from_every_node_gets_one_copy_a_node_in_order(stall, params):
    spikes = [(source, rectangle) for source in nodes(PARAMS) for rectangle in rectangles(PARAMS)]
    random.Random(4).shuffle(spikes)
    traffic = Traffic(params, spikes, stall=stall, seed=6)
    arrived = traffic.arrived()
    assert {node: sorted(numbers) for node, numbers in arrived.items()} == traffic.expected()
    assert in_order(spikes, arrived)


@pytest.mark.parametrize("kind", ROUTERS)
@pytest.mark.parametrize(("cols", "rows"), [(1, 1), (1, 3), (4, 1), (2, 2)])
def test_meshes_of_one_row_one_column_and_one_node(cols, rows, kind):
    params = ChipParams(cols=cols, rows=rows, router=kind)
    spikes = [(source, rectangle) for source in nodes(params) for rectangle in rectangles(params)] * 3
    traffic = Traffic(params, spikes, stall=0.3)
    arrived = traffic.arrived()
    assert {node: sorted(numbers) for node, numbers in arrived.items()} == traffic.expected()


@by_kind
def test_everybody_reaches_the_host_past_multicasts(params):
    rng = random.Random(8)
    spikes = [(rng.choice(nodes(PARAMS)), rng.choice(rectangles(PARAMS))) for _ in range(60)]
    traffic = Traffic(params, spikes, stall=0.3)
    traffic.exit.stall = 0.5
    due = []
    for number, (node, source) in enumerate(traffic.sources.items()):
        for k in range(4):
            flit = PACKETS.pack("REPLY", x=node[0], y=node[1], data=number * 4 + k)
            source.queue.insert(rng.randrange(len(source.queue) + 1), flit)
            due.append(flit)
    arrived = traffic.arrived()
    assert {node: sorted(numbers) for node, numbers in arrived.items()} == traffic.expected()
    traffic.bench.run(lambda: len(traffic.exit.taken) == len(due))
    assert sorted(traffic.exit.taken) == sorted(due)


@by_kind
def test_a_spike_to_the_whole_mesh_takes_a_hop_a_cycle(params):
    """From corner to corner: one cycle a router, nothing in the way."""
    traffic = Traffic(params, [((0, 0), (0, 2, 0, 2))])
    traffic.arrived()
    assert {node: sink.cycles for node, sink in traffic.sinks.items()} == {
        (x, y): [1 + x + y] for x, y in nodes(PARAMS)
    }


@pytest.mark.parametrize(("params", "pace"), [(CROSSBAR, 1), (BUS, 2), (CONVOLUTION, 1)])
def test_multicasts_from_a_corner_keep_the_pace_of_a_link(params, pace):
    traffic = Traffic(params, [((0, 0), (0, 2, 0, 2))] * 40)
    traffic.arrived()
    assert traffic.sinks[2, 2].cycles == list(range(5, 5 + 40 * pace, pace))
