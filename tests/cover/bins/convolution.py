"""Bins of convolution: which paths spikes take, how closely they follow each other, what ends them early.

The walker knows neither border nor stride. What a path says of them follows from what a compiler fills tables
with: kernels lie mirrored, taps sorted by residue, and a path begins within the kernel only where a border
cuts the kernel off or a stride passes taps over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from yoso_hw.core.walk import Walk
from yoso_hw.flit import unpack
from yoso_hw.mesh import Mesh
from yoso_hw.packet import Packets

from cover.bins.terms import moved, packet_is
from cover.planting import Bins, bins_of


@dataclass
class Fetched:
    """The spike whose path stands at `fetch`, a submodule, with what the tables said of it."""

    held: Value
    r: Value
    q: Value
    rows: Any
    columns: Any
    path: Any


def fetched(m: Module, walk: Walk) -> Fetched:
    """A model of `fetch` that keeps what the walker needs no more."""
    path, coordinate = m.submodules.fetch.path, walk.params.coord_bits
    asked, held = Signal(name="bins_asked"), Signal(name="bins_held")
    first = [Signal(coordinate, name=f"bins_{name}_asked") for name in "rq"]
    then = [Signal(coordinate, name=f"bins_{name}") for name in "rq"]
    rows: Any = Signal(walk.rows.shape(), name="bins_rows")
    columns: Any = Signal(walk.columns.shape(), name="bins_columns")
    with m.If(walk.spike.ready):
        m.d.sync += [asked.eq(walk.spike.valid), Cat(first).eq(Cat(walk.r, walk.q))]
    with m.If(~path.valid | path.ready):
        m.d.sync += [held.eq(asked), Cat(then).eq(Cat(first))]
        m.d.sync += [rows.eq(walk.rows), columns.eq(walk.columns)]
    return Fetched(held, *then, rows, columns, path)


@bins_of(Walk)
def walk(m: Module, walk: Walk) -> Bins:
    spike = fetched(m, walk)
    yield from geometry(m, walk, spike)
    yield from pace(m, walk, spike)
    yield from wrong(m, walk, spike)
    yield from sweeps(walk)


def geometry(m: Module, walk: Walk, spike: Fetched) -> Bins:
    """Paths as they begin; `filters`, `width` and `pitch` in words: of a place, a kernel's line, a row."""
    path, rows, columns = spike.path.payload, spike.rows, spike.columns
    filters, width, pitch = walk.filter_words, walk.weight_pitch, walk.neuron_pitch
    lines, run, begins = path.lines, path.run, moved(spike.path)
    place, bias = begins & ~path.rewind, begins & path.rewind
    yield "dense layer", place & (filters == walk.words)
    yield "kernel of one place", place & (width == 0) & (filters < walk.words)
    yield "one line of one word", place & (lines == 1) & (run == 1)
    yield "one line of several words", place & (lines == 1) & (run > 1)
    yield "several lines of one word", place & (lines > 1) & (run == 1)
    yield "several lines of several words", place & (lines > 1) & (run > 1)
    yield "every word of a map", place & (filters < walk.words) & (lines * run == walk.words)
    yield "several filter words", place & (filters > 1) & (filters < walk.words)
    yield "bias of one filter word", bias & (filters == 1)
    yield "bias of several filter words", bias & (filters > 1)
    yield "bias of several lines", bias & (lines > 1)

    # A kernel has so many lines as places. That one path went through all of it shows that the stride is 1,
    # and that a path through a part of it is cut off.
    kernel = place & (width > filters) & (filters != 0)
    whole = Signal(name="bins_whole")
    with m.If(walk.start & walk.first):
        m.d.sync += whole.eq(0)
    with m.Elif(kernel & (lines * filters == width) & (run == width)):
        m.d.sync += whole.eq(1)
    part = kernel & whole
    top = part & (rows.weight_offset != 0) & (rows.neuron_offset == 0)
    left = part & (columns.weight_offset != 0) & (columns.neuron_offset == 0)
    ends = (rows.weight_offset + lines * width) * filters
    bottom = part & (ends < width * width) & (rows.neuron_offset + lines * pitch == walk.words)
    right = part & (columns.weight_offset + run < width) & (columns.neuron_offset + run == pitch)
    yield "kernel whole", part & (lines * filters == width) & (run == width)
    for name, cut in (("top", top), ("bottom", bottom), ("left", left), ("right", right)):
        yield f"kernel cut at the {name}", cut
    for name, cut in (
        ("top left", top & left),
        ("top right", top & right),
        ("bottom left", bottom & left),
        ("bottom right", bottom & right),
    ):
        yield f"kernel cut at the {name}", cut
    yield "stride down", kernel & (rows.weight_offset != 0) & (rows.neuron_offset != 0)
    yield "stride across", kernel & (columns.weight_offset != 0) & (columns.neuron_offset != 0)
    # Without padding the first row of a map is seen from the first row of positions alone.
    yield "padding at the top", kernel & (spike.r == 0) & (lines > 1)
    yield "padding at the left", kernel & (spike.q == 0) & (run > filters)


def pace(m: Module, walk: Walk, spike: Fetched) -> Bins:
    """What lies between spikes, and what they wait for."""
    params, path = walk.params, spike.path
    memories = "banked" if params.banked else "plain"
    after = Signal(name="bins_after")  # the last word of a spike was issued in the cycle before
    m.d.sync += after.eq(walk.taken)
    yield f"{memories} one word right behind a spike", after & walk.taken
    yield f"{memories} several words right behind a spike", after & walk.update & ~walk.taken
    dropped = spike.held & ~path.valid & ~Cat(beyond(walk, spike)).any()
    before = Signal(name="bins_before")  # the one before was dropped
    with m.If(dropped | moved(path)):
        m.d.sync += before.eq(dropped)
    yield "dropped for its row", dropped & (spike.rows.lines == 0) & (spike.columns.run != 0)
    yield "dropped for its column", dropped & (spike.rows.lines != 0) & (spike.columns.run == 0)
    yield "dropped for both", dropped & (spike.rows.lines == 0) & (spike.columns.run == 0)
    yield "dropped before its step", dropped & (path.payload.parity != walk.parity)
    yield "dropped between two without a gap", moved(path) & walk.taken & before
    ahead = path.valid & (path.payload.parity != walk.parity)
    yield "spike waits for its tick", ahead & ~walk.sweeping
    yield "spike waits for its tick behind another", ahead & walk.update
    yield "spike waits for the sweep", path.valid & ~ahead & walk.sweeping
    yield "tables read in a walk", walk.table_read & walk.update
    yield "tables read in a sweep", walk.table_read & walk.sweeping
    yield "walk waits for its bank", walk.stalled & ~walk.sweeping
    yield "sweep in pool order waits for its bank", walk.stalled & walk.sweeping & walk.blocks.any()
    yield "last row", walk.w_read & (walk.row == params.weight_words - 1)
    yield "last word", walk.update & (walk.word == params.neuron_words - 1)


def beyond(walk: Walk, spike: Fetched) -> tuple[Value, Value]:
    """There is a spike whose row, and one whose column, no table has."""
    side = walk.params.side
    return spike.held & (spike.r >= side), spike.held & (spike.q >= side)


def wrong(m: Module, walk: Walk, spike: Fetched) -> Bins:
    """Tables and coordinates that no compiler makes."""
    path = spike.path.payload
    begun = Signal(name="bins_begun")  # a word of the walk was issued
    with m.If(walk.update):
        m.d.sync += begun.eq(1)
    with m.If(moved(spike.path)):
        m.d.sync += begun.eq(0)
    row, column = beyond(walk, spike)
    begins = moved(spike.path)
    yield "row beyond the table", row
    yield "column beyond the table", column
    yield "path begins beyond the words in use", begins & (path.r_word + path.q_word >= walk.words)
    yield (
        "path begins beyond the weights",
        begins & (path.row + path.weight_offset >= walk.params.weight_words),
    )
    strays = walk.bad_row & ~row & ~column & ~walk.sweeping
    yield "path given up at once", strays & ~begun
    yield "path given up after some words", strays & begun


def sweeps(walk: Walk) -> Bins:
    """In which order words are swept, and by which bias."""
    filters, pooled = walk.filter_words, walk.blocks.any()
    begins = walk.start & (walk.words != 0)
    order = begins & pooled
    yield "sweep of a dense layer", begins & (filters == walk.words)
    yield "sweep of a map", begins & ~pooled & (filters < walk.words)
    yield "sweep in pool order", order
    yield "sweep in pool order of several blocks", order & (walk.blocks > 1)
    yield "sweep in pool order of several rows of blocks", order & (walk.words > 2 * walk.neuron_pitch)
    yield "sweep in pool order of several filter words", order & (filters > 1)
    if walk.params.neuron == "all":
        bias = walk.neuron.bias & (filters < walk.words)
        yield "bias row of a map", begins & ~pooled & bias
        yield "bias row in pool order", order & bias
        yield "bias row in pool order of several filter words", order & bias & (filters > 1)


@bins_of(Mesh)
def mesh(m: Module, mesh: Mesh) -> Bins:
    """Spikes to a layer's nodes: of a convolution they go to the tiles that they reach, no others."""
    params = mesh.params
    if not (params.side and params.multicast):
        return
    packets = Packets(params)
    sent = [
        (mesh.trace_valid[node], mesh.trace_flit.word_select(node, packets.flit_bits))
        for node in range(params.nodes)
    ]
    begins = Cat(tick.first for tick in mesh.ticks).any()
    yield (
        "inputs reach tiles of their own",
        differ(m, packets, "inputs", begins, [(moved(mesh.inject), mesh.inject.payload)]),
    )
    yield "neurons reach tiles of their own", differ(m, packets, "neurons", begins, sent)


def differ(m: Module, packets: Packets, name: str, begins: Value, sent: list[tuple[Value, Value]]) -> Value:
    """A spike goes elsewhere than another to the same layer did in the same image."""
    spikes = []
    for valid, flit in sent:
        fields = unpack(packets, "SPIKE", flit)
        to = Cat(fields.x0, fields.x1, fields.y0, fields.y1)
        spikes.append((valid & packet_is(packets, "SPIKE", flit), fields.tag, to))
    found: Value = Const(0)
    for layer in range(1, packets.params.layers):
        seen = Signal(name=f"bins_{name}_{layer}_seen")
        last = Signal(len(spikes[0][2]), name=f"bins_{name}_{layer}_last")
        for spike, tag, to in spikes:
            own = spike & (tag == layer)
            found |= own & seen & (to != last)
            with m.If(own):
                m.d.sync += [seen.eq(1), last.eq(to)]
        with m.If(begins):
            m.d.sync += seen.eq(0)
    return found
