"""Configuration registers of a processing element (`yoso_hw.registers.Register`)."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.core.neuron import neuron_config
from yoso_hw.flit import rectangle_layout
from yoso_hw.interfaces import access_signature, errors_layout
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory, PeError, Register, memory_shape, neuron_fields, register_fields


def config_layout(params: ChipParams) -> data.StructLayout:
    """The fields of the registers (`register_fields`) as the PE uses them.

    Those of the neuron and those of the destination are structs of their own, `neuron` and `destination`.
    """
    apart = (*neuron_fields(params), Register.DESTINATION, Register.ERRORS)
    others = (own for register, own in register_fields(params).items() if register not in apart)
    return data.StructLayout(
        {
            **{field.name: field.width for own in others for field in own},
            "neuron": neuron_config(params),
            "destination": rectangle_layout(params),
        }
    )


class PeConfig(Component):
    """Holds the registers, and the sticky error bits.

    A DESTINATION outside the mesh is not taken: its flits would wait for ever at the rim.

    Members
    -------
    access
        The registers; bits that a register has no use for are ignored, and `rdata` is combinational.
    errors
        Error events; BAD_DESTINATION is raised in here.
    error
        Some error bit is set.
    config
        The registers' fields.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(
            {
                "access": In(access_signature(memory_shape(params, Memory.REGISTER)[0])),
                "errors": In(errors_layout()),
                "error": Out(1),
                "config": Out(config_layout(params)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, access = self.config, self.access
        sticky = Signal(len(PeError))
        layout = config.destination.shape()
        wanted = data.View(layout, access.wdata[: layout.size])
        inside = (
            (wanted.x0 <= wanted.x1)
            & (wanted.x1 < self.params.cols)
            & (wanted.y0 <= wanted.y1)
            & (wanted.y1 < self.params.rows)
        )
        outside = access.write & (access.address == Register.DESTINATION) & ~inside
        m.d.comb += self.error.eq(sticky.any())
        m.d.sync += sticky.eq(sticky | Value.cast(self.errors) | (outside << PeError.BAD_DESTINATION))
        # Where the fields of a register are held, unless in `config` itself.
        held: dict[Register, Any] = {
            **dict.fromkeys(neuron_fields(self.params), config.neuron),
            Register.DESTINATION: config.destination,
            Register.ERRORS: {"errors": sticky},
        }
        with m.Switch(access.address):
            for register, fields in register_fields(self.params).items():
                with m.Case(register):
                    word: list[Value] = []
                    for field in fields:
                        value = held.get(register, config)[field.name]
                        word += [Const(0, field.offset - sum(map(len, word))), value]
                        with m.If(access.write & ~outside):
                            m.d.sync += value.eq(access.wdata[field.offset : field.offset + field.width])
                    m.d.comb += access.rdata.eq(Cat(*word))
        return m
