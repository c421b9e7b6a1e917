"""The stream FIFOs, the only queues of the chip."""

from __future__ import annotations

from amaranth.hdl import Const, Mux, Signal, Value
from yoso_hw.fifo import DeepFIFO, Pair, StreamFIFO

from formal.harness import Harness, Proof, implies

#: Depths: routers and host port use 2 and more, the core's fire queue one a word, 64 on the default chip.
DEPTHS = (*range(2, 9), 16, 32, 33, 64, 128, 256)

#: Depths of the deep one; 256 is the largest fire queue of a chip with 256 neurons a PE.
DEEP = (2, 4, 16, 256)

#: Depths of the one that words pass by, between router and core.
THROUGH = (2, 3, 4, 5, 8)

#: Bits of a word. A FIFO does not look at them.
WIDTH = 4


def wrapped(value: Value, depth: int) -> Value:
    """`value` modulo `depth`, for values below twice that."""
    return Mux(value >= depth, value - depth, value)


def queue(h: Harness, depth: int, through: bool = False) -> None:
    """Follow one word, any word, from its entry to its exit.

    Deep queues are beyond PDR, so the invariant is given, and is about the inside: the storage, which gets
    one more read port, and its two pointers.
    """
    m = h.m
    fifo = StreamFIFO(WIDTH, depth, through=through)
    depth_of = f"{'through' if through else ''}{depth}"
    fifo._MustUse__silence = True
    m.submodules[f"fifo{depth_of}"] = inner = fifo.elaborate(None)
    body = inner.submodules.fifo.elaborate(None)
    inner.submodules.fifo.elaborate = lambda platform: body
    storage = body.submodules.storage
    produce, consume = storage.write_ports[0].addr, storage.read_ports[0].addr
    peek = storage.read_port(domain="comb")
    h.drive(fifo.i.payload, f"payload{depth_of}")
    h.drive(fifo.i.valid, f"valid{depth_of}")
    h.drive(fifo.o.ready, f"ready{depth_of}")
    put, got = fifo.i.valid & fifo.i.ready, fifo.o.valid & fifo.o.ready

    held = Signal(range(depth + 1), name=f"held{depth_of}")
    m.d.sync += held.eq(held + put - got)
    h.check(fifo.i.ready == (held != depth), f"depth {depth_of}: ready exactly while there is room")
    passes = (held == 0) & fifo.i.valid if through else Const(0)
    h.check(fifo.o.valid == ((held != 0) | passes), f"depth {depth_of}: valid exactly while a word is there")
    if through:
        h.check(
            implies(passes, fifo.o.payload == fifo.i.payload), f"depth {depth_of}: a word passes unchanged"
        )

    choose = h.free(f"choose{depth_of}")
    inside = Signal(name=f"inside{depth_of}")  # the word that was chosen is in the queue
    ahead = Signal(range(depth + 1), name=f"ahead{depth_of}")  # words that leave before it
    word = Signal(WIDTH, name=f"word{depth_of}")
    with m.If(~inside):
        with m.If(choose & put & ~(passes & got)):
            m.d.sync += [inside.eq(1), ahead.eq(held - got), word.eq(fifo.i.payload)]
    with m.Elif(got):
        m.d.sync += [ahead.eq(ahead - 1), inside.eq(ahead != 0)]
    its_turn = inside & (ahead == 0)
    h.check(implies(its_turn, fifo.o.valid), f"depth {depth_of}: no word is lost")
    h.check(
        implies(its_turn, fifo.o.payload == word), f"depth {depth_of}: each word comes out in turn, unchanged"
    )

    # The invariant.
    m.d.comb += peek.addr.eq(wrapped(consume + ahead, depth))
    h.check(inner.submodules.fifo.level == held, f"depth {depth_of}: the level counts the words")
    h.check((held <= depth) & (produce < depth) & (consume < depth), f"depth {depth_of}: all is in range")
    h.check(produce == wrapped(consume + held, depth), f"depth {depth_of}: the pointers are as far apart")
    h.check(
        implies(inside, (ahead < held) & (peek.data == word)), f"depth {depth_of}: the word is in its place"
    )
    if depth <= 8:
        h.cover(its_turn & got & put & (word == 1))
        h.cover(inside & (ahead == depth - 1))


def pair(h: Harness) -> None:
    """The same for the pair of registers."""
    m = h.m
    m.submodules.pair = fifo = Pair(WIDTH)
    held, came, went = fifo.held, fifo.came, fifo.went
    h.drive(fifo.i.payload, "pair_payload")
    h.drive(fifo.i.valid, "pair_valid")
    h.drive(fifo.o.ready, "pair_ready")
    put, got = fifo.i.valid & fifo.i.ready, fifo.o.valid & fifo.o.ready
    count = Signal(range(3), name="pair_count")
    m.d.sync += count.eq(count + put - got)
    h.check(fifo.i.ready == (count != 2), "pair: ready exactly while there is room")
    h.check(fifo.o.valid == (count != 0), "pair: valid exactly while a word is held")
    first, second = (Signal(WIDTH, name=f"pair_{name}") for name in ("first", "second"))
    with m.If(got):
        m.d.sync += first.eq(second)
    with m.If(put):
        with m.If(count == got):
            m.d.sync += first.eq(fifo.i.payload)
        with m.Else():
            m.d.sync += second.eq(fifo.i.payload)
    h.check(implies(count != 0, fifo.o.payload == first), "pair: each word comes out in turn, unchanged")

    # The invariant.
    h.check(held[0] + held[1] == count, "pair: as many are in use")
    h.check(implies(count != 1, came == went), "pair: full or empty, the next to give is the next to take")
    h.check(
        implies(count == 1, (came != went) & held.bit_select(went, 1)), "pair: one word is the next to give"
    )
    other = Signal(WIDTH, name="pair_other")
    m.d.comb += other.eq(Mux(went, fifo.words[0], fifo.words[1]))
    h.check(implies(count == 2, other == second), "pair: the word behind it is in its place")
    h.cover(put & got & (first == 1))
    h.cover((count == 2) & got)


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
    for depth in THROUGH:
        queue(h, depth, through=True)
    pair(h)
    for depth in DEEP:
        deep_queue(h, depth)


PROOFS = [
    Proof(
        name="fifo",
        claim="Words come out unchanged, in order, once each; ready exactly while there is room, valid "
        "exactly while a word is held.",
        parameters=f"depths {', '.join(map(str, DEPTHS))}; the deep one {', '.join(map(str, DEEP))}; where "
        f"words pass by {', '.join(map(str, THROUGH))}, valid while one comes in, too; a pair of registers",
        cases={"": build},
        bugs=(
            "FIFO says it has room when it is full",
            "FIFO drops a word that is not taken",
            "deep FIFO takes a full queue for an empty one",
            "deep FIFO offers a word before it was read",
            "a word that passes a FIFO by is held as well",
            "a pair gives its words in turn whatever is taken",
        ),
        engine="smtbmc yices",
        depth=6,
    )
]
