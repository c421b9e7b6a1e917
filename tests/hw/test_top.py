"""The top of a board: its ports have pins, its pins have ports, and the chip in it is a black box."""

import re

import pytest
from amaranth.back import verilog
from amaranth.sim import Simulator
from yoso_hw import boards
from yoso_hw.board import board as around
from yoso_hw.board.top import Top
from yoso_hw.params import ChipParams
from yoso_hw.ports import ports

SMALL = ChipParams(cols=1, rows=1, lanes=1, neurons=2, weights=8, layers=2, classes=2)


@pytest.mark.parametrize("name", boards.names())
def test_every_port_has_a_pin_and_every_pin_a_port(name):
    own, bits = boards.load(name), set()
    for port, (value, _) in ports(Top(own, SMALL)).items():
        bits |= {port} if len(value) == 1 else {f"{port}[{i}]" for i in range(len(value))}
    text = own.constraints()
    located = re.findall(r'LOCATE COMP "([^"]+)" SITE "([A-Z]+\d+)";', text)
    assert {port for port, _ in located} == bits and len(located) == len(bits)
    assert len({site for _, site in located}) == len(located)
    assert re.findall(r'IOBUF PORT "([^"]+)" IO_TYPE=LVCMOS33 ', text) == [port for port, _ in located]
    assert text.count(f'FREQUENCY PORT "clk" {own.clock // 1_000_000} MHZ;') == 1


@pytest.mark.parametrize("name", boards.names())
def test_the_top_is_verilog_that_instantiates_the_chip(name):
    top = Top(boards.load(name), SMALL)
    names = {port: (value, None) for port, (value, _) in ports(top).items()}
    text = verilog.convert(top, name="top", ports=names, emit_src=False)
    assert re.search(r"^module top\(", text, re.M) and re.search(r"^ *yoso_chip chip \(", text, re.M)
    assert not re.search(r"^module yoso_chip", text, re.M)


def test_button_and_leds_may_be_inverted(monkeypatch, tmp_path):
    text = (boards.FOLDER / "ulx3s.toml").read_text()
    text = text.replace('"R1", pull = "DOWN"', '"R1", inverted = true').replace(
        "drive = 4 }\n", "drive = 4 }\n"
    )
    head, _, _ = text.partition("leds")
    (tmp_path / "own.toml").write_text(head + 'leds = { site = ["B2", "C2"], inverted = true }\n')
    held = {}

    def instance(_, **values):
        held["reset"] = values["i_rst"]
        return around.Module()

    monkeypatch.setattr(around, "Instance", instance)
    top, seen = Top(boards.load(str(tmp_path / "own.toml")), SMALL), []

    async def play(ctx):
        for level in (0, 1):
            ctx.set(top.reset, level)
            for _ in range(6):
                ctx.set(top.clk, 1)
                await ctx.delay(1e-8)
                ctx.set(top.clk, 0)
                await ctx.delay(1e-8)
            seen.append((ctx.get(held["reset"]), ctx.get(top.leds)))

    simulator = Simulator(top)
    simulator.add_testbench(play)
    simulator.run()
    assert seen == [(1, 0b11), (0, 0b11)]
