"""The proofs, a file a block."""

from __future__ import annotations

from importlib import import_module

from formal.harness import Proof

#: In the order of docs/formal.md: from the parts to the whole.
BLOCKS = (
    *("adder", "fifo", "sram", "arbiter", "routing", "router", "unicast"),
    *("family", "core", "decision", "sender", "walk", "pool", "order", "sweep", "interface", "node", "barrier"),
)

PROOFS: dict[str, Proof] = {
    proof.name: proof for block in BLOCKS for proof in import_module(f"{__name__}.{block}").PROOFS
}
