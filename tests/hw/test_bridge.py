"""The bridge between serial line and host port: frames, notices, credit, the gate; no chip is needed."""

import random
from collections import deque

import pytest
from support.bench import Bench, held
from yoso_hw.board.bridge import Bridge, Deframer, Framer
from yoso_hw.board.framing import FIRST, Notice, frame_bytes, identity, notice
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams

PARAMS = ChipParams(cols=1, rows=1, lanes=1, neurons=2, weights=8, steps=8, layers=2, classes=2)
PACKETS = Packets(PARAMS)
BITS = PACKETS.flit_bits
DIVISOR, BUFFER, CREDIT = 4, 16, 4

START = PACKETS.pack("START", steps=3, early=0)
STEP = PACKETS.pack("STEP")
END = PACKETS.pack("END")


def frame(flit: int, bits: int = BITS) -> list[int]:
    """The bytes of a flit."""
    parts = [flit >> 7 * i & 0x7F for i in range(frame_bytes(bits))]
    return [parts[0] | FIRST, *parts[1:]]


# ---- framing alone ---------------------------------------------------------------------------------------


def deframed(data: list[int | None], bits: int = BITS) -> list[int | str]:
    """What a deframer makes of bytes; None is a framing error."""
    bench = Bench(Deframer(bits))
    got: list[int | str] = []

    def listen():
        if bench.get(bench.dut.flit_valid):
            got.append(bench.get(bench.dut.flit))
        if bench.get(bench.dut.lost):
            got.append("lost")

    bench.each_cycle(listen)
    for byte in data:
        bench.pulse(**({"error": 1} if byte is None else {"valid": 1, "data": byte}))
    bench.step(2)
    return got


@pytest.mark.parametrize("bits", [29, 30, 35, 36])
def test_a_flit_of_any_width_survives_its_frame(bits):
    rng = random.Random(bits)
    flits = [0, (1 << bits) - 1, *(rng.getrandbits(bits) for _ in range(10))]
    assert deframed([byte for flit in flits for byte in frame(flit, bits)], bits) == flits
    bench = Bench(Framer(bits))
    source, sink = bench.source(bench.dut.flits), bench.sink(bench.dut.bytes, stall=0.5)
    wanted = [byte for flit in flits for byte in frame(flit, bits)]
    source.put(*flits)
    bench.run(lambda: len(sink.taken) == len(wanted))
    assert sink.taken == wanted


def test_each_byte_of_a_frame_stays_as_it_is_until_the_line_takes_it():
    """Though the next flit stands at the door."""
    bench, flits = Bench(Framer(BITS)), [START, END]
    bench.source(bench.dut.flits, *flits)
    sink = bench.sink(bench.dut.bytes)
    wanted = [byte for flit in flits for byte in frame(flit)]
    assert [held(sink) for _ in wanted] == wanted


def test_any_lost_byte_costs_its_own_frame_and_no_other():
    flits = [0x1234567, 0x0FEDCBA, 0x2AAAAAA, 0]
    data = [byte for flit in flits for byte in frame(flit)]
    for missing in range(len(data) - frame_bytes(BITS)):
        got = deframed(data[:missing] + data[missing + 1 :])
        kept = [flit for i, flit in enumerate(flits) if i != missing // frame_bytes(BITS)]
        assert [one for one in got if one != "lost"] == kept, missing
        assert "lost" in got, missing


def test_bytes_that_belong_to_no_frame_are_dropped_and_told():
    assert deframed([1, 2, 3, *frame(77), 5]) == ["lost", "lost", "lost", 77, "lost"]


def test_a_framing_error_costs_the_frame_that_it_is_in():
    assert deframed([*frame(5)[:3], None, *frame(5)[4:], *frame(9)])[:2] == ["lost", "lost"]
    assert deframed([*frame(5)[:3], None, *frame(9)]) == ["lost", 9]
    assert deframed([None, *frame(9)]) == ["lost", 9]


# ---- the whole bridge ------------------------------------------------------------------------------------


class Host(Bench):
    """A bridge; on one side a serial line, bit by bit, on the other a chip that takes and sends flits."""

    def __init__(self, stall: float = 0.0) -> None:
        super().__init__(Bridge(PARAMS, DIVISOR, buffer=BUFFER, credit=CREDIT), seed=1)
        self.chip = self.sink(self.dut.host_in, stall=stall)
        self.answers = self.source(self.dut.host_out)
        self.resets = self.record(self.dut.reset)
        self.levels: deque[int] = deque()
        self._samples: list[int] = []
        self._frame: list[int] = []
        self.got: list[int] = []
        self.set(self.dut.rx, 1)
        self.each_cycle(self._line)

    def _line(self):
        # From the bridge: a byte is complete in the middle of its stop bit.
        if self._samples or not self.get(self.dut.tx):
            self._samples.append(self.get(self.dut.tx))
        if len(self._samples) == 10 * DIVISOR - 1:
            bits = self._samples[DIVISOR // 2 :: DIVISOR]
            assert bits[0] == 0 and bits[9] == 1
            self._byte(sum(bit << i for i, bit in enumerate(bits[1:9])))
            self._samples = []
        # To the bridge.
        return [(self.dut.rx, self.levels.popleft() if self.levels else 1)]

    def _byte(self, byte: int) -> None:
        assert bool(byte & FIRST) == (not self._frame), "a frame of the bridge is not whole"
        self._frame.append(byte & 0x7F)
        if len(self._frame) == frame_bytes(BITS):
            self.got.append(sum(part << 7 * i for i, part in enumerate(self._frame)))
            self._frame = []

    def send(self, *flits: int) -> None:
        self.raw(*(byte for flit in flits for byte in frame(flit)))

    def raw(self, *data: int) -> None:
        for byte in data:
            for bit in (0, *(byte >> i & 1 for i in range(8)), 1):
                self.levels.extend([bit] * DIVISOR)

    def settle(self) -> None:
        """Until all that was sent is there, and as long as three frames take."""
        self.step(len(self.levels) + 3 * frame_bytes(BITS) * 10 * (DIVISOR + 1))


def test_flits_reach_the_chip_and_its_answers_the_host():
    host = Host()
    flits = [PACKETS.pack("READ", x0=0, x1=0, y0=0, y1=0), STEP, PACKETS.pack("CLEAR")]
    answers = [PACKETS.pack("STATUS", errors=5), (1 << BITS) - 1 & ~7]
    host.send(*flits)
    host.answers.put(*answers)
    host.settle()
    assert host.chip.taken == flits and host.got == answers
    assert not host.get(host.dut.lost) and not any(host.resets)


def test_reset_resets_the_chip_once_and_is_answered_with_its_identity():
    host = Host()
    host.send(notice(Notice.RESET))
    host.settle()
    assert sum(host.resets) == 1
    assert host.got == [notice(Notice.READY, identity(PARAMS))] and host.chip.taken == []


def test_the_identity_tells_chips_apart():
    chips = [PARAMS, ChipParams(), ChipParams(lanes=1), ChipParams(weight_bits=5)]
    assert len({identity(params) for params in chips}) == len(chips)


def test_reset_in_the_middle_of_everything_leaves_nothing_behind():
    host = Host()
    host.send(START, STEP, STEP)  # held back: the image is not whole
    host.raw(*frame(STEP)[:2])
    host.send(notice(Notice.RESET))
    host.settle()
    assert host.chip.taken == [] and sum(host.resets) == 1
    assert host.got[-1] == notice(Notice.READY, identity(PARAMS))
    assert not host.get(host.dut.lost)
    host.got.clear()
    host.send(STEP)
    host.settle()
    assert host.chip.taken == [STEP] and host.got == []


def test_a_broken_frame_is_told_and_what_follows_arrives():
    host = Host()
    host.raw(*frame(STEP)[:-1])
    host.send(END, STEP)
    host.settle()
    assert host.got == [notice(Notice.LOST)] and host.chip.taken == [END, STEP]
    assert host.get(host.dut.lost)


def test_a_loss_is_told_though_the_line_is_busy_when_it_happens():
    host = Host()
    answers = [PACKETS.pack("STATUS", errors=errors) for errors in range(8)]
    host.answers.put(*answers)
    host.step(3 * DIVISOR)
    host.raw(*frame(STEP)[:-1])
    host.send(END)
    host.settle()
    host.settle()
    host.settle()
    assert sorted(host.got) == sorted([*answers, notice(Notice.LOST)])


def test_a_break_is_told_and_what_follows_arrives():
    host = Host()
    host.levels.extend([0] * (30 * DIVISOR) + [1] * DIVISOR)
    host.send(END)
    host.settle()
    assert host.got == [notice(Notice.LOST)] and host.chip.taken == [END]


def test_an_unknown_notice_does_nothing():
    host = Host()
    host.send(notice(Notice.CREDIT, 3), notice(Notice.RESET, 1), STEP)
    host.settle()
    assert host.chip.taken == [STEP] and host.got == [] and not any(host.resets)


def test_credit_comes_back_for_every_flit_that_the_chip_took():
    host = Host()
    host.send(*[STEP] * (2 * CREDIT + 5))
    host.settle()
    credits = [flit >> 7 for flit in host.got if flit & 0x7F == notice(Notice.CREDIT)]
    assert host.got == [notice(Notice.CREDIT, count) for count in credits]
    assert sum(credits) == 3 * CREDIT


@pytest.mark.parametrize("stalled", [True, False])
def test_a_host_that_keeps_to_its_credit_loses_nothing_however_long_the_chip_waits(stalled):
    host = Host(stall=1.0 if stalled else 0.0)
    flits = [PACKETS.pack("SPIKE", x0=0, x1=0, y0=0, y1=0, tag=1, parity=0, row=i % 8) for i in range(BUFFER)]
    host.send(*flits)
    host.settle()
    if stalled:
        assert host.chip.taken == host.got == [] and host.get(host.dut.host_in.valid)
        host.chip.stall = 0.0
        host.settle()
    assert host.chip.taken == flits and not host.get(host.dut.lost)
    # A host that had to wait may go on.
    credits = sum(flit >> 7 for flit in host.got if flit & 0x7F == notice(Notice.CREDIT))
    assert BUFFER - CREDIT < credits <= BUFFER


def test_one_flit_more_than_the_credit_is_told_as_lost():
    host = Host(stall=1.0)
    host.send(*[STEP] * (BUFFER + 1))
    host.settle()
    assert host.got == [notice(Notice.LOST)] and host.get(host.dut.lost)


def test_start_waits_until_the_image_is_whole():
    host = Host()
    host.send(START, STEP, STEP)
    host.settle()
    assert host.chip.taken == []
    host.send(END)
    host.settle()
    assert host.chip.taken == [START, STEP, STEP, END]


def test_an_image_runs_while_the_next_one_comes_in():
    host = Host()
    host.send(START, END, START, STEP)
    host.settle()
    assert host.chip.taken == [START, END]
    host.send(END, START)
    host.settle()
    assert host.chip.taken == [START, END, START, STEP, END]


def test_an_image_that_the_buffer_cannot_hold_goes_through():
    host = Host()
    host.send(START, *[STEP] * (BUFFER - 1))
    host.settle()
    assert host.chip.taken == [START] + [STEP] * (BUFFER - 1)


def test_answers_wait_for_the_line_and_keep_their_order():
    host = Host()
    answers = [random.Random(i).getrandbits(BITS) & ~7 for i in range(12)]
    host.answers.put(*answers)
    host.step(13 * frame_bytes(BITS) * (10 * DIVISOR + 1))
    assert host.got == answers
