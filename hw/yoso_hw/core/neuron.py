"""What the core's hardware knows of neurons: what they are told, and where the kinds of them stand.

`neuron_config` is what a neuron is told by registers, `step_layout` what the number of the step decides for
all neurons of a PE; the core hands both on whole. An operation on a neuron is cut in two where the pipeline
is cut: `integrate` runs in compute and gives A and V, `fire` runs in store and gives V, the state that is
kept beside it, and whether the neuron fires; `prepare` takes some work off the first of them. `makes_a` tells
compute and store whether an operation makes a new A. What else another neuron touches is listed in docs/architecture.md.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.core.ops import Op
from yoso_hw.flit import struct_of
from yoso_hw.params import ChipParams
from yoso_hw.registers import neuron_fields


def neuron_config(params: ChipParams) -> data.StructLayout:
    """The registers of a neuron, `neuron_fields`."""
    return struct_of(field for fields in neuron_fields(params).values() for field in fields)


def step_layout(params: ChipParams) -> data.StructLayout:
    """What registers and a step's number decide for every neuron of a PE, in registers near the lanes.

    ==============  ========================================================
    sloped          Sweeps add the constant slope instead of A.
    open            Neurons may fire: the step lies in the firing window.
    ==============  ========================================================

    And with neuron=all:

    ==============  ========================================================
    biased          The sweep adds the bias row to A.
    charging        The sweep makes V the current.
    leaks           V decays.
    v_mask, a_mask  Bits that a decay of V, and of A, shifts out.
    ==============  ========================================================
    """
    family = {
        **dict.fromkeys(("biased", "charging", "leaks"), 1),
        "v_mask": params.pot_bits,
        "a_mask": params.acc_bits,
    }
    return data.StructLayout({"sloped": 1, "open": 1, **(family if params.neuron == "all" else {})})


def prepared_layout(params: ChipParams) -> data.StructLayout:
    """What `prepare_signature` makes of a neuron's A and V while they stand at the memories' outputs.

    Nothing for the ReL-PSP neuron. With neuron=all, of V and of A: the number shifted by a multiple of 4, and
    whether any of each two neighbouring bits is shifted out in the end.
    """
    if params.neuron == "rel_psp":
        return data.StructLayout({})
    v, a = params.pot_bits, params.acc_bits
    return data.StructLayout({"v": signed(v), "v_lost": -(-v // 2), "a": signed(a), "a_lost": -(-a // 2)})


def makes_a(params: ChipParams, op: Value, config: Any) -> Value:
    """Whether an operation makes a new A, which compute forwards and store writes.

    The ReL-PSP neuron's sweep only reads A, which costs neither a write of the memory nor an entry of
    compute's history.
    """
    if params.neuron == "rel_psp":
        return op != Op.SWEEP
    return (op != Op.SWEEP) | config.decays | (config.charge != 0)


def step_signature(params: ChipParams) -> wiring.Signature:
    """`step_layout` of step `number`. Latency: 1 cycle."""
    return wiring.Signature(
        {
            "config": In(neuron_config(params)),
            "number": In(params.step_bits),
            "step": Out(step_layout(params)),
        }
    )


def prepare_signature(params: ChipParams) -> wiring.Signature:
    """`prepared_layout` of the A and V that the memories give for a sweep. Combinational."""
    return wiring.Signature(
        {
            "config": In(neuron_config(params)),
            "step": In(step_layout(params)),
            "a": In(signed(params.acc_bits)),
            "v": In(signed(params.pot_bits)),
            "prepared": Out(prepared_layout(params)),
        }
    )


def integrate_signature(params: ChipParams) -> wiring.Signature:
    """One operation on a neuron, in compute. Combinational.

    Members
    -------
    config, step
        What the neuron is told.
    op
        The operation; in the first sweep of an image all operands but `w` are 0.
    a, stored, v, fired
        State of the neuron; `a` is the newest A, and `stored`, which comes earlier in the cycle, the A that
        the memory had. No spike is under way when a sweep begins, so a sweep finds the same in both.
    prepared
        Of `stored` and `v`; 0 in the first sweep.
    w
        Weight of the spike; of a sweep the bias, or 0.
    a_next
        A after the operation, where it `makes_a`.
    v_next
        V after a sweep, before the neuron fires; a neuron that has fired keeps it.
    """
    a, v = signed(params.acc_bits), signed(params.pot_bits)
    return wiring.Signature(
        {
            "config": In(neuron_config(params)),
            "step": In(step_layout(params)),
            "op": In(Op),
            "a": In(a),
            "stored": In(a),
            "prepared": In(prepared_layout(params)),
            "w": In(signed(params.weight_bits)),
            "v": In(v),
            "fired": In(1),
            "a_next": Out(a),
            "v_next": Out(v),
        }
    )


def fire_signature(params: ChipParams) -> wiring.Signature:
    """Whether a neuron fires in a sweep, in store. Combinational.

    Members
    -------
    config, step
        What the neuron is told.
    sweep
        There is a sweep; else A alone is stored.
    a, v, fired
        State from `integrate_signature`.
    a_next
        What is stored as A.
    v_next, fired_next
        State after the sweep.
    fire
        The neuron fires in this step.
    """
    a, v = signed(params.acc_bits), signed(params.pot_bits)
    return wiring.Signature(
        {
            "config": In(neuron_config(params)),
            "step": In(step_layout(params)),
            "sweep": In(1),
            "a": In(a),
            "v": In(v),
            "fired": In(1),
            "a_next": Out(a),
            "v_next": Out(v),
            "fired_next": Out(1),
            "fire": Out(1),
        }
    )
