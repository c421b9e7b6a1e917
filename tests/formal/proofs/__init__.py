"""The proofs, a file a block."""

from __future__ import annotations

from harness import Proof

from proofs import (
    adder,
    arbiter,
    barrier,
    core,
    fifo,
    interface,
    node,
    router,
    routing,
    sender,
    sweep,
    unicast,
)

PROOFS: dict[str, Proof] = {
    proof.name: proof
    for module in (
        adder,
        fifo,
        arbiter,
        routing,
        router,
        unicast,
        core,
        sender,
        sweep,
        interface,
        node,
        barrier,
    )
    for proof in module.PROOFS
}
