"""Configuration registers of a processing element (`yoso_hw.registers.Register`)."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.flit import rectangle_layout
from yoso_hw.params import ChipParams, bits_for
from yoso_hw.registers import REGISTER_BITS, PeError, Register


def config_layout(params: ChipParams) -> data.StructLayout:
    """The registers as the PE uses them; names follow `Register`."""
    window = bits_for(params.steps + 1)
    return data.StructLayout(
        {
            "tag": params.tag_bits,
            "words": params.word_bits + 1,
            "last_mask": params.lanes,
            "threshold": params.pot_bits - 1,
            "slope": params.pot_bits - 1,
            "window_start": window,
            "window_end": window,
            "base": params.class_bits,
            "output": 1,
            "destination": rectangle_layout(params),
            "destination_tag": params.tag_bits,
        }
    )


class PeConfig(wiring.Component):
    """Holds the registers, and the sticky error bits.

    A DESTINATION outside the mesh is not taken: its flits would wait for ever at the rim.

    Members
    -------
    address
        Register number, `Register`.
    write, wdata
        Write the register; bits that it has no use for are ignored.
    rdata
        The register at `address`; combinational.
    errors
        Error events, bit i for `PeError` i; BAD_DESTINATION is raised in here.
    error
        Some error bit is set.
    config
        The registers' fields.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(
            {
                "address": In(bits_for(len(Register))),
                "write": In(1),
                "wdata": In(REGISTER_BITS),
                "rdata": Out(REGISTER_BITS),
                "errors": In(len(PeError)),
                "error": Out(1),
                "config": Out(config_layout(params)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        sticky = Signal(len(PeError))
        wanted = data.View(config.destination.shape(), self.wdata[: len(Value.cast(config.destination))])
        inside = (
            (wanted.x0 <= wanted.x1)
            & (wanted.x1 < self.params.cols)
            & (wanted.y0 <= wanted.y1)
            & (wanted.y1 < self.params.rows)
        )
        outside = self.write & (self.address == Register.DESTINATION) & ~inside
        m.d.comb += self.error.eq(sticky.any())
        m.d.sync += sticky.eq(sticky | self.errors | (outside << PeError.BAD_DESTINATION))
        output_gap = Const(0, REGISTER_BITS - 1 - self.params.class_bits)
        fields: dict[Register, list[Value]] = {
            Register.TAG: [config.tag],
            Register.WORDS: [config.words],
            Register.LAST_MASK: [config.last_mask],
            Register.THRESHOLD: [config.threshold],
            Register.SLOPE: [config.slope],
            Register.WINDOW_START: [config.window_start],
            Register.WINDOW_END: [config.window_end],
            Register.OUTPUT: [config.base, output_gap, config.output],
            Register.DESTINATION: [config.destination],
            Register.DESTINATION_TAG: [config.destination_tag],
            Register.ERRORS: [sticky],
        }
        with m.Switch(self.address):
            for register, parts in fields.items():
                with m.Case(register):
                    m.d.comb += self.rdata.eq(Cat(Value.cast(part) for part in parts))
                    with m.If(self.write & ~outside):
                        offset = 0
                        for part in map(Value.cast, parts):
                            if not isinstance(part, Const):
                                m.d.sync += part.eq(self.wdata[offset : offset + len(part)])
                            offset += len(part)
        return m
