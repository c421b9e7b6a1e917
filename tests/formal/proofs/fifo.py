"""The stream FIFO, the only queue of the chip."""

from __future__ import annotations

from amaranth.hdl import Signal
from harness import Harness, Proof, implies
from yoso_hw.fifo import StreamFIFO

#: Depths; routers, host port and core use 2 and more.
DEPTHS = (2, 3, 4, 5, 8)

#: Bits of a word. A FIFO does not look at them.
WIDTH = 2


def queue(h: Harness, depth: int) -> None:
    """Follow one word, any word, from its entry to its exit."""
    m = h.m
    m.submodules[f"fifo{depth}"] = fifo = StreamFIFO(WIDTH, depth)
    h.drive(fifo.i.payload, f"payload{depth}")
    h.drive(fifo.i.valid, f"valid{depth}")
    h.drive(fifo.o.ready, f"ready{depth}")
    put, got = fifo.i.valid & fifo.i.ready, fifo.o.valid & fifo.o.ready

    held = Signal(range(depth + 1), name=f"held{depth}")
    m.d.sync += held.eq(held + put - got)
    h.check(fifo.i.ready == (held != depth), f"depth {depth}: ready exactly while there is room")
    h.check(fifo.o.valid == (held != 0), f"depth {depth}: valid exactly while a word is held")

    choose = h.free(f"choose{depth}")
    inside = Signal(name=f"inside{depth}")  # the word that was chosen is in the queue
    ahead = Signal(range(depth + 1), name=f"ahead{depth}")  # words that leave before it
    word = Signal(WIDTH, name=f"word{depth}")
    with m.If(~inside):
        with m.If(choose & put):
            m.d.sync += [inside.eq(1), ahead.eq(held - got), word.eq(fifo.i.payload)]
    with m.Elif(got):
        m.d.sync += [ahead.eq(ahead - 1), inside.eq(ahead != 0)]
    its_turn = inside & (ahead == 0)
    h.check(implies(its_turn, fifo.o.valid), f"depth {depth}: no word is lost")
    h.check(
        implies(its_turn, fifo.o.payload == word),
        f"depth {depth}: each word comes out in its turn, unchanged",
    )
    h.cover(its_turn & got & put & (word == 1))
    h.cover(inside & (ahead == depth - 1))


def build(h: Harness) -> None:
    for depth in DEPTHS:
        queue(h, depth)


PROOFS = [
    Proof(
        name="fifo",
        claim="Words come out unchanged, in order, once each; ready exactly while there is room, valid "
        "exactly while a word is held.",
        parameters=f"depths {', '.join(map(str, DEPTHS))}",
        cases={"": build},
        bugs=("FIFO says it has room when it is full", "FIFO drops a word that is not taken"),
    )
]
