"""Bins of pooling: which of a group's members is heard, and which comes too late."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from yoso_hw.core.core import Core
from yoso_hw.core.pool import Pool

from cover.planting import Bins, bins_of

PLACES = ("top left", "top right", "bottom left", "bottom right")


@bins_of(Pool)
def pool(m: Module, pool: Pool) -> Bins:
    """Looks at the words of a group as they come, so a bin rises with its fourth."""
    lanes, place = pool.params.lanes, Signal(2, name="bins_place")
    earlier = [Signal(lanes, name=f"bins_fired{i}") for i in range(3)]
    marked = Signal(lanes, name="bins_marked")
    old = Mux(place == 0, 0, marked) | pool.marked
    with m.If(pool.valid):
        m.d.sync += [place.eq(place + 1), marked.eq(old)]
        for i, fired in enumerate(earlier):
            with m.If(place == i):
                m.d.sync += fired.eq(pool.fire.lanes)
    with m.If(pool.start):
        m.d.sync += place.eq(0)

    fourth = pool.valid & pool.pools & (place == 3)
    fires = [*earlier, pool.fire.lanes]
    any_fires = fires[0] | fires[1] | fires[2] | fires[3]
    passes, late = any_fires & ~old, any_fires & old
    counts = [sum((member[lane] for member in fires), Const(0)) for lane in range(lanes)]
    for name, member in zip(PLACES, fires, strict=True):
        alone = [member[lane] & passes[lane] & (counts[lane] == 1) for lane in range(lanes)]
        yield f"{name} is first", fourth & Cat(alone).any()
    for tie in (2, 3, 4):
        together = [passes[lane] & (counts[lane] == tie) for lane in range(lanes)]
        yield f"{tie} are first at once", fourth & Cat(together).any()
    for name, member in zip(PLACES, fires, strict=True):
        yield f"{name} comes too late", fourth & (member & old).any()
    yield (
        "several come too late at once",
        fourth & Cat(late[lane] & (counts[lane] > 1) for lane in range(lanes)).any(),
    )
    yield "one lane passes and another comes too late", fourth & passes.any() & late.any()
    yield "one lane passes and another is silent", fourth & passes.any() & ~(any_fires | old).all()
    yield "every lane passes", fourth & passes.all()
    yield "no member fires", fourth & ~any_fires.any()
    yield "not pooled", pool.valid & ~pool.pools & pool.fire.lanes.any()


def of_core(m: Module, core: Core) -> Bins:
    """Groups over an image: what neurons that fire more than once make of them; seen at `pool`."""
    params, pool = core.params, m.submodules.pool
    heard = Signal(params.neuron_words * params.lanes, name="bins_heard")
    own = heard.word_select(pool.passed.word, params.lanes)
    passes = pool.passed_valid & pool.pools
    with m.If(core.tick & core.first):
        m.d.sync += heard.eq(0)
    with m.Elif(passes):
        m.d.sync += own.eq(own | pool.passed.lanes)
    yield "group passes first", passes & ~own.any()
    if params.neuron == "all":
        yield "group passes again", passes & (own & pool.passed.lanes).any()


def in_store(m: Module, masked: Value, writes: Value, word: Value) -> Bins:
    """Lanes without a neuron lie in every position's last word, not in the layer's alone."""
    kept = Signal(name="bins_masked")
    with m.If(writes):
        m.d.sync += kept.eq(masked | (kept & (word != 0)))
    yield "a lane without a neuron would fire in more words than the last", kept & writes & (word != 0)
