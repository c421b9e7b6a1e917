"""Bridge between a serial line and the chip's host port; the protocol is `yoso_hw.board.framing`."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from yoso_hw.board.framing import (
    BUFFER,
    CODE_BITS,
    CREDIT,
    FRAME_BITS,
    NOTICE,
    Notice,
    data_bits,
    frame_bytes,
    identity,
)
from yoso_hw.board.uart import UartReceiver, UartTransmitter, serial_pin
from yoso_hw.component import Component
from yoso_hw.flit import flit_stream, unpack
from yoso_hw.packet import KIND_BITS, Kind, Op, Packets
from yoso_hw.params import ChipParams, bits_for


class Deframer(Component):
    """Bytes to flits. What is not a whole frame is dropped and told by `lost`.

    Members
    -------
    data, valid, error
        As `UartReceiver`'s.
    flit, flit_valid
        A flit, for one cycle, the cycle after its last byte.
    lost
        For one cycle: a frame or a byte was dropped.
    """

    def __init__(self, flit_bits: int) -> None:
        self.flit_bits = flit_bits
        super().__init__(
            {
                "data": In(8),
                "valid": In(1),
                "error": In(1),
                "flit": Out(flit_bits),
                "flit_valid": Out(1),
                "lost": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = frame_bytes(self.flit_bits)
        bits = Signal(size * FRAME_BITS)
        missing = Signal(range(size + 1))  # bytes that the frame still lacks; 0: there is none
        first = self.data[FRAME_BITS]
        m.d.comb += [
            self.flit.eq(bits),
            self.lost.eq(self.error | (self.valid & (first == (missing != 0)))),
        ]
        m.d.sync += self.flit_valid.eq(self.valid & ~first & (missing == 1))
        with m.If(self.error):
            m.d.sync += missing.eq(0)
        with m.Elif(self.valid):
            m.d.sync += bits.eq(Cat(bits[FRAME_BITS:], self.data[:FRAME_BITS]))
            with m.If(first):
                m.d.sync += missing.eq(size - 1)
            with m.Elif(missing != 0):
                m.d.sync += missing.eq(missing - 1)
        return m


class Framer(Component):
    """Flits to bytes. Takes a flit while it has none; its first byte is there in the next cycle."""

    def __init__(self, flit_bits: int) -> None:
        self.flit_bits = flit_bits
        super().__init__(
            {"flits": In(stream.Signature(flit_bits)), "bytes": Out(stream.Signature(8))},
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = frame_bytes(self.flit_bits)
        bits = Signal(size * FRAME_BITS)
        left = Signal(range(size + 1))
        first = Signal()
        m.d.comb += [
            self.flits.ready.eq(left == 0),
            self.bytes.valid.eq(left != 0),
            self.bytes.payload.eq(Cat(bits[:FRAME_BITS], first)),
        ]
        with m.If(self.flits.valid & self.flits.ready):
            m.d.sync += [bits.eq(self.flits.payload), left.eq(size), first.eq(1)]
        with m.Elif(self.bytes.valid & self.bytes.ready):
            m.d.sync += [bits.eq(bits[FRAME_BITS:]), left.eq(left - 1), first.eq(0)]
        return m


class ImageGate(Component):
    """Holds START back until the image is whole, so that the chip runs at its own pace.

    A serial line is slower than the chip. Without the gate the CYCLES of an image would count the time that
    its spikes take to arrive. An image that the buffer cannot hold goes through once the buffer is `crowded`.

    Members
    -------
    entering, entered
        A flit that goes into the buffer in this cycle.
    i, o
        The buffer's output, before and after the gate.
    crowded
        The buffer has no room for what the host may send.
    """

    def __init__(self, packets: Packets, buffer: int) -> None:
        self.packets, self.buffer = packets, buffer
        super().__init__(
            {
                "entering": In(packets.flit_bits),
                "entered": In(1),
                "crowded": In(1),
                "i": In(flit_stream(packets)),
                "o": Out(flit_stream(packets)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        whole = Signal(range(self.buffer + 1))  # images whose END is in the buffer
        comes = self.entered & self._is(self.entering, Op.END)
        goes = self.i.valid & self.i.ready & self._is(self.i.payload, Op.END)
        m.d.sync += whole.eq(whole + comes - goes)
        shut = self._is(self.i.payload, Op.START) & (whole == 0) & ~self.crowded
        m.d.comb += [
            self.o.payload.eq(self.i.payload),
            self.o.valid.eq(self.i.valid & ~shut),
            self.i.ready.eq(self.o.ready & ~shut),
        ]
        return m

    def _is(self, flit: Value, op: Op) -> Value:
        fields = unpack(self.packets, op.name, flit)
        return (fields.kind == Kind.CONTROL) & (fields.op == op)


class Bridge(Component):
    """A host on a serial line.

    The host may have `buffer` flits on their way that no CREDIT has answered, and the bridge has room for all
    of them: however long the chip waits, nothing is lost. The other way round the line waits for no one, so
    the host must always read.

    Parameters
    ----------
    divisor
        Clock cycles a bit of the line.
    buffer, credit
        Flits held for the chip, and flits taken by it that make a CREDIT.

    Members
    -------
    rx, tx
        The line, from and to the host.
    host_in, host_out
        The chip's.
    reset
        Reset the chip, for one cycle.
    lost
        A frame has been lost since the last reset.
    """

    def __init__(
        self, params: ChipParams, divisor: int, *, buffer: int = BUFFER, credit: int = CREDIT
    ) -> None:
        self.params, self.divisor = params, divisor
        self.buffer, self.credit = buffer, credit
        self.packets = Packets(params)
        super().__init__(
            {
                "rx": serial_pin(In),
                "tx": serial_pin(Out),
                "host_in": Out(flit_stream(self.packets)),
                "host_out": In(flit_stream(self.packets)),
                "reset": Out(1),
                "lost": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        flit_bits = self.packets.flit_bits

        # From the host.
        m.submodules.receiver = receiver = UartReceiver(self.divisor)
        m.submodules.deframer = deframer = Deframer(flit_bits)
        fifo = SyncFIFOBuffered(width=flit_bits, depth=self.buffer)
        m.submodules.fifo = ResetInserter(self.reset)(fifo)
        gate = ImageGate(self.packets, self.buffer)
        m.submodules.gate = ResetInserter(self.reset)(gate)
        wiring.connect(m, gate.o, wiring.flipped(self.host_in))
        special = deframer.flit[:KIND_BITS] == NOTICE
        lost = Signal()
        m.d.comb += [
            receiver.rx.eq(self.rx),
            deframer.data.eq(receiver.data),
            deframer.valid.eq(receiver.valid),
            deframer.error.eq(receiver.error),
            fifo.w_data.eq(deframer.flit),
            fifo.w_en.eq(deframer.flit_valid & ~special),
            gate.entering.eq(deframer.flit),
            gate.entered.eq(fifo.w_en & fifo.w_rdy),
            gate.crowded.eq(fifo.w_level > self.buffer - self.credit),
            gate.i.payload.eq(fifo.r_data),
            gate.i.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(gate.i.ready),
            lost.eq(deframer.lost | (fifo.w_en & ~fifo.w_rdy)),
        ]
        m.d.sync += self.reset.eq(deframer.flit_valid & (deframer.flit == NOTICE | Notice.RESET << KIND_BITS))

        # To the host: what the bridge has to say, then what the chip has.
        m.submodules.framer = framer = Framer(flit_bits)
        m.submodules.transmitter = transmitter = UartTransmitter(self.divisor)
        wiring.connect(m, framer.bytes, transmitter.bytes)
        say_ready, say_lost = Signal(), Signal()
        taken = Signal(bits_for(2 * self.buffer))  # flits that the chip took since the last CREDIT
        credit = Signal()
        takes = self.host_in.valid & self.host_in.ready
        code, data = Signal(CODE_BITS), Signal(data_bits(flit_bits))
        m.d.comb += [
            self.tx.eq(transmitter.tx),
            framer.flits.valid.eq(say_ready | say_lost | (taken >= self.credit) | self.host_out.valid),
            framer.flits.payload.eq(Cat(Const(NOTICE, KIND_BITS), code, data)),
        ]
        with m.If(say_ready):
            m.d.comb += [code.eq(Notice.READY), data.eq(identity(self.params))]
            m.d.sync += say_ready.eq(~framer.flits.ready)
        with m.Elif(say_lost):
            m.d.comb += code.eq(Notice.LOST)
            m.d.sync += say_lost.eq(~framer.flits.ready)
        with m.Elif(taken >= self.credit):
            m.d.comb += [code.eq(Notice.CREDIT), data.eq(taken), credit.eq(framer.flits.ready)]
        with m.Else():
            m.d.comb += [
                framer.flits.payload.eq(self.host_out.payload),
                self.host_out.ready.eq(framer.flits.ready),
            ]
        m.d.sync += taken.eq(Mux(credit, 0, taken) + takes)
        with m.If(lost):
            m.d.sync += [say_lost.eq(1), self.lost.eq(1)]
        with m.If(self.reset):
            m.d.sync += [say_ready.eq(1), say_lost.eq(0), self.lost.eq(0), taken.eq(0)]
        return m
