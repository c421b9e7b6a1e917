"""Host port: one stream of packets in, one out."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.fifo import StreamFIFO
from yoso_hw.flit import flit_stream, pack, unpack
from yoso_hw.packet import ChipError, Kind, Op, Packets
from yoso_hw.params import ChipParams, bits_for
from yoso_hw.stage import Stage
from yoso_hw.unicast import Unicast


class HostPort(Component):
    """Checks every packet of the host, and passes on or carries out those that are right.

    A packet that is wrong is dropped and leaves a sticky error bit (`ChipError`). Spikes are stamped with the
    parity of the running step here, so a host cannot send one from a step gone by. Once a step is closed, or
    an image ended, what follows waits at the port.

    Members
    -------
    host_in, host_out
        To the outside; two flits are buffered each way.
    inject, exit
        To and from node (0, 0).
    empty
        No flit of the mesh's waits here for the host.
    error
        Some PE has an error.
    start, step_end, image_end, loading, accepting, draining, complete, parity, answer
        As in `Sequencer`.
    result, result_flit
        A RESULT packet came out of the mesh, in the cycle before.
    ask, asked, count
        As in `Decision`; with neuron=all.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        self.packets = Packets(params)
        flits = flit_stream(self.packets)
        super().__init__(
            {
                "host_in": In(flits),
                "host_out": Out(flits),
                "inject": Out(flits),
                "exit": In(flits),
                "empty": Out(1),
                "error": In(1),
                "start": Out(flits),
                "step_end": Out(1),
                "image_end": Out(1),
                "loading": In(1),
                "accepting": In(1),
                "draining": In(1),
                "complete": In(1),
                "parity": In(1),
                "answer": In(flits),
                "result": Out(1),
                "result_flit": Out(self.packets.flit_bits),
                **(self.count_members() if params.neuron == "all" else {}),
            }
        )

    def count_members(self) -> dict:
        """How spike counts are asked for."""
        return {
            "ask": Out(1),
            "asked": Out(self.params.class_bits),
            "count": In(bits_for(self.params.steps + 1)),
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params, packets = self.params, self.packets
        m.submodules.in_fifo = in_fifo = StreamFIFO(packets.flit_bits, 2)
        m.submodules.out_fifo = out_fifo = StreamFIFO(packets.flit_bits, 2)
        wiring.connect(m, wiring.flipped(self.host_in), in_fifo.i)
        wiring.connect(m, out_fifo.o, wiring.flipped(self.host_out))
        head = in_fifo.o
        errors = Signal(len(ChipError))
        raised = Signal(len(ChipError))
        m.d.comb += raised[ChipError.PE_ERROR].eq(self.error)
        status, clear = Signal(), Signal()
        reads_count, count_read = Signal(), Signal()  # a COUNT is at the head; its answer stands ready

        # What the packet at the head is, and whether this is its time.
        spike = unpack(packets, "SPIKE", head.payload)
        control = unpack(packets, "START", head.payload)
        inside = (
            (spike.x0 <= spike.x1)
            & (spike.x1 < params.cols)
            & (spike.y0 <= spike.y1)
            & (spike.y1 < params.rows)
        )
        steps_right = (control.steps != 0) & (control.steps <= params.steps)
        # Between END and the next LOAD, and while a step is being closed, everything waits.
        active = self.loading | self.accepting | self.draining
        forward = Signal()  # goes into the mesh
        drop = Signal()

        def wrong(error: ChipError) -> list:
            return [drop.eq(1), raised[error].eq(1)]

        with m.If(head.valid & active):
            with m.Switch(spike.kind):
                with m.Case(Kind.SPIKE):
                    with m.If(self.draining):
                        m.d.comb += [drop.eq(1), raised[ChipError.WRONG_PHASE].eq(self.complete)]
                    with m.Elif(self.loading):
                        m.d.comb += wrong(ChipError.WRONG_PHASE)
                    with m.Elif(~inside):
                        m.d.comb += wrong(ChipError.BAD_DESTINATION)
                    with m.Else():
                        m.d.comb += forward.eq(1)
                with m.Case(Kind.SEEK, Kind.WRITE, Kind.READ):
                    with m.If(~self.loading):
                        m.d.comb += wrong(ChipError.WRONG_PHASE)
                    with m.Elif(~inside):
                        m.d.comb += wrong(ChipError.BAD_DESTINATION)
                    with m.Else():
                        m.d.comb += forward.eq(1)
                with m.Case(Kind.CONTROL):
                    with m.Switch(control.op):
                        with m.Case(Op.START):
                            with m.If(~self.loading):
                                m.d.comb += wrong(ChipError.WRONG_PHASE)
                            with m.Elif(~steps_right):
                                m.d.comb += wrong(ChipError.BAD_STEPS)
                            with m.Else():
                                m.d.comb += [self.start.valid.eq(1), drop.eq(self.start.ready)]
                        with m.Case(Op.STEP, Op.END):
                            with m.If(self.loading):
                                m.d.comb += wrong(ChipError.WRONG_PHASE)
                            with m.Else():
                                m.d.comb += [
                                    drop.eq(1),
                                    self.step_end.eq(control.op == Op.STEP),
                                    self.image_end.eq(control.op == Op.END),
                                    raised[ChipError.WRONG_PHASE].eq(
                                        self.draining & self.complete & (control.op == Op.STEP)
                                    ),
                                ]
                        with m.Case(Op.STATUS):
                            m.d.comb += status.eq(1)
                        with m.Case(Op.CLEAR):
                            m.d.comb += [drop.eq(1), clear.eq(1)]
                        if params.neuron == "all":
                            with m.Case(Op.COUNT):
                                with m.If(~self.loading):
                                    m.d.comb += wrong(ChipError.WRONG_PHASE)
                                with m.Else():
                                    m.d.comb += reads_count.eq(1)
                        with m.Default():
                            m.d.comb += wrong(ChipError.BAD_PACKET)
                with m.Default():
                    m.d.comb += wrong(ChipError.BAD_PACKET)

        # Into the mesh.
        parity_bit = packets.formats["SPIKE"].field("parity").offset
        stamped: Value = Cat(head.payload[:parity_bit], self.parity, head.payload[parity_bit + 1 :])
        inject = self.inject
        if not params.multicast:
            m.submodules.unicast = unicast = Unicast(params)
            wiring.connect(m, unicast.o, wiring.flipped(self.inject))
            inject = unicast.i
        answered = Signal()
        m.d.comb += [
            inject.valid.eq(forward),
            inject.payload.eq(Mux(spike.kind == Kind.SPIKE, stamped, head.payload)),
            self.start.payload.eq(head.payload),
            head.ready.eq(drop | (forward & inject.ready) | ((status | reads_count) & answered)),
        ]

        # Errors.
        with m.If(clear):
            m.d.sync += errors.eq(0)
        with m.Else():
            m.d.sync += errors.eq(errors | raised)

        # Out of the mesh. A register takes every flit, since a bus must know who is ready before it chooses.
        # A result leaves it at once, whatever the host does: the barrier need not wait for one (it takes
        # longer itself). What goes to the host waits for the answers.
        m.submodules.outgoing = outgoing = Stage(packets.flit_bits, through=True)
        wiring.connect(m, wiring.flipped(self.exit), outgoing.i)
        flit = outgoing.o
        is_result = unpack(packets, "READ", flit.payload).kind == Kind.RESULT
        m.d.comb += [
            self.result.eq(flit.valid & is_result),
            self.result_flit.eq(flit.payload),
            flit.ready.eq(is_result | (out_fifo.i.ready & ~self.answer.valid & ~status & ~reads_count)),
            self.empty.eq(~flit.valid | is_result),
        ]
        if params.neuron == "all":
            asked = unpack(packets, "COUNT", head.payload)
            m.d.comb += [self.ask.eq(reads_count & ~count_read), self.asked.eq(asked.index)]
            m.d.sync += count_read.eq(reads_count & ~answered)
        with m.If(self.answer.valid):
            m.d.comb += [
                out_fifo.i.valid.eq(1),
                out_fifo.i.payload.eq(self.answer.payload),
                self.answer.ready.eq(out_fifo.i.ready),
            ]
        with m.Elif(status):
            m.d.comb += [
                out_fifo.i.valid.eq(1),
                out_fifo.i.payload.eq(pack(packets, "STATUS", errors=errors)),
                answered.eq(out_fifo.i.ready),
            ]
        if params.neuron == "all":
            with m.Elif(reads_count):
                reply = pack(packets, "COUNT", index=asked.index, spikes=self.count)
                m.d.comb += [
                    out_fifo.i.valid.eq(count_read),
                    out_fifo.i.payload.eq(reply),
                    answered.eq(count_read & out_fifo.i.ready),
                ]
        with m.Else():
            m.d.comb += [
                out_fifo.i.valid.eq(flit.valid & ~is_result),
                out_fifo.i.payload.eq(flit.payload),
            ]
        return m
