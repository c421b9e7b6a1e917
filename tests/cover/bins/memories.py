"""Bins of memories and registers as a host addresses them."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from yoso_hw.flit import unpack
from yoso_hw.memory_interface import MemoryInterface
from yoso_hw.pe_config import PeConfig
from yoso_hw.registers import MEMORY_BITS, PeError, Register, memories

from cover.bins.terms import moved, named, packet_is, refused
from cover.planting import Bins, bins_of


@bins_of(MemoryInterface)
def memory_interface(m: Module, interface: MemoryInterface) -> Bins:
    packets, packet = interface.packets, interface.packet
    selected = Signal(MEMORY_BITS, name="bins_memory")
    with m.If(moved(packet) & packet_is(packets, "SEEK", packet.payload)):
        m.d.sync += selected.eq(unpack(packets, "SEEK", packet.payload).memory)
    for name in ("WRITE", "READ"):
        done = moved(packet) & packet_is(packets, name, packet.payload)
        there = memories(interface.params)
        for memory in there:
            yield named(name, memory.name), done & (selected == memory)
        yield named(name, "of no memory"), done & (selected >= len(there))
    yield "bad address", interface.bad_address
    yield "packet waits", refused(packet)
    yield "answer waits", refused(interface.reply)


@bins_of(PeConfig)
def pe_config(m: Module, config: PeConfig) -> Bins:
    for error in PeError:
        yield (
            named("error", error.name),
            (config.access.address == Register.ERRORS) & config.access.rdata[error],
        )
    had = Signal(name="bins_had")
    m.d.sync += had.eq(config.error)
    yield "errors cleared", had & ~config.error
