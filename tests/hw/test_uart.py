"""Receiver and transmitter of the serial line, against a line made and read bit by bit."""

import random

import pytest
from support.bench import Bench
from yoso_hw.board.uart import UartReceiver, UartTransmitter


def levels(byte: int, stop: int = 1) -> list[int]:
    """The line's levels while a byte passes: start bit, data, stop bit."""
    return [0, *(byte >> i & 1 for i in range(8)), stop]


class Line(Bench):
    """A receiver and the bytes and errors that it gave."""

    def __init__(self, divisor: int) -> None:
        super().__init__(UartReceiver(divisor))
        self.divisor = divisor
        self.set(self.dut.rx, 1)
        self.got: list[int | str] = []
        self.each_cycle(self._listen)

    def _listen(self) -> None:
        if self.get(self.dut.valid):
            self.got.append(self.get(self.dut.data))
        if self.get(self.dut.error):
            self.got.append("error")

    def send(self, bits: list[int], rate: float = 1.0, after: float = 2.0) -> list:
        """Put levels on the line at `rate` times the receiver's rate; what it gave, `after` bits later."""
        self.got.clear()
        self.step(2 * self.divisor)
        bit = self.divisor / rate
        for cycle in range(int(len(bits) * bit)):
            self.set(self.dut.rx, bits[int(cycle / bit)])
            self.step()
        self.set(self.dut.rx, 1)
        self.step(int(after * self.divisor) + 8)
        return list(self.got)


@pytest.mark.parametrize("divisor", [4, 5, 25])
def test_every_byte_is_received(divisor):
    line = Line(divisor)
    some = range(256) if divisor == 4 else [0, 1, 0x55, 0x7F, 0x80, 0xAA, 0xFE, 0xFF]
    for byte in some:
        assert line.send(levels(byte), after=0) == [byte]


@pytest.mark.parametrize("divisor", [4, 7, 25])
def test_bytes_back_to_back_are_received(divisor):
    rng = random.Random(divisor)
    data = [0, 255, 0, 0x55, 0xAA, *(rng.randrange(256) for _ in range(20))]
    assert Line(divisor).send([level for byte in data for level in levels(byte)]) == data


@pytest.mark.parametrize("rate", [0.96, 0.98, 1.02, 1.04])
def test_a_sender_four_percent_fast_or_slow_is_understood(rate):
    data = [0, 255, 0x55, 0xAA, 0x0F, 0xF0]
    assert Line(25).send([level for byte in data for level in levels(byte)], rate) == data


def test_a_sender_at_another_rate_is_not_understood():
    line = Line(16)
    data = [0x00, 0xFF, 0x55]
    for rate in (0.5, 1.15):
        assert line.send([level for byte in data for level in levels(byte)], rate, after=12) != data


def test_a_byte_without_a_stop_bit_is_an_error_and_the_next_byte_is_right():
    line = Line(8)
    assert line.send([*levels(0xA5, stop=0), 1, *levels(0x3C)]) == ["error", 0x3C]


@pytest.mark.parametrize("bits", [10, 11, 35])
def test_a_break_is_one_error_however_long_it_is(bits):
    line = Line(8)
    assert line.send([0] * bits + [1, 1, *levels(0x42)]) == ["error", 0x42]


def test_a_line_that_is_low_from_the_start_gives_one_error_and_no_byte():
    line = Line(8)
    line.set(line.dut.rx, 0)
    assert line.send([0] * 40 + [1, 1, *levels(7)]) == ["error", 7]


@pytest.mark.parametrize("cycles", [1, 2, 3])
def test_a_pulse_shorter_than_half_a_bit_is_no_start_bit(cycles):
    line = Line(8)
    line.step(20)
    line.set(line.dut.rx, 0)
    line.step(cycles)
    line.set(line.dut.rx, 1)
    line.step(120)
    assert line.got == []
    assert line.send(levels(0x99)) == [0x99]


def samples_of(divisor: int, data: list[int], stall: float = 0.0) -> list[int]:
    """The line in every cycle while a transmitter sends `data`."""
    bench = Bench(UartTransmitter(divisor), seed=divisor)
    line = bench.record(bench.dut.tx)
    source = bench.source(bench.dut.bytes, *data, stall=stall)
    bench.run(lambda: not source.queue, limit=12 * divisor * (len(data) + 2) + 1000)
    bench.step(12 * divisor)
    return line


@pytest.mark.parametrize("divisor", [4, 7, 25])
def test_bytes_are_sent_bit_by_bit_a_cycle_apart(divisor):
    data = [0, 255, 0x55, 0xC3]
    line = samples_of(divisor, data)
    first = line.index(0)
    wanted: list[int] = []
    for byte in data:
        wanted += [level for level in levels(byte) for _ in range(divisor)] + [1]
    assert line[:first] == [1] * first
    assert line[first : first + len(wanted)] == wanted
    assert set(line[first + len(wanted) :]) == {1}


def test_what_is_sent_is_received_with_pauses_between():
    data = [random.Random(1).randrange(256) for _ in range(20)]
    line = Line(9)
    for level in samples_of(9, data, stall=0.98):
        line.set(line.dut.rx, level)
        line.step()
    assert line.got == data
