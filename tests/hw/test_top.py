"""The top of the ULX3S: its ports have pins, its pins have ports, and the chip in it is a black box."""

import re

from amaranth.back import verilog
from yoso_hw.board import ulx3s
from yoso_hw.board.top import Ulx3s
from yoso_hw.params import ChipParams
from yoso_hw.ports import ports

SMALL = ChipParams(cols=1, rows=1, lanes=1, neurons=2, weights=8, layers=2, classes=2)


def test_every_port_has_a_pin_and_every_pin_a_port():
    bits = set()
    for name, (value, _) in ports(Ulx3s(SMALL)).items():
        bits |= {name} if len(value) == 1 else {f"{name}[{i}]" for i in range(len(value))}
    assert bits == set(ulx3s.PINS)


def test_no_pin_is_used_twice_and_each_is_constrained_once():
    sites = [pin.site for pin in ulx3s.PINS.values()]
    assert len(set(sites)) == len(sites)
    text = ulx3s.constraints()
    assert re.findall(r'LOCATE COMP "([^"]+)" SITE "([A-Z]+\d+)";', text) == [
        (name, pin.site) for name, pin in ulx3s.PINS.items()
    ]
    assert re.findall(r'IOBUF PORT "([^"]+)" IO_TYPE=LVCMOS33 ', text) == list(ulx3s.PINS)
    assert text.count('FREQUENCY PORT "clk_25mhz" 25 MHZ;') == 1


def test_the_top_is_verilog_that_instantiates_the_chip():
    top = Ulx3s(SMALL)
    names = {name: (value, None) for name, (value, _) in ports(top).items()}
    text = verilog.convert(top, name="ulx3s", ports=names, emit_src=False)
    assert re.search(r"^module ulx3s\(", text, re.M) and re.search(r"^ *yoso_chip chip \(", text, re.M)
    assert not re.search(r"^module yoso_chip", text, re.M)
