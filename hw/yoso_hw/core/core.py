"""The core: load, compute, store and sender, decoupled by streams."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.core.compute import Compute
from yoso_hw.core.load import Load
from yoso_hw.core.ops import (
    fire_layout,
    lanes_layout,
    potential_layout,
    spike_layout,
)
from yoso_hw.core.sender import Sender
from yoso_hw.core.store import Store
from yoso_hw.fifo import DeepFIFO, StreamFIFO
from yoso_hw.flit import flit_stream
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.pe_config import config_layout

#: A fire queue of more words than this lies in a block RAM, which costs a cycle; others in LUTs.
LUT_QUEUE = 64


class Core(wiring.Component):
    """Integrates spikes and sweeps neurons: one word of `lanes` neurons a cycle, sustained.

    Data flow one way: spikes -> load -> (SRAMs) -> compute -> store -> (SRAMs), and the neurons that fire
    store -> fire queue -> sender -> flits. Load runs up to three words ahead of store; the fire queue holds a
    whole sweep, so nothing upstream of it ever waits for the network.

    ========================  ====================================================================
    event                     cycles
    ========================  ====================================================================
    spike                     `words` (banked and odd: one more), then 3 until its last A is written
    sweep                     `words` from the cycle after the tick, then 3
    neuron that fires         1 in the sender; its flit leaves 3 cycles after its V is written, or 4 where
                              the fire queue is deep
    ========================  ====================================================================

    Members
    -------
    config
        Configuration of the PE.
    tick, first, report
        A step begins (for one cycle); it is step 0; it is no step but the report of potentials.
    parity
        Parity of the step that `tick` began.
    step
        Number of that step.
    spike
        Spikes of the PE's layer.
    a_read .. p
        The core's side of the memory interface.
    out
        Flits of neurons that fired.
    counted
        `out` moves a spike, not a reported potential.
    idle
        Everything that the step brought so far has been integrated and sent; spikes at the door not counted.
    taken, updated, swept, stalled, bad_row
        Events for the counters and the error register.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(
            {
                "config": In(config_layout(params)),
                "tick": In(1),
                "first": In(1),
                "report": In(1),
                "parity": In(1),
                "step": In(params.step_bits),
                "spike": In(stream.Signature(spike_layout(params))),
                "a_read": Out(1),
                "v_read": Out(1),
                "read_word": Out(params.word_bits),
                "w_read": Out(1),
                "row": Out(params.row_bits),
                "a_write": Out(1),
                "v_write": Out(1),
                "write_word": Out(params.word_bits),
                "a_out": Out(lanes_layout(params, params.acc_bits)),
                "p_out": Out(potential_layout(params)),
                "a": In(lanes_layout(params, params.acc_bits)),
                "p": In(potential_layout(params)),
                "w": In(lanes_layout(params, params.weight_bits)),
                "spike_read": Out(1),
                "spike_neuron": Out(params.neuron_bits),
                "spike_row": In(params.row_bits),
                "out": Out(flit_stream(Packets(params))),
                "counted": Out(1),
                "idle": Out(1),
                "taken": Out(1),
                "updated": Out(1),
                "swept": Out(1),
                "stalled": Out(1),
                "bad_row": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params, config = self.params, self.config
        m.submodules.load = load = Load(params)
        m.submodules.compute = compute = Compute(params)
        m.submodules.store = store = Store(params)
        m.submodules.sender = sender = Sender(params)
        # A word fires at most once a sweep, and a sweep begins with an empty queue: it never overflows.
        deep = params.neuron_words > LUT_QUEUE
        queue = DeepFIFO if deep else StreamFIFO
        m.submodules.fire_queue = fires = queue(fire_layout(params), max(2, params.neuron_words))

        sloped, open, bank, busy = Signal(), Signal(), Signal(), Signal()
        m.d.sync += [
            sloped.eq((config.slope != 0) & (self.step >= config.window_start)),
            open.eq((self.step >= config.window_start) & (self.step < config.window_end)),
            bank.eq(~bank),
        ]
        m.d.comb += busy.eq(~load.idle | ~compute.idle)

        # A register that says more words than there are must not keep a sweep from ending.
        words = Signal(params.word_bits + 1)
        m.d.comb += words.eq(Mux(config.words > params.neuron_words, params.neuron_words, config.words))

        # Load.
        wiring.connect(m, wiring.flipped(self.spike), load.spike)
        m.d.comb += [
            load.start.eq(self.tick & ~self.report),
            load.first.eq(self.first),
            load.parity.eq(self.parity),
            load.words.eq(words),
            load.bank.eq(bank),
            self.a_read.eq(load.a_read),
            self.v_read.eq(load.v_read | sender.v_read),
            self.read_word.eq(load.word),
            self.w_read.eq(load.w_read),
            self.row.eq(load.row),
        ]
        with m.If(sender.v_read):
            m.d.comb += self.read_word.eq(sender.v_word)

        # Compute.
        wiring.connect(m, load.request, compute.request)
        m.d.comb += [
            compute.a.eq(self.a),
            compute.p.eq(self.p),
            compute.w.eq(self.w),
            compute.sloped.eq(sloped),
            compute.slope.eq(config.slope),
        ]

        # Store.
        wiring.connect(m, compute.result, store.result)
        m.d.comb += [
            store.bank.eq(bank),
            store.last_mask.eq(config.last_mask),
            store.open.eq(open),
            store.threshold.eq(config.threshold),
            self.a_write.eq(store.a_write),
            self.v_write.eq(store.v_write),
            self.write_word.eq(store.word),
            self.a_out.eq(store.a),
            self.p_out.eq(store.p),
        ]
        # Whether a neuron fires is known late in a cycle; a register takes it to the queue in the next.
        m.d.sync += [fires.i.valid.eq(store.fire_valid), fires.i.payload.eq(store.fire)]

        # Sender.
        wiring.connect(m, fires.o, sender.fire)
        wiring.connect(m, sender.out, wiring.flipped(self.out))
        m.d.comb += [
            sender.report.eq(self.tick & self.report),
            # A and V share their read address, so the sender also yields to a spike that comes just now.
            sender.core_busy.eq(busy | load.due),
            sender.output.eq(config.output),
            sender.base.eq(config.base),
            sender.destination.eq(config.destination),
            sender.destination_tag.eq(config.destination_tag),
            sender.words.eq(words),
            sender.last_mask.eq(config.last_mask),
            sender.parity.eq(self.parity),
            self.spike_read.eq(sender.spike_read),
            self.spike_neuron.eq(sender.spike_neuron),
            sender.spike_row.eq(self.spike_row),
            sender.p.eq(self.p),
        ]

        m.d.comb += [
            self.idle.eq(~busy & ~fires.i.valid & sender.idle & ~self.tick & (fires.empty if deep else 1)),
            self.counted.eq(sender.counted),
            self.taken.eq(load.taken),
            self.updated.eq(load.w_read),
            self.swept.eq(load.start & (config.words != 0)),
            self.stalled.eq(load.stalled | (sender.out.valid & ~sender.out.ready)),
            self.bad_row.eq(load.bad_row),
        ]
        return m
