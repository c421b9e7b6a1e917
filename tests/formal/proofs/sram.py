"""The memories, one word followed: what the proofs of the core take them to be."""

from __future__ import annotations

from amaranth.hdl import Signal
from yoso_hw.params import bits_for
from yoso_hw.sram import ReadWriteSRAM, SinglePortSRAM

from formal.harness import Harness, Proof, implies

#: Bits of a word. A memory does not look at them.
WIDTH = 2


def follow(h: Harness, depth: int, read, write, read_addr, write_addr, written, found) -> None:
    """A read finds what was written last, and its word stays until the next read."""
    m = h.m
    address = h.fixed("address", bits_for(depth))
    h.assume(address < depth)
    known, word = Signal(), Signal(WIDTH)
    with m.If(write & (write_addr == address)):
        m.d.sync += [known.eq(1), word.eq(written)]
    collides = write & (write_addr == read_addr)
    out, expected = Signal(), Signal(WIDTH)  # the last read was of this word, and had to find it
    with m.If(read):
        m.d.sync += [out.eq(known & (read_addr == address) & ~collides), expected.eq(word)]
    h.check(implies(out, found == expected), "a read finds the word written last, and holds it")
    h.cover(out & (found == 3))
    h.cover(out & ~h.past(read) & h.past(out))


def single_port(h: Harness, depth: int) -> None:
    h.m.submodules.sram = dut = SinglePortSRAM(WIDTH, depth)
    for name in ("en", "write", "addr", "wdata"):
        h.drive(getattr(dut, name), name)
    h.assume(dut.addr < depth)
    follow(h, depth, dut.en & ~dut.write, dut.en & dut.write, dut.addr, dut.addr, dut.wdata, dut.rdata)


def read_write(h: Harness, depth: int, *, banked: bool) -> None:
    h.m.submodules.sram = dut = ReadWriteSRAM(WIDTH, depth, banked=banked)
    for name in ("read_en", "read_addr", "write_en", "write_addr", "write_data"):
        h.drive(getattr(dut, name), name)
    h.assume((dut.read_addr < depth) & (dut.write_addr < depth))
    if banked:
        h.assume(~(dut.read_en & dut.write_en) | (dut.read_addr[0] != dut.write_addr[0]))
    follow(h, depth, dut.read_en, dut.write_en, dut.read_addr, dut.write_addr, dut.write_data, dut.read_data)


PROOFS = [
    Proof(
        name="sram",
        claim="A read finds the word that was written last, unless it is written in the same cycle, and "
        "holds it until the next read; banked as well.",
        parameters="3 and 4 words",
        cases={
            "single port": lambda h: single_port(h, 3),
            "plain": lambda h: read_write(h, 4, banked=False),
            "banked": lambda h: read_write(h, 4, banked=True),
            "banked, odd": lambda h: read_write(h, 3, banked=True),
        },
        bugs=("banked memory forgets which bank it read",),
        assumptions=("banked: a read and a write in one cycle are in different banks (`read-modify-write`)",),
        engine="abc scorr; pdr",
    )
]
