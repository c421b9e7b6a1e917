"""What the blocks of a PE say to each other, by name."""

from __future__ import annotations

from collections.abc import Iterable

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.core.ops import entry_layout, lanes_layout, potential_layout
from yoso_hw.params import ChipParams, bits_for
from yoso_hw.registers import REGISTER_BITS, Counter, Memory, PeError, memory_shape

#: The counters whose events the core raises, and those of the memory interface.
CORE_COUNTERS = (
    Counter.SPIKES_IN,
    Counter.SPIKES_OUT,
    Counter.UPDATES,
    Counter.SWEEPS,
    Counter.STALLS,
)
MEMORY_COUNTERS = tuple(counter for counter in Counter if counter not in CORE_COUNTERS)


def memory_signature(params: ChipParams) -> wiring.Signature:
    """The core's side of the SRAMs. A word that is read comes in the next cycle, and stays.

    ================================  ==========================================================
    a_read, v_read, read_word         Read A, and V, of a neuron word: `a` and `p`.
    a_write, v_write, write_word      Write `a_out`, and `p_out`, to a neuron word.
    w_read, row                       Read a weight word: `w`.
    spike_read, spike_neuron          Read a neuron's entry of the spike-address SRAM: `spike_row`.
    ================================  ==========================================================

    And with convolution:

    ================================  ==========================================================
    table_read, r, q                  Read both tables, at a spike's row and column: `rows`, `columns`.
    ================================  ==========================================================
    """
    tables: dict = (
        {
            "table_read": Out(1),
            "r": Out(params.coord_bits),
            "q": Out(params.coord_bits),
            "rows": In(entry_layout(params, Memory.ROWS)),
            "columns": In(entry_layout(params, Memory.COLUMNS)),
        }
        if params.side
        else {}
    )
    a, p = lanes_layout(params, params.acc_bits), potential_layout(params)
    return wiring.Signature(
        {
            "a_read": Out(1),
            "v_read": Out(1),
            "read_word": Out(params.word_bits),
            "a": In(a),
            "p": In(p),
            "a_write": Out(1),
            "v_write": Out(1),
            "write_word": Out(params.word_bits),
            "a_out": Out(a),
            "p_out": Out(p),
            "w_read": Out(1),
            "row": Out(params.row_bits),
            "w": In(lanes_layout(params, params.weight_bits)),
            "spike_read": Out(1),
            "spike_neuron": Out(params.neuron_bits),
            "spike_row": In(memory_shape(params, Memory.SPIKE)[1]),
            **tables,
        }
    )


def access_signature(words: int) -> wiring.Signature:
    """How the network reaches one of `words` registers or counters: it writes `wdata`, or reads `rdata`.

    `read` stands for three cycles, and `rdata` is taken in the last of them.
    """
    return wiring.Signature(
        {
            "address": Out(bits_for(words)),
            "write": Out(1),
            "wdata": Out(REGISTER_BITS),
            "read": Out(1),
            "rdata": In(REGISTER_BITS),
        }
    )


def events_layout(counters: Iterable[Counter]) -> data.StructLayout:
    """A bit for each counter that has an event in this cycle, by the counter's name."""
    return data.StructLayout({counter.name.lower(): 1 for counter in counters})


def errors_layout() -> data.StructLayout:
    """A bit for each error of a PE that is raised in this cycle, by the error's name."""
    return data.StructLayout({error.name.lower(): 1 for error in PeError})
