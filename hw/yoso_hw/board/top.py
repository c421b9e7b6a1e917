"""What a bitstream is made of: the pins of a board, its clock and a reset, around a `Board`."""

from __future__ import annotations

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In, Out

from yoso_hw.board.board import Board
from yoso_hw.boards import Description
from yoso_hw.component import Component
from yoso_hw.params import ChipParams


class Top(Component):
    """A chip on the pins of a board.

    Parameters
    ----------
    description
        The board; its `pins` are the ports.

    Members
    -------
    clk
        The crystal, which is the chip's clock.
    rx, tx
        The serial line.
    reset
        The button that resets everything, if the board has one.
    leds
        As many of `Board`'s as the board has, the lowest ones; none if it has none.
    """

    def __init__(self, description: Description, params: ChipParams) -> None:
        self.description, self.params = description, params
        directions = {"clk": In, "rx": In, "tx": Out, "reset": In, "leds": Out}
        super().__init__({name: directions[name](len(pin.sites)) for name, pin in description.pins.items()})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        pins = self.description.pins
        m.domains.sync = ClockDomain()
        m.submodules.board = board = Board(self.params, self.description.divisor)
        m.d.comb += [ClockSignal().eq(self.clk), board.rx.eq(self.rx), self.tx.eq(board.tx)]
        if "reset" in pins:
            m.submodules.reset = ResetSynchronizer(self.reset ^ pins["reset"].inverted)
        else:
            m.d.comb += ResetSignal().eq(0)
        if "leds" in pins:
            shown = board.leds[: len(pins["leds"].sites)]
            m.d.comb += self.leds.eq(~shown if pins["leds"].inverted else shown)
        return m
