"""Store: writes results back to the SRAMs, compares potentials with the threshold, and reports who fired."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.core.kinds import kind_of
from yoso_hw.core.neuron import makes_a, neuron_config, step_layout
from yoso_hw.core.ops import Op, fire_layout, lanes_layout, potential_layout, result_layout
from yoso_hw.params import ChipParams


class Store(Component):
    """Writes one word a cycle; combinational from `result` to the SRAMs and to `fire`.

    `fire` has no ready: it goes to a queue that holds every word of a sweep, so that a sweep never waits
    for the network (a premise of freedom from deadlock).

    Members
    -------
    result
        Word from compute.
    bank
        With banked memories: parity of the words that may be read, so not written, in this cycle.
    last_mask
        Configuration of the PE.
    neuron, step
        What the neurons are told (`yoso_hw.core.neuron`).
    a_write, v_write, word, a, p
        Write requests to the accumulated-weight and neuron-potential SRAMs.
    fire_valid, fire
        Neurons of a word that fire in this step.
    marked
        Neurons of the word that had fired before; with convolution.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(
            {
                "result": In(stream.Signature(result_layout(params))),
                "bank": In(1),
                "last_mask": In(params.lanes),
                "neuron": In(neuron_config(params)),
                "step": In(step_layout(params)),
                "a_write": Out(1),
                "v_write": Out(1),
                "word": Out(params.word_bits),
                "a": Out(lanes_layout(params, params.acc_bits)),
                "p": Out(potential_layout(params)),
                "fire_valid": Out(1),
                "fire": Out(fire_layout(params)),
                **({"marked": Out(params.lanes)} if params.side else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        result = self.result.payload
        writing = Signal()
        fires = Signal(params.lanes)
        m.d.comb += [
            self.result.ready.eq((result.word[0] != self.bank) if params.banked else 1),
            writing.eq(self.result.valid & self.result.ready),
            self.a_write.eq(writing & makes_a(params, result.op, self.neuron)),
            self.v_write.eq(writing & (result.op != Op.SPIKE)),
            self.word.eq(result.word),
        ]
        for i in range(params.lanes):
            m.submodules[f"neuron{i}"] = neuron = kind_of(params).Fire(params)
            m.d.comb += [
                neuron.config.eq(self.neuron),
                neuron.step.eq(self.step),
                neuron.sweep.eq(result.op != Op.SPIKE),
                neuron.a.eq(result.a[i]),
                neuron.v.eq(result.p[i].v),
                neuron.fired.eq(result.p[i].fired),
                fires[i].eq(neuron.fire),
                self.a[i].eq(neuron.a_next),
                self.p[i].v.eq(neuron.v_next),
                self.p[i].fired.eq(neuron.fired_next),
            ]
        # Lanes of the last word that hold no neuron have weight 0, but a constant slope lifts them too.
        neurons = Mux(result.last, self.last_mask, Cat(1).replicate(params.lanes))
        if params.side:
            m.d.comb += self.marked.eq(Cat(lane.fired for lane in result.p) & neurons)
        m.d.comb += [
            self.fire.word.eq(result.word),
            self.fire.lanes.eq(fires & neurons),
            self.fire_valid.eq(self.v_write & self.fire.lanes.any()),
        ]
        return m
