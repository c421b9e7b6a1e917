"""The order of sweeps on a chip with convolution: which word comes when, and what else belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Array, Const, Mux, Signal, Value
from yoso_hw.core.ops import Op
from yoso_hw.core.walk import Walk
from yoso_hw.params import ChipParams, bits_for

from formal.harness import Harness, Proof, implies, small_chip

#: Positions of a tile and filter words of each: rows, columns, filter words; and whether the PE pools.
Tile = tuple[int, int, int, bool]


def tiles(words: int) -> list[Tile]:
    """All tiles of at most so many words; where the PE pools, of whole blocks of 2 x 2 positions."""
    sizes = [
        (rows, cols, filters)
        for rows in range(1, words + 1)
        for cols in range(1, words // rows + 1)
        for filters in range(1, words // (rows * cols) + 1)
    ]
    blocks = [(*size, True) for size in sizes if size[0] % 2 == size[1] % 2 == 0]
    # Without pooling, a tile's rows make no difference.
    return blocks + [(*size, False) for size in sizes if size[0] == 1]


def order(tile: Tile) -> list[tuple[int, int]]:
    """A sweep's (neuron word, filter word), by the definition of both orders."""
    rows, cols, filters, pools = tile
    if not pools:
        return [(word, word % filters) for word in range(rows * cols * filters)]
    return [
        (((2 * down + member // 2) * cols + 2 * along + member % 2) * filters + place, place)
        for down in range(rows // 2)
        for along in range(cols // 2)
        for place in range(filters)
        for member in range(4)
    ]


def choice(index: Value, values: Sequence[int], bits: int) -> Value:
    """The value of `values` at `index`."""
    return Array([Const(value, bits) for value in values])[index]


class Sweeps:
    """A walker and its sweeps, with whatever spikes, and the words of each as they are issued.

    Members
    -------
    issue
        A word of the sweep is issued.
    count
        Words issued of the running or last sweep.
    """

    def __init__(self, h: Harness, params: ChipParams) -> None:
        m = h.m
        m.submodules.walk = self.walk = walk = Walk(params)
        bank = Signal()
        m.d.sync += bank.eq(~bank)
        m.d.comb += walk.bank.eq(bank)
        for name in ("first", "start", "hold", "parity", "rows", "columns"):
            h.drive(getattr(walk, name), name)
        h.drive(walk.request.ready, "request_ready")
        h.drive(walk.spike.valid, "spike_valid")
        h.drive(Value.cast(walk.spike.payload), "spike")
        self.issue = walk.sweeping & ~walk.stalled
        # The barrier ticks when the core is idle: no spike is under way, and none is held.
        due = walk.due | walk.hold
        h.assume(implies(walk.start, h.past(walk.idle & ~due) & ~due))
        self.count = Signal(params.word_bits + 2)
        self.on = Signal()  # there has been a sweep
        self.first = Signal()
        with m.If(walk.start):
            m.d.sync += [self.count.eq(0), self.on.eq(1), self.first.eq(walk.first)]
        with m.Elif(self.issue):
            m.d.sync += self.count.eq(self.count + 1)
        room = ~walk.request.valid | walk.request.ready
        waited = h.past(walk.sweeping & room & ~self.issue) if params.banked else Const(1)
        h.check(implies(walk.sweeping & room & waited, self.issue), "a word a cycle; banked, in two")


def in_order(h: Harness, params: ChipParams, words: int) -> None:
    """Any tile of at most `words` words: each word comes once, in order."""
    m, s = h.m, Sweeps(h, params)
    walk, all_tiles = s.walk, tiles(words)
    tile = h.fixed("tile", bits_for(len(all_tiles)))
    h.assume(tile < len(all_tiles))
    orders = [order(each) for each in all_tiles]
    bits = params.word_bits + 1
    of_tile = {
        "words": [len(each) for each in orders],
        "filter_words": [filters for _, _, filters, _ in all_tiles],
        "neuron_pitch": [cols * filters for _, cols, filters, _ in all_tiles],
        "blocks": [cols // 2 if pools else 0 for _, cols, _, pools in all_tiles],
    }
    for name, values in of_tile.items():
        m.d.comb += getattr(walk, name).eq(choice(tile, values, bits))
    m.d.comb += walk.weight_pitch.eq(h.fixed("weight_pitch", params.row_bits))

    due_word, due_place = Signal(params.word_bits), Signal(params.word_bits)
    m.d.comb += [
        signal.eq(
            Array(
                choice(tile, [each[at][which] if at < len(each) else 0 for each in orders], params.word_bits)
                for at in range(words)
            )[s.count]
        )
        for which, signal in enumerate((due_word, due_place))
    ]
    h.check(implies(s.issue, walk.word == due_word), "words come in order")
    ended = s.on & ~walk.sweeping
    h.check(implies(s.issue, s.count < walk.words), "no more words than there are")
    h.check(implies(ended, s.count == walk.words), "and no fewer")
    word = h.fixed("word", params.word_bits)
    swept = Signal()
    mine = s.issue & (walk.word == word)
    m.d.sync += swept.eq((swept | mine) & ~walk.start)
    h.check(implies(mine, ~swept), "a word is swept once a sweep")
    h.check(implies(ended & (word < walk.words), swept), "each is")
    ends = h.past(due_place) + 1 == walk.filter_words
    request = walk.request.payload
    asked = (request.word == h.past(due_word)) & (request.last == ends)
    asked &= Value.cast(request.op) == Mux(s.first, Op.FIRST.value, Op.SWEEP.value)
    h.check(
        implies(h.past(s.issue), walk.request.valid & asked),
        "each is requested, and the last one of a position as such",
    )
    if params.neuron == "all":
        row, bias = h.fixed("bias_row", params.row_bits), h.fixed("bias")
        m.d.comb += [walk.neuron.bias_row.eq(row), walk.neuron.bias.eq(bias)]
        fits = row + due_place < params.weight_words
        h.check(implies(s.issue, walk.w_read == (bias & fits)), "a bias is read where there is one")
        h.check(implies(s.issue & walk.w_read, walk.row == row + due_place), "by its filter word")
        h.check(implies(s.issue, walk.bad_row == (bias & ~fits)), "or its word is an error")
    h.cover(ended & (walk.blocks == 2) & s.first)
    h.cover(s.issue & (walk.blocks == 0) & (walk.filter_words == 3) & (s.count == 5))
    walked = Signal()
    m.d.sync += walked.eq(walked | walk.update)
    h.cover(walked & walk.start & s.on)


def ends(h: Harness, params: ChipParams) -> None:
    """Any registers: a sweep ends after its words."""
    m, s = h.m, Sweeps(h, params)
    walk = s.walk
    for name in ("words", "filter_words", "neuron_pitch", "weight_pitch", "blocks"):
        m.d.comb += getattr(walk, name).eq(h.fixed(name, len(getattr(walk, name))))
    h.check(implies(s.issue, s.count < walk.words), "no more words than there are")
    h.check(implies(s.on & ~walk.sweeping, s.count == walk.words), "and no fewer")
    h.cover(s.on & ~walk.sweeping & (walk.words == 5) & (walk.filter_words == 0) & (walk.blocks == 1))


def chip(**changes: Any) -> ChipParams:
    return small_chip(**{"side": 2, "neurons": 8, "weights": 8, **changes})


PROOFS = [
    Proof(
        name="order",
        claim="A sweep takes each word of the tile once, in order; where the PE pools, a group's four "
        "members, then the next filter word, then the next block. The last word of each position is "
        "marked as such, and a bias is read by filter word. Its count ends it, whatever the registers"
        " say.",
        parameters="all tiles of up to 16 words (banked, neuron=all: 8), any spikes in between; the end: any "
        "registers, 8 words",
        assumptions=("a tick comes when the core is idle and no spike of the step waits (`barrier`)",),
        cases={
            "family": lambda h: in_order(h, chip(neuron="all"), 8),
            "banked": lambda h: in_order(h, chip(banked=True), 8),
            "any registers": lambda h: ends(h, chip()),
            "plain": lambda h: in_order(h, chip(neurons=16), 16),
        },
        bugs=(
            "convolution: in pool order the second row's members are taken from the first",
            "convolution: a pooled sweep ends by its blocks, not by a count of words",
            "convolution: the lane mask holds for the layer's last word alone",
            "convolution: a pooled sweep reads the bias word by word",
            "convolution: a bias row past the weights goes on with the first ones",
        ),
        engine="abc scorr; pdr",
        cover_depth=30,
    )
]
