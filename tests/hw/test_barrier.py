"""Step barrier: the root is idle exactly when every leaf was, and a tick comes to all nodes at once."""

import random

import pytest
from support.bench import Bench
from yoso_hw.barrier import Barrier

SIZES = [(1, 1), (6, 7), (1, 4), (3, 1)]
by_size = pytest.mark.parametrize(("cols", "rows"), SIZES)

#: Registers between a node's leaf and the root: its row's and the root's.
UP = 2
#: Between the root's tick and the nodes.
DOWN = 2


def leaf(idle=0, error=0):
    return {"idle": idle, "error": error}


def drive(bench, leaves, host):
    bench.drive(leaves=leaves, host=host)
    bench.step()


@by_size
def test_the_root_sees_all_leaves_as_they_were_in_one_cycle(cols, rows):
    """The host's leaf takes one register more, the one that a node has for its own."""
    rng, bench = random.Random(cols), Bench(Barrier(cols, rows))
    seen, hosts, roots = [], [], []
    for _ in range(60):
        # Mostly idle, or an AND over 42 leaves would never be true.
        leaves = [leaf(rng.choice([3] * 60 + [0, 1, 2]), rng.random() < 0.01) for _ in range(cols * rows)]
        host = leaf(rng.choice([3, 3, 3, 1, 2]))
        drive(bench, leaves, host)
        seen.append(leaves)
        hosts.append(host)
        roots.append((bench.get(bench.dut.idle), bench.get(bench.dut.error)))
    for cycle in range(UP, len(roots)):
        leaves = [*seen[cycle - UP + 1], hosts[cycle - UP]]
        idle = 3
        for each in leaves:
            idle &= each["idle"]
        assert roots[cycle] == (idle, int(any(each["error"] for each in leaves)))
    assert {idle for idle, _ in roots} >= {0, 3}


@by_size
def test_one_busy_leaf_keeps_the_step_open_whichever_it_is(cols, rows):
    bench, nodes = Bench(Barrier(cols, rows)), cols * rows
    for busy in range(nodes + 1):
        leaves = [leaf(3) for _ in range(nodes + 1)]
        leaves[busy] = leaf(0b10)
        for _ in range(UP + 2):
            drive(bench, leaves[:nodes], leaves[nodes])
        assert bench.get(bench.dut.idle) == 0b10


@by_size
def test_each_leaf_can_report_an_error(cols, rows):
    bench, nodes = Bench(Barrier(cols, rows)), cols * rows
    for faulty in range(nodes):
        for _ in range(UP + 1):
            drive(bench, [leaf(3, node == faulty) for node in range(nodes)], leaf(3))
        assert bench.get(bench.dut.error) == 1
        for _ in range(UP + 1):
            drive(bench, [leaf(3)] * nodes, leaf(3))
        assert bench.get(bench.dut.error) == 0


@by_size
@pytest.mark.parametrize("tick", [{"tick": 1, "first": 1, "report": 0}, {"tick": 1, "first": 0, "report": 1}])
def test_a_tick_comes_to_every_node_in_the_same_cycle(cols, rows, tick):
    bench, none = Bench(Barrier(cols, rows)), {"tick": 0, "first": 0, "report": 0}
    ticks = bench.record(bench.dut.ticks)
    bench.drive(tick=tick)
    bench.step()
    bench.drive(tick=none)
    bench.step(4)
    expected = [[none] * (cols * rows)] * DOWN + [[tick] * (cols * rows)] + [[none] * (cols * rows)] * 2
    assert ticks == expected
