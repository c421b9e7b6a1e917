"""What a bitstream is made of: the pins of the ULX3S, its clock and a reset, around a `Board`."""

from __future__ import annotations

from amaranth.hdl import ClockDomain, ClockSignal, Module
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In, Out

from yoso_hw.board import ulx3s
from yoso_hw.board.board import Board
from yoso_hw.component import Component
from yoso_hw.params import ChipParams


class Ulx3s(Component):
    """The top, on the pins of `ulx3s.PINS`; FIRE1 resets it.

    Members
    -------
    clk_25mhz
        The crystal, which is the chip's clock. No PLL: the serial line bounds the images a second, not the
        chip.
    ftdi_txd, ftdi_rxd, led
        Line and LEDs, as `Board`'s.
    btn_fire1
        1 while pressed.
    """

    def __init__(self, params: ChipParams = ulx3s.CHIP) -> None:
        self.params = params
        super().__init__(
            {
                "clk_25mhz": In(1),
                "ftdi_txd": In(1),
                "ftdi_rxd": Out(1),
                "btn_fire1": In(1),
                "led": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.reset = ResetSynchronizer(self.btn_fire1)
        m.submodules.board = board = Board(self.params, ulx3s.DIVISOR)
        m.d.comb += [
            ClockSignal().eq(self.clk_25mhz),
            board.rx.eq(self.ftdi_txd),
            self.ftdi_rxd.eq(board.tx),
            self.led.eq(board.leds),
        ]
        return m
