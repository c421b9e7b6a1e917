"""The flows of synthesis by target: each makes rows of one report, with YoWASP's tools."""

from __future__ import annotations

from yoso_synth import asic, ecp5
from yoso_synth.pdk import PROCESSES

#: A flow by target: its blocks, and what makes rows of one of them.
FLOWS = {
    "ecp5": (ecp5.BLOCKS, ecp5.synthesise),
    **{name: (asic.BLOCKS, asic.flow(name)) for name in PROCESSES},
}

#: Targets whose files may be missing: asked for all, the command says so and goes on.
DEFAULT = ("ecp5", "sg13g2")
