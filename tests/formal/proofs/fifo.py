"""The two stream FIFOs, the only queues of the chip."""

from __future__ import annotations

from amaranth.hdl import Mux, Signal, Value
from yoso_hw.fifo import DeepFIFO, StreamFIFO

from formal.harness import Harness, Proof, implies

#: Depths: routers and host port use 2 and more, the core's fire queue one a word, 64 on the default chip.
DEPTHS = (*range(2, 9), 16, 32, 33, 64, 128, 256)

#: Depths of the deep one; 256 is the largest fire queue of a chip with 256 neurons a PE.
DEEP = (2, 4, 16, 256)

#: Bits of a word. A FIFO does not look at them.
WIDTH = 4


def wrapped(value: Value, depth: int) -> Value:
    """`value` modulo `depth`, for values below twice that."""
    return Mux(value >= depth, value - depth, value)


def queue(h: Harness, depth: int) -> None:
    """Follow one word, any word, from its entry to its exit.

    Deep queues are beyond PDR, so the invariant is given, and is about the inside: the storage, which gets
    one more read port, and its two pointers.
    """
    m = h.m
    fifo = StreamFIFO(WIDTH, depth)
    fifo._MustUse__silence = True
    m.submodules[f"fifo{depth}"] = inner = fifo.elaborate(None)
    body = inner.submodules.fifo.elaborate(None)
    inner.submodules.fifo.elaborate = lambda platform: body
    storage = body.submodules.storage
    produce, consume = storage.write_ports[0].addr, storage.read_ports[0].addr
    peek = storage.read_port(domain="comb")
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
        implies(its_turn, fifo.o.payload == word), f"depth {depth}: each word comes out in turn, unchanged"
    )

    # The invariant.
    m.d.comb += peek.addr.eq(wrapped(consume + ahead, depth))
    h.check(inner.submodules.fifo.level == held, f"depth {depth}: the level counts the words")
    h.check((held <= depth) & (produce < depth) & (consume < depth), f"depth {depth}: all is in range")
    h.check(produce == wrapped(consume + held, depth), f"depth {depth}: the pointers are as far apart")
    h.check(implies(inside, (ahead < held) & (peek.data == word)), f"depth {depth}: the word is in its place")
    if depth <= 8:
        h.cover(its_turn & got & put & (word == 1))
        h.cover(inside & (ahead == depth - 1))


def deep_queue(h: Harness, depth: int) -> None:
    """The same for the deep FIFO, whose word at the output was read a cycle before."""
    m = h.m
    fifo = DeepFIFO(WIDTH, depth)
    fifo._MustUse__silence = True
    m.submodules[f"deep{depth}"] = inner = fifo.elaborate(None)
    storage = inner.submodules.memory
    came, went = fifo.came, fifo.went
    peek, head = storage.read_port(domain="comb"), storage.read_port(domain="comb")
    h.drive(fifo.i.payload, f"deep_payload{depth}")
    h.drive(fifo.i.valid, f"deep_valid{depth}")
    h.drive(fifo.o.ready, f"deep_ready{depth}")
    put, got = fifo.i.valid & fifo.i.ready, fifo.o.valid & fifo.o.ready

    held = Signal(range(depth + 1), name=f"deep_held{depth}")
    m.d.sync += held.eq(held + put - got)
    left = h.past(held - got)
    h.check(fifo.i.ready == (held != depth), f"deep, depth {depth}: ready exactly while there is room")
    h.check(fifo.empty == (held == 0), f"deep, depth {depth}: empty exactly while no word is held")
    h.check(fifo.o.valid == (left != 0), f"deep, depth {depth}: valid exactly if one came two cycles before")

    choose = h.free(f"deep_choose{depth}")
    inside = Signal(name=f"deep_inside{depth}")
    ahead = Signal(range(depth + 1), name=f"deep_ahead{depth}")
    word = Signal(WIDTH, name=f"deep_word{depth}")
    with m.If(~inside):
        with m.If(choose & put):
            m.d.sync += [inside.eq(1), ahead.eq(held - got), word.eq(fifo.i.payload)]
    with m.Elif(got):
        m.d.sync += [ahead.eq(ahead - 1), inside.eq(ahead != 0)]
    its_turn = inside & (ahead == 0)
    h.check(
        implies(its_turn & fifo.o.valid, fifo.o.payload == word),
        f"deep, depth {depth}: each word comes out in turn, unchanged",
    )

    # The invariant.
    m.d.comb += [peek.addr.eq(went + ahead), head.addr.eq(went)]
    h.check(held <= depth, f"deep, depth {depth}: no more is held than there is room for")
    h.check((came - went)[: len(came)] == held, f"deep, depth {depth}: the pointers are as far apart")
    h.check(
        implies(fifo.o.valid, (held != 0) & (fifo.o.payload == head.data)),
        f"deep, depth {depth}: at its head",
    )
    h.check(
        implies(inside, (ahead < held) & (peek.data == word)),
        f"deep, depth {depth}: the word is in its place",
    )
    if depth <= 4:
        h.cover(its_turn & got & put & (word == 1))
        h.cover(inside & (ahead == depth - 1))


def build(h: Harness) -> None:
    for depth in DEPTHS:
        queue(h, depth)
    for depth in DEEP:
        deep_queue(h, depth)


PROOFS = [
    Proof(
        name="fifo",
        claim="Words come out unchanged, in order, once each; ready exactly while there is room, valid "
        "exactly while a word is held.",
        parameters=f"depths {', '.join(map(str, DEPTHS))}; the deep one {', '.join(map(str, DEEP))}",
        cases={"": build},
        bugs=(
            "FIFO says it has room when it is full",
            "FIFO drops a word that is not taken",
            "deep FIFO takes a full queue for an empty one",
            "deep FIFO offers a word before it was read",
        ),
        engine="smtbmc yices",
        depth=6,
    )
]
