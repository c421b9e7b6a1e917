"""Fetch: looks up what a spike's row and column say of the neurons and weights that it reaches."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.core.ops import entry_layout, spike_layout
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory


def path_layout(params: ChipParams) -> data.StructLayout:
    """A spike with what the tables say of it. Both sums of two are its path's first words.

    ==================  ===================================================
    parity              Of the spike's step.
    lines, run, rewind  As in the tables.
    row, weight_offset  Their sum is the first weight word.
    r_word, q_word      Their sum is the first neuron word.
    ==================  ===================================================
    """
    rows, columns = entry_layout(params, Memory.ROWS), entry_layout(params, Memory.COLUMNS)
    return data.StructLayout(
        {
            "parity": 1,
            "lines": rows["lines"].shape,
            "run": columns["run"].shape,
            "rewind": 1,
            "row": params.row_bits + 1,
            "weight_offset": params.row_bits,
            "r_word": params.word_bits,
            "q_word": params.word_bits,
        }
    )


class Fetch(Component):
    """Two registers between the spike FIFO and the walker: a spike's tables are read while others are walked.

    Spikes that reach no neuron of the PE end here, whatever their step, and so do those whose coordinates no
    table has. Latency: 2 cycles; a spike a cycle.

    Members
    -------
    spike
        Spikes of the PE's layer.
    table_read, r, q, rows, columns
        Request to both tables, and their words a cycle later, which stay until the next.
    path
        Spikes that reach neurons of this PE.
    holds
        A spike is in here.
    bad
        A spike with a coordinate beyond the tables was dropped.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(
            {
                "spike": In(stream.Signature(spike_layout(params))),
                "table_read": Out(1),
                "r": Out(params.coord_bits),
                "q": Out(params.coord_bits),
                "rows": In(entry_layout(params, Memory.ROWS)),
                "columns": In(entry_layout(params, Memory.COLUMNS)),
                "path": Out(stream.Signature(path_layout(params))),
                "holds": Out(1),
                "bad": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spike, rows, columns = self.spike, self.rows, self.columns
        # Looked up by coordinate, as a comparison would be a chain of carries.
        every = 1 << self.params.coord_bits
        missing = Const((1 << every) - (1 << self.params.side), every)

        # The spike whose words stand at the tables' outputs.
        asked = Signal()
        row, parity, outside = Signal(self.params.row_bits), Signal(), Signal()
        free = Signal()  # the register behind this one takes a spike
        m.d.comb += [
            spike.ready.eq(~asked | free),
            self.table_read.eq(spike.valid & spike.ready),
            self.r.eq(spike.payload.r),
            self.q.eq(spike.payload.q),
        ]
        with m.If(spike.ready):
            m.d.sync += [
                asked.eq(spike.valid),
                row.eq(spike.payload.row),
                parity.eq(spike.payload.parity),
                outside.eq(missing.bit_select(self.r, 1) | missing.bit_select(self.q, 1)),
            ]

        # The spike that comes next.
        found, beyond = Signal(), Signal()
        path: Any = Signal(self.path.payload.shape())
        reaches = path.lines.any() & path.run.any()
        m.d.comb += [
            self.path.payload.eq(path),
            self.path.valid.eq(found & reaches & ~beyond),
            free.eq(~self.path.valid | self.path.ready),
            self.bad.eq(found & beyond),
            self.holds.eq(asked | found),
        ]
        with m.If(free):
            m.d.sync += [
                found.eq(asked),
                beyond.eq(outside),
                path.parity.eq(parity),
                path.lines.eq(rows.lines),
                path.run.eq(columns.run),
                path.rewind.eq(columns.rewind),
                path.row.eq(row + rows.weight_offset),
                path.weight_offset.eq(columns.weight_offset),
                path.r_word.eq(rows.neuron_offset),
                path.q_word.eq(columns.neuron_offset),
            ]
        return m
