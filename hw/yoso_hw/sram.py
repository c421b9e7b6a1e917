"""Every memory of the chip is made here, so that an ASIC flow can put macros in its place.

A platform with a method ``sram(width, depth)`` does so: what it returns, if not None, has the members of
`SinglePortSRAM` and stands in for it (`yoso_synth.macros`).

Reads take one cycle: data stand at the output from the cycle after the request until the next request, as
in the SRAM macros of the open processes.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.params import bits_for

#: Attribute of the memories that are SRAM macros in an ASIC; all others are flip-flops there.
SRAM_MARK = "sram_macro"


class SinglePortSRAM(Component):
    """One port, which reads or writes one word a cycle.

    Parameters
    ----------
    block
        A block RAM on an FPGA, however small: LUT RAM would cost more than it saves.

    Members
    -------
    en, write, addr, wdata
        Request: with `en`, write `wdata` if `write`, else read.
    rdata
        Word last read; held while there is no new read.
    """

    def __init__(self, width: int, depth: int, *, block: bool = False) -> None:
        self.width, self.depth, self.block = width, depth, block
        super().__init__(
            {
                "en": In(1),
                "write": In(1),
                "addr": In(bits_for(depth)),
                "wdata": In(width),
                "rdata": Out(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        macros = getattr(platform, "sram", None)
        inner = macros(self.width, self.depth) if macros else None
        if inner is not None:
            m.submodules.macros = inner
            wiring.connect(m, wiring.flipped(self), inner)
            return m
        # A memory of one word would have an address of no bits, which not every tool takes.
        attributes: dict[str, Any] = {SRAM_MARK: 1, **({"ram_style": "block"} if self.block else {})}
        memory: Memory = Memory(shape=self.width, depth=max(2, self.depth), init=[], attrs=attributes)
        m.submodules.memory = memory
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.en.eq(self.en & self.write),
            write.addr.eq(self.addr),
            write.data.eq(self.wdata),
            read.en.eq(self.en & ~self.write),
            read.addr.eq(self.addr),
            self.rdata.eq(read.data),
        ]
        return m


class ReadWriteSRAM(Component):
    """A read and a write every cycle.

    Reading the word that is written in the same cycle yields its old value or garbage: the core forwards
    instead of relying on it. With `banked` the words lie in two single-port memories, even words and odd
    ones, and the two requests of a cycle must be to different banks.

    Members
    -------
    read_en, read_addr, read_data
        Read request and, a cycle later, its word, held until the next.
    write_en, write_addr, write_data
        Write request.
    """

    def __init__(self, width: int, depth: int, *, banked: bool = False) -> None:
        self.width, self.depth, self.banked = width, depth, banked
        super().__init__(
            {
                "read_en": In(1),
                "read_addr": In(bits_for(depth)),
                "read_data": Out(width),
                "write_en": In(1),
                "write_addr": In(bits_for(depth)),
                "write_data": In(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self.banked:
            self._elaborate_banks(m)
            return m
        # Lets synthesis use a block RAM as it is, without logic that keeps the old value in a collision.
        attributes: dict[str, Any] = {"no_rw_check": 1, SRAM_MARK: 1}
        memory: Memory = Memory(shape=self.width, depth=max(2, self.depth), init=[], attrs=attributes)
        m.submodules.memory = memory
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.en.eq(self.write_en),
            write.addr.eq(self.write_addr),
            write.data.eq(self.write_data),
            read.en.eq(self.read_en),
            read.addr.eq(self._isolated(platform)),
            self.read_data.eq(read.data),
        ]
        return m

    def _isolated(self, platform: object) -> Value:
        """The read address; on an ASIC 0 without a request, so that flip-flop memories do not switch."""
        return Mux(self.read_en, self.read_addr, 0) if hasattr(platform, "sram") else self.read_addr

    def _elaborate_banks(self, m: Module) -> None:
        banks = [SinglePortSRAM(self.width, (self.depth + 1) // 2) for _ in range(2)]
        read_bank = Signal()
        with m.If(self.read_en):
            m.d.sync += read_bank.eq(self.read_addr[0])
        for i, bank in enumerate(banks):
            m.submodules[f"bank{i}"] = bank
            writing = self.write_en & (self.write_addr[0] == i)
            reading = self.read_en & (self.read_addr[0] == i)
            m.d.comb += [
                bank.en.eq(writing | reading),
                bank.write.eq(writing),
                bank.addr.eq(Mux(writing, self.write_addr[1:], self.read_addr[1:])),
                bank.wdata.eq(self.write_data),
            ]
        m.d.comb += self.read_data.eq(Mux(read_bank, banks[1].rdata, banks[0].rdata))
