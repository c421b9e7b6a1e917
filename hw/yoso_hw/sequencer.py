"""Sequencer: the course of an image, from START to the decision."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from yoso_hw.barrier import tick_layout
from yoso_hw.component import Component
from yoso_hw.flit import flit_stream, pack, unpack
from yoso_hw.packet import CYCLE_BITS, Packets
from yoso_hw.params import ChipParams, bits_for

#: Cycles from a node's state to the root of the barrier.
BARRIER_LATENCY = 3


class Sequencer(Component):
    """Begins steps, closes them at the barrier, and answers with DECISION and CYCLES.

    ::

        LOAD --START, mesh idle--> RUN --last step, no spike--> REPORT
          ^                         |decided, or last step         |
          |                         v                              |
          +--END seen-- DRAIN <-- CYCLES <-- DECISION <------------+

    Between two images the chip is in LOAD; an image that ended early is drained to its END first.

    Members
    -------
    start
        START packets, taken when the mesh is idle.
    step_end, image_end
        The host port took a STEP, or an END.
    idle
        Of the barrier, by parity.
    tick, parity
        To the barrier, and the parity of the step that the last tick began.
    host_idle
        The host port's leaf of the barrier: no packet of the host's will enter the mesh in this step.
    loading, accepting, draining
        The host port passes load packets; passes spikes of this step; discards what is left of an image.
    complete
        The image that is drained ran to its last step: no spike and no step can be left of it.
    found, index, competing, forget
        The decision unit.
    answer
        DECISION and CYCLES packets.
    step
        Step that runs.
    counting, spikes, ready
        Of the decision unit; with neuron=all.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        self.packets = Packets(params)
        super().__init__(
            {
                "start": In(flit_stream(self.packets)),
                "step_end": In(1),
                "image_end": In(1),
                "idle": In(2),
                "tick": Out(tick_layout()),
                "parity": Out(1),
                "host_idle": Out(1),
                "loading": Out(1),
                "accepting": Out(1),
                "draining": Out(1),
                "complete": Out(1),
                "found": In(1),
                "index": In(params.class_bits),
                "competing": Out(1),
                "forget": Out(1),
                "answer": Out(stream.Signature(self.packets.flit_bits)),
                "step": Out(params.step_bits),
                **({"counting": Out(1), "spikes": Out(1), "ready": In(1)} if params.neuron == "all" else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        start = unpack(self.packets, "START", self.start.payload)
        steps = Signal(bits_for(self.params.steps + 1))
        early = Signal()
        closed, ended = Signal(), Signal()  # no more spikes in this step; in this image
        decided = Signal()  # a spike has decided, at `decision_step`
        decision_step = Signal(self.params.step_bits)
        cycles = Signal(CYCLE_BITS)
        waited = Signal(BARRIER_LATENCY)  # START has waited that long, so `idle` has seen what came before it

        family = self.params.neuron == "all"
        count: Value = (
            Signal(name="count") if family else Const(0)
        )  # the most spikes decide, at the last step

        last = self.step + 1 == steps
        everywhere = self.idle.bit_select(self.parity, 1)
        with m.If(self.tick.tick):
            m.d.sync += self.parity.eq(~self.parity)
        m.d.sync += [cycles.eq(cycles + 1), waited.eq(0)]

        with m.FSM():
            with m.State("LOAD"):
                m.d.comb += [
                    self.loading.eq(1),
                    self.host_idle.eq(self.start.valid),
                    self.start.ready.eq(waited.all() & everywhere & (self.ready if family else 1)),
                ]
                with m.If(self.start.valid):
                    m.d.sync += waited.eq((waited << 1) | 1)
                with m.If(self.start.valid & self.start.ready):
                    m.d.comb += [self.tick.tick.eq(1), self.tick.first.eq(1), self.forget.eq(1)]
                    m.d.sync += [
                        steps.eq(start.steps),
                        early.eq(start.early & ~start.count if family else start.early),
                        *([count.eq(start.count)] if family else []),
                        self.step.eq(0),
                        closed.eq(0),
                        ended.eq(0),
                        decided.eq(0),
                        cycles.eq(1),
                    ]
                    m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += [
                    self.accepting.eq(~closed),
                    self.competing.eq(~decided | count),
                    self.host_idle.eq(closed),
                ]
                if family:
                    m.d.comb += [self.counting.eq(count), self.spikes.eq(1)]
                with m.If(self.step_end | self.image_end):
                    m.d.sync += [closed.eq(1), ended.eq(self.image_end)]
                with m.If(everywhere):
                    with m.If(self.found & (~decided | count)):
                        m.d.sync += [decided.eq(1), decision_step.eq(self.step)]
                    with m.If(self.found & (early | last)):
                        m.next = "DECISION"
                    with m.Elif(last):
                        m.d.comb += [self.tick.tick.eq(1), self.tick.report.eq(1)]
                        m.d.sync += decision_step.eq(self.step)
                        m.next = "REPORT"
                    with m.Else():
                        m.d.comb += self.tick.tick.eq(1)
                        m.d.sync += [self.step.eq(self.step + 1), closed.eq(ended)]
            with m.State("REPORT"):
                m.d.comb += [self.host_idle.eq(1), self.competing.eq(1)]
                with m.If(everywhere):
                    m.next = "DECISION"
            with m.State("DECISION"):
                m.d.comb += [
                    self.answer.valid.eq(1),
                    self.answer.payload.eq(
                        pack(self.packets, "DECISION", index=self.index, step=decision_step, spiked=decided)
                    ),
                ]
                with m.If(self.answer.ready):
                    m.next = "CYCLES"
                m.d.sync += cycles.eq(cycles)
            with m.State("CYCLES"):
                m.d.comb += [
                    self.answer.valid.eq(1),
                    self.answer.payload.eq(pack(self.packets, "CYCLES", cycles=cycles)),
                ]
                m.d.sync += cycles.eq(cycles)
                with m.If(self.answer.ready):
                    m.next = "DRAIN"
            with m.State("DRAIN"):
                m.d.comb += [self.draining.eq(~ended), self.complete.eq(last)]
                with m.If(self.image_end):
                    m.d.sync += ended.eq(1)
                with m.If(ended):
                    m.next = "LOAD"
        return m
