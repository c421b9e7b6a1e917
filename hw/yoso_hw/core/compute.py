"""Compute: the saturating adders, and the forwarding that makes read-modify-write of A safe."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.adder import SaturatingAdder
from yoso_hw.core.neuron import Integrate
from yoso_hw.core.ops import Op, lanes_layout, potential_layout, request_layout, result_layout
from yoso_hw.params import ChipParams

#: Operations that can stand between a read of A and the add that uses it without being written back:
#: one in each of the registers at the SRAMs' outputs, of the operands and of the result.
HISTORY = 3


class Compute(wiring.Component):
    """Adds, `lanes` neurons a cycle.

    The word of A that was read may be out of date: up to `HISTORY` operations before this one had not been
    written back when the SRAM was read. So compute keeps the last `HISTORY` words of A it made, and takes the
    newest one of the same word in place of what was read. Nothing else writes A while the core runs, hence an
    entry is the truth whether or not store has written it by now, at any distance and under any stall.

    Latency: 1 cycle from `request` to the operand register, 1 to `result`; one word a cycle.

    Members
    -------
    request
        Operation; its operands are `a`, `p` and `w`, taken in the same cycle.
    a, p, w
        Words at the outputs of the accumulated-weight, neuron-potential and weight SRAMs.
    sloped, slope
        Sweeps add the constant `slope` instead of A.
    result
        The word to write back.
    idle
        No operation is in compute.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(
            {
                "request": In(stream.Signature(request_layout(params))),
                "a": In(lanes_layout(params, params.acc_bits)),
                "p": In(potential_layout(params)),
                "w": In(lanes_layout(params, params.weight_bits)),
                "sloped": In(1),
                "slope": In(params.pot_bits - 1),
                "result": Out(stream.Signature(result_layout(params))),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params

        # Operand register.
        valid = Signal()
        op, word = Signal(Op), Signal(params.word_bits)
        a = Signal(lanes_layout(params, params.acc_bits))
        p = Signal(potential_layout(params))
        w = Signal(lanes_layout(params, params.weight_bits))
        done = Signal()
        m.d.comb += self.request.ready.eq(~valid | done)
        with m.If(self.request.ready):
            m.d.sync += valid.eq(self.request.valid)
        with m.If(self.request.ready & self.request.valid):
            request_op = self.request.payload.op
            m.d.sync += [op.eq(request_op), word.eq(self.request.payload.word)]
            with m.If(request_op != Op.FIRST):
                m.d.sync += a.eq(self.a)
            with m.If(request_op == Op.SWEEP):
                m.d.sync += p.eq(self.p)
            with m.If(request_op == Op.SPIKE):
                m.d.sync += w.eq(self.w)

        # Forwarding: newest first.
        entry = data.StructLayout(
            {"valid": 1, "word": params.word_bits, "a": lanes_layout(params, params.acc_bits)}
        )
        history = [Signal(entry, name=f"history{i}") for i in range(HISTORY)]
        current = Signal(lanes_layout(params, params.acc_bits))
        m.d.comb += current.eq(a)
        for past in reversed(history):
            with m.If(past.valid & (past.word == word)):
                m.d.comb += current.eq(past.a)

        # Adders.
        a_next = Signal(lanes_layout(params, params.acc_bits))
        p_next = Signal(potential_layout(params))
        for i in range(params.lanes):
            m.submodules[f"adder{i}"] = adder = SaturatingAdder(params.acc_bits, params.weight_bits)
            m.submodules[f"neuron{i}"] = neuron = Integrate(params)
            m.d.comb += [
                adder.a.eq(current[i]),
                adder.b.eq(w[i]),
                neuron.a.eq(current[i]),
                neuron.v.eq(p[i].v),
                neuron.fired.eq(p[i].fired),
                neuron.first.eq(op == Op.FIRST),
                neuron.sloped.eq(self.sloped),
                neuron.slope.eq(self.slope),
                a_next[i].eq(Mux(op == Op.SPIKE, adder.sum, neuron.a_next)),
                p_next[i].v.eq(neuron.v_next),
                p_next[i].fired.eq(neuron.fired_next),
            ]

        # Result register; its A is the newest entry of the history.
        result = self.result.payload
        m.d.comb += [done.eq(~self.result.valid | self.result.ready), result.a.eq(history[0].a)]
        with m.If(done):
            m.d.sync += self.result.valid.eq(valid)
        with m.If(done & valid):
            m.d.sync += [result.op.eq(op), result.word.eq(word)]
            with m.If(op != Op.SPIKE):
                m.d.sync += result.p.eq(p_next)
            with m.If(op != Op.SWEEP):
                m.d.sync += [
                    history[0].valid.eq(1),
                    history[0].word.eq(word),
                    history[0].a.eq(a_next),
                    *(new.eq(old) for old, new in zip(history, history[1:], strict=False)),
                ]
        m.d.comb += self.idle.eq(~valid & ~self.result.valid)
        return m
