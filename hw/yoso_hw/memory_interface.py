"""The SRAMs, shared between the core and the network."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.flit import flit_stream, unpack
from yoso_hw.interfaces import MEMORY_COUNTERS, access_signature, events_layout, memory_signature
from yoso_hw.packet import Kind, Packets, address_bits
from yoso_hw.params import ChipParams, bits_for
from yoso_hw.registers import CHUNK_BITS, MEMORY_BITS, Counter, Memory, chunks, memories, memory_shape
from yoso_hw.sram import ReadWriteSRAM, SinglePortSRAM

#: The memories among `Memory`; the others are registers and counters.
SRAMS = tuple(memory for memory in Memory if memory not in (Memory.REGISTER, Memory.COUNTER))


class MemoryInterface(Component):
    """Holds the SRAMs; carries out SEEK, WRITE and READ packets on them, on registers and on counters.

    The core has the SRAMs to itself in the run phase; the host port sees to it that no memory packet is on
    the mesh then. A packet that names no word of a memory is dropped and reported.

    From the cycle in which a packet is taken:

    =======  ==========================================================================
    packet   cycles
    =======  ==========================================================================
    SEEK     1
    WRITE    1; the word is written in the cycle after its last chunk
    READ     4, then 1 a chunk of the answer
    =======  ==========================================================================

    Members
    -------
    packet
        SEEK, WRITE and READ packets; other kinds must not come, and none faster than on a link.
    reply
        Chunks of the words read.
    core
        The core's side of the SRAMs.
    registers, counters
        The registers, and the counters.
    events
        For the counters of accesses to the SRAMs.
    bad_address
        A packet was dropped.
    cut_word
        A word was given up before its last chunk came.
    idle
        No packet is being carried out.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        self.packets = Packets(params)
        super().__init__(
            {
                "packet": In(flit_stream(self.packets)),
                "reply": Out(stream.Signature(CHUNK_BITS)),
                "core": In(memory_signature(params)),
                "registers": Out(access_signature(memory_shape(params, Memory.REGISTER)[0])),
                "counters": Out(access_signature(len(Counter))),
                "events": Out(events_layout(MEMORY_COUNTERS)),
                "bad_address": Out(1),
                "cut_word": Out(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params, core = self.params, self.core
        most_chunks = max(chunks(params, memory) for memory in memories(params))
        memory = Signal(MEMORY_BITS)
        address = Signal(address_bits(params) + 1)  # may stand one past the end of the deepest memory
        chunk = Signal(range(most_chunks + 1))  # chunks of the word that came, or that went
        word = Signal(most_chunks * CHUNK_BITS, reset_less=True)
        commit, fetch, replying = Signal(), Signal(), Signal()
        waiting, found = Signal(), Signal()  # the cycles after `fetch`
        read, write = Signal(len(memories(params))), Signal(len(memories(params)))

        # What SEEK points to. Where no packet follows another in the next cycle, there is time to find out in
        # a cycle of its own whether there is such a word.
        word_chunks = Signal(range(most_chunks + 1))
        known = Signal()
        domain = "comb" if params.link_cycles == 1 else "sync"
        m.d[domain] += known.eq(0)
        with m.Switch(memory):
            for selected in memories(params):
                with m.Case(selected):
                    # A comparison of the low bits alone: of all, it would be a chain of carries.
                    depth = memory_shape(params, selected)[0]
                    low = bits_for(depth)
                    m.d.comb += word_chunks.eq(chunks(params, selected))
                    m.d[domain] += known.eq(~address[low:].any() & (address[:low] < depth))

        def filled(selected: Memory) -> Value:
            """The word once all its chunks are shifted in from the top."""
            skipped = (most_chunks - chunks(params, selected)) * CHUNK_BITS
            return word[skipped : skipped + memory_shape(params, selected)[1]]

        # Packets, one at a time. Any may follow while a word is committed.
        packet = self.packet.payload
        kind = unpack(self.packets, "READ", packet).kind
        seek = unpack(self.packets, "SEEK", packet)
        busy = fetch | waiting | found | replying
        m.d.comb += self.packet.ready.eq(~busy)
        m.d.sync += commit.eq(0)
        shift = Signal()  # a chunk comes in at the top, or goes out at the bottom
        answered = Signal()  # the last chunk of an answer goes
        with m.If((commit & known) | answered):
            m.d.sync += address.eq(address + 1)
        with m.If(self.packet.valid & ~busy):
            m.d.comb += self.cut_word.eq((kind != Kind.WRITE) & (chunk != 0))
            with m.Switch(kind):
                with m.Case(Kind.SEEK):
                    m.d.sync += [memory.eq(seek.memory), address.eq(seek.address), chunk.eq(0)]
                with m.Case(Kind.WRITE):
                    m.d.comb += shift.eq(1)
                    with m.If(chunk + 1 >= word_chunks):
                        m.d.sync += [commit.eq(1), chunk.eq(0)]
                    with m.Else():
                        m.d.sync += chunk.eq(chunk + 1)
                with m.Case(Kind.READ):
                    m.d.sync += [fetch.eq(1), chunk.eq(0)]
        with m.If(commit):
            m.d.comb += [write.eq(Mux(known, 1 << memory, 0)), self.bad_address.eq(~known)]
        with m.If(fetch):
            m.d.comb += [read.eq(Mux(known, 1 << memory, 0)), self.bad_address.eq(~known)]

        # READ: the word is taken into the register for the chunks two cycles after it was asked for, when a
        # counter stands ready too. So what goes to the network has a whole cycle, and does not change.
        m.d.sync += [waiting.eq(fetch & known), found.eq(waiting)]
        with m.If(fetch):
            m.d.sync += fetch.eq(0)
        with m.If(found):
            m.d.sync += replying.eq(1)
        with m.If(replying & self.reply.ready):
            m.d.comb += shift.eq(1)
            m.d.sync += chunk.eq(chunk + 1)
            with m.If(chunk + 1 == word_chunks):
                m.d.comb += answered.eq(1)
                m.d.sync += [replying.eq(0), chunk.eq(0)]
        data = unpack(self.packets, "WRITE", packet).data
        with m.If(shift):
            m.d.sync += word.eq(Cat(word[CHUNK_BITS:], data))
        # An SRAM's word comes late in its cycle, so a register takes it first. Those of memories that were
        # not asked are cleared, and the answer is the union of all, which costs less than a choice.
        answer: Value = Const(0, len(word))
        for selected in memories(params):
            given = Mux(memory == selected, self._output(selected), 0)
            if selected in SRAMS:
                taken = Signal(len(given), name=f"taken_{selected.name.lower()}", reset_less=True)
                with m.If(waiting):
                    m.d.sync += taken.eq(given)
                given = taken
            answer |= given
        with m.If(found):
            m.d.sync += word.eq(answer)
        m.d.comb += [
            self.reply.payload.eq(word[:CHUNK_BITS]),
            self.reply.valid.eq(replying),
            self.idle.eq(~(commit | fetch | waiting | found | replying)),
        ]

        # Registers and counters.
        for selected, access in ((Memory.REGISTER, self.registers), (Memory.COUNTER, self.counters)):
            m.d.comb += [
                access.address.eq(address),
                access.write.eq(write[selected]),
                access.wdata.eq(filled(selected)),
                access.read.eq((fetch | waiting | found) & (memory == selected)),
            ]

        # SRAMs: the network's request, if there is one, else the core's. Registers choose address and data,
        # not the decoded request, which keeps a multiplexer at one small LUT a bit.
        network = commit | fetch
        shapes = {selected: memory_shape(params, selected) for selected in memories(params)}
        single = [
            (Memory.WEIGHT, "weight", core.w_read, core.row),
            (Memory.SPIKE, "spike", core.spike_read, core.spike_neuron),
        ]
        if params.side:
            single += [
                (Memory.ROWS, "rows", core.table_read, core.r),
                (Memory.COLUMNS, "columns", core.table_read, core.q),
            ]
        for selected, name, core_read, core_row in single:
            depth, width = shapes[selected]
            tables = selected in (Memory.ROWS, Memory.COLUMNS)
            m.submodules[name] = sram = SinglePortSRAM(width, depth, block=tables)
            m.d.comb += [
                sram.en.eq(read[selected] | write[selected] | core_read),
                sram.write.eq(write[selected]),
                sram.addr.eq(Mux(network, address, core_row)),
                sram.wdata.eq(filled(selected)),
                self._output(selected).eq(sram.rdata),
            ]
        for selected, name, core_read, core_write, core_data in (
            (Memory.ACCUMULATED, "accumulated", core.a_read, core.a_write, core.a_out),
            (Memory.POTENTIAL, "potential", core.v_read, core.v_write, core.p_out),
        ):
            depth, width = shapes[selected]
            m.submodules[name] = pair = ReadWriteSRAM(width, depth, banked=params.banked)
            m.d.comb += [
                pair.read_en.eq(read[selected] | core_read),
                pair.read_addr.eq(Mux(fetch, address, core.read_word)),
                pair.write_en.eq(write[selected] | core_write),
                pair.write_addr.eq(Mux(commit, address, core.write_word)),
                pair.write_data.eq(Mux(commit, filled(selected), Value.cast(core_data))),
                self._output(selected).eq(pair.read_data),
            ]

        for name, selected, core_read, core_write in (
            ("weight", Memory.WEIGHT, core.w_read, 0),
            ("acc", Memory.ACCUMULATED, core.a_read, core.a_write),
            ("pot", Memory.POTENTIAL, core.v_read, core.v_write),
            ("spike", Memory.SPIKE, core.spike_read, 0),
        ):
            m.d.comb += [
                self.events[f"{name}_reads"].eq(read[selected] | core_read),
                self.events[f"{name}_writes"].eq(write[selected] | core_write),
            ]
        return m

    def _output(self, selected: Memory) -> Value:
        if selected in (Memory.ROWS, Memory.COLUMNS):
            return Value.cast(self.core.rows if selected is Memory.ROWS else self.core.columns)
        return {
            Memory.WEIGHT: Value.cast(self.core.w),
            Memory.ACCUMULATED: Value.cast(self.core.a),
            Memory.POTENTIAL: Value.cast(self.core.p),
            Memory.SPIKE: self.core.spike_row,
            Memory.REGISTER: self.registers.rdata,
            Memory.COUNTER: self.counters.rdata,
        }[selected]
