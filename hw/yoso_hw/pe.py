"""Processing element: core, SRAMs, memory interface, router interface, registers and counters."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.core.core import Core
from yoso_hw.core.ops import fire_layout
from yoso_hw.counters import Counters
from yoso_hw.flit import flit_stream
from yoso_hw.memory_interface import MemoryInterface
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.pe_config import PeConfig
from yoso_hw.router_interface import RouterInterface


class ProcessingElement(Component):
    """One PE (paper, figure 4b); every PE of the chip is this module, its coordinates are inputs.

    Members
    -------
    x, y
        Coordinates of the node; constant.
    tick, first, report
        The barrier begins a step, for one cycle: `first` step 0, `report` the report of output potentials.
    from_router, to_router
        The router's local port.
    idle
        No work is left in this step.
    parity
        Of the step; turns with every tick.
    error
        A sticky error bit is set.
    trace
        A neuron's SPIKE or RESULT leaves the core in this cycle (a report's RESULT does not count);
        `trace_flit` is it.
    inner_valid, inner
        As in `Core`; with convolution.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        packets = Packets(params)
        flits = flit_stream(packets)
        super().__init__(
            {
                "x": In(params.x_bits),
                "y": In(params.y_bits),
                "tick": In(1),
                "first": In(1),
                "report": In(1),
                "from_router": In(flits),
                "to_router": Out(flits),
                "idle": Out(1),
                "parity": Out(1),
                "error": Out(1),
                "trace": Out(1),
                "trace_flit": Out(packets.flit_bits),
                **({"inner_valid": Out(1), "inner": Out(fire_layout(params))} if params.side else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        m.submodules.config = config = PeConfig(params)
        m.submodules.counters = counters = Counters()
        m.submodules.core = core = Core(params)
        m.submodules.memories = memories = MemoryInterface(params)
        m.submodules.interface = interface = RouterInterface(params)

        step = Signal(params.step_bits)
        with m.If(self.tick):
            m.d.sync += [self.parity.eq(~self.parity), step.eq(step + 1)]
            with m.If(self.first):
                m.d.sync += step.eq(0)

        wiring.connect(m, wiring.flipped(self.from_router), interface.from_router)
        wiring.connect(m, interface.to_router, wiring.flipped(self.to_router))
        wiring.connect(m, interface.spike, core.spike)
        wiring.connect(m, interface.packet, memories.packet)
        wiring.connect(m, memories.reply, interface.reply)
        wiring.connect(m, core.out, interface.send)
        m.d.comb += [
            interface.x.eq(self.x),
            interface.y.eq(self.y),
            interface.tag.eq(config.config.tag),
            interface.enabled.eq(config.config.words != 0),
            core.config.eq(config.config),
            core.tick.eq(self.tick),
            core.first.eq(self.first),
            core.report.eq(self.report),
            core.parity.eq(self.parity),
            core.step.eq(step),
        ]
        wiring.connect(m, core.memory, memories.core)
        wiring.connect(m, memories.registers, config.access)
        wiring.connect(m, memories.counters, counters.access)
        for events in (core.events, memories.events):
            m.d.comb += [counters.events[counter].eq(events[counter]) for counter, _ in events.shape()]
        m.d.comb += [
            config.errors.bad_address.eq(memories.bad_address),
            config.errors.bad_row.eq(core.bad_row),
            config.errors.cut_word.eq(memories.cut_word),
            self.error.eq(config.error),
            self.idle.eq(core.idle & memories.idle & interface.idle),
            self.trace.eq(core.events.spikes_out),
            self.trace_flit.eq(core.out.payload),
        ]
        if params.side:
            m.d.comb += [self.inner_valid.eq(core.inner_valid), self.inner.eq(core.inner)]
        return m
