"""The core: load, compute, store and sender, decoupled by streams."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.core.compute import Compute
from yoso_hw.core.kinds import kind_of
from yoso_hw.core.load import Load
from yoso_hw.core.ops import fire_layout, spike_layout
from yoso_hw.core.pool import Pool
from yoso_hw.core.sender import Sender
from yoso_hw.core.store import Store
from yoso_hw.core.walk import Walk
from yoso_hw.fifo import DeepFIFO, StreamFIFO
from yoso_hw.flit import flit_stream
from yoso_hw.interfaces import CORE_COUNTERS, events_layout, memory_signature
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.pe_config import config_layout

#: A fire queue of more words than this lies in a block RAM, which costs a cycle; others in LUTs.
LUT_QUEUE = 64


class Core(Component):
    """Integrates spikes and sweeps neurons: one word of `lanes` neurons a cycle, sustained.

    Data flow one way: spikes -> load -> (SRAMs) -> compute -> store -> (SRAMs), and the neurons that fire
    store -> fire queue -> sender -> flits. Load runs up to three words ahead of store; the fire queue holds a
    whole sweep, so nothing upstream of it ever waits for the network. On a chip with convolution load is a
    `Walk`, and a `Pool` lies between store and fire queue.

    ========================  ====================================================================
    event                     cycles
    ========================  ====================================================================
    spike                     `words` (banked and odd: one more), then 3 until its last A is written; with
                              convolution as many as it reaches, after 3 for its tables
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
    memory
        The SRAMs.
    out
        Flits of neurons that fired.
    idle
        Everything that the step brought so far has been integrated and sent; spikes at the door not counted.
    events
        For the counters; `spikes_out` says that `out` moves a spike, not a reported potential.
    bad_row
        A spike was dropped, or the rest of it.
    inner_valid, inner
        With convolution, for observation alone: neurons of a word fire in this cycle, in a PE that pools.
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
                "memory": Out(memory_signature(params)),
                "out": Out(flit_stream(Packets(params))),
                "idle": Out(1),
                "events": Out(events_layout(CORE_COUNTERS)),
                "bad_row": Out(1),
                **({"inner_valid": Out(1), "inner": Out(fire_layout(params))} if params.side else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params, config, memory = self.params, self.config, self.memory
        m.submodules.load = load = Walk(params) if params.side else Load(params)
        m.submodules.compute = compute = Compute(params)
        m.submodules.store = store = Store(params)
        m.submodules.sender = sender = Sender(params)
        # A word fires at most once a sweep, and a sweep begins with an empty queue: it never overflows.
        deep = params.neuron_words > LUT_QUEUE
        queue = DeepFIFO if deep else StreamFIFO
        m.submodules.fire_queue = fires = queue(fire_layout(params), max(2, params.neuron_words))

        bank, busy = Signal(), Signal()
        m.d.sync += bank.eq(~bank)
        m.d.comb += busy.eq(~load.idle | ~compute.idle)

        # Both halves of the neuron are told the same.
        m.submodules.step = step = kind_of(params).Step(params)
        m.d.comb += [step.config.eq(config.neuron), step.number.eq(self.step)]
        for half in (compute, store):
            m.d.comb += [half.neuron.eq(config.neuron), half.step.eq(step.step)]

        # A register that says more words than there are must not keep a sweep from ending.
        words = Signal(params.word_bits + 1)
        m.d.comb += words.eq(Mux(config.words > params.neuron_words, params.neuron_words, config.words))

        # Spikes of a step that charges wait for its sweep. With convolution they do not wait for each other.
        held: Value = Const(0)
        if params.neuron == "all":
            held = step.step.charging & busy
            if params.side:
                swept = Signal()
                with m.If(self.tick):
                    m.d.sync += swept.eq(0)
                with m.Elif(~busy):
                    m.d.sync += swept.eq(1)
                held &= ~swept

        # Load.
        wiring.connect(m, wiring.flipped(self.spike), load.spike)
        m.d.comb += [
            load.start.eq(self.tick & ~self.report),
            load.first.eq(self.first),
            load.parity.eq(self.parity),
            load.words.eq(words),
            load.bank.eq(bank),
            load.neuron.eq(config.neuron),
            load.hold.eq(held),
            memory.a_read.eq(load.a_read),
            memory.v_read.eq(load.v_read | sender.v_read),
            memory.read_word.eq(load.word),
            memory.w_read.eq(load.w_read),
            memory.row.eq(load.row),
        ]
        with m.If(sender.v_read):
            m.d.comb += memory.read_word.eq(sender.v_word)

        # Compute.
        wiring.connect(m, load.request, compute.request)
        m.d.comb += [compute.a.eq(memory.a), compute.p.eq(memory.p), compute.w.eq(memory.w)]

        # Store.
        wiring.connect(m, compute.result, store.result)
        m.d.comb += [
            store.bank.eq(bank),
            store.last_mask.eq(config.last_mask),
            memory.a_write.eq(store.a_write),
            memory.v_write.eq(store.v_write),
            memory.write_word.eq(store.word),
            memory.a_out.eq(store.a),
            memory.p_out.eq(store.p),
        ]
        if isinstance(load, Walk):
            self._connect_convolution(m, load, store, fires)
        else:
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
            memory.spike_read.eq(sender.spike_read),
            memory.spike_neuron.eq(sender.spike_neuron),
            sender.spike_row.eq(memory.spike_row),
            sender.p.eq(memory.p),
        ]

        still = ~busy & ~load.holds if params.side else ~busy
        m.d.comb += [
            self.idle.eq(still & ~fires.i.valid & sender.idle & ~self.tick & (fires.empty if deep else 1)),
            self.events.spikes_in.eq(load.taken),
            self.events.spikes_out.eq(sender.counted),
            self.events.updates.eq(load.update),
            self.events.sweeps.eq(load.start & (config.words != 0)),
            self.events.stalls.eq(load.stalled | (sender.out.valid & ~sender.out.ready)),
            self.bad_row.eq(load.bad_row),
        ]
        return m

    def _connect_convolution(self, m: Module, load: Walk, store: Store, fires: StreamFIFO | DeepFIFO) -> None:
        """What load is told and reads, and pooling between store and fire queue."""
        config, memory = self.config, self.memory
        m.submodules.pool = pool = Pool(self.params)
        pools = config.blocks.any()
        m.d.comb += [
            load.filter_words.eq(config.filter_words),
            load.neuron_pitch.eq(config.neuron_pitch),
            load.weight_pitch.eq(config.weight_pitch),
            load.blocks.eq(config.blocks),
            memory.table_read.eq(load.table_read),
            memory.r.eq(load.r),
            memory.q.eq(load.q),
            load.rows.eq(memory.rows),
            load.columns.eq(memory.columns),
            pool.start.eq(self.tick),
            pool.pools.eq(pools),
            pool.valid.eq(store.v_write),
            pool.fire.eq(store.fire),
            pool.marked.eq(store.marked),
            fires.i.valid.eq(pool.passed_valid),
            fires.i.payload.eq(pool.passed),
            self.inner_valid.eq(pools & store.fire_valid),
            self.inner.eq(store.fire),
        ]
