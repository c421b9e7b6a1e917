"""The chip: mesh, step barrier, sequencer, decision unit and host port."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.barrier import Barrier
from yoso_hw.component import Component
from yoso_hw.decision import Decision
from yoso_hw.flit import flit_stream
from yoso_hw.host import HostPort
from yoso_hw.mesh import Mesh, inner_members
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.sequencer import Sequencer


class Chip(Component):
    """YOSO.

    Parameters
    ----------
    black_boxes, observed
        As in `Mesh`.

    Members
    -------
    host_in, host_out
        The host's packets (`yoso_hw.packet`).
    trace_valid, trace_flit, step, tick
        For observation alone: spikes that leave the cores, one bit and one flit a node; the running step;
        a step begins.
    inner_valid, inner
        As in `Mesh`, for observation alone.
    """

    def __init__(self, params: ChipParams, *, black_boxes: bool = False, observed: bool = True) -> None:
        self.params = params
        self.black_boxes, self.observed = black_boxes, observed
        packets = Packets(params)
        super().__init__(
            {
                "host_in": In(flit_stream(packets)),
                "host_out": Out(flit_stream(packets)),
                "trace_valid": Out(params.nodes),
                "trace_flit": Out(params.nodes * packets.flit_bits),
                **inner_members(params),
                "step": Out(params.step_bits),
                "tick": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        m.submodules.mesh = mesh = Mesh(params, black_boxes=self.black_boxes, observed=self.observed)
        m.submodules.barrier = barrier = Barrier(params.cols, params.rows)
        m.submodules.sequencer = sequencer = Sequencer(params)
        m.submodules.decision = decision = Decision(params)
        m.submodules.host = host = HostPort(params)

        wiring.connect(m, wiring.flipped(self.host_in), host.host_in)
        wiring.connect(m, host.host_out, wiring.flipped(self.host_out))
        wiring.connect(m, host.inject, mesh.inject)
        wiring.connect(m, mesh.exit, host.exit)
        wiring.connect(m, host.start, sequencer.start)
        wiring.connect(m, sequencer.answer, host.answer)
        host_idle = sequencer.host_idle & host.empty
        m.d.comb += [
            barrier.leaves.eq(mesh.leaves),
            mesh.ticks.eq(barrier.ticks),
            barrier.tick.eq(sequencer.tick),
            barrier.host.idle[0].eq(host_idle & ~sequencer.parity),
            barrier.host.idle[1].eq(host_idle & sequencer.parity),
            sequencer.idle.eq(barrier.idle),
            sequencer.step_end.eq(host.step_end),
            sequencer.image_end.eq(host.image_end),
            sequencer.found.eq(decision.found),
            sequencer.index.eq(decision.index),
            decision.clear.eq(sequencer.forget),
            decision.enable.eq(sequencer.competing),
            decision.valid.eq(host.result),
            decision.flit.eq(host.result_flit),
            host.error.eq(barrier.error),
            host.loading.eq(sequencer.loading),
            host.accepting.eq(sequencer.accepting),
            host.draining.eq(sequencer.draining),
            host.complete.eq(sequencer.complete),
            host.parity.eq(sequencer.parity),
            self.trace_valid.eq(mesh.trace_valid),
            self.trace_flit.eq(mesh.trace_flit),
            self.step.eq(sequencer.step),
            self.tick.eq(sequencer.tick.tick),
        ]
        if params.side:
            m.d.comb += [self.inner_valid.eq(mesh.inner_valid), self.inner.eq(mesh.inner)]
        if params.neuron == "all":
            m.d.comb += [
                decision.counting.eq(sequencer.counting),
                decision.spikes.eq(sequencer.spikes),
                decision.ask.eq(host.ask),
                decision.asked.eq(host.asked),
                host.count.eq(decision.count),
                sequencer.ready.eq(decision.ready),
            ]
        return m
