"""Store and pooling: what passes of a group of four neurons."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Mux, Signal, Value
from yoso_hw.core.ops import Op
from yoso_hw.core.pool import Pool
from yoso_hw.core.store import Store
from yoso_hw.params import ChipParams, bits_for
from yoso_hw.registers import Reset

from formal.harness import Harness, Proof, implies, small_chip

GROUPS = 2


def build(h: Harness, params: ChipParams) -> None:
    """Follow one lane of one group through every sweep.

    Store and pool are joined as in `Core`. The sweep is the harness's, in pool order (`order` shows that it
    comes so, and that the four members are at one filter word, so that all or none are a position's last
    word), and so is the memory of the members' marks; all potentials read as anything. A sweep ends before
    the next begins, and spikes may come between any two words.
    """
    m = h.m
    m.submodules.store = store = Store(params)
    m.submodules.pool = pool = Pool(params)
    m.d.comb += [
        pool.valid.eq(store.v_write),
        pool.fire.eq(store.fire),
        pool.marked.eq(store.marked),
        pool.pools.eq(h.fixed("pools")),
        store.last_mask.eq(h.fixed("mask", params.lanes)),
        Value.cast(store.neuron).eq(h.fixed("neuron", len(Value.cast(store.neuron)))),
    ]
    h.drive(Value.cast(store.step), "step")
    if params.neuron == "all":  # of a neuron whose reset is never, no window is open (`yoso_hw.core.neuron`)
        h.assume(implies(store.neuron.reset == Reset.NEVER, ~store.step.open))
    group, lane = h.fixed("group", bits_for(GROUPS)), h.fixed("lane", bits_for(params.lanes))
    h.assume(lane < params.lanes)

    # A sweep's words, one after another.
    at = Signal(range(4 * GROUPS + 1), init=4 * GROUPS)
    start = h.drive(pool.start, "start")
    h.assume(implies(start, at == 4 * GROUPS))
    result = store.result
    h.drive(result.valid, "valid")
    bits = h.drive(Value.cast(result.payload.p), "p")
    spikes, first = h.free("spikes"), Signal()
    lasts = h.fixed("lasts", GROUPS)
    m.d.comb += [
        result.payload.op.eq(Mux(spikes, Op.SPIKE, Mux(first, Op.FIRST, Op.SWEEP))),
        result.payload.word.eq(at),
        result.payload.last.eq(lasts.bit_select(at[2:], 1)),
    ]
    h.assume(implies(result.valid & ~spikes, at != 4 * GROUPS))
    wrote = store.v_write
    m.d.sync += at.eq(Mux(start, 0, at + wrote))
    with m.If(start):
        m.d.sync += first.eq(h.free("first"))

    # The members' marks, of which a first sweep takes none.
    marks = Signal(4)
    mine = wrote & (at[2:] == group)
    member = at[:2]
    found = bits.word_select(lane, params.pot_bits + 1)[-1]
    h.assume(implies(mine, found == (marks.bit_select(member, 1) & ~first)))
    kept = Value.cast(store.p).word_select(lane, params.pot_bits + 1)[-1]
    with m.If(mine):
        m.d.sync += marks.bit_select(member, 1).eq(kept)

    # When it should be heard.
    fires = store.fire.lanes.bit_select(lane, 1)
    once = store.neuron.reset == Reset.ONCE if params.neuron == "all" else 1
    now, heard = Signal(), Signal()  # a member fired in this sweep; in an earlier one of the image
    fourth = mine & (member == 3)
    with m.If(start):
        m.d.sync += [now.eq(0), heard.eq(heard | now)]
    with m.Elif(mine):
        m.d.sync += now.eq(now | fires)
    with m.If(h.past(start) & first):
        m.d.sync += heard.eq(0)
    due = h.past(fourth & (now | fires) & ~(once & heard))
    seen = pool.passed_valid & (pool.passed.word[2:] == group) & pool.passed.lanes.bit_select(lane, 1)
    pooled = pool.pools
    h.check(
        implies(pooled, seen == due),
        "a group passes in the step of its earliest member, once whatever number fires then",
    )
    h.check(implies(pooled & seen, pool.passed.word[:2] == 3), "under the word of its fourth member")
    passed = Signal()
    m.d.sync += passed.eq((passed | seen) & ~(h.past(start) & first))
    h.check(implies(pooled & once & seen, ~passed), "of neurons that fire once, once an image")
    used = ~lasts.bit_select(group, 1) | store.last_mask.bit_select(lane, 1)
    h.check(implies(seen, used), "a lane without a neuron is never heard")
    h.check(
        implies(
            ~pooled,
            (pool.passed_valid == h.past(store.fire_valid))
            & implies(pool.passed_valid, Value.cast(pool.passed) == h.past(store.fire)),
        ),
        "without pooling, each word passes as it is",
    )
    h.cover(pooled & seen & ~first)
    h.cover(pooled & h.past(fourth & fires) & heard & ~seen)
    h.cover(pooled & passed & start)


def chip(**changes: Any) -> ChipParams:
    return small_chip(**{"side": 2, "neurons": 8, "weights": 8, **changes})


PROOFS = [
    Proof(
        name="pool",
        claim="A group of four neurons passes once, in the step in which its earliest member fires, whatever "
        "number fire then; not again in that image where they fire once; lanes do not touch each other, and "
        "those without a neuron are never heard. Where the PE does not pool, all fires pass.",
        parameters=f"{GROUPS} groups, 1 and 2 lanes; neuron=all with any reset; any mask",
        assumptions=("members come one after another, at one filter word (`order`)",),
        cases={
            "1 lane": lambda h: build(h, chip()),
            "2 lanes": lambda h: build(h, chip(lanes=2, neurons=16, weights=16)),
            "family": lambda h: build(h, chip(neuron="all")),
        },
        bugs=(
            "pool: a tie passes twice",
            "pool: members that fired in earlier steps are ignored",
            "pool: the fourth member alone is looked at",
            "pool: a group finds what the one before it left",
            "pool: lanes of a group block each other",
        ),
        engine="abc scorr; pdr",
        cover_depth=30,
    )
]
