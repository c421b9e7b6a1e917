"""Bins of a core as a whole, and of its load where every layer is dense."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value
from yoso_hw.core.core import Core
from yoso_hw.core.load import Load
from yoso_hw.registers import Reset

from cover.bins import pool
from cover.bins.terms import named, refused
from cover.planting import Bins, bins_of


@bins_of(Core)
def core(m: Module, core: Core) -> Bins:
    params, config = core.params, core.config
    for lanes in (1, 2, 4, 8):
        yield f"updates at {lanes} lanes", core.events.updates & (params.lanes == lanes)
    yield "updates with plain memories", core.events.updates & (not params.banked)
    yield "updates with banked memories", core.events.updates & params.banked
    sweep = core.tick & ~core.report
    yield "sweep of one word", sweep & (config.words == 1)
    yield "sweep of every word", sweep & (config.words == params.neuron_words)
    yield "words beyond the memory", sweep & (config.words > params.neuron_words)
    yield "sweep of a pe without a layer", sweep & (config.words == 0)
    yield "sweep with a slope", sweep & (config.neuron.slope != 0) & (core.step >= config.neuron.window_start)
    yield "report of an output layer", core.tick & core.report & config.output
    yield "report of a hidden layer", core.tick & core.report & ~config.output & (config.words != 0)
    yield "parity 0", sweep & ~core.parity
    yield "parity 1", sweep & core.parity
    yield "last step of the counter", sweep & (core.step == params.steps - 1)
    yield "output held back", refused(core.out)
    yield "stalled", core.events.stalls
    if params.neuron == "all":
        yield from family(m, core, sweep & (config.words != 0))
    if params.side:
        yield from pool.of_core(m, core)


def family(m: Module, core: Core, sweep: Value) -> Bins:
    """What the neurons of a PE that sweeps are told; that a spike waits is seen at a submodule.

    So it waits as well in the cycle after a tick that follows a step that charges: `charging` is a register.
    """
    neuron = core.config.neuron
    yield "current kept", sweep & ~neuron.decays
    yield "current cleared", sweep & neuron.decays & (neuron.current == 0)
    yield "current decays", sweep & neuron.decays & (neuron.current != 0)
    yield "potential leaks", sweep & (neuron.leak != 0)
    for reset in Reset:
        yield named("reset", reset), sweep & (neuron.reset == reset)
    charges = (neuron.charge != 0) & (core.step == neuron.charge)
    yield "charges", sweep & charges
    yield "spike waits for the charge", core.spike.valid & m.submodules.load.hold
    upcoming = core.step + 1
    gate = (upcoming >= neuron.window_start) & (upcoming < neuron.window_end)
    yield "bias in the first sweep", sweep & core.first & neuron.bias & gate
    yield "bias in a later sweep", sweep & ~core.first & neuron.bias & gate
    yield "bias held back before the window", sweep & neuron.bias & (upcoming < neuron.window_start)
    yield "bias held back after the window", sweep & neuron.bias & (upcoming >= neuron.window_end)


@bins_of(Load)
def load(m: Module, load: Load) -> Bins:
    waits = load.spike.valid & ~load.start
    due = load.spike.payload.parity == load.parity
    after = Signal(name="bins_after")  # the last word of a spike was issued in the cycle before
    m.d.sync += after.eq(load.taken)
    yield "spike waits for its tick", waits & ~load.sweeping & ~due
    yield "spike waits for the sweep", waits & load.sweeping
    yield "spikes without a gap", after & load.w_read
    yield "bad row", load.bad_row
    yield "last row", load.w_read & (load.row == load.params.weight_words - 1)
    yield "request waits", refused(load.request)
