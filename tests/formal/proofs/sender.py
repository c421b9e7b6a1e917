"""The sender: from neurons that fired to flits."""

from __future__ import annotations

from amaranth.hdl import Cat, Mux, Signal, Value
from yoso_hw.core.sender import Sender
from yoso_hw.flit import pack, unpack
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams, bits_for

from formal.harness import Harness, Proof, implies


def build(h: Harness, params: ChipParams) -> None:
    """Follow one neuron. Its spike row is 1 and all others are 0, so that its flits can be told apart."""
    m = h.m
    packets = Packets(params)
    m.submodules.sender = dut = Sender(params)
    for name in ("output", "base", "destination_tag", "words", "last_mask", "parity"):
        m.d.comb += getattr(dut, name).eq(h.fixed(name, getattr(dut, name).shape()))
    m.d.comb += Value.cast(dut.destination).eq(h.fixed("destination", len(Value.cast(dut.destination))))
    for port, name in ((dut.fire.valid, "valid"), (dut.fire.payload, "fire"), (dut.out.ready, "ready")):
        h.drive(port, name)
    h.drive(dut.report, "report")
    h.drive(dut.core_busy, "core_busy")
    h.assume(dut.words <= params.neuron_words)
    fire = Value.cast(dut.fire.payload)
    h.assume(implies(h.past(dut.fire.valid & ~dut.fire.ready), dut.fire.valid & (fire == h.past(fire))))
    h.assume(implies(dut.report, h.past(dut.idle) & ~dut.fire.valid))

    word, lane = h.fixed("word", params.word_bits), h.fixed("lane", bits_for(params.lanes))
    h.assume((word < dut.words) & (lane < params.lanes))
    neuron = Cat(lane[: params.lane_bits], word)
    with m.If(dut.spike_read):
        m.d.sync += dut.spike_row.eq(dut.spike_neuron == neuron)
    potential = h.fixed("potential", params.pot_bits)
    others = h.free("others", len(Value.cast(dut.p)))
    with m.If(dut.v_read):
        m.d.sync += Value.cast(dut.p).eq(others)
        h.assume((dut.v_word != word) | (others.word_select(lane, params.pot_bits + 1)[:-1] == potential))
    h.check(implies(dut.v_read, ~dut.core_busy), "potentials are read only while the core is quiet")

    flit = dut.out.payload
    spike, result = unpack(packets, "SPIKE", flit), unpack(packets, "RESULT", flit)
    mine = Mux(dut.output, result.index == (dut.base + neuron)[: params.class_bits], spike.row[0])
    rectangle = dut.destination
    ends = {name: getattr(rectangle, name) for name in ("x0", "x1", "y0", "y1")}
    as_spike = pack(packets, "SPIKE", **ends, tag=dut.destination_tag, parity=dut.parity, row=spike.row)
    as_result = pack(packets, "RESULT", index=result.index, potential=potential)
    goes = dut.out.valid & dut.out.ready
    h.check(implies(dut.out.valid & ~dut.output, flit == as_spike), "a spike goes where the registers say")
    h.check(implies(goes & mine & dut.output, flit == as_result), "a result tells the neuron's potential")

    in_use = (word + 1 != dut.words) | dut.last_mask.bit_select(lane, 1)
    fires = dut.fire.valid & dut.fire.ready & (dut.fire.payload.word == word)
    fires = fires & dut.fire.payload.lanes.bit_select(lane, 1)
    sent = goes & mine & dut.counted
    told = goes & mine & ~dut.counted
    owed, asked = Signal(2), Signal()
    m.d.sync += owed.eq(owed + fires - sent)
    with m.If(dut.report & dut.output & in_use):
        m.d.sync += asked.eq(1)
    with m.Elif(told):
        m.d.sync += asked.eq(0)
    h.check(implies(sent, owed != 0), "a neuron is sent only if it fired, once")
    h.check(implies(told, asked), "a report tells each neuron in use once")
    h.check(implies(dut.idle, (owed == 0) & ~asked), "every neuron that fired is sent")
    waits = h.past(dut.out.valid & ~dut.out.ready)
    h.check(implies(waits, dut.out.valid), "a flit stays until it is taken")
    h.cover(sent & ~dut.output & h.past(waits))
    h.cover(sent & dut.output)
    h.cover(told & (word == 1))


def chip(**changes) -> ChipParams:
    mesh = {"cols": 6, "rows": 7, "layers": 8, "classes": 8, "steps": 2}
    core = {"lanes": 2, "neurons": 6, "weights": 4, "weight_bits": 2, "acc_bits": 2, "pot_bits": 2}
    return ChipParams(**{**mesh, **core, **changes})


PROOFS = [
    Proof(
        name="sender",
        claim="Each neuron that fired is sent once, where its registers say and with its step's parity; a "
        "report tells each neuron in use once.",
        parameters="3 words of 2 lanes, the default chip's mesh and layers; any registers",
        cases={"": lambda h: build(h, chip())},
        bugs=(
            "a neuron that fired is sent twice",
            "parity of a neuron's spike is the last step's",
            "a destination's tag loses its highest bit",
        ),
        assumptions=("registers stay while neurons are sent; a report comes when all is idle",),
        engine="abc scorr; pdr",
    )
]
