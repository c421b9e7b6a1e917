"""Bins of the host port, the decision and the sequencer."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, signed
from yoso_hw.decision import Decision
from yoso_hw.flit import unpack
from yoso_hw.host import HostPort
from yoso_hw.packet import KIND_BITS, ChipError, Kind
from yoso_hw.sequencer import Sequencer
from yoso_hw.spike_counts import SpikeCounts

from cover.bins.terms import moved, named, packet_is, refused
from cover.planting import Bins, bins_of


@bins_of(HostPort)
def host_port(m: Module, host: HostPort) -> Bins:
    packets, came, goes = host.packets, host.host_in, host.host_out
    for name in packets.formats:
        yield named("in", name), moved(came) & packet_is(packets, name, came.payload)
    command = unpack(packets, "START", came.payload)
    unknown = [kind for kind in range(1 << KIND_BITS) if kind not in list(Kind)]
    yield (
        "in unknown kind",
        moved(came) & Cat(command.kind == kind for kind in unknown).any() if unknown else Const(0),
    )
    known = {format.op for format in packets.formats.values() if format.kind == Kind.CONTROL}
    yield (
        "in unknown operation",
        moved(came) & (command.kind == Kind.CONTROL) & ~Cat(command.op == op for op in known).any(),
    )
    for name in (
        "REPLY",
        "STATUS",
        "DECISION",
        "CYCLES",
        *(["COUNT"] if host.params.neuron == "all" else []),
    ):
        yield named("out", name), moved(goes) & packet_is(packets, name, goes.payload)
    yield "result to the decision", host.result
    status = unpack(packets, "STATUS", goes.payload)
    answers = moved(goes) & packet_is(packets, "STATUS", goes.payload)
    for error in ChipError:
        yield named("error", error.name), answers & status.errors[error]
    yield "no error", answers & (status.errors == 0)
    yield "in stalled", refused(came)
    yield "out stalled", refused(goes)
    yield "into the mesh held back", refused(host.inject)
    yield "out of the mesh held back", refused(host.exit)
    spike = moved(host.inject) & packet_is(packets, "SPIKE", host.inject.payload)
    yield "spike with parity 0", spike & ~host.parity
    yield "spike with parity 1", spike & host.parity
    yield "multicast", spike & host.params.multicast
    yield "unicast", spike & (not host.params.multicast)


@bins_of(Decision)
def decision(m: Module, decision: Decision) -> Bins:
    result = unpack(decision.packets, "RESULT", decision.flit)
    best = Signal(signed(decision.params.pot_bits), name="bins_best")
    counts = decision.valid & decision.enable & ~decision.clear
    if decision.params.neuron == "all":
        counts &= ~decision.counting
        yield from counted(m, decision)
    with m.If(counts & (~decision.found | (result.potential > best))):
        m.d.sync += best.eq(result.potential)
    rival = counts & decision.found
    tie = rival & (result.potential == best)
    yield "a higher potential comes later", rival & (result.potential > best)
    yield "a lower potential comes later", rival & (result.potential < best)
    yield "tie and a lower index comes later", tie & (result.index < decision.index)
    yield "tie and a higher index comes later", tie & (result.index > decision.index)
    yield "negative potential", counts & (result.potential < 0)
    yield "result after the decision", decision.valid & ~decision.enable


def counted(m: Module, decision: Decision) -> Bins:
    """Spikes that compete by their counts, a cycle after they came; a count is a submodule's."""
    count = m.submodules.counts.count
    spike, index = Signal(name="bins_spike"), Signal(decision.params.class_bits, name="bins_index")
    best = Signal(len(count), name="bins_count")
    result = unpack(decision.packets, "RESULT", decision.flit)
    m.d.sync += [spike.eq(decision.valid & decision.spikes & decision.counting), index.eq(result.index)]
    with m.If(spike & (~decision.found | (count > best))):
        m.d.sync += best.eq(count)
    rival = spike & decision.found
    other = rival & (index != decision.index)
    yield "a higher count comes later", other & (count > best)
    yield "a lower count comes later", other & (count < best)
    yield "tie of counts and a lower index comes later", other & (count == best) & (index < decision.index)
    yield "tie of counts and a higher index comes later", other & (count == best) & (index > decision.index)
    yield "the best one spikes again", rival & (index == decision.index)
    yield "spikes in a row", spike & decision.valid & decision.spikes & decision.counting


@bins_of(SpikeCounts)
def spike_counts(m: Module, counts: SpikeCounts) -> Bins:
    """A spike writes a count of 1 at least, the walker 0; both at the memory, a submodule."""
    (write,), (read,) = m.submodules.memory.write_ports, m.submodules.memory.read_ports
    taken = counts.spike | counts.ask
    yield "asked", counts.ask
    yield "first spike of an output", write.en & (write.data.count == 1)
    yield "another spike of an output", write.en & (write.data.count > 1)
    yield "walker clears the memory", write.en & (write.data.count == 0) & ~counts.ready
    yield "walker meets an old count", write.en & (write.data.count == 0) & counts.ready
    yield "walker stands where a count is written", write.en & ~taken & (read.addr == write.addr)


@bins_of(Sequencer)
def sequencer(m: Module, sequencer: Sequencer) -> Bins:
    packets, params = sequencer.packets, sequencer.params
    begin = unpack(packets, "START", sequencer.start.payload)
    starts = moved(sequencer.start)
    early, steps = Signal(name="bins_early"), Signal(range(params.steps + 1), name="bins_steps")
    with m.If(starts):
        m.d.sync += [early.eq(begin.early), steps.eq(begin.steps)]
    answer = unpack(packets, "DECISION", sequencer.answer.payload)
    decides = moved(sequencer.answer) & packet_is(packets, "DECISION", sequencer.answer.payload)
    last = sequencer.step + 1 == steps
    yield "early exit on", starts & begin.early
    yield "early exit off", starts & ~begin.early
    yield "start waits for the mesh", refused(sequencer.start)
    if params.neuron == "all":
        counted = Signal(name="bins_counted")
        with m.If(starts):
            m.d.sync += counted.eq(begin.count)
        yield "counts decide", starts & begin.count & ~begin.early
        yield "counts decide though an early end is asked for", starts & begin.count & begin.early
        yield "another rule decides right after counts", starts & ~begin.count & counted
        yield "counted and nothing spiked", decides & counted & ~answer.spiked
    yield "decided by a spike", decides & answer.spiked
    yield "decided by the potential", decides & ~answer.spiked
    yield "image ends before its last step", decides & ~last & early
    yield "image runs on after its decision", decides & last & ~early & (answer.step != sequencer.step)
    yield "decided in step 0", decides & answer.spiked & (answer.step == 0)
    yield "decided in the last step", decides & answer.spiked & (answer.step + 1 == steps)
    yield "image of one step", starts & (begin.steps == 1)
    yield "image of all steps", starts & (begin.steps == params.steps)
    yield "report", sequencer.tick.tick & sequencer.tick.report
    yield "answer waits", refused(sequencer.answer)
    yield "image ended by the host early", sequencer.image_end & sequencer.accepting & ~last
    yield "step closed by the host", sequencer.step_end & sequencer.accepting
    yield "rest of an image drained", sequencer.step_end & sequencer.draining
