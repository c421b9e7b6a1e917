"""Bins of what happens to A and V: hazards, clamps, thresholds, resets."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from yoso_hw.core.compute import HISTORY, Compute
from yoso_hw.core.neuron import makes_a
from yoso_hw.core.ops import Op as Operation
from yoso_hw.core.store import Store
from yoso_hw.registers import Reset

from cover.bins import pool
from cover.bins.terms import moved, refused
from cover.planting import Bins, bins_of


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
    if params.side:
        yield from pool.in_store(m, Cat(masked).any(), store.v_write, result.word)
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
