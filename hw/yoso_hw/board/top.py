"""What a bitstream is made of: pins, clock and reset of the ULX3S around a `Board`."""

from __future__ import annotations

from amaranth.hdl import ClockDomain, ClockSignal, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In, Out

from yoso_hw.board import ulx3s
from yoso_hw.board.board import Board
from yoso_hw.params import ChipParams

#: Frequencies at which the PLL's oscillator runs, MHz (Lattice FPGA-DS-02012).
PLL_RANGE = (400, 800)


class Ulx3s(wiring.Component):
    """The top: `Board` at `ulx3s.CLOCK_MHZ`, on the pins of `ulx3s.PINS`. FIRE1 resets it."""

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
        locked = Signal()
        if ulx3s.CLOCK_MHZ == ulx3s.CRYSTAL_MHZ:
            m.d.comb += [ClockSignal().eq(self.clk_25mhz), locked.eq(1)]
        else:
            m.submodules.pll = pll(self.clk_25mhz, ClockSignal(), locked, ulx3s.CLOCK_MHZ)
        m.submodules.reset = ResetSynchronizer(~locked | self.btn_fire1)
        m.submodules.board = board = Board(self.params, ulx3s.divisor())
        m.d.comb += [
            board.rx.eq(self.ftdi_txd),
            self.ftdi_rxd.eq(board.tx),
            self.led.eq(board.leds),
        ]
        return m


def pll(crystal: Signal, clock: ClockSignal, locked: Signal, mhz: int) -> Instance:
    """An EHXPLLL that makes `clock`, of `mhz`, a multiple of the crystal's."""
    multiple, rest = divmod(mhz, ulx3s.CRYSTAL_MHZ)
    if rest or not multiple:
        raise ValueError(f"a clock of {mhz} MHz is no multiple of the crystal's {ulx3s.CRYSTAL_MHZ} MHz")
    divider = PLL_RANGE[1] // mhz
    return Instance(
        "EHXPLLL",
        a_FREQUENCY_PIN_CLKI=str(ulx3s.CRYSTAL_MHZ),
        a_FREQUENCY_PIN_CLKOP=str(mhz),
        p_CLKI_DIV=1,
        p_CLKFB_DIV=multiple,
        p_CLKOP_DIV=divider,
        p_CLKOP_CPHASE=divider // 2,
        p_CLKOP_ENABLE="ENABLED",
        p_FEEDBK_PATH="CLKOP",
        i_CLKI=crystal,
        i_CLKFB=clock,
        i_ENCLKOP=0,
        i_RST=0,
        i_STDBY=0,
        o_CLKOP=clock,
        o_LOCK=locked,
    )
