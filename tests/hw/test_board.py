"""A board around a chip that the bench plays: what resets the chip, what clocks it, what lights the LEDs."""

from collections import deque

import pytest
from amaranth.hdl import Module, Signal, Value
from amaranth.sim import Simulator
from support.bench import Bench
from yoso_hw import boards
from yoso_hw.board import board
from yoso_hw.board.board import Board
from yoso_hw.board.framing import NOTICE, Notice, frame_bytes
from yoso_hw.board.top import Top
from yoso_hw.packet import KIND_BITS, Packets
from yoso_hw.params import ChipParams

PARAMS = ChipParams(cols=1, rows=1, lanes=1, neurons=2, weights=8, steps=8, layers=2, classes=2)
PACKETS = Packets(PARAMS)
DIVISOR = 4

#: LEDs of a decision for class 1, and of an error.
DECIDED, ERROR = 1 << 5 | 1, 1 << 7


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> dict[str, Signal]:
    """The ports of the chip, which is none: its outputs are the bench's to set."""
    ports: dict[str, Signal] = {}

    def instance(_: str, **values: Value) -> Module:
        m = Module()
        for name, value in values.items():
            if name.startswith("i_"):
                ports[name] = Signal(len(Value.cast(value)), name=name)
                m.d.comb += ports[name].eq(value)
            else:
                ports[name] = value
        return m

    monkeypatch.setattr(board, "Instance", instance)
    return ports


def bench_of() -> Bench:
    bench = Bench(Board(PARAMS, DIVISOR))
    bench.set(bench.dut.rx, 1)
    return bench


def say(bench: Bench, chip: dict[str, Signal], flit: int) -> int:
    """Let the chip send a flit; the LEDs when it is taken."""
    bench.set(chip["o_host_out_data"], flit)
    bench.set(chip["o_host_out_valid"], 1)
    bench.run(lambda: bench.get(chip["i_host_out_ready"]))
    bench.step()
    bench.set(chip["o_host_out_valid"], 0)
    bench.step()
    return bench.get(bench.dut.leds)


def test_a_reset_by_the_host_resets_the_chip_for_a_cycle(chip):
    bench = bench_of()
    resets = bench.record(chip["i_rst"])
    flit = NOTICE | Notice.RESET << KIND_BITS
    parts = [flit >> 7 * i & 0x7F for i in range(frame_bytes(PACKETS.flit_bits))]
    levels = deque[int]()
    for byte in (parts[0] | 0x80, *parts[1:]):
        for bit in (0, *(byte >> i & 1 for i in range(8)), 1):
            levels.extend([bit] * DIVISOR)
    bench.each_cycle(lambda: [(bench.dut.rx, levels.popleft() if levels else 1)])
    bench.step(len(levels) + 60)
    assert sum(resets) == 1


def test_decisions_and_status_light_their_leds_and_no_other_flit_does(chip):
    bench = bench_of()
    packets = {
        op: PACKETS.pack(op, **fields)
        for op, fields in (
            ("DECISION", {"index": 1, "step": 0, "spiked": 1}),
            ("STATUS", {"errors": 1}),
        )
    }
    for flit in packets.values():
        for kind in range(1 << KIND_BITS):
            other = flit >> KIND_BITS << KIND_BITS | kind
            if other != flit:
                assert say(bench, chip, other) == 0, f"{other:x}"
    assert say(bench, chip, packets["DECISION"]) == DECIDED
    assert say(bench, chip, packets["STATUS"]) == DECIDED | ERROR


def test_the_crystal_is_the_chips_clock_and_the_button_its_reset(chip):
    top, clocks, resets = Top(boards.load("ulx3s"), PARAMS), [], []
    simulator = Simulator(top)

    async def play(ctx):
        for cycle in range(20):
            ctx.set(top.reset, 5 <= cycle < 10)
            for level in (1, 0):
                ctx.set(top.clk, level)
                await ctx.delay(2e-8)
                clocks.append(ctx.get(chip["i_clk"]))
            resets.append(ctx.get(chip["i_rst"]))

    simulator.add_testbench(play)
    simulator.run()
    assert clocks == [1, 0] * 20
    assert all(resets[6:10]) and not any([*resets[3:5], *resets[15:]])
