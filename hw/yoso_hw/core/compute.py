"""Compute: the adders of the neurons, and the forwarding that makes read-modify-write of A safe."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.core.kinds import kind_of
from yoso_hw.core.neuron import makes_a, neuron_config, prepared_layout, step_layout
from yoso_hw.core.ops import Op, lanes_layout, potential_layout, request_layout, result_layout
from yoso_hw.params import ChipParams

#: Operations that can stand between a read of A and the add that uses it without being written back:
#: one in each of the registers at the SRAMs' outputs, of the operands and of the result.
HISTORY = 3


class Compute(Component):
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
    neuron, step
        What the neurons are told (`yoso_hw.core.neuron`).
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
                "neuron": In(neuron_config(params)),
                "step": In(step_layout(params)),
                "result": Out(stream.Signature(result_layout(params))),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params

        # Operand register. A first sweep takes A, V and the fired bit as 0, and the weight, unless it is a
        # bias: then the sum is the A that it leaves. The operands have no other reset, so that this one costs
        # no logic.
        valid = Signal()
        op, word, last = Signal(Op), Signal(params.word_bits), Signal()
        a: Any = Signal(lanes_layout(params, params.acc_bits), reset_less=True)
        p: Any = Signal(potential_layout(params), reset_less=True)
        w: Any = Signal(lanes_layout(params, params.weight_bits), reset_less=True)
        prepared: Any = Signal(data.ArrayLayout(prepared_layout(params), params.lanes), reset_less=True)
        request = self.request.payload
        done = Signal()
        m.d.comb += self.request.ready.eq(~valid | done)
        with m.If(self.request.ready):
            m.d.sync += valid.eq(self.request.valid)
        with m.If(self.request.ready & self.request.valid):
            m.d.sync += [op.eq(request.op), word.eq(request.word), last.eq(request.last)]
            with m.If(request.op == Op.FIRST):
                m.d.sync += [Value.cast(register).eq(0) for register in (a, p, w)]
            with m.Else():
                m.d.sync += a.eq(self.a)
            with m.If(request.op == Op.SWEEP):
                m.d.sync += p.eq(self.p)
            if params.neuron == "rel_psp":
                with m.If(request.op == Op.SPIKE):
                    m.d.sync += w.eq(self.w)
            else:  # the bias of a sweep, the first one included
                biased = (request.op == Op.SPIKE) | self.step.biased
                m.d.sync += Value.cast(w).eq(Mux(biased, Value.cast(self.w), 0))
                self._prepare(m, prepared, request.op)

        # Forwarding. The history moves only when the operation in the operand register leaves: so which entry
        # an operation needs is known when it comes in, and its number waits in a register, 0 for none.
        entry = data.StructLayout(
            {"valid": 1, "word": params.word_bits, "a": lanes_layout(params, params.acc_bits)}
        )
        history: list[Any] = [Signal(entry, name=f"history{i}") for i in range(HISTORY)]
        moves = done & valid & makes_a(params, op, self.neuron)
        same = [word == request.word, *(past.valid & (past.word == request.word) for past in history)]
        source = Signal(range(HISTORY + 1))
        with m.If(self.request.ready):
            m.d.sync += source.eq(0)
            for i in reversed(range(HISTORY)):
                with m.If(Mux(moves, same[i], same[i + 1]) & (request.op != Op.FIRST)):
                    m.d.sync += source.eq(i + 1)
        candidates = [Value.cast(a), *(Value.cast(past.a) for past in history)]
        current: Any = Signal(lanes_layout(params, params.acc_bits))
        m.d.comb += Value.cast(current).eq(Array(candidates)[source])

        # Adders. The first sweep's sum is 0, as its operands are.
        a_next: Any = Signal(lanes_layout(params, params.acc_bits))
        p_next: Any = Signal(potential_layout(params))
        for i in range(params.lanes):
            m.submodules[f"neuron{i}"] = neuron = kind_of(params).Integrate(params)
            m.d.comb += [
                neuron.config.eq(self.neuron),
                neuron.step.eq(self.step),
                neuron.op.eq(op),
                neuron.a.eq(current[i]),
                neuron.stored.eq(a[i]),
                neuron.prepared.eq(prepared[i]),
                neuron.w.eq(w[i]),
                neuron.v.eq(p[i].v),
                neuron.fired.eq(p[i].fired),
                a_next[i].eq(neuron.a_next),
                p_next[i].v.eq(neuron.v_next),
                p_next[i].fired.eq(p[i].fired),
            ]

        # Result register; its A is the newest entry of the history.
        result = self.result.payload
        m.d.comb += [done.eq(~self.result.valid | self.result.ready), result.a.eq(history[0].a)]
        with m.If(done):
            m.d.sync += self.result.valid.eq(valid)
        with m.If(done & valid):
            m.d.sync += [result.op.eq(op), result.word.eq(word), result.last.eq(last)]
            with m.If(op != Op.SPIKE):
                m.d.sync += result.p.eq(p_next)
            with m.If(moves):
                m.d.sync += [
                    history[0].valid.eq(1),
                    history[0].word.eq(word),
                    history[0].a.eq(a_next),
                    *(new.eq(old) for old, new in zip(history, history[1:], strict=False)),
                ]
            if params.neuron == "all":  # the A that charging makes is known in store alone
                with m.If((op != Op.SPIKE) & self.step.charging):
                    m.d.sync += [past.valid.eq(0) for past in history]
        m.d.comb += self.idle.eq(~valid & ~self.result.valid)
        return m

    def _prepare(self, m: Module, prepared: Any, op: Value) -> None:
        """What a sweep's operands bring beside A and V; 0 in the first sweep, of which both are 0."""
        for i in range(self.params.lanes):
            m.submodules[f"prepare{i}"] = prepare = kind_of(self.params).Prepare(self.params)
            m.d.comb += [
                prepare.config.eq(self.neuron),
                prepare.step.eq(self.step),
                prepare.a.eq(self.a[i]),
                prepare.v.eq(self.p[i].v),
            ]
            m.d.sync += prepared[i].eq(prepare.prepared)
        with m.If(op == Op.FIRST):
            m.d.sync += Value.cast(prepared).eq(0)
