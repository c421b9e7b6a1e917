"""Which neuron a chip's parameters ask for."""

from __future__ import annotations

from types import ModuleType

from yoso_hw.core import family, rel_psp
from yoso_hw.params import ChipParams

#: By `ChipParams.neuron`: a module with `Step`, `Integrate` and `Fire` (`yoso_hw.core.neuron`).
KINDS: dict[str, ModuleType] = {"rel_psp": rel_psp, "all": family}


def kind_of(params: ChipParams) -> ModuleType:
    """The module of a chip's neuron."""
    return KINDS[params.neuron]
