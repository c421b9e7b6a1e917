"""Walk: load of a chip with convolution. Leads sweeps and spikes through neuron words and weight words."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.core.fetch import Fetch
from yoso_hw.core.load import load_members
from yoso_hw.core.ops import Op, entry_layout
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory


class Walk(Component):
    """In place of `Load`, with its promises: one word a cycle, a sweep first, a spike not before its step.

    A spike carries its row r, its column q and the base of its channel's kernels. The tables, which the
    compiler fills, hold all else of the geometry (`Fetch`): its path begins at two sums and has `lines` lines
    of `run` words. Along a line neuron words and weight words go up by one, and from one line's beginning to
    the next by `neuron_pitch` and `weight_pitch`. With `rewind`, as a bias has it, the weights of the first
    `filter_words` words repeat. There is no multiplier, and neither border nor stride is known here.

    A sweep is a path, too: one line of all words, with rewind, which reads the bias row by filter word. Where
    the PE pools, its order is another: of the first block of 2 x 2 positions, four members, then the same of
    the block's next filter word, then the next block. It ends after `words` words, whatever registers say.

    ==================  ==========================================================================
    spike               ``lines * run`` cycles, from 3 cycles after it is first seen. Spikes follow without a
                        gap if fewer are dropped between two than the first of them has words.
    sweep               `words` cycles, beginning the cycle after `start`
    banked memories     a cycle more wherever the next word lies in the bank of the last one
    ==================  ==========================================================================

    A path that leaves the words in use or the weight memory ends there: the words from the first wrong one on
    are not asked for, and `bad_row` is raised once.

    Members
    -------
    filter_words, neuron_pitch, weight_pitch, blocks
        Registers of the PE: words of a position, of a row of positions, weight words of a kernel's line, and
        blocks in a row where the PE pools, else 0.
    table_read, r, q, rows, columns
        As in `Fetch`.
    holds
        A spike is in here, perhaps one of the step to come.
    (others)
        As in `Load`. A spike is `due` when its next word is issued, unless something stalls; the request's
        `last` says that its word is the last of a position.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        words = params.word_bits + 1
        super().__init__(
            {
                **load_members(params),
                "filter_words": In(words),
                "neuron_pitch": In(words),
                "weight_pitch": In(params.row_bits),
                "blocks": In(words),
                "table_read": Out(1),
                "r": Out(params.coord_bits),
                "q": Out(params.coord_bits),
                "rows": In(entry_layout(params, Memory.ROWS)),
                "columns": In(entry_layout(params, Memory.COLUMNS)),
                "holds": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        m.submodules.fetch = fetch = Fetch(params)
        m.d.comb += [
            fetch.spike.payload.eq(self.spike.payload),
            fetch.spike.valid.eq(self.spike.valid),
            self.spike.ready.eq(fetch.spike.ready),
            self.table_read.eq(fetch.table_read),
            self.r.eq(fetch.r),
            self.q.eq(fetch.q),
            fetch.rows.eq(self.rows),
            fetch.columns.eq(self.columns),
        ]
        path = fetch.path.payload

        # What is under way, and its next word. A word or row that would not fit has a bit more, or two.
        walking, first = Signal(), Signal()  # it is a spike; the sweep is an image's first
        word, row = Signal(params.word_bits + 2), Signal(params.row_bits + 2)
        issue, goes, enters, ends = Signal(), Signal(), Signal(), Signal()
        words = Signal(params.word_bits + 1)
        m.d.sync += words.eq(self.words)
        in_weights = row < params.weight_words
        strays = walking & ~((word < words) & in_weights)
        op = Signal(Op)
        available = self.sweeping | self.due
        in_bank = (word[0] == self.bank) if params.banked else 1
        m.d.comb += [
            op.eq(Mux(self.sweeping, Mux(first, Op.FIRST, Op.SWEEP), Op.SPIKE)),
            self.due.eq(walking & ~self.hold),
            issue.eq(available & (~self.request.valid | self.request.ready) & in_bank),
            goes.eq(issue & ~strays),
            self.stalled.eq(available & ~issue),
            self.a_read.eq(goes & (op != Op.FIRST)),
            self.v_read.eq(issue & (op == Op.SWEEP)),
            self.update.eq(goes & walking),
            self.w_read.eq(self.update),
            self.word.eq(word),
            self.row.eq(row),
            self.bad_row.eq((issue & strays) | fetch.bad),
            self.taken.eq(self.update & ends),
            self.idle.eq(~self.sweeping & ~self.start & ~self.request.valid),
            self.holds.eq(walking | fetch.holds),
        ]
        if params.neuron == "all":
            biased = issue & self.sweeping & self.neuron.bias
            m.d.comb += [
                self.w_read.eq(self.update | (biased & in_weights)),
                self.bad_row.eq((issue & strays) | fetch.bad | (biased & ~in_weights)),
            ]
        place_ends = self._lead(m, word, row, issue, enters, ends, path)

        # The next one. A spike of the step to come waits in `fetch`.
        under_way = self.sweeping | walking
        m.d.comb += [
            enters.eq(
                fetch.path.valid & (path.parity == self.parity) & ~self.start & (~under_way | (issue & ends))
            ),
            fetch.path.ready.eq(enters),
        ]
        with m.If(issue & ends):
            m.d.sync += self.sweeping.eq(0)
        with m.If(issue & (ends | strays)):
            m.d.sync += walking.eq(0)
        with m.If(enters):
            m.d.sync += walking.eq(1)
        with m.If(self.start):
            m.d.sync += [self.sweeping.eq(self.words != 0), first.eq(self.first)]

        with m.If(issue):
            m.d.sync += [
                self.request.payload.op.eq(op),
                self.request.payload.word.eq(word),
                self.request.payload.last.eq(place_ends),
                self.request.valid.eq(goes),
            ]
        with m.Elif(self.request.ready):
            m.d.sync += self.request.valid.eq(0)
        return m

    def _lead(
        self, m: Module, word: Signal, row: Signal, issue: Value, enters: Value, ends: Signal, path
    ) -> Value:
        """Lead `word` and `row` along a path, and say in `ends` whether they are its last ones.

        Each is the sum of a base, a step and a carry: the path's beginning when one enters, else where it
        stands or where its line or, when pooling, its block's filter word began. Returns whether the word is
        the last one of its position.
        """
        params = self.params
        count = params.word_bits + 1
        pooled = Signal()
        m.d.sync += pooled.eq(self.blocks.any())  # it does not change in a run
        pools = self.sweeping & pooled

        # What comes after this word: words of its line, words of its position, and lines of the path or, when
        # pooling, blocks of the row. Which member of its group it is.
        run, left, place = (Signal(count, name=name) for name in ("run", "left", "place"))
        lines = Signal(max(count, len(path.lines)))
        member, rewinds = Signal(2), Signal()
        # Of lines it is known when the count is made whether it is 0: which spike is next depends on it.
        line_ends, last_line, place_ends = Signal(), Signal(), ~place.any()
        group_ends = ~pools | member.all()
        m.d.comb += ends.eq(line_ends & (self.sweeping | last_line))

        # Neuron word. The fourth member of a row's last block lies right before the next block's first word.
        start_word, start_row = Signal(params.word_bits), Signal(params.row_bits)
        again = Mux(pools, (member == 1) | (group_ends & ~(place_ends & last_line)), line_ends)
        pitch = Mux(pools, member == 1, line_ends)
        filters = pools & (~member[0] | (group_ends & place_ends & ~last_line))
        next_word = sum_of(
            Mux(enters, path.r_word, Mux(again, start_word, word[: params.word_bits])),
            Mux(enters, path.q_word, Mux(pitch, self.neuron_pitch, Mux(filters, self.filter_words, 0))),
            ~enters & Mux(pools, group_ends, ~line_ends),
        )
        # Weight word: the members of a group share it, also one past the memory, which a bias row may reach.
        back = Mux(rewinds, group_ends & (place_ends | line_ends), line_ends)
        next_row = sum_of(
            Mux(enters, path.row, Mux(back, start_row, row[: params.row_bits + 1])),
            Mux(enters, path.weight_offset, Mux(line_ends & ~rewinds, self.weight_pitch, 0)),
            ~enters & group_ends & ~back,
        )
        with m.If(issue | enters):
            m.d.sync += [word.eq(next_word), row.eq(next_row)]
            with m.If(enters | Mux(pools, group_ends, line_ends)):
                m.d.sync += start_word.eq(next_word)
            with m.If(enters | line_ends):
                m.d.sync += start_row.eq(next_row)

        # Each count begins anew from what it counts, less the one that is next.
        begins = enters | self.start
        with m.If(issue | begins):
            first = Mux(self.start, self.words, path.run)
            count_down(m, left, line_ends, Mux(begins, first, Mux(line_ends, run, left)))
        with m.If((issue & group_ends) | begins):
            anew = begins | place_ends | line_ends
            m.d.sync += place.eq(Mux(anew, self.filter_words, place) - 1)
        with m.If((issue & Mux(pools, group_ends & place_ends, line_ends)) | begins):
            anew = self.start | (last_line & ~enters)
            count_down(m, lines, last_line, Mux(enters, path.lines, Mux(anew, self.blocks, lines)))
        with m.If(issue):
            m.d.sync += member.eq(member + pools)
        with m.If(enters):
            m.d.sync += [run.eq(path.run), rewinds.eq(path.rewind)]
        with m.If(self.start):
            m.d.sync += [member.eq(0), rewinds.eq(1), word.eq(0), start_word.eq(0)]
            if params.neuron == "all":
                m.d.sync += [row.eq(self.neuron.bias_row), start_row.eq(self.neuron.bias_row)]
        return place_ends


def count_down(m: Module, count: Signal, none: Signal, value: Value) -> None:
    """`count` becomes one less than `value`; `none` says whether that is 0."""
    m.d.sync += [count.eq(value - 1), none.eq(value == 1)]


def sum_of(base: Value, step: Value, carry: Value) -> Value:
    """Their sum, in one chain of carries."""
    return (Cat(1, base) + Cat(carry, step))[1:]
