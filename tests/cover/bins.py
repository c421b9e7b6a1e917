"""What functional coverage counts: a bin is something that must happen in simulation at least once.

A function a block, decorated with `bins_of`, yields (name, condition). In a coverage build (`planting`), and
in no other, each becomes a register ``bin_<name>`` of the block that rises when the condition holds in a
cycle, and toggle coverage counts its rises. Conditions look at ports and keep models of their own, so a block
can be rebuilt as long as its ports keep their meaning; the few that look at a submodule's ports say so.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from yoso_hw.core.compute import HISTORY, Compute
from yoso_hw.core.core import Core
from yoso_hw.core.load import Load
from yoso_hw.core.neuron import makes_a
from yoso_hw.core.ops import Op as Operation
from yoso_hw.core.store import Store
from yoso_hw.decision import Decision
from yoso_hw.fifo import Pair, StreamFIFO
from yoso_hw.flit import unpack
from yoso_hw.host import HostPort
from yoso_hw.memory_interface import MemoryInterface
from yoso_hw.packet import HOST_BIT, KIND_BITS, ChipError, Kind, Packets
from yoso_hw.pe_config import PeConfig
from yoso_hw.registers import MEMORY_BITS, PeError, Register, Reset, memories
from yoso_hw.router import INPUTS_OF, Port, Router
from yoso_hw.router_interface import RouterInterface
from yoso_hw.sequencer import Sequencer
from yoso_hw.spike_counts import SpikeCounts
from yoso_hw.unicast import Unicast

from cover.planting import PREFIX, Bins, bins_of, planted

#: Whoever plants bins takes it from here, where they are.
__all__ = ["PREFIX", "planted"]


def moved(stream: Any) -> Value:
    return stream.valid & stream.ready


def refused(stream: Any) -> Value:
    return stream.valid & ~stream.ready


def packet_is(packets: Packets, name: str, flit: Any) -> Value:
    """A flit is the packet called `name`."""
    format = packets.formats[name]
    fields = unpack(packets, name, flit)
    return (fields.kind == format.kind) & (Const(1) if format.op is None else fields.op == format.op)


def named(*parts: object) -> str:
    """Words and names of enumerations as a bin's name."""
    return " ".join((part.name if isinstance(part, Enum) else str(part)).lower() for part in parts)


# ---- network ---------------------------------------------------------------------------------------------


@bins_of(Pair)
@bins_of(StreamFIFO)
def fifo(m: Module, fifo: StreamFIFO | Pair) -> Bins:
    held = Signal(name="bins_held")
    m.d.sync += held.eq(fifo.o.valid)
    yield "full", ~fifo.i.ready
    yield "refuses while full", refused(fifo.i)
    yield "runs empty", held & ~fifo.o.valid
    yield "one in and one out at once", moved(fifo.i) & moved(fifo.o)
    yield "output waits", refused(fifo.o)


@bins_of(Router)
def router(m: Module, router: Router) -> Bins:
    """Turns are counted when a flit leaves its input's FIFO or slot, a submodule, with its last branch."""
    crossbar = router.params.router == "crossbar"
    prefix = () if crossbar else ("bus",)
    wanting: dict[Port, dict[Port, Any]] = {}
    for port in Port:
        if crossbar:
            queue = m.submodules[f"fifo_{port.name.lower()}"].o
            flit, held, leaves = queue.payload[: router.packets.flit_bits], queue.valid, moved(queue)
        else:
            slot = m.submodules[f"slot_{port.name.lower()}"]
            flit, held = slot.flit, slot.wants.any()
            leaves = held & ~(slot.wants & ~slot.taken).any()
        wants = router.route(port, flit)
        wanting[port] = {out: held & want for out, want in wants.items()}
        branches = sum((Value.cast(want) for want in wants.values()), Const(0))
        for out, want in wants.items():
            yield named(*prefix, port, "to", out, "alone"), leaves & want & (branches == 1)
            if (port, out) != (Port.NORTH, Port.WEST):  # the way out to the host is never one of many
                yield named(*prefix, port, "to", out, "and others"), leaves & want & (branches > 1)
        most = len([out for out in wants if (port, out) != (Port.NORTH, Port.WEST)])
        for count in range(1, most + 1):
            yield named(*prefix, port, "in", count, "branches"), leaves & (branches == count)
        blocked = Cat(want & ~router.output(out).ready for out, want in wants.items()).any()
        free = Cat(want & router.output(out).ready for out, want in wants.items()).any()
        served = held & free if crossbar else slot.taken.any()
        yield named(*prefix, port, "a branch waits for another"), served & blocked & ~leaves
        yield named(*prefix, port, "refused"), refused(router.input(port))
    for out in Port:
        asking = [wanting[port][out] for port in INPUTS_OF[out]]
        waits = refused(router.output(out)) if crossbar else Cat(asking).any() & ~router.output(out).ready
        yield named(*prefix, out, "held back"), waits
        yield named(*prefix, out, "wanted by two"), sum(asking, Const(0)) > 1


@bins_of(Unicast)
def unicast(m: Module, unicast: Unicast) -> Bins:
    whole = unpack(unicast.packets, "READ", unicast.i.payload)
    gone, to_host = moved(unicast.i), whole.kind[HOST_BIT]
    wide, high = whole.x0 != whole.x1, whole.y0 != whole.y1
    yield "to the host", gone & to_host
    yield "to one node", gone & ~to_host & ~wide & ~high
    yield "to a row", gone & ~to_host & wide & ~high
    yield "to a column", gone & ~to_host & ~wide & high
    yield "to a block", gone & ~to_host & wide & high
    yield "held back", refused(unicast.o)


@bins_of(RouterInterface)
def router_interface(m: Module, interface: RouterInterface) -> Bins:
    packets = interface.packets
    came, goes = interface.from_router, interface.to_router
    own = unpack(packets, "SPIKE", came.payload).tag == interface.tag
    spike = moved(came) & packet_is(packets, "SPIKE", came.payload)
    yield "in spike of its layer", spike & own & interface.enabled
    yield "in spike of another layer", spike & ~own & interface.enabled
    yield "in spike without a layer", spike & ~interface.enabled
    for name in ("SEEK", "WRITE", "READ"):
        yield named("in", name), moved(came) & packet_is(packets, name, came.payload)
    for name in ("SPIKE", "RESULT", "REPLY"):
        yield named("out", name), moved(goes) & packet_is(packets, name, goes.payload)
    yield "in refused", refused(came)
    yield "out held back", refused(goes)
    # In one phase a PE answers, in the other it spikes.
    yield "multicast", moved(goes) & interface.params.multicast
    yield "unicast", moved(goes) & (not interface.params.multicast)


# ---- core ------------------------------------------------------------------------------------------------


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


def family(m: Module, core: Core, sweep: Value) -> Bins:
    """What the neurons of a PE that sweeps are told; that a spike waits is seen at a submodule."""
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


@bins_of(Compute)
def compute(m: Module, compute: Compute) -> Bins:
    """Hazards by distance; clamps of A and V, where the adders' operands are those of submodules."""
    params, request, result = compute.params, compute.request, compute.result
    takes = moved(request)
    # The words whose A was made last, newest first.
    words = [Signal(params.word_bits, name=f"bins_word{i}") for i in range(HISTORY + 1)]
    known = [Signal(name=f"bins_known{i}") for i in range(HISTORY + 1)]
    with m.If(takes & makes_a(params, request.payload.op, compute.neuron)):
        m.d.sync += [words[0].eq(request.payload.word), known[0].eq(1)]
        for i in range(HISTORY):
            m.d.sync += [words[i + 1].eq(words[i]), known[i + 1].eq(known[i])]
    same = [known[i] & (words[i] == request.payload.word) for i in range(HISTORY + 1)]
    spike = takes & (request.payload.op == Operation.SPIKE)
    for i in range(HISTORY + 1):
        nearer = Cat(same[:i]).any() if i else Const(0)
        yield f"update {i + 1} after the last of its word", spike & same[i] & ~nearer
    yield "update of a word not seen of late", spike & ~Cat(same).any()
    yield (
        "sweep right after an update of its word",
        (takes & (request.payload.op == Operation.SWEEP) & same[0]),
    )
    yield "result waits", refused(result)

    # The operation whose operands stand at the adders; it is done when its result is taken.
    valid, op = Signal(name="bins_valid"), Signal(Operation, name="bins_op")
    with m.If(request.ready):
        m.d.sync += valid.eq(request.valid)
    with m.If(takes):
        m.d.sync += op.eq(request.payload.op)
    done = valid & (~result.valid | result.ready)
    a_up, a_down, v_up, v_down = [], [], [], []
    for i in range(params.lanes):
        neuron = m.submodules[f"neuron{i}"]
        up, down = beyond(neuron.a + neuron.w, params.acc_bits)
        a_up.append(done & (op == Operation.SPIKE) & up)
        a_down.append(done & (op == Operation.SPIKE) & down)
        swept = done & (op == Operation.SWEEP) & ~neuron.fired
        v = neuron.v
        if params.neuron == "all":
            v = v - Mux(neuron.step.leaks, decay(v, neuron.config.leak), 0)
        up, down = beyond(v + Mux(neuron.step.sloped, neuron.config.slope, neuron.a), params.pot_bits)
        v_up.append(swept & up)
        v_down.append(swept & down)
    yield "a clamped at the top", Cat(a_up)
    yield "a clamped at the bottom", Cat(a_down)
    yield "v clamped at the top", Cat(v_up)
    yield "v clamped at the bottom", Cat(v_down)


def decay(x: Value, k: Value) -> Value:
    """sign(x) ceil(|x| / 2^k)."""
    return Mux(x > 0, (x + (Const(1) << k) - 1) >> k, x >> k)


def beyond(total: Value, bits: int) -> tuple[Value, Value]:
    """A sum lies above, and below, the range of a signed number of `bits` bits."""
    return total > (1 << (bits - 1)) - 1, total < -(1 << (bits - 1))


@bins_of(Store)
def store(m: Module, store: Store) -> Bins:
    """How neurons fire, or do not; the operands are those of submodules."""
    params, result = store.params, store.result.payload
    equal, above, closed, again, masked = [], [], [], [], []
    for i in range(params.lanes):
        neuron = m.submodules[f"neuron{i}"]
        used = store.v_write & (~result.last | store.last_mask[i])
        reached = neuron.v >= neuron.config.threshold
        equal.append(used & neuron.step.open & ~neuron.fired & (neuron.v == neuron.config.threshold))
        above.append(used & neuron.step.open & ~neuron.fired & (neuron.v > neuron.config.threshold))
        closed.append(used & ~neuron.step.open & ~neuron.fired & reached)
        again.append(used & neuron.step.open & neuron.fired & reached)
        masked.append(store.v_write & ~used & neuron.step.open & reached)
    yield "fires at the threshold", Cat(equal)
    yield "fires above the threshold", Cat(above)
    yield "window closed", Cat(closed)
    yield "has fired already", Cat(again)
    yield "a lane without a neuron would fire", Cat(masked)
    yield "every lane fires", store.fire_valid & store.fire.lanes.all()
    yield "write waits for its bank", refused(store.result)
    if params.neuron == "all":
        yield from resets(m, store)


def resets(m: Module, store: Store) -> Bins:
    """What firing, and a charge, leave of V; in lanes with and without neurons."""
    config, sweep = store.neuron, store.v_write
    fires, above, negative = [], [], []
    for i in range(store.params.lanes):
        neuron = m.submodules[f"neuron{i}"]
        fires.append(sweep & neuron.fire)
        above.append(sweep & (neuron.v > config.threshold))
        negative.append(sweep & (neuron.v < 0))
    charging, subtracts = store.step.charging, config.reset == Reset.SUBTRACT
    yield "fires and keeps V", Cat(fires).any() & (config.reset == Reset.ONCE)
    yield "fires and goes to 0", Cat(fires).any() & (config.reset == Reset.ZERO)
    yield "subtracts all of V", (Cat(fires) & ~Cat(above)).any() & subtracts
    yield "subtracts and leaves some", (Cat(fires) & Cat(above)).any() & subtracts
    yield "readout above the threshold", Cat(above).any() & (config.reset == Reset.NEVER)
    yield "charge above the threshold", Cat(above).any() & charging
    yield "negative charge", Cat(negative).any() & charging


# ---- memories and registers ------------------------------------------------------------------------------


@bins_of(MemoryInterface)
def memory_interface(m: Module, interface: MemoryInterface) -> Bins:
    packets, packet = interface.packets, interface.packet
    selected = Signal(MEMORY_BITS, name="bins_memory")
    with m.If(moved(packet) & packet_is(packets, "SEEK", packet.payload)):
        m.d.sync += selected.eq(unpack(packets, "SEEK", packet.payload).memory)
    for name in ("WRITE", "READ"):
        done = moved(packet) & packet_is(packets, name, packet.payload)
        there = memories(interface.params)
        for memory in there:
            yield named(name, memory.name), done & (selected == memory)
        yield named(name, "of no memory"), done & (selected >= len(there))
    yield "bad address", interface.bad_address
    yield "packet waits", refused(packet)
    yield "answer waits", refused(interface.reply)


@bins_of(PeConfig)
def pe_config(m: Module, config: PeConfig) -> Bins:
    for error in PeError:
        yield (
            named("error", error.name),
            (config.access.address == Register.ERRORS) & config.access.rdata[error],
        )
    had = Signal(name="bins_had")
    m.d.sync += had.eq(config.error)
    yield "errors cleared", had & ~config.error


# ---- host and control ------------------------------------------------------------------------------------


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
