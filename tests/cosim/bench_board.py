"""cocotb bench of a board: the program that a user runs, on the other end of the serial line.

`yoso board` runs as a process of its own and opens a pseudo-terminal as its port. What it
writes goes to the board's pin bit by bit, and back.
"""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import tty

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, Timer, ValueChange
from support.blocks import LINE_DIVISOR, PARAMS_VARIABLE

#: Nanoseconds of a clock cycle and of a bit.
CYCLE = 2
BIT = CYCLE * LINE_DIVISOR

#: Bits after which a silent line means that the chip has nothing to say: longer than an image runs.
QUIET = 2000


class Line:
    """The serial line of a board: bytes for it, bytes from it."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.received = bytearray()
        dut.rx.value = 1
        cocotb.start_soon(self._listen())

    async def send(self, data: bytes) -> None:
        for byte in data:
            for bit in (0, *(byte >> i & 1 for i in range(8)), 1):
                self.dut.rx.value = bit
                await Timer(BIT, "ns")

    async def _listen(self) -> None:
        while True:
            await FallingEdge(self.dut.tx)
            await Timer(BIT // 2, "ns")
            bits = []
            for _ in range(10):
                bits.append(int(self.dut.tx.value))
                await Timer(BIT, "ns") if len(bits) < 10 else None
            assert bits[0] == 0 and bits[9] == 1, "the board sent a byte without start or stop bit"
            self.received.append(sum(bit << i for i, bit in enumerate(bits[1:9])))


#: LEDs: an image runs; there was a decision. The class is below.
RUNS, DECIDED = 1 << 4, 1 << 5


async def begin(dut) -> Line:
    dut.rst.value = 1
    cocotb.start_soon(Clock(dut.clk, CYCLE, "ns").start())
    line = Line(dut)
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0
    return line


async def watch(pins, seen: list[int]) -> None:
    """Every value that pins change to."""
    while True:
        await ValueChange(pins)
        await ReadOnly()
        seen.append(int(pins.value))


async def serve(line: Line, program: subprocess.Popen, terminal: int) -> None:
    """Carry bytes between a program's terminal and the line until the program ends."""
    os.set_blocking(terminal, False)
    idle = 0
    while program.poll() is None:
        if line.received:
            os.write(terminal, bytes(line.received))
            line.received.clear()
            idle = 0
        try:
            data = os.read(terminal, 64)
        except (BlockingIOError, OSError):
            data = b""
        if data:
            await line.send(data)
            idle = 0
        elif idle < QUIET:
            await Timer(20 * BIT, "ns")
            idle += 20
        else:  # the board waits for the program: let no time pass for it
            select.select([terminal], [], [], 0.05)


@cocotb.test()
async def the_boards_program_runs_a_network_over_the_serial_line(dut):
    line = await begin(dut)
    leds: list[int] = []
    cocotb.start_soon(watch(dut.leds, leds))
    master, slave = pty.openpty()
    tty.setraw(slave)
    command = [sys.executable, "-m", "yoso_sim", "board", "--port", os.ttyname(slave), "--timeout", "60"]
    options = json.loads(os.environ["YOSO_BOARD_OPTIONS"])
    environment = {name: value for name, value in os.environ.items() if name != PARAMS_VARIABLE}
    with open("program.log", "w") as log:
        program = subprocess.Popen([*command, *options], stdout=log, stderr=log, env=environment)
        try:
            await serve(line, program, master)
        finally:
            program.kill()
    with open("program.log") as log:
        assert program.returncode == 0, log.read()
    with open(f"{options[options.index('--out') + 1]}/board.json") as report:
        classes = [outcome["decision"] for outcome in json.load(report)["outcomes"]]
    # Out after the reset; then, of each image, that it runs, with the last class, and its own class.
    due, shown = [], 0
    for own in classes:
        due += [shown | RUNS, DECIDED | own]
        shown = DECIDED | own
    assert leds == due, f"LEDs {[f'{value:08b}' for value in leds]}"
