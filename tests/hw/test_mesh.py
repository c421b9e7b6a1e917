"""Mesh: nodes joined to their neighbours, every one of them reached and heard, and its leaf told truly."""

import pytest
from support.bench import Bench
from yoso_hw.mesh import Mesh
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory, Register, pack_entry

SMALL = {"lanes": 1, "neurons": 4, "weights": 16, "layers": 4}
SIZES = [(1, 1), (3, 1), (2, 3)]
by_size = pytest.mark.parametrize(("cols", "rows"), SIZES)


class MeshBench(Bench):
    def __init__(self, cols, rows, **rest):
        params = ChipParams(cols=cols, rows=rows, **SMALL, **rest)
        super().__init__(Mesh(params))
        self.params, self.packets = params, Packets(params)
        self.into, self.out = self.source(self.dut.inject), self.sink(self.dut.exit)
        self.nodes = [(x, y) for y in range(rows) for x in range(cols)]

    def pack(self, name, x0, x1, y0, y1, **fields):
        return self.packets.pack(name, x0=x0, x1=x1, y0=y0, y1=y1, **fields)

    def write_register(self, rectangle, register, value):
        self.into.put(
            self.pack("SEEK", *rectangle, memory=Memory.REGISTER, address=register),
            self.pack("WRITE", *rectangle, data=value & 0xFFFF),
            self.pack("WRITE", *rectangle, data=value >> 16),
        )

    def read_register(self, x, y, register):
        before = len(self.out.taken)
        at = (x, x, y, y)
        self.into.put(
            self.pack("SEEK", *at, memory=Memory.REGISTER, address=register), self.pack("READ", *at)
        )
        self.run(lambda: len(self.out.taken) >= before + 2)
        low, high = (self.packets.unpack(flit) for flit in self.out.taken[before:])
        assert (low["x"], low["y"]) == (high["x"], high["y"]) == (x, y)
        return low["data"] | high["data"] << 16

    def tick(self, node=None, **kind):
        """A tick to one node, or to all."""
        ticks = [
            {"tick": int(node in (None, each)), "first": 0, "report": 0, **kind}
            for each in range(len(self.nodes))
        ]
        self.drive(ticks=ticks)
        self.step()
        self.drive(ticks=[{"tick": 0, "first": 0, "report": 0}] * len(self.nodes))

    def idle(self):
        return [leaf["idle"] for leaf in self.get(self.dut.leaves)]


@by_size
def test_every_node_is_written_alone_and_answers_with_its_own_place(cols, rows):
    bench = MeshBench(cols, rows)
    for number, (x, y) in enumerate(bench.nodes):
        bench.write_register((x, x, y, y), Register.THRESHOLD, 1000 + number)
    assert [bench.read_register(x, y, Register.THRESHOLD) for x, y in bench.nodes] == [
        1000 + number for number in range(cols * rows)
    ]


@by_size
def test_a_rectangle_is_written_at_once_and_no_node_outside_it(cols, rows):
    bench = MeshBench(cols, rows)
    bench.write_register((0, cols - 1, 0, rows - 1), Register.THRESHOLD, 0x5555)
    bench.write_register((0, cols - 1, rows - 1, rows - 1), Register.THRESHOLD, 0x777)
    assert [bench.read_register(x, y, Register.THRESHOLD) for x, y in bench.nodes] == [
        0x777 if y == rows - 1 else 0x5555 for _, y in bench.nodes
    ]


@by_size
def test_a_tick_turns_the_leaf_of_its_node_alone(cols, rows):
    bench = MeshBench(cols, rows)
    bench.step(2)
    assert bench.idle() == [0b01] * (cols * rows)
    for node in range(cols * rows):
        bench.tick(node)
        assert bench.idle()[node] == 0  # neither parity while the tick is on its way
        bench.step(3)
        assert bench.idle() == [0b10 if other <= node else 0b01 for other in range(cols * rows)]


@by_size
def test_a_leaf_is_not_idle_while_its_router_or_its_pe_holds_a_flit(cols, rows):
    bench = MeshBench(cols, rows)
    last = bench.nodes[-1]
    for x, y in bench.nodes:
        bench.write_register((x, x, y, y), Register.TAG, 1)
        bench.write_register((x, x, y, y), Register.WORDS, 1)
    bench.run(lambda: not bench.into.queue)
    bench.step(3 + cols + rows)
    assert bench.idle() == [0b01] * (cols * rows)
    # Of the parity to come: one router after another holds it, then the PE of the last node keeps it.
    x, y = last
    bench.into.put(bench.pack("SPIKE", x, x, y, y, tag=1, parity=1, row=0))
    busy = []
    for _ in range(8 + cols + rows):
        bench.step()
        busy.append([node for node, idle in zip(bench.nodes, bench.idle(), strict=True) if not idle])
    seen = busy[next(cycle for cycle, nodes in enumerate(busy) if nodes) :]
    route = [(column, 0) for column in range(cols)] + [(x, row) for row in range(1, rows)]
    assert seen == [[node] for node in route] + [[last]] * (len(seen) - len(route))


def test_an_error_shows_in_the_leaf_of_its_node():
    bench = MeshBench(2, 3)
    bench.into.put(
        bench.pack("SEEK", 1, 1, 2, 2, memory=7, address=0), bench.pack("WRITE", 1, 1, 2, 2, data=0)
    )
    bench.step(20)
    assert [leaf["error"] for leaf in bench.get(bench.dut.leaves)] == [0, 0, 0, 0, 0, 1]


def test_spikes_that_leave_a_core_are_traced_at_their_node_whether_or_not_anyone_takes_them():
    """Hidden PEs of node (1, 0) fire; their flits go to a tag that nobody has."""
    bench = MeshBench(2, 1)
    at = (1, 1, 0, 0)
    settings = {"TAG": 1, "WORDS": 2, "LAST_MASK": 1, "THRESHOLD": 5, "SLOPE": 9, "WINDOW_END": 9}
    for name, value in {**settings, "DESTINATION": 0b0000, "DESTINATION_TAG": 3}.items():
        bench.write_register(at, Register[name], value)
    for neuron, row in enumerate((7, 11)):
        bench.into.put(bench.pack("SEEK", *at, memory=Memory.SPIKE, address=neuron))
        bench.into.put(bench.pack("WRITE", *at, data=row))
    bench.run(lambda: not bench.into.queue)
    bench.step(20)
    seen = []

    def watch():
        bits = bench.packets.flit_bits
        for node in range(2):
            if bench.get(bench.dut.trace_valid) >> node & 1:
                seen.append((node, bench.get(bench.dut.trace_flit) >> node * bits & (1 << bits) - 1))

    bench.each_cycle(watch)
    bench.tick(first=1)
    bench.step(30)
    assert [(node, bench.packets.unpack(flit)["row"]) for node, flit in seen] == [(1, 7), (1, 11)]
    assert bench.idle() == [0b10, 0b10] and bench.out.taken == []


def test_neurons_that_fire_before_pooling_are_shown_at_their_node_and_their_group_alone_is_sent():
    bench = MeshBench(2, 1, side=3)
    at = (1, 1, 0, 0)
    settings = {"TAG": 1, "WORDS": 4, "LAST_MASK": 1, "THRESHOLD": 5, "SLOPE": 9, "WINDOW_END": 9}
    settings |= {"DESTINATION_TAG": 3, "FILTERS": 1, "PITCH": 2, "POOL": 1}
    for name, value in settings.items():
        bench.write_register(at, Register[name], value)
    bench.into.put(bench.pack("SEEK", *at, memory=Memory.SPIKE, address=3))
    entry = pack_entry(bench.params, Memory.SPIKE, row=11, r=2, q=1)
    bench.into.put(bench.pack("WRITE", *at, data=entry))
    bench.run(lambda: not bench.into.queue)
    bench.step(20)
    sent, shown = [], []

    def watch():
        for seen, valid, values in (
            (sent, bench.dut.trace_valid, bench.dut.trace_flit),
            (shown, bench.dut.inner_valid, bench.dut.inner),
        ):
            bits = len(values) // 2
            for node in range(2):
                if bench.get(valid) >> node & 1:
                    seen.append((node, bench.get(values) >> node * bits & (1 << bits) - 1))

    bench.each_cycle(watch)
    bench.tick(first=1)
    bench.step(30)
    assert shown == [(1, word | 1 << 2) for word in range(4)]
    ((node, flit),) = sent
    fields = bench.packets.unpack(flit)
    assert node == 1 and [fields[name] for name in ("row", "r", "q", "tag")] == [11, 2, 1, 3]
